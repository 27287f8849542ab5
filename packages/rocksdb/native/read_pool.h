// The threads that wait for the disk in place of JavaScript's: reads whose bytes are not cached,
// flushes, checkpoints. They start when there is work for them.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "failure.h"

namespace sampan {

class ReadPool {
 public:
  ReadPool(size_t threads_max, size_t tasks_max);
  ReadPool(const ReadPool&) = delete;
  ReadPool& operator=(const ReadPool&) = delete;

  // JavaScript's thread. A failure means that the task will not run.
  Failure Run(std::function<void()> task);

  // Any thread that is not one of the pool's, once, after the last Run: finishes what waits and
  // ends the threads.
  void Drain();

 private:
  void Work();

  const size_t threads_max_;
  const size_t tasks_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool draining_ = false;
};

}  // namespace sampan
