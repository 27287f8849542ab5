#include "process_databases.h"

#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "database.h"

namespace sampan {

namespace {

struct ProcessDatabases {
  std::mutex mutex;
  std::set<std::string> directories;
  std::map<const Database*, std::weak_ptr<Database>> running;
};

// Never freed: threads may use it while the process exits.
ProcessDatabases& Shared() {
  static ProcessDatabases* const shared = new ProcessDatabases();
  return *shared;
}

}  // namespace

bool ClaimDirectory(const std::string& identity) {
  const std::lock_guard<std::mutex> lock(Shared().mutex);
  return Shared().directories.insert(identity).second;
}

void ReleaseDirectory(const std::string& identity) {
  const std::lock_guard<std::mutex> lock(Shared().mutex);
  Shared().directories.erase(identity);
}

void RegisterRunning(const std::shared_ptr<Database>& database) {
  const std::lock_guard<std::mutex> lock(Shared().mutex);
  Shared().running[database.get()] = database;
}

void UnregisterRunning(const Database* database) {
  const std::lock_guard<std::mutex> lock(Shared().mutex);
  Shared().running.erase(database);
}

void EndDatabasesOf(napi_env env) {
  std::vector<std::shared_ptr<Database>> databases;
  {
    const std::lock_guard<std::mutex> lock(Shared().mutex);
    for (const auto& [key, weak] : Shared().running) {
      const std::shared_ptr<Database> database = weak.lock();
      if (database != nullptr && database->Environment() == env) databases.push_back(database);
    }
  }
  for (const auto& database : databases) database->Abandon();
}

}  // namespace sampan
