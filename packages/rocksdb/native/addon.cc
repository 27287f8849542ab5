// The module's face: the calls of the other files under their names.

#include <node_api.h>

#include "javascript.h"
#include "process_databases.h"
#include "rocksdb/c.h"

namespace {

void Export(napi_env env, napi_value exports, const std::vector<sampan::Call>& calls) {
  for (const sampan::Call& call : calls) {
    napi_value function = nullptr;
    napi_create_function(env, call.name, NAPI_AUTO_LENGTH, call.function, nullptr, &function);
    napi_set_named_property(env, exports, call.name, function);
  }
}

napi_value OnExit(napi_env env, napi_callback_info) {
  sampan::EndDatabasesOf(env);
  return nullptr;
}

// process.on("exit", OnExit), once for each environment that loads the module.
void ListenForExit(napi_env env) {
  napi_value global = nullptr;
  napi_value process = nullptr;
  napi_value on = nullptr;
  napi_get_global(env, &global);
  napi_get_named_property(env, global, "process", &process);
  napi_get_named_property(env, process, "on", &on);
  napi_value arguments[2] = {sampan::TextValue(env, "exit"), nullptr};
  napi_create_function(env, "closeDatabases", NAPI_AUTO_LENGTH, OnExit, nullptr, &arguments[1]);
  napi_call_function(env, process, on, 2, arguments, nullptr);
}

}  // namespace

NAPI_MODULE_INIT() {
  // RocksDB's counters of each read, which nobody asks for, take a seventh of a walk's time.
  rocksdb_set_perf_level(rocksdb_disable);
  Export(env, exports, sampan::database_calls);
  Export(env, exports, sampan::read_calls);
  Export(env, exports, sampan::cursor_calls);
  ListenForExit(env);
  return exports;
}
