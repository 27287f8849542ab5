#include "database.h"

#include <pthread.h>

#include <system_error>
#include <utility>

#include "batch.h"
#include "directories.h"
#include "process_databases.h"

namespace sampan {

namespace {

// Reads that wait for the disk at one time; one more is refused as busy.
constexpr size_t kReadsWaitingMax = 1 << 16;

class Committed : public Answer {
 public:
  Committed(std::vector<napi_deferred> waiters, Failure failure)
      : waiters_(std::move(waiters)), failure_(std::move(failure)) {}

  size_t Count() const override { return waiters_.size(); }

  void Settle(napi_env env, const Answers& answers) override {
    napi_value undefined = nullptr;
    napi_get_undefined(env, &undefined);
    for (napi_deferred waiter : waiters_) {
      if (failure_) {
        answers.Reject(env, waiter, failure_);
      } else {
        answers.Resolve(env, waiter, undefined);
      }
    }
  }

 private:
  const std::vector<napi_deferred> waiters_;
  const Failure failure_;
};

}  // namespace

class Database::Opened : public Answer {
 public:
  Opened(std::shared_ptr<Database> database, napi_deferred deferred, Failure failure,
         std::function<napi_value(napi_env)> make_handle)
      : database_(std::move(database)),
        deferred_(deferred),
        failure_(std::move(failure)),
        make_handle_(std::move(make_handle)) {}

  void Settle(napi_env env, const Answers& answers) override {
    if (!failure_) {
      answers.Resolve(env, deferred_, make_handle_(env));
      return;
    }
    answers.Reject(env, deferred_, failure_);
    database_->Finish();
  }

 private:
  const std::shared_ptr<Database> database_;
  const napi_deferred deferred_;
  const Failure failure_;
  const std::function<napi_value(napi_env)> make_handle_;
};

class Database::Closed : public Answer {
 public:
  explicit Closed(std::shared_ptr<Database> database) : database_(std::move(database)) {}

  size_t Count() const override { return database_->closed_ == nullptr ? 0 : 1; }

  void Settle(napi_env env, const Answers& answers) override {
    if (database_->closed_ != nullptr) {
      napi_value undefined = nullptr;
      napi_get_undefined(env, &undefined);
      answers.Resolve(env, database_->closed_, undefined);
    }
    database_->Finish();
  }

