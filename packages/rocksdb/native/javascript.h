// Values that cross between JavaScript and C++. The callers are this package's own TypeScript, so a
// wrong argument is a bug there: it throws a TypeError and does nothing else.

#pragma once

#include <node_api.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "database.h"

namespace sampan {

constexpr size_t kArgumentsMax = 8;

// What lies behind a handle. The kind tells the handles of different classes apart.
template <typename T>
struct HandleBox {
  uint32_t kind;
  std::shared_ptr<T> object;
  void (*on_forgotten)(T*);
};

// The arguments of one call. The first one that is not what was asked for throws, once; what is
// read after that is empty. Check Ok before acting.
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info);

  napi_env Env() const { return env_; }
  bool Ok() const { return ok_; }

  bool IsNull(size_t index) const;
  uint32_t Number(size_t index);
  // A family by its place in OpenOptions::families.
  size_t Family(size_t index, const Database& database);
  bool Flag(size_t index);
  std::string Text(size_t index);
  // A view of the bytes of a typed array.
  bool Bytes(size_t index, uint8_t** data, size_t* length);
  // A copy of them.
  std::string Copy(size_t index);
  napi_value Value(size_t index) const { return values_[index]; }

  // The object behind a handle that Box made and Unbox has not emptied; else null, and thrown.
  template <typename T>
  std::shared_ptr<T> Object(size_t index) {
    HandleBox<T>* box = OpenBox<T>(index);
    if (box != nullptr && box->object != nullptr) return box->object;
    Fail(index, "open handle");
    return nullptr;
  }

  // Lets go of the object behind a handle; again does nothing.
  template <typename T>
  void Unbox(size_t index) {
    HandleBox<T>* box = OpenBox<T>(index);
    if (box != nullptr) box->object.reset();
  }

 private:
  template <typename T>
  HandleBox<T>* OpenBox(size_t index) const {
    auto* box = static_cast<HandleBox<T>*>(External(index));
    return box != nullptr && box->kind == T::kHandleKind ? box : nullptr;
  }

  void* External(size_t index) const;
  void Fail(size_t index, const char* wanted);

  napi_env env_;
  napi_value values_[kArgumentsMax];
  bool ok_ = true;
};

// A handle that keeps the object alive until it is emptied, or JavaScript has forgotten it. Null
// where JavaScript makes none: the object counts as forgotten.
template <typename T>
napi_value Box(napi_env env, std::shared_ptr<T> object, void (*on_forgotten)(T*) = nullptr) {
  auto* box = new HandleBox<T>{T::kHandleKind, std::move(object), on_forgotten};
  const auto finalize = [](napi_env, void* data, void*) {
    const std::unique_ptr<HandleBox<T>> forgotten(static_cast<HandleBox<T>*>(data));
    if (forgotten->on_forgotten != nullptr) forgotten->on_forgotten(forgotten->object.get());
  };
  napi_value handle = nullptr;
  if (napi_create_external(env, box, finalize, nullptr, &handle) == napi_ok) return handle;
  finalize(env, box, nullptr);
  return nullptr;
}

// Throws; gives null so that a callback can return it.
napi_value Throw(napi_env env, Database& database, const Failure& failure);

napi_value Undefined(napi_env env);
napi_value Null(napi_env env);
napi_value NumberValue(napi_env env, double number);
napi_value TextValue(napi_env env, const std::string& text);

// A Buffer of `length` bytes, not filled yet. A failure where JavaScript makes none, as when it is
// longer than a Buffer may be; then no exception is pending.
Failure NewBuffer(napi_env env, size_t length, uint8_t** data, napi_value* buffer);
// A Buffer with a copy of the bytes.
Failure NewBuffer(napi_env env, const char* data, size_t length, napi_value* buffer);

// A promise that one answer settles.
struct Promise {
  explicit Promise(napi_env env);

  napi_deferred deferred = nullptr;
  napi_value value = nullptr;
};

// Runs `read` on a read thread and gives the promise of its answer; rejected at once when the
// database takes no work.
template <typename Read>
napi_value Promised(napi_env env, const std::shared_ptr<Database>& database, Read read) {
  const Promise promise(env);
  const napi_deferred deferred = promise.deferred;
  const Failure failure =
      database->RunRead([deferred, read = std::move(read)] { return read(deferred); });
  if (failure) database->AnswersOut().Reject(env, deferred, failure);
  return promise.value;
}

// What database_calls.cc, read_calls.cc and cursor_calls.cc give to JavaScript.
struct Call {
  const char* name;
  napi_callback function;
};

extern const std::vector<Call> database_calls;
extern const std::vector<Call> read_calls;
extern const std::vector<Call> cursor_calls;

}  // namespace sampan
