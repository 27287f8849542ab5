// Where writers wait for the commit thread. Batches that arrive while one write is under way are
// joined into one group: one record of the log, one fsync, one answer for all.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "answers.h"

namespace sampan {

struct CommitGroup {
  // A whole write batch: the header and the entries of all its batches, in the order of the calls.
  std::string bytes;
  uint32_t count = 0;
  bool sync = false;
  // What it takes of the queue's bound.
  size_t charge = 0;
  std::vector<napi_deferred> waiters;
};

class CommitQueue {
 public:
  explicit CommitQueue(size_t charge_max);

  // JavaScript's thread. Copies the batch, which CheckBatch has passed. False when the queue is
  // full. The commit thread is not woken: see Kick.
  bool Append(const uint8_t* batch, size_t length, uint32_t count, bool sync,
              napi_deferred waiter);

  // JavaScript's thread, when it has nothing more to append in this turn of its loop. Writers that
  // were answered together come back within one turn, and so wait for one fsync and not for two.
  void Kick();

  // No more will be appended; Take gives what is left, then null.
  void Close();

  // Commit thread. Waits for the next group; null once the queue is closed and empty.
  std::unique_ptr<CommitGroup> Take();

  // Commit thread. The group is written: its bytes no longer count, its memory is used again.
  void Done(std::unique_ptr<CommitGroup> group);

 private:
  std::unique_ptr<CommitGroup> NewGroup();

  const size_t charge_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<CommitGroup>> groups_;
  std::unique_ptr<CommitGroup> spare_;
  size_t charge_ = 0;
  bool kicked_ = false;
  bool closed_ = false;
};

}  // namespace sampan
