// An iterator that hands out its rows in pages. It walks what is in memory on JavaScript's thread;
// where that ends it goes on, on a read thread, with a second iterator that may wait for the disk.
//
//   page   row*, each row starting at a multiple of four bytes:
//   row    key length (u32) | value length (u32) | key | value         in this machine's byte order
//
// A cursor of visible versions (versions.h) answers user keys with their values; a long value comes
// as the end of its key in the default family, and its length has the highest bit set. It may be
// aimed again, at another range and timestamp, which costs far less than to open another; and it may
// join the keys into one text:
//
//   page   rows (u32) | text

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "database.h"
#include "snapshot.h"
#include "versions.h"

namespace sampan {

// How keys become one text: each without so many of its first and last bytes, `separator` between.
struct Joining {
  size_t skip = 0;
  size_t drop = 0;
  std::string separator;
};

// What of a family is walked; another aim has another.
struct Aim {
  std::string lower;
  std::string upper;
  bool keys_only = false;
  // Eight bytes: only what a reader at that timestamp sees, forwards. Empty: every row.
  std::string read_ts;
  // Of what is visible only.
  std::optional<Joining> joining;
};

struct CursorRange {
  size_t family = 0;
  bool has_upper = false;
  bool reverse = false;
  Aim aim;
};

// Where the rows go: the caller's memory, and how much of it is wanted.
struct Page {
  uint8_t* data = nullptr;
  size_t bytes = 0;
  size_t rows_max = 0;
};

// What one filling of a page came to.
struct Filled {
  // The bytes of the rows; none at the end of the range.
  size_t bytes = 0;
  // Not zero: the next row needs a page of so many bytes, and this page is empty.
  size_t needed = 0;
  // kIncomplete: nothing more is in memory, ask a read thread.
  Failure failure;
};

class Cursor : public Resource {
 public:
  static constexpr uint32_t kHandleKind = 0x63757273;

  // Sees what `snapshot` sees.
  Cursor(std::shared_ptr<Database> database, std::shared_ptr<Snapshot> snapshot, CursorRange range);
  ~Cursor() override;
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  // The next row is the first at or beyond the key, in the cursor's direction.
  void Seek(std::string key);

  // As a new cursor, which sees what this one saw all the time. Both aims are of what is visible.
  bool CanAim() const { return versions_.has_value() && range_.has_upper; }
  void AimAt(Aim aim);

  // JavaScript's thread; reads only memory.
  Filled FillCached(const Page& page);
  // A read thread, when the former was incomplete; nothing else uses the cursor meanwhile.
  Filled FillFull(const Page& page);

  const std::shared_ptr<Database>& Owner() const { return database_; }

  void Free() override;

 private:
  // Where the next row is: at the iterator, or yet to be found from `target_`.
  enum class Place { kStart, kAt, kAfter, kIterator, kEnd };

  // An iterator, and the options that hold its bounds, once it is needed.
  struct Walk {
    rocksdb_readoptions_t* options = nullptr;
    rocksdb_iterator_t* iterator = nullptr;
  };

  void SetBounds(rocksdb_readoptions_t* options) const;
  rocksdb_iterator_t* Iterator(ReadTier tier);
  rocksdb_iterator_t* Placed(ReadTier tier);
  Failure TakeEnd(rocksdb_iterator_t* iterator);
  void Position(rocksdb_iterator_t* iterator);
  void SeekTarget(rocksdb_iterator_t* iterator) const;
  void Step(rocksdb_iterator_t* iterator) const;
  Filled Fill(const Page& page, ReadTier tier);
  Filled FillVisible(const Page& page, ReadTier tier);
  template <typename Writer>
  Filled WalkVisible(Writer* writer, ReadTier tier);
  template <typename Writer>
  bool PutVisible(Writer* writer, Filled* filled);
  void GoOnAtLooked();

  const std::shared_ptr<Database> database_;
  const std::shared_ptr<Snapshot> snapshot_;
  CursorRange range_;
  // An iterator that meets range deletions may lose the failure of a file (RocksDB before 8.6; pull
  // request 11786 there), and with it all rows of the file. In memory, where a block that is not
  // cached is such a failure, that would be every day's business: so a walk of memory ignores range
  // deletions, and there is none in a family that has any.
  const bool range_deleted_;

  Walk cached_;
  Walk full_;
  // Which of the two stands on the next row, when the place is kIterator.
  ReadTier at_ = ReadTier::kCached;
  Place place_ = Place::kStart;
  std::string target_;
  std::optional<VisibleVersions> versions_;
};

}  // namespace sampan
