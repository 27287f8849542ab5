#include "cursor.h"

#include <chrono>
#include <cstring>
#include <utility>

#include "packed.h"

namespace sampan {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kRowHeaderBytes = 8;
constexpr uint32_t kLongValue = 0x80000000;

// A page that is filled on JavaScript's thread ends after so long, wherever it is: deleted entries
// between the rows cost time and fill nothing.
constexpr auto kCachedFillMax = std::chrono::milliseconds(1);
constexpr size_t kRowsPerClockReading = 16;

void PutLength(uint8_t* at, size_t length) {
  const uint32_t value = static_cast<uint32_t>(length);
  std::memcpy(at, &value, sizeof value);
}

Failure Malformed(ByteView key) {
  static const char digits[] = "0123456789abcdef";
  std::string message = "the record ";
  for (size_t index = 0; index < key.length; index++) {
    const uint8_t byte = static_cast<uint8_t>(key.data[index]);
    message += digits[byte >> 4];
    message += digits[byte & 15];
  }
  return Failure(Code::kCorrupt, message + " of the write family is malformed");
}

// Writes rows behind one another for as long as there is room.
class PageWriter {
 public:
  explicit PageWriter(const Page& page) : page_(page) {}

  size_t Bytes() const { return used_; }
  size_t Rows() const { return rows_; }
  bool IsFull() const { return rows_ >= page_.rows_max; }

  // What a page of the row alone takes.
  size_t BytesFor(ByteView key, ByteView value) const {
    return Aligned(kRowHeaderBytes + key.length + value.length);
  }

  // False, and nothing written, when the row does not fit. `flag` goes into the value's length.
  bool Put(ByteView row_key, ByteView row_value, uint32_t flag = 0) {
    const auto [key, key_length] = row_key;
    const auto [value, value_length] = row_value;
    const size_t row_bytes = BytesFor(row_key, row_value);
    if (row_bytes > page_.bytes - used_) return false;
    uint8_t* at = page_.data + used_;
    PutLength(at, key_length);
    PutLength(at + 4, value_length | flag);
    if (key_length > 0) std::memcpy(at + kRowHeaderBytes, key, key_length);
    if (value_length > 0) std::memcpy(at + kRowHeaderBytes + key_length, value, value_length);
    last_key_ = reinterpret_cast<const char*>(at) + kRowHeaderBytes;
    last_key_length_ = key_length;
    used_ += row_bytes;
    rows_ += 1;
    return true;
  }

  std::string LastKey() const { return std::string(last_key_, last_key_length_); }

 private:
  const Page page_;
  size_t used_ = 0;
  size_t rows_ = 0;
  const char* last_key_ = nullptr;
  size_t last_key_length_ = 0;
};

// As PageWriter, of keys alone, as one text.
class TextWriter {
 public:
  TextWriter(const Page& page, const Joining& joining) : page_(page), joining_(joining) {}

  size_t Bytes() const { return rows_ == 0 ? 0 : used_; }
  size_t Rows() const { return rows_; }
  bool IsFull() const { return rows_ >= page_.rows_max; }

  size_t BytesFor(ByteView key, ByteView) const { return kCountBytes + TextOf(key).length; }

  bool Put(ByteView key, ByteView, uint32_t) {
    const ByteView text = TextOf(key);
    const size_t between = rows_ == 0 ? 0 : joining_.separator.size();
    if (used_ + between + text.length > page_.bytes) return false;
    Append(joining_.separator.data(), between);
    Append(text.data, text.length);
    rows_ += 1;
    PutLength(page_.data, rows_);
    return true;
  }

 private:
  static constexpr size_t kCountBytes = 4;

  ByteView TextOf(ByteView key) const {
    const size_t cut = joining_.skip + joining_.drop;
    if (key.length <= cut) return {key.data, 0};
    return {key.data + joining_.skip, key.length - cut};
  }

  void Append(const char* bytes, size_t length) {
    if (length > 0) std::memcpy(page_.data + used_, bytes, length);
    used_ += length;
  }

  const Page page_;
  const Joining& joining_;
  size_t used_ = kCountBytes;
  size_t rows_ = 0;
};

}  // namespace

Cursor::Cursor(std::shared_ptr<Database> database, std::shared_ptr<Snapshot> snapshot,
               CursorRange range)
    : database_(std::move(database)),
      snapshot_(std::move(snapshot)),
      range_(std::move(range)),
      range_deleted_(database_->Rocks().IsRangeDeleted(range_.family)) {
  if (!range_.aim.read_ts.empty()) versions_.emplace(range_.aim.read_ts);
  database_->Add(this);
}

Cursor::~Cursor() { database_->Free(this); }

