// Which databases this process has open, in whichever of its JavaScript environments.

#pragma once

#include <node_api.h>

#include <memory>
#include <string>

namespace sampan {

class Database;

// Any thread. RocksDB's own lock file does not help within a process: POSIX gives a lock again to
// the process that has it. False when the directory (see DirectoryIdentity) is open already.
bool ClaimDirectory(const std::string& identity);
void ReleaseDirectory(const std::string& identity);

// A database whose threads run.
void RegisterRunning(const std::shared_ptr<Database>& database);
void UnregisterRunning(const Database* database);

// JavaScript's thread, before the process or the environment ends: closes the environment's
// databases and waits for them. Node ends a process by exit(), whose destructors take the ground
// from under threads that still run.
void EndDatabasesOf(napi_env env);

}  // namespace sampan
