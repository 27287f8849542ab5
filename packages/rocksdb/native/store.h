// RocksDB itself, as far as it is used here: its handles, opened and closed together, and its calls
// with their failures. Knows nothing of JavaScript and has no threads of its own.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "failure.h"
#include "options.h"
#include "rocksdb/c.h"

namespace sampan {

// A key as RocksDB's C API takes it; the bytes are the caller's.
struct Key {
  const char* data;
  size_t length;
};

// kCached reads only memory, and the answer may be kIncomplete; kFull may wait for the disk.
enum class ReadTier { kCached, kFull };

// `snapshot` null reads the newest. The caller destroys them.
rocksdb_readoptions_t* CreateReadOptions(ReadTier tier, const rocksdb_snapshot_t* snapshot);

// Read options of both tiers. Not changed once made, so any thread may use them.
class ReadTiers {
 public:
  explicit ReadTiers(const rocksdb_snapshot_t* snapshot);
  ~ReadTiers();
  ReadTiers(const ReadTiers&) = delete;
  ReadTiers& operator=(const ReadTiers&) = delete;

  const rocksdb_readoptions_t* Of(ReadTier tier) const {
    return tier == ReadTier::kCached ? cached_ : full_;
  }

 private:
  rocksdb_readoptions_t* const cached_;
  rocksdb_readoptions_t* const full_;
};

// Values that lie in RocksDB's memory until this goes away. Null data: there is no such key.
class PinnedValues {
 public:
  explicit PinnedValues(size_t count) : slices_(count, nullptr) {}
  ~PinnedValues();
  PinnedValues(const PinnedValues&) = delete;
  PinnedValues& operator=(const PinnedValues&) = delete;

  size_t Count() const { return slices_.size(); }
  rocksdb_pinnableslice_t** Slices() { return slices_.data(); }
  const char* Value(size_t index, size_t* length) const {
    return rocksdb_pinnableslice_value(slices_[index], length);
  }

 private:
  std::vector<rocksdb_pinnableslice_t*> slices_;
};

class Store {
 public:
  Store();
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // May wait for the disk: replays the log.
  Failure Open(const OpenOptions& options);
  // All iterators and snapshots are gone. What was written unsynced is synced. May wait.
  void Close();

  // `bytes` is a batch that CheckBatch has passed.
  Failure Write(const std::string& bytes, bool sync);
  // All keys at one moment. Options of ReadTier::kFull only: RocksDB 7.8's MultiGet reads the disk
  // with the others too.
  Failure GetMany(size_t family, const rocksdb_readoptions_t* options,
                  const std::vector<Key>& keys, PinnedValues* values);
  // `value` is set to null when there is no such key.
  Failure Get(size_t family, const rocksdb_readoptions_t* options, Key key,
              rocksdb_pinnableslice_t** value);
  Failure Flush();
  Failure Checkpoint(const std::string& directory);
  // False when RocksDB has no property of the name.
  bool Property(size_t family, const std::string& name, std::string* value);

  rocksdb_t* Handle() { return db_; }
  rocksdb_column_family_handle_t* FamilyHandle(size_t family) { return families_[family]; }
  size_t FamilyCount() const { return families_.size(); }
  // The numbers by which batches name the families, in the order of OpenOptions::families.
  const std::vector<uint32_t>& FamilyIds() const { return family_ids_; }

  // Whether the family may hold range deletions, since Open or SetRangeDeleted. JavaScript's
  // thread, once it is open.
  bool IsRangeDeleted(size_t family) const { return range_deleted_[family]; }
  void SetRangeDeleted(size_t family) { range_deleted_[family] = true; }

 private:
  bool FindRangeDeletions(size_t family);

  rocksdb_t* db_ = nullptr;
  std::vector<rocksdb_column_family_handle_t*> families_;
  std::vector<uint32_t> family_ids_;
  std::vector<bool> range_deleted_;
  bool write_failed_ = false;
  rocksdb_writeoptions_t* synced_;
  rocksdb_writeoptions_t* unsynced_;
};

}  // namespace sampan
