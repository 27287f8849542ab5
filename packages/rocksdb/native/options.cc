#include "options.h"

namespace sampan {

namespace {

rocksdb_block_based_table_options_t* CreateTableOptions(const OpenOptions& options,
                                                        rocksdb_cache_t* block_cache) {
  rocksdb_block_based_table_options_t* table = rocksdb_block_based_options_create();
  rocksdb_block_based_options_set_block_cache(table, block_cache);
  rocksdb_block_based_options_set_block_size(table, options.block_bytes);
  rocksdb_block_based_options_set_format_version(table, 5);
  // Indexes and filters count towards the cache's bound: memory does not grow with the data.
  rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
  rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
  rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
  if (options.bloom_bits > 0) {
    // The table options own the policy.
    rocksdb_block_based_options_set_filter_policy(
        table, rocksdb_filterpolicy_create_bloom_full(options.bloom_bits));
  }
  return table;
}

// What an acknowledged write rests on. Most are RocksDB's defaults; they are said here because a
// default may change.
void SetDurability(rocksdb_options_t* options) {
  // A torn end of the log is cut off there, and a hole ends the replay: what is left is a prefix of
  // the order of writes, the same for all families.
  rocksdb_options_set_wal_recovery_mode(options, rocksdb_point_in_time_recovery);
  rocksdb_options_set_paranoid_checks(options, 1);
  rocksdb_options_set_manual_wal_flush(options, 0);
  // A log file that is written again has no clear end for the replay.
  rocksdb_options_set_recycle_log_file_num(options, 0);
}

void SetBackground(rocksdb_options_t* rocks, const OpenOptions& options) {
  rocksdb_options_set_max_background_jobs(rocks, options.background_jobs);
  rocksdb_options_set_level_compaction_dynamic_level_bytes(rocks, 1);
  // Files go to the disk as they are written and not in one fsync that others wait behind.
  rocksdb_options_set_bytes_per_sync(rocks, 1 << 20);
  // Files are deleted by the background threads, never where an iterator is closed.
  rocksdb_options_set_avoid_unnecessary_blocking_io(rocks, 1);
  // No timers: an idle database does nothing.
  rocksdb_options_set_stats_dump_period_sec(rocks, 0);
  rocksdb_options_set_stats_persist_period_sec(rocks, 0);
  rocksdb_options_set_info_log_level(rocks, options.log_level);
  rocksdb_options_set_max_log_file_size(rocks, 8 << 20);
  rocksdb_options_set_keep_log_file_num(rocks, 4);
}

}  // namespace

rocksdb_cache_t* CreateBlockCache(const OpenOptions& options) {
  return rocksdb_cache_create_lru(options.block_cache_bytes);
}

rocksdb_options_t* CreateRocksOptions(const OpenOptions& options, rocksdb_cache_t* block_cache) {
  rocksdb_options_t* rocks = rocksdb_options_create();
  rocksdb_options_set_create_if_missing(rocks, options.create_if_missing ? 1 : 0);
  rocksdb_options_set_create_missing_column_families(rocks, options.create_if_missing ? 1 : 0);
  rocksdb_options_set_compression(rocks, options.compression);
  rocksdb_options_set_max_open_files(rocks, options.open_files_max);
  rocksdb_options_set_write_buffer_size(rocks, options.write_buffer_bytes);
  rocksdb_options_set_db_write_buffer_size(rocks, options.write_buffers_bytes_max);
  rocksdb_options_set_target_file_size_base(rocks, options.file_bytes);
  rocksdb_options_set_max_total_wal_size(rocks, options.wal_bytes_max);
  SetDurability(rocks);
  SetBackground(rocks, options);
  rocksdb_block_based_table_options_t* table = CreateTableOptions(options, block_cache);
  rocksdb_options_set_block_based_table_factory(rocks, table);
  rocksdb_block_based_options_destroy(table);
  return rocks;
}

}  // namespace sampan
