// The module's face: the calls of the other files under their names.

#include <node_api.h>

#include "javascript.h"

namespace {

void Export(napi_env env, napi_value exports, const std::vector<sampan::Call>& calls) {
  for (const sampan::Call& call : calls) {
    napi_value function = nullptr;
    napi_create_function(env, call.name, NAPI_AUTO_LENGTH, call.function, nullptr, &function);
    napi_set_named_property(env, exports, call.name, function);
  }
}

}  // namespace

NAPI_MODULE_INIT() {
  Export(env, exports, sampan::database_calls);
  Export(env, exports, sampan::read_calls);
  Export(env, exports, sampan::cursor_calls);
  return exports;
}
