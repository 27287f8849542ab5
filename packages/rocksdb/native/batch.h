// Checks the bytes of a write batch before RocksDB sees them.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "failure.h"

namespace sampan {

// Sequence (u64) and count (u32), both little-endian.
constexpr size_t kBatchHeaderBytes = 12;

struct BatchSummary {
  uint32_t count = 0;
  // Which families it deletes ranges in, by their places among the ids; one may come twice.
  std::vector<size_t> range_deleted;
};

// Why the bytes are not a batch for these families, or no failure and the summary set.
//
// RocksDB writes a batch to its log before it looks at the entries. A bad one would be in the log
// already when it is refused, would fail the writers that share its group, and would be met again
// by every recovery: so all that RocksDB refuses is refused here, and the tags that mean more than
// put, delete and range delete as well.
Failure CheckBatch(const uint8_t* bytes, size_t length, const std::vector<uint32_t>& family_ids,
                   BatchSummary* summary);

}  // namespace sampan