void Cursor::Free() {
  for (const Walk& walk : {cached_, full_}) {
    if (walk.iterator == nullptr) continue;
    rocksdb_iter_destroy(walk.iterator);
    rocksdb_readoptions_destroy(walk.options);
  }
}

void Cursor::Seek(std::string key) {
  target_ = std::move(key);
  if (versions_) versions_->Begin(range_.aim.read_ts);
  place_ = Place::kAt;
}

// RocksDB looks at an iterator's bounds through the pointers that it got, and takes new ones from
// the next seek on (BlockBasedTableIterator::SeekImpl: "the iterate_upper_bound might have changed").
void Cursor::AimAt(Aim aim) {
  range_.aim = std::move(aim);
  versions_->Begin(range_.aim.read_ts);
  place_ = Place::kStart;
  for (const Walk& walk : {cached_, full_}) {
    if (walk.iterator != nullptr) SetBounds(walk.options);
  }
}

Filled Cursor::FillCached(const Page& page) {
  // Where memory has ended before it would end again.
  const bool needs_disk = range_deleted_ || place_ == Place::kAfter ||
                          (place_ == Place::kIterator && at_ == ReadTier::kFull);
  if (needs_disk) {
    Filled filled;
    filled.failure = Failure(Code::kIncomplete, "");
    return filled;
  }
  return versions_ ? FillVisible(page, ReadTier::kCached) : Fill(page, ReadTier::kCached);
}

Filled Cursor::FillFull(const Page& page) {
  return versions_ ? FillVisible(page, ReadTier::kFull) : Fill(page, ReadTier::kFull);
}

Filled Cursor::Fill(const Page& page, ReadTier tier) {
  Filled filled;
  if (place_ == Place::kEnd) return filled;
  rocksdb_iterator_t* iterator = Placed(tier);

  const auto deadline = SteadyClock::now() + kCachedFillMax;
  PageWriter writer(page);
  while (rocksdb_iter_valid(iterator)) {
    // The iterator stands on the next row whether or not that still goes into this page.
    place_ = Place::kIterator;
    if (writer.IsFull()) break;
    if (tier == ReadTier::kCached && writer.Rows() % kRowsPerClockReading == 1 &&
        SteadyClock::now() > deadline) {
      break;
    }
    size_t key_length = 0;
    size_t value_length = 0;
    const char* key = rocksdb_iter_key(iterator, &key_length);
    const char* value = nullptr;
    if (!range_.aim.keys_only) value = rocksdb_iter_value(iterator, &value_length);
    if (!writer.Put({key, key_length}, {value, value_length})) {
      if (writer.Rows() == 0) {
        filled.needed = writer.BytesFor({key, key_length}, {value, value_length});
      }
      break;
    }
    Step(iterator);
  }
  filled.bytes = writer.Bytes();
  if (rocksdb_iter_valid(iterator)) return filled;

  Failure failure = TakeEnd(iterator);
  if (!failure) return filled;
  if (writer.Rows() > 0) {
    // The rows are good; whatever stopped the walk is met again behind them.
    target_ = writer.LastKey();
    place_ = Place::kAfter;
  } else {
    filled.failure = std::move(failure);
  }
  return filled;
}

// As Fill, for the rows that a reader at the timestamp sees. Many rows may be passed between two of
// them: in memory it is the rows looked at that are counted, and where time is up before the first
// one was found, a read thread goes on.
Filled Cursor::FillVisible(const Page& page, ReadTier tier) {
  if (range_.aim.joining) {
    TextWriter writer(page, *range_.aim.joining);
    return WalkVisible(&writer, tier);
  }
  PageWriter writer(page);
  return WalkVisible(&writer, tier);
}

template <typename Writer>
Filled Cursor::WalkVisible(Writer* writer, ReadTier tier) {
  Filled filled;
  if (place_ == Place::kEnd) return filled;
  rocksdb_iterator_t* iterator = Placed(tier);

  const auto deadline = SteadyClock::now() + kCachedFillMax;
  for (size_t looked = 1; rocksdb_iter_valid(iterator); looked++) {
    place_ = Place::kIterator;
    if (writer->IsFull()) break;
    if (tier == ReadTier::kCached && looked % kRowsPerClockReading == 0 &&
        SteadyClock::now() > deadline) {
      if (writer->Rows() > 0) break;
      filled.failure = Failure(Code::kIncomplete, "");
      GoOnAtLooked();
      return filled;
    }
    ByteView key;
    ByteView record;
    key.data = rocksdb_iter_key(iterator, &key.length);
    record.data = rocksdb_iter_value(iterator, &record.length);
    const VisibleVersions::Step step = versions_->Look(key, record);
    if (step == VisibleVersions::Step::kSeek) {
      const std::string target = versions_->Target();
      rocksdb_iter_seek(iterator, target.data(), target.size());
      continue;
    }
    if (step == VisibleVersions::Step::kMalformed) {
      if (writer->Rows() > 0) break;
      filled.failure = Malformed(key);
      return filled;
    }
    if (step == VisibleVersions::Step::kRow && !PutVisible(writer, &filled)) break;
    rocksdb_iter_next(iterator);
  }
  filled.bytes = writer->Bytes();
  if (rocksdb_iter_valid(iterator)) return filled;

  Failure failure = TakeEnd(iterator);
  if (!failure) return filled;
  if (place_ == Place::kIterator) GoOnAtLooked();
  if (writer->Rows() == 0) filled.failure = std::move(failure);
  return filled;
}

