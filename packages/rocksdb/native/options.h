// How a database is opened. Every figure is given by JavaScript (src/options.ts says which and
// why); what is set here without a figure is what durability rests on.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rocksdb/c.h"

namespace sampan {

struct OpenOptions {
  std::string path;
  // In the order in which missing ones are created, which gives them their ids.
  std::vector<std::string> families;
  bool create_if_missing = false;

  uint64_t block_cache_bytes = 0;
  uint64_t block_bytes = 0;
  uint64_t write_buffer_bytes = 0;
  uint64_t write_buffers_bytes_max = 0;
  uint64_t file_bytes = 0;
  uint64_t wal_bytes_max = 0;
  uint64_t write_queue_bytes_max = 0;
  int compression = 0;
  int log_level = 0;
  int bloom_bits = 0;
  int open_files_max = 0;
  int background_jobs = 0;
  int read_threads = 0;
};

// The caller destroys both. The cache is shared by all families.
rocksdb_cache_t* CreateBlockCache(const OpenOptions& options);
rocksdb_options_t* CreateRocksOptions(const OpenOptions& options, rocksdb_cache_t* block_cache);

}  // namespace sampan
