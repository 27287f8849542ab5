#include "versions.h"

#include <algorithm>
#include <cstring>

namespace sampan {

namespace {

constexpr size_t kTimestampBytes = 8;
constexpr char kDataPrefix = 'z';
constexpr size_t kGroupBytes = 8;
constexpr size_t kEncodedGroupBytes = kGroupBytes + 1;
constexpr size_t kDataKeyBytesMin = 1 + kEncodedGroupBytes;
constexpr uint8_t kMarkerFull = 0xff;
// Rows of one key that are passed one by one before a jump is worth its price.
constexpr int kRowsPassedMax = 8;

enum WriteType : uint8_t { kPut = 'P', kDelete = 'D', kLock = 'L', kRollback = 'R' };
constexpr uint8_t kShortValue = 'v';
constexpr uint8_t kOverlappedRollback = 'R';
constexpr uint8_t kGcFence = 'F';

uint8_t At(ByteView bytes, size_t index) { return static_cast<uint8_t>(bytes.data[index]); }

size_t CommonPrefix(ByteView a, const std::string& b) {
  const size_t shorter = std::min(a.length, b.size());
  size_t length = 0;
  while (length + 8 <= shorter && std::memcmp(a.data + length, b.data() + length, 8) == 0) length += 8;
  while (length < shorter && a.data[length] == b[length]) length++;
  return length;
}

// Reads the memcomparable bytes that fill the data key behind its prefix, but for those groups of
// which `user_key` has the bytes.
bool DecodeUserKey(ByteView data_key, size_t groups_read, std::string* user_key) {
  if (data_key.data[0] != kDataPrefix || (data_key.length - 1) % kEncodedGroupBytes != 0) {
    return false;
  }
  user_key->resize(groups_read * kGroupBytes);
  for (size_t at = 1 + groups_read * kEncodedGroupBytes; at < data_key.length;
       at += kEncodedGroupBytes) {
    const bool is_last = at + kEncodedGroupBytes == data_key.length;
    const size_t padding = kMarkerFull - At(data_key, at + kGroupBytes);
    if (is_last != (padding > 0) || padding > kGroupBytes) return false;
    const size_t used = kGroupBytes - padding;
    for (size_t index = used; index < kGroupBytes; index++) {
      if (At(data_key, at + index) != 0) return false;
    }
    user_key->append(data_key.data + at, used);
  }
  return true;
}

// A varint of at most 64 bits; answers the offset behind it, 0 when there is none.
size_t ReadVarint(ByteView bytes, size_t from, uint64_t* number) {
  *number = 0;
  for (size_t index = 0; index < 10 && from + index < bytes.length; index++) {
    const uint64_t bits = At(bytes, from + index) & 0x7f;
    if (index == 9 && bits > 1) return 0;
    *number |= bits << (7 * index);
    if (At(bytes, from + index) < 0x80) return from + index + 1;
  }
  return 0;
}

struct Record {
  uint8_t type = 0;
  uint64_t start_ts = 0;
  bool has_short_value = false;
  ByteView short_value;
  // Null, or eight bytes.
  const char* fence = nullptr;
};

bool ReadFields(ByteView bytes, size_t from, Record* record) {
  size_t at = from;
  while (at < bytes.length) {
    switch (At(bytes, at)) {
      case kShortValue: {
        if (at + 2 > bytes.length) return false;
        const size_t length = At(bytes, at + 1);
        if (length > bytes.length - at - 2) return false;
        record->has_short_value = true;
        record->short_value = {bytes.data + at + 2, length};
        at += 2 + length;
        break;
      }
      case kOverlappedRollback:
        at += 1;
        break;
      case kGcFence:
        if (bytes.length - at - 1 < kTimestampBytes) return false;
        record->fence = bytes.data + at + 1;
        at += 1 + kTimestampBytes;
        break;
      // What follows, and what we do not know, matters to no reader.
      default:
        return true;
    }
  }
  return true;
}

bool ReadRecord(ByteView bytes, Record* record) {
  if (bytes.length == 0) return false;
  record->type = At(bytes, 0);
  const bool is_known = record->type == kPut || record->type == kDelete ||
                        record->type == kLock || record->type == kRollback;
  const size_t at = ReadVarint(bytes, 1, &record->start_ts);
  return is_known && at > 0 && ReadFields(bytes, at, record);
}

// The fence names a commit that followed the record. When a reader should see that commit and yet
// found this record as the newest, both were collected before this record was written again.
bool IsFenced(const char* fence, const std::string& read_ts) {
  static const char zero[kTimestampBytes] = {};
  return fence != nullptr && std::memcmp(fence, zero, kTimestampBytes) != 0 &&
         std::memcmp(fence, read_ts.data(), kTimestampBytes) <= 0;
}

}  // namespace

void VisibleVersions::Begin(const std::string& read_ts) {
  read_ts_ = read_ts;
  inverted_read_ts_ = read_ts;
  for (char& byte : inverted_read_ts_) byte = static_cast<char>(~byte);
  data_key_.clear();
  groups_read_ = 0;
  decided_ = false;
  passed_ = 0;
}

VisibleVersions::Step VisibleVersions::Look(ByteView key, ByteView record) {
  if (key.length < kDataKeyBytesMin + kTimestampBytes) return Step::kMalformed;
  const ByteView data_key = {key.data, key.length - kTimestampBytes};
  SetKey(data_key);
  if (decided_) return Pass();
  const char* version = key.data + data_key.length;
  if (std::memcmp(version, inverted_read_ts_.data(), kTimestampBytes) < 0) return Pass();
  return Decide(record);
}

// A new key begins undecided.
void VisibleVersions::SetKey(ByteView data_key) {
  const size_t common = CommonPrefix(data_key, data_key_);
  if (common == data_key.length && common == data_key_.length()) return;
  data_key_.replace(common, std::string::npos, data_key.data + common, data_key.length - common);
  const size_t common_groups = common == 0 ? 0 : (common - 1) / kEncodedGroupBytes;
  const size_t full_groups = (data_key.length - 1) / kEncodedGroupBytes - 1;
  groups_read_ = std::min({groups_read_, common_groups, full_groups});
  decided_ = false;
  passed_ = 0;
}

VisibleVersions::Step VisibleVersions::Decide(ByteView bytes) {
  Record record;
  if (!ReadRecord(bytes, &record)) return Step::kMalformed;
  const bool is_fenced = IsFenced(record.fence, read_ts_);
  if (!is_fenced && (record.type == kLock || record.type == kRollback)) return Step::kNext;
  passed_ = 0;
  if (is_fenced || record.type == kDelete) {
    decided_ = true;
    return Step::kNext;
  }
  if (!DecodeUserKey({data_key_.data(), data_key_.length()}, groups_read_, &user_key_)) {
    groups_read_ = 0;
    return Step::kMalformed;
  }
  groups_read_ = (data_key_.length() - 1) / kEncodedGroupBytes - 1;
  is_short_ = record.has_short_value;
  value_ = record.short_value;
  if (!is_short_) {
    for (size_t index = 0; index < kTimestampBytes; index++) {
      inverted_start_[index] = static_cast<uint8_t>(~record.start_ts >> (56 - 8 * index));
    }
    value_ = {reinterpret_cast<const char*>(inverted_start_), kTimestampBytes};
  }
  return Step::kRow;
}

VisibleVersions::Step VisibleVersions::Pass() {
  passed_ += 1;
  if (passed_ <= kRowsPassedMax) return Step::kNext;
  passed_ = 0;
  return Step::kSeek;
}

std::string VisibleVersions::Target() const {
  if (!decided_) return data_key_ + inverted_read_ts_;
  return data_key_ + std::string(kTimestampBytes + 1, static_cast<char>(0xff));
}

}  // namespace sampan