// False when the row that was found does not fit.
template <typename Writer>
bool Cursor::PutVisible(Writer* writer, Filled* filled) {
  const ByteView key = {versions_->UserKey().data(), versions_->UserKey().size()};
  const bool keys_only = range_.aim.keys_only;
  const ByteView value = keys_only ? ByteView() : versions_->Value();
  const uint32_t flag = keys_only || versions_->IsShort() ? 0 : kLongValue;
  if (!writer->Put(key, value, flag)) {
    if (writer->Rows() == 0) filled->needed = writer->BytesFor(key, value);
    return false;
  }
  versions_->Took();
  return true;
}

// The iterator's place is lost, or another iterator is to find it.
void Cursor::GoOnAtLooked() {
  if (!versions_->HasLooked()) return;
  target_ = versions_->Target();
  place_ = Place::kAt;
}

// The tier's iterator, where the next row is.
rocksdb_iterator_t* Cursor::Placed(ReadTier tier) {
  rocksdb_iterator_t* iterator = Iterator(tier);
  at_ = tier;
  if (place_ != Place::kIterator) Position(iterator);
  return iterator;
}

// Why an iterator stands on no row: a failure, or the range is over.
Failure Cursor::TakeEnd(rocksdb_iterator_t* iterator) {
  char* message = nullptr;
  rocksdb_iter_get_error(iterator, &message);
  Failure failure = TakeFailure(message);
  if (!failure) place_ = Place::kEnd;
  return failure;
}

// RocksDB keeps pointers to the bounds; the range lives as long as the iterator.
void Cursor::SetBounds(rocksdb_readoptions_t* options) const {
  const std::string& lower = range_.aim.lower;
  const std::string& upper = range_.aim.upper;
  rocksdb_readoptions_set_iterate_lower_bound(options, lower.data(), lower.size());
  if (range_.has_upper) {
    rocksdb_readoptions_set_iterate_upper_bound(options, upper.data(), upper.size());
  }
}

rocksdb_iterator_t* Cursor::Iterator(ReadTier tier) {
  Walk& walk = tier == ReadTier::kCached ? cached_ : full_;
  if (walk.iterator != nullptr) return walk.iterator;
  walk.options = CreateReadOptions(tier, snapshot_->Handle());
  rocksdb_readoptions_set_background_purge_on_iterator_cleanup(walk.options, 1);
  rocksdb_readoptions_set_ignore_range_deletions(walk.options, range_deleted_ ? 0 : 1);
  SetBounds(walk.options);
  walk.iterator = rocksdb_create_iterator_cf(database_->Rocks().Handle(), walk.options,
                                             database_->Rocks().FamilyHandle(range_.family));
  return walk.iterator;
}

void Cursor::Position(rocksdb_iterator_t* iterator) {
  if (place_ == Place::kStart) {
    if (range_.reverse) {
      rocksdb_iter_seek_to_last(iterator);
    } else {
      rocksdb_iter_seek_to_first(iterator);
    }
    return;
  }
  SeekTarget(iterator);
  if (place_ != Place::kAfter || !rocksdb_iter_valid(iterator)) return;
  size_t length = 0;
  const char* key = rocksdb_iter_key(iterator, &length);
  if (target_.compare(0, std::string::npos, key, length) == 0) Step(iterator);
}

void Cursor::SeekTarget(rocksdb_iterator_t* iterator) const {
  if (range_.reverse) {
    rocksdb_iter_seek_for_prev(iterator, target_.data(), target_.size());
  } else {
    rocksdb_iter_seek(iterator, target_.data(), target_.size());
  }
}

void Cursor::Step(rocksdb_iterator_t* iterator) const {
  if (range_.reverse) {
    rocksdb_iter_prev(iterator);
  } else {
    rocksdb_iter_next(iterator);
  }
}

}  // namespace sampan
