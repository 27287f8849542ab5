#include "snapshot.h"

#include <utility>

namespace sampan {

Snapshot::Snapshot(std::shared_ptr<Database> database)
    : database_(std::move(database)),
      snapshot_(rocksdb_create_snapshot(database_->Rocks().Handle())),
      tiers_(snapshot_) {
  database_->Add(this);
}

Snapshot::~Snapshot() { database_->Free(this); }

void Snapshot::Free() { rocksdb_release_snapshot(database_->Rocks().Handle(), snapshot_); }

}  // namespace sampan
