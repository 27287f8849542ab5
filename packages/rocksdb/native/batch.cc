// The format is RocksDB's (db/write_batch.cc): header | entry*, an entry being
// tag (u8) | [family id (varint32)] | length (varint32) bytes | [length (varint32) bytes].

#include "batch.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace sampan {

namespace {

struct Span {
  const uint8_t* data = nullptr;
  size_t length = 0;
};

class Reader {
 public:
  Reader(const uint8_t* begin, const uint8_t* end) : at_(begin), end_(end) {}

  bool AtEnd() const { return at_ == end_; }

  bool Byte(uint8_t* byte) {
    if (at_ == end_) return false;
    *byte = *at_++;
    return true;
  }

  bool Varint(uint32_t* value) {
    uint64_t result = 0;
    for (int shift = 0; shift <= 28; shift += 7) {
      uint8_t byte = 0;
      if (!Byte(&byte)) return false;
      result |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      *value = static_cast<uint32_t>(result);
      return result <= UINT32_MAX;
    }
    return false;
  }

  bool Bytes(Span* span) {
    uint32_t length = 0;
    if (!Varint(&length) || length > static_cast<size_t>(end_ - at_)) return false;
    *span = {at_, length};
    at_ += length;
    return true;
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

bool IsAbove(const Span& left, const Span& right) {
  const size_t common = std::min(left.length, right.length);
  const int order = common == 0 ? 0 : std::memcmp(left.data, right.data, common);
  return order > 0 || (order == 0 && left.length > right.length);
}

Failure Malformed(uint32_t index, const std::string& why) {
  return Failure(Code::kInvalid,
                 "write batch: entry " + std::to_string(index) + ": " + why);
}

Failure CheckEntry(Reader* reader, uint32_t index, const std::vector<uint32_t>& family_ids,
                   BatchSummary* summary) {
  // The value types of RocksDB's db/dbformat.h; with a family's id, and without in the default one.
  enum : uint8_t {
    kDelete = 0x00,
    kPut = 0x01,
    kFamilyDelete = 0x04,
    kFamilyPut = 0x05,
    kFamilyDeleteRange = 0x0e,
    kDeleteRange = 0x0f,
  };
  uint8_t tag = 0;
  if (!reader->Byte(&tag)) return Malformed(index, "missing");
  const bool is_put = tag == kPut || tag == kFamilyPut;
  const bool is_range = tag == kDeleteRange || tag == kFamilyDeleteRange;
  if (!is_put && !is_range && tag != kDelete && tag != kFamilyDelete) {
    return Malformed(index, "tag " + std::to_string(tag) + " is not known");
  }
  uint32_t family = 0;
  if (tag == kFamilyPut || tag == kFamilyDelete || tag == kFamilyDeleteRange) {
    if (!reader->Varint(&family)) return Malformed(index, "cut short");
  }
  const auto place = std::find(family_ids.begin(), family_ids.end(), family);
  if (place == family_ids.end()) {
    return Malformed(index, "no open family has the id " + std::to_string(family));
  }
  Span first;
  Span second;
  if (!reader->Bytes(&first)) return Malformed(index, "cut short");
  if ((is_put || is_range) && !reader->Bytes(&second)) return Malformed(index, "cut short");
  if (is_range && IsAbove(first, second)) {
    return Malformed(index, "a range that ends before it starts");
  }
  if (is_range) summary->range_deleted.push_back(place - family_ids.begin());
  return Failure();
}

}  // namespace

Failure CheckBatch(const uint8_t* bytes, size_t length, const std::vector<uint32_t>& family_ids,
                   BatchSummary* summary) {
  if (length < kBatchHeaderBytes) {
    return Failure(Code::kInvalid, "write batch: shorter than its header");
  }
  const uint8_t* at = bytes + 8;
  summary->count = static_cast<uint32_t>(at[0]) | static_cast<uint32_t>(at[1]) << 8 |
                   static_cast<uint32_t>(at[2]) << 16 | static_cast<uint32_t>(at[3]) << 24;
  Reader reader(bytes + kBatchHeaderBytes, bytes + length);
  for (uint32_t index = 0; index < summary->count; index++) {
    if (Failure failure = CheckEntry(&reader, index, family_ids, summary)) return failure;
  }
  if (!reader.AtEnd()) {
    return Failure(Code::kInvalid, "write batch: bytes after the last entry");
  }
  return Failure();
}

}  // namespace sampan
