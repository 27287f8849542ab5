#include "packed.h"

#include <cstring>

namespace sampan {

namespace {

constexpr uint32_t kNone = 0xffffffff;
constexpr size_t kLengthBytes = sizeof(uint32_t);

}  // namespace

bool UnpackKeys(const uint8_t* packed, size_t length, size_t count, std::vector<Key>* keys) {
  keys->reserve(count);
  size_t offset = 0;
  for (size_t index = 0; index < count; index++) {
    uint32_t key_length = 0;
    if (offset + kLengthBytes > length) return false;
    std::memcpy(&key_length, packed + offset, kLengthBytes);
    offset += kLengthBytes;
    if (key_length > length - offset) return false;
    keys->push_back({reinterpret_cast<const char*>(packed) + offset, key_length});
    offset = Aligned(offset + key_length);
  }
  return true;
}

size_t PackedBytes(const PinnedValues& values) {
  size_t bytes = 0;
  for (size_t index = 0; index < values.Count(); index++) {
    size_t length = 0;
    values.Value(index, &length);
    bytes += kLengthBytes + Aligned(length);
  }
  return bytes;
}

void PackValues(const PinnedValues& values, uint8_t* packed) {
  for (size_t index = 0; index < values.Count(); index++) {
    size_t length = 0;
    const char* value = values.Value(index, &length);
    const uint32_t written = value == nullptr ? kNone : static_cast<uint32_t>(length);
    std::memcpy(packed, &written, kLengthBytes);
    if (length > 0) std::memcpy(packed + kLengthBytes, value, length);
    packed += kLengthBytes + Aligned(length);
  }
}

}  // namespace sampan
