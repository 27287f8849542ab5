// A view of one moment, shared by its holder in JavaScript and by every read under way in it.

#pragma once

#include <memory>

#include "database.h"

namespace sampan {

class Snapshot : public Resource {
 public:
  static constexpr uint32_t kHandleKind = 0x736e6170;

  // JavaScript's thread.
  explicit Snapshot(std::shared_ptr<Database> database);
  // Any thread: whoever reads in it last.
  ~Snapshot() override;
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  const ReadTiers& Tiers() const { return tiers_; }
  const rocksdb_snapshot_t* Handle() const { return snapshot_; }

  void Free() override;

 private:
  const std::shared_ptr<Database> database_;
  const rocksdb_snapshot_t* const snapshot_;
  const ReadTiers tiers_;
};

}  // namespace sampan
