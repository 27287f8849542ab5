#include "javascript.h"

#include <cstring>

namespace sampan {

Arguments::Arguments(napi_env env, napi_callback_info info) : env_(env) {
  size_t count = kArgumentsMax;
  napi_get_cb_info(env, info, &count, values_, nullptr, nullptr);
}

bool Arguments::IsNull(size_t index) const {
  napi_valuetype type = napi_undefined;
  napi_typeof(env_, values_[index], &type);
  return type == napi_null;
}

uint32_t Arguments::Number(size_t index) {
  uint32_t number = 0;
  if (napi_get_value_uint32(env_, values_[index], &number) != napi_ok) Fail(index, "number");
  return number;
}

size_t Arguments::Family(size_t index, const Database& database) {
  const uint32_t family = Number(index);
  if (family < database.Options().families.size()) return family;
  Fail(index, "family");
  return 0;
}

bool Arguments::Flag(size_t index) {
  bool flag = false;
  if (napi_get_value_bool(env_, values_[index], &flag) != napi_ok) Fail(index, "boolean");
  return flag;
}

std::string Arguments::Text(size_t index) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env_, values_[index], nullptr, 0, &length) != napi_ok) {
    Fail(index, "string");
    return "";
  }
  std::string text(length, '\0');
  napi_get_value_string_utf8(env_, values_[index], text.data(), length + 1, &length);
  return text;
}

bool Arguments::Bytes(size_t index, uint8_t** data, size_t* length) {
  void* bytes = nullptr;
  if (napi_get_buffer_info(env_, values_[index], &bytes, length) != napi_ok) {
    Fail(index, "typed array");
    return false;
  }
  *data = static_cast<uint8_t*>(bytes);
  return true;
}

std::string Arguments::Copy(size_t index) {
  uint8_t* data = nullptr;
  size_t length = 0;
  if (!Bytes(index, &data, &length) || length == 0) return "";
  return std::string(reinterpret_cast<const char*>(data), length);
}

void* Arguments::External(size_t index) const {
  void* data = nullptr;
  napi_get_value_external(env_, values_[index], &data);
  return data;
}

void Arguments::Fail(size_t index, const char* wanted) {
  if (!ok_) return;
  ok_ = false;
  const std::string message = "argument " + std::to_string(index) + " is no " + wanted;
  napi_throw_type_error(env_, nullptr, message.c_str());
}

napi_value Throw(napi_env env, Database& database, const Failure& failure) {
  napi_throw(env, database.AnswersOut().MakeError(env, failure));
  return nullptr;
}

napi_value Undefined(napi_env env) {
  napi_value value = nullptr;
  napi_get_undefined(env, &value);
  return value;
}

napi_value Null(napi_env env) {
  napi_value value = nullptr;
  napi_get_null(env, &value);
  return value;
}

napi_value NumberValue(napi_env env, double number) {
  napi_value value = nullptr;
  napi_create_double(env, number, &value);
  return value;
}

napi_value TextValue(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}

Failure NewBuffer(napi_env env, size_t length, uint8_t** data, napi_value* buffer) {
  void* bytes = nullptr;
  if (napi_create_buffer(env, length, &bytes, buffer) != napi_ok) {
    ClearException(env);
    return Failure(Code::kIo, "JavaScript makes no buffer of " + std::to_string(length) + " bytes");
  }
  *data = static_cast<uint8_t*>(bytes);
  return Failure();
}

Failure NewBuffer(napi_env env, const char* data, size_t length, napi_value* buffer) {
  uint8_t* bytes = nullptr;
  if (Failure failure = NewBuffer(env, length, &bytes, buffer)) return failure;
  if (length > 0) std::memcpy(bytes, data, length);
  return Failure();
}

Promise::Promise(napi_env env) { napi_create_promise(env, &deferred, &value); }

}  // namespace sampan
