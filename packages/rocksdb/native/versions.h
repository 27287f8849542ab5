// Which rows of TiKV's write family a reader at a timestamp sees, for cursors that answer those
// alone. The formats, and the same decisions in TypeScript (which engines without this one use), are
// packages/kv/src/core's: data-key.ts, memcomparable.ts, write-row.ts, actions/scan-forward.ts.
//
// A key's versions come newest first; the first one that is old enough, and says whether there is a
// value, decides.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace sampan {

// A view of bytes that somebody else keeps.
struct ByteView {
  const char* data = nullptr;
  size_t length = 0;
};

class VisibleVersions {
 public:
  enum class Step {
    // Go to the next row.
    kNext,
    // Seek Target() first.
    kSeek,
    // UserKey() has a value.
    kRow,
    kMalformed,
  };

  // `read_ts` is eight bytes, most significant first.
  explicit VisibleVersions(const std::string& read_ts) { Begin(read_ts); }

  // As a new one.
  void Begin(const std::string& read_ts);

  // Looks at a row of the write family; the views below are of it.
  Step Look(ByteView key, ByteView record);

  // After kRow.
  const std::string& UserKey() const { return user_key_; }
  // Its value, where IsShort; else the end of its key in the default family, behind the same key.
  bool IsShort() const { return is_short_; }
  ByteView Value() const { return value_; }
  // The row was taken: the older versions of its key are passed over from now on.
  void Took() { decided_ = true; }

  // Where the walk goes on that was broken off at the last row looked at, or jumps after kSeek: behind
  // all versions of its key when that is decided, else at the newest one that is old enough.
  std::string Target() const;
  bool HasLooked() const { return !data_key_.empty(); }

 private:
  void SetKey(ByteView data_key);
  Step Decide(ByteView record);
  Step Pass();

  std::string read_ts_;
  std::string inverted_read_ts_;
  std::string data_key_;
  std::string user_key_;
  // So many groups of the data key, none of them its last, are read into the user key already:
  // those that it has in common with the key before.
  size_t groups_read_ = 0;
  uint8_t inverted_start_[8] = {};
  ByteView value_;
  bool is_short_ = false;
  bool decided_ = false;
  int passed_ = 0;
};

}  // namespace sampan
