#include "store.h"

#include "directories.h"

namespace sampan {

namespace {

constexpr int kBlockCacheTier = 1;

// A cached iterator gives up (kIncomplete) after so many deleted entries in one step, for what is
// in memory may still be too long a way for JavaScript's thread.
constexpr uint64_t kSkippedCachedMax = 256;

}  // namespace

rocksdb_readoptions_t* CreateReadOptions(ReadTier tier, const rocksdb_snapshot_t* snapshot) {
  rocksdb_readoptions_t* options = rocksdb_readoptions_create();
  if (snapshot != nullptr) rocksdb_readoptions_set_snapshot(options, snapshot);
  if (tier == ReadTier::kCached) {
    rocksdb_readoptions_set_read_tier(options, kBlockCacheTier);
    rocksdb_readoptions_set_max_skippable_internal_keys(options, kSkippedCachedMax);
  }
  return options;
}

ReadTiers::ReadTiers(const rocksdb_snapshot_t* snapshot)
    : cached_(CreateReadOptions(ReadTier::kCached, snapshot)),
      full_(CreateReadOptions(ReadTier::kFull, snapshot)) {}

ReadTiers::~ReadTiers() {
  rocksdb_readoptions_destroy(cached_);
  rocksdb_readoptions_destroy(full_);
}

PinnedValues::~PinnedValues() {
  for (rocksdb_pinnableslice_t* slice : slices_) {
    if (slice != nullptr) rocksdb_pinnableslice_destroy(slice);
  }
}

Store::Store()
    : synced_(rocksdb_writeoptions_create()), unsynced_(rocksdb_writeoptions_create()) {
  rocksdb_writeoptions_set_sync(synced_, 1);
}

Store::~Store() {
  rocksdb_writeoptions_destroy(synced_);
  rocksdb_writeoptions_destroy(unsynced_);
}

Failure Store::Open(const OpenOptions& options) {
  rocksdb_cache_t* cache = CreateBlockCache(options);
  rocksdb_options_t* rocks = CreateRocksOptions(options, cache);
  std::vector<const char*> names;
  for (const std::string& name : options.families) names.push_back(name.c_str());
  const std::vector<const rocksdb_options_t*> family_options(names.size(), rocks);
  families_.assign(names.size(), nullptr);

  char* message = nullptr;
  db_ = rocksdb_open_column_families(rocks, options.path.c_str(), static_cast<int>(names.size()),
                                     names.data(), family_options.data(), families_.data(),
                                     &message);
  rocksdb_options_destroy(rocks);
  rocksdb_cache_destroy(cache);
  if (Failure failure = TakeFailure(message)) return failure;

  for (rocksdb_column_family_handle_t* family : families_) {
    family_ids_.push_back(rocksdb_column_family_handle_get_id(family));
  }
  for (size_t family = 0; family < families_.size(); family++) {
    range_deleted_.push_back(FindRangeDeletions(family));
  }
  // RocksDB syncs what is in its directory; the name of the directory is ours to sync.
  if (Failure failure = SyncParent(options.path)) {
    Close();
    return failure;
  }
  return Failure();
}

void Store::Close() {
  if (db_ == nullptr) return;
  // RocksDB asserts that a log whose writing has failed is never touched again.
  if (!write_failed_) {
    char* message = nullptr;
    rocksdb_flush_wal(db_, 1, &message);
    // Nobody was promised these bytes: a failure of the sync is no failure of the close.
    TakeFailure(message);
  }
  for (rocksdb_column_family_handle_t* family : families_) {
    rocksdb_column_family_handle_destroy(family);
  }
  rocksdb_close(db_);
  db_ = nullptr;
}

Failure Store::Write(const std::string& bytes, bool sync) {
  rocksdb_writebatch_t* batch = rocksdb_writebatch_create_from(bytes.data(), bytes.size());
  char* message = nullptr;
  rocksdb_write(db_, sync ? synced_ : unsynced_, batch, &message);
  rocksdb_writebatch_destroy(batch);
  Failure failure = TakeFailure(message);
  if (failure) write_failed_ = true;
  return failure;
}

// The log is replayed into files when the database is opened, so that the files say all.
bool Store::FindRangeDeletions(size_t family) {
  std::string properties;
  if (!Property(family, "rocksdb.aggregated-table-properties", &properties)) return true;
  return properties.find("# range deletions=0;") == std::string::npos;
}

Failure Store::Get(size_t family, const rocksdb_readoptions_t* options, Key key,
                   rocksdb_pinnableslice_t** value) {
  char* message = nullptr;
  *value = rocksdb_get_pinned_cf(db_, options, families_[family], key.data, key.length, &message);
  return TakeFailure(message);
}

Failure Store::GetMany(size_t family, const rocksdb_readoptions_t* options,
                       const std::vector<Key>& keys, PinnedValues* values) {
  std::vector<const char*> data;
  std::vector<size_t> lengths;
  data.reserve(keys.size());
  lengths.reserve(keys.size());
  for (const Key& key : keys) {
    data.push_back(key.data);
    lengths.push_back(key.length);
  }
  std::vector<char*> messages(keys.size(), nullptr);
  rocksdb_batched_multi_get_cf(db_, options, families_[family], keys.size(), data.data(),
                               lengths.data(), values->Slices(), messages.data(),
                               /*sorted_input=*/false);
  Failure first;
  for (char* message : messages) {
    Failure failure = TakeFailure(message);
    if (failure && !first) first = std::move(failure);
  }
  return first;
}

Failure Store::Flush() {
  rocksdb_flushoptions_t* options = rocksdb_flushoptions_create();
  rocksdb_flushoptions_set_wait(options, 1);
  Failure failure;
  for (rocksdb_column_family_handle_t* family : families_) {
    char* message = nullptr;
    rocksdb_flush_cf(db_, options, family, &message);
    failure = TakeFailure(message);
    if (failure) break;
  }
  rocksdb_flushoptions_destroy(options);
  return failure;
}

Failure Store::Checkpoint(const std::string& directory) {
  char* message = nullptr;
  rocksdb_checkpoint_t* checkpoint = rocksdb_checkpoint_object_create(db_, &message);
  if (Failure failure = TakeFailure(message)) return failure;
  // Zero: always flushes first, so that the copy needs no log and holds unsynced writes too.
  constexpr uint64_t kLogBytesWithoutFlush = 0;
  rocksdb_checkpoint_create(checkpoint, directory.c_str(), kLogBytesWithoutFlush, &message);
  rocksdb_checkpoint_object_destroy(checkpoint);
  Failure failure = TakeFailure(message);
  // "Directory exists" is an argument to RocksDB; to the caller it is what the disk looks like.
  if (failure.code == Code::kInvalid) failure.code = Code::kIo;
  if (failure) return failure;
  return SyncParent(directory);
}

bool Store::Property(size_t family, const std::string& name, std::string* value) {
  char* text = rocksdb_property_value_cf(db_, families_[family], name.c_str());
  if (text == nullptr) return false;
  *value = text;
  rocksdb_free(text);
  return true;
}

}  // namespace sampan
