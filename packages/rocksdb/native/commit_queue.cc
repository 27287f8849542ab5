#include "commit_queue.h"

#include <utility>

#include "batch.h"

namespace sampan {

namespace {

// RocksDB's own bound of a write group (max_write_batch_group_size_bytes). A larger batch goes
// alone.
constexpr size_t kGroupBytesMax = 1 << 20;

// What a waiter costs besides the bytes of its batch, so that empty batches are bounded as well.
constexpr size_t kWaiterBytes = 64;

void PutCount(std::string* bytes, uint32_t count) {
  for (size_t index = 0; index < 4; index++) {
    (*bytes)[8 + index] = static_cast<char>(count >> (8 * index));
  }
}

}  // namespace

CommitQueue::CommitQueue(size_t charge_max) : charge_max_(charge_max) {}

bool CommitQueue::Append(const uint8_t* batch, size_t length, uint32_t count, bool sync,
                         napi_deferred waiter) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const size_t entries_bytes = length - kBatchHeaderBytes;
  const size_t charge = entries_bytes + kWaiterBytes;
  if (charge_ + charge > charge_max_) return false;
  if (groups_.empty() || groups_.back()->bytes.size() + entries_bytes > kGroupBytesMax) {
    groups_.push_back(NewGroup());
  }
  CommitGroup& group = *groups_.back();
  group.bytes.append(reinterpret_cast<const char*>(batch) + kBatchHeaderBytes, entries_bytes);
  group.count += count;
  group.sync = group.sync || sync;
  group.waiters.push_back(waiter);
  group.charge += charge;
  charge_ += charge;
  return true;
}

void CommitQueue::Kick() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (groups_.empty()) return;
  kicked_ = true;
  changed_.notify_one();
}

void CommitQueue::Close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  changed_.notify_one();
}

std::unique_ptr<CommitGroup> CommitQueue::Take() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return kicked_ || closed_; });
  if (groups_.empty()) return nullptr;
  std::unique_ptr<CommitGroup> group = std::move(groups_.front());
  groups_.pop_front();
  kicked_ = !groups_.empty();
  lock.unlock();
  PutCount(&group->bytes, group->count);
  return group;
}

void CommitQueue::Done(std::unique_ptr<CommitGroup> group) {
  const std::lock_guard<std::mutex> lock(mutex_);
  charge_ -= group->charge;
  if (group->bytes.capacity() <= 2 * kGroupBytesMax) spare_ = std::move(group);
}

std::unique_ptr<CommitGroup> CommitQueue::NewGroup() {
  std::unique_ptr<CommitGroup> group = std::move(spare_);
  if (group == nullptr) group = std::make_unique<CommitGroup>();
  group->bytes.assign(kBatchHeaderBytes, '\0');
  group->count = 0;
  group->sync = false;
  group->charge = 0;
  group->waiters.clear();
  return group;
}

}  // namespace sampan