 private:
  const std::shared_ptr<Database> database_;
};

std::shared_ptr<Database> Database::Create(napi_env env, OpenOptions options,
                                           napi_value make_error) {
  std::shared_ptr<Database> database(new Database(env, std::move(options), make_error));
  database->answers_.Hold(database);
  // The event loop's handle is let go of before this hook's successor runs, never before this one:
  // hooks run in the opposite order of their adding.
  napi_add_env_cleanup_hook(env, OnEnvironmentCleanup, database.get());
  return database;
}

Database::Database(napi_env env, OpenOptions options, napi_value make_error)
    : options_(std::move(options)),
      env_(env),
      answers_(env, make_error),
      queue_(options_.write_queue_bytes_max),
      pool_(options_.read_threads, kReadsWaitingMax) {}

void Database::Start(napi_deferred opened, std::function<napi_value(napi_env)> make_handle) {
  if (Failure failure = answers_.Ready()) {
    answers_.Reject(env_, opened, failure);
    finished_ = true;
    napi_remove_env_cleanup_hook(env_, OnEnvironmentCleanup, this);
    answers_.Hold(nullptr);
    return;
  }
  RegisterRunning(shared_from_this());
  answers_.Expect(1);
  try {
    thread_ = std::thread([this, opened, make_handle] { Run(opened, make_handle); });
  } catch (const std::system_error& error) {
    answers_.Reject(env_, opened, Failure(Code::kIo, std::string("thread: ") + error.what()));
    Finish();
  }
}

void Database::Close(napi_deferred closed) {
  closing_ = true;
  closed_ = closed;
  if (closed != nullptr) answers_.Expect(1);
  queue_.Close();
}

void Database::Forget() {
  if (!closing_) Close(nullptr);
}

void Database::Abandon() {
  if (finished_) return;
  answers_.Abandon();
  Forget();
  if (thread_.joinable()) thread_.join();
  finished_ = true;
  UnregisterRunning(this);
}

Failure Database::Usable() const {
  if (closing_) return Failure(Code::kClosed, options_.path + ": closed");
  return Failure();
}

Failure Database::Write(const uint8_t* batch, size_t length, bool sync, napi_deferred waiter) {
  if (Failure failure = Usable()) return failure;
  if (length > options_.write_queue_bytes_max) {
    return Failure(Code::kInvalid, "write batch: " + std::to_string(length) + " bytes, above the " +
                                       std::to_string(options_.write_queue_bytes_max) +
                                       " of the queue of writes");
  }
  BatchSummary summary;
  if (Failure failure = CheckBatch(batch, length, store_.FamilyIds(), &summary)) return failure;
  // Before anything can be read that the batch has deleted.
  for (const size_t family : summary.range_deleted) store_.SetRangeDeleted(family);
  if (!queue_.Append(batch, length, summary.count, sync, waiter)) {
    return Failure(Code::kBusy, options_.path + ": the queue of writes is full");
  }
  answers_.Expect(1);
  return Failure();
}

Failure Database::RunRead(std::function<std::unique_ptr<Answer>()> read) {
  if (Failure failure = Usable()) return failure;
  Failure failure = pool_.Run([this, read = std::move(read)] { answers_.Post(read()); });
  if (!failure) answers_.Expect(1);
  return failure;
}

void Database::Add(Resource* resource) {
  const std::lock_guard<std::mutex> lock(resources_mutex_);
  resources_.insert(resource);
}

void Database::Free(Resource* resource) {
  const std::lock_guard<std::mutex> lock(resources_mutex_);
  if (resources_.erase(resource) == 1) resource->Free();
}

void Database::OnEnvironmentCleanup(void* database) {
  static_cast<Database*>(database)->Abandon();
}

void Database::Run(napi_deferred opened, std::function<napi_value(napi_env)> make_handle) {
  pthread_setname_np(pthread_self(), "rocksdb-commit");
  Failure failure = Open();
  const bool is_open = !failure;
  answers_.Post(std::make_unique<Opened>(shared_from_this(), opened, std::move(failure),
                                         std::move(make_handle)));
  if (!is_open) return;
  while (std::unique_ptr<CommitGroup> group = queue_.Take()) Commit(std::move(group));
  pool_.Drain();
  FreeAll();
  store_.Close();
  ReleaseDirectory(directory_identity_);
  answers_.Post(std::make_unique<Closed>(shared_from_this()));
}

Failure Database::Open() {
  if (options_.create_if_missing) {
    if (Failure failure = MakeDirectories(options_.path)) return failure;
  }
  std::string identity;
  if (Failure failure = DirectoryIdentity(options_.path, &identity)) return failure;
  if (!ClaimDirectory(identity)) {
    return Failure(Code::kLocked, options_.path + ": open in this process already");
  }
  Failure failure = store_.Open(options_);
  if (failure) {
    ReleaseDirectory(identity);
  } else {
    directory_identity_ = std::move(identity);
  }
  return failure;
}

void Database::Commit(std::unique_ptr<CommitGroup> group) {
  Failure failure = broken_;
  if (!broken_) {
    failure = store_.Write(group->bytes, group->sync);
    commits_.batches += group->waiters.size();
    commits_.groups += 1;
    if (group->sync) commits_.syncs += 1;
  }
  if (failure && !broken_) {
    // Nobody knows how much of the group is in the log. Only a replay finds out, so nothing may be
    // written behind it.
    broken_ = Failure(failure.code, "refused, since an earlier write failed: " + failure.message);
  }
  answers_.Post(std::make_unique<Committed>(std::move(group->waiters), std::move(failure)));
  queue_.Done(std::move(group));
}

void Database::FreeAll() {
  const std::lock_guard<std::mutex> lock(resources_mutex_);
  for (Resource* resource : resources_) resource->Free();
  resources_.clear();
}

void Database::Finish() {
  if (thread_.joinable()) thread_.join();
  finished_ = true;
  closing_ = true;
  UnregisterRunning(this);
  napi_remove_env_cleanup_hook(env_, OnEnvironmentCleanup, this);
  answers_.Release();
}

}  // namespace sampan
