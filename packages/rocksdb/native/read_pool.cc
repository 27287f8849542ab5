#include "read_pool.h"

#include <pthread.h>

#include <string>
#include <system_error>
#include <utility>

#include "rocksdb/c.h"

namespace sampan {

ReadPool::ReadPool(size_t threads_max, size_t tasks_max)
    : threads_max_(threads_max), tasks_max_(tasks_max) {}

Failure ReadPool::Run(std::function<void()> task) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (tasks_.size() >= tasks_max_) {
    return Failure(Code::kBusy, std::to_string(tasks_max_) + " reads wait for the disk already");
  }
  if (tasks_.size() >= idle_ && threads_.size() < threads_max_) {
    try {
      threads_.emplace_back([this] { Work(); });
    } catch (const std::system_error& error) {
      // Fewer threads than wished are slower, none would never answer.
      if (threads_.empty()) return Failure(Code::kIo, std::string("read thread: ") + error.what());
    }
  }
  tasks_.push_back(std::move(task));
  changed_.notify_one();
  return Failure();
}

void ReadPool::Drain() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    draining_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ReadPool::Work() {
  pthread_setname_np(pthread_self(), "rocksdb-read");
  // As addon.cc.
  rocksdb_set_perf_level(rocksdb_disable);
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    idle_ += 1;
    changed_.wait(lock, [this] { return draining_ || !tasks_.empty(); });
    idle_ -= 1;
    if (tasks_.empty()) return;
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    // What it held may take its time to let go: not under the lock.
    task = nullptr;
    lock.lock();
  }
}

}  // namespace sampan
