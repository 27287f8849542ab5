// A database and its life: one thread opens it, commits to it for as long as it is open, and closes
// it; read threads wait for the disk beside it. JavaScript's thread only ever hands over work.
//
//   JavaScript ──Write──► CommitQueue ──► commit thread ─┐
//        │                                               ├─► Answers ──► promises
//        └─────RunRead──► ReadPool ─────► read threads ──┘

#pragma once

#include <node_api.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "answers.h"
#include "commit_queue.h"
#include "options.h"
#include "read_pool.h"
#include "store.h"

namespace sampan {

// A part of the database that must be gone before it is closed: an iterator, a snapshot.
class Resource {
 public:
  virtual ~Resource() = default;
  // Gives back what RocksDB holds for it. Called once, by whichever thread lets go first.
  virtual void Free() = 0;
};

// How often the commit thread wrote, for metrics: batches ≥ groups ≥ syncs.
struct CommitCounts {
  std::atomic<uint64_t> batches{0};
  std::atomic<uint64_t> groups{0};
  std::atomic<uint64_t> syncs{0};
};

class Database : public std::enable_shared_from_this<Database> {
 public:
  static constexpr uint32_t kHandleKind = 0x64617461;

  // `make_error` is (code, message) => Error, in JavaScript.
  static std::shared_ptr<Database> Create(napi_env env, OpenOptions options, napi_value make_error);

  // JavaScript's thread, once. `opened` is resolved with what `make_handle` gives, or rejected.
  void Start(napi_deferred opened, std::function<napi_value(napi_env)> make_handle);

  // JavaScript's thread. Refuses new work from here on; what was accepted is finished, then all is
  // let go of and `closed` resolved. Null when nobody waits for it.
  void Close(napi_deferred closed);

  // JavaScript's thread: nobody can close it any more. Closes it, unless that was done.
  void Forget();

  // JavaScript's environment or the process goes away: closes without answers, and waits for it.
  void Abandon();

  // JavaScript's thread. No failure while work is accepted.
  Failure Usable() const;
  // JavaScript's thread. A failure means that `waiter` is still the caller's to settle.
  Failure Write(const uint8_t* batch, size_t length, bool sync, napi_deferred waiter);
  void Kick() { queue_.Kick(); }
  // JavaScript's thread. `read` runs on a read thread and gives the answer that settles its
  // promise.
  Failure RunRead(std::function<std::unique_ptr<Answer>()> read);

  void Add(Resource* resource);
  void Free(Resource* resource);

  Store& Rocks() { return store_; }
  const ReadTiers& Newest() const { return newest_; }
  Answers& AnswersOut() { return answers_; }
  napi_env Environment() const { return env_; }
  const OpenOptions& Options() const { return options_; }
  const CommitCounts& Commits() const { return commits_; }

 private:
  Database(napi_env env, OpenOptions options, napi_value make_error);

  class Opened;
  class Closed;

  static void OnEnvironmentCleanup(void* database);
  void Run(napi_deferred opened, std::function<napi_value(napi_env)> make_handle);
  Failure Open();
  void Commit(std::unique_ptr<CommitGroup> group);
  void FreeAll();
  // JavaScript's thread, once the commit thread has nothing left to do.
  void Finish();

  const OpenOptions options_;
  const napi_env env_;
  Answers answers_;
  CommitQueue queue_;
  ReadPool pool_;
  Store store_;
  const ReadTiers newest_{nullptr};
  CommitCounts commits_;
  std::string directory_identity_;

  // JavaScript's thread.
  bool closing_ = false;
  bool finished_ = false;
  std::thread thread_;

  // Set before the queue is closed, read after it is drained.
  napi_deferred closed_ = nullptr;

  // Commit thread: why writes are refused until the database is opened again.
  Failure broken_;

  std::mutex resources_mutex_;
  std::set<Resource*> resources_;
};

}  // namespace sampan
