// Several byte strings in one buffer: how keys come from JavaScript and values go there.
//
//   packed  item*, each item starting at a multiple of four bytes:
//   item    length (u32, this machine's byte order; 0xffffffff: there is none) | the bytes

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "store.h"

namespace sampan {

inline size_t Aligned(size_t bytes) { return (bytes + 3) & ~static_cast<size_t>(3); }

// False when the bytes are not `count` items.
bool UnpackKeys(const uint8_t* packed, size_t length, size_t count, std::vector<Key>* keys);

size_t PackedBytes(const PinnedValues& values);

// `packed` has room for PackedBytes.
void PackValues(const PinnedValues& values, uint8_t* packed);

}  // namespace sampan
