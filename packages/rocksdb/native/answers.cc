#include "answers.h"

#include <utility>

namespace sampan {

namespace {

napi_value Text(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}

// An error of JavaScript's own kind, where the caller's function failed to make one.
napi_value PlainError(napi_env env, napi_value code, napi_value message) {
  ClearException(env);
  napi_value error = nullptr;
  napi_create_error(env, code, message, &error);
  return error;
}

}  // namespace

void ClearException(napi_env env) {
  bool pending = false;
  napi_value ignored = nullptr;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending) {
    napi_get_and_clear_last_exception(env, &ignored);
  }
}

Answers::Answers(napi_env env, napi_value make_error) : env_(env) {
  napi_create_reference(env, make_error, 1, &make_error_);
  const napi_status status =
      napi_create_threadsafe_function(env, nullptr, nullptr, Text(env, "rocksdb"), 0, 1, this,
                                      Finalize, this, Deliver, &function_);
  if (status == napi_ok) {
    napi_unref_threadsafe_function(env, function_);
  } else {
    function_ = nullptr;
    ClearException(env);
  }
}

Answers::~Answers() { napi_delete_reference(env_, make_error_); }

Failure Answers::Ready() const {
  if (function_ != nullptr) return Failure();
  return Failure(Code::kIo, "JavaScript makes no way back for answers");
}

void Answers::Hold(std::shared_ptr<void> owner) { owner_ = std::move(owner); }

void Answers::Expect(size_t count) {
  if (expected_ == 0 && count > 0) napi_ref_threadsafe_function(env_, function_);
  expected_ += count;
}

void Answers::Post(std::unique_ptr<Answer> answer) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (abandoned_) return;
  posted_.push_back(std::move(answer));
  if (posted_.size() > 1) return;
  napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
}

void Answers::Abandon() {
  const std::lock_guard<std::mutex> lock(mutex_);
  abandoned_ = true;
  posted_.clear();
}

void Answers::Release() {
  napi_release_threadsafe_function(function_, napi_tsfn_release);
}

napi_value Answers::MakeError(napi_env env, const Failure& failure) const {
  napi_value arguments[2] = {Text(env, CodeName(failure.code)), Text(env, failure.message)};
  napi_value make_error = nullptr;
  napi_value receiver = nullptr;
  napi_value error = nullptr;
  napi_get_reference_value(env, make_error_, &make_error);
  napi_get_undefined(env, &receiver);
  if (napi_call_function(env, receiver, make_error, 2, arguments, &error) == napi_ok) return error;
  return PlainError(env, arguments[0], arguments[1]);
}

void Answers::Resolve(napi_env env, napi_deferred deferred, napi_value value) const {
  if (value != nullptr) {
    napi_resolve_deferred(env, deferred, value);
    return;
  }
  ClearException(env);
  Reject(env, deferred, Failure(Code::kIo, "JavaScript makes no value of the answer"));
}

void Answers::Reject(napi_env env, napi_deferred deferred, const Failure& failure) const {
  napi_reject_deferred(env, deferred, MakeError(env, failure));
}

void Answers::Deliver(napi_env env, napi_value, void* context, void*) {
  // Without an environment there is nobody left to answer.
  if (env != nullptr) static_cast<Answers*>(context)->DeliverAll(env);
}

void Answers::DeliverAll(napi_env env) {
  std::vector<std::unique_ptr<Answer>> answers;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    answers.swap(posted_);
  }
  // The count goes first: an answer may be the last one and release everything.
  size_t count = 0;
  for (const auto& answer : answers) count += answer->Count();
  expected_ -= count;
  if (expected_ == 0) napi_unref_threadsafe_function(env, function_);
  for (const auto& answer : answers) {
    napi_handle_scope scope = nullptr;
    napi_open_handle_scope(env, &scope);
    answer->Settle(env, *this);
    napi_close_handle_scope(env, scope);
  }
}

void Answers::Finalize(napi_env, void* data, void*) {
  const std::shared_ptr<void> owner = std::move(static_cast<Answers*>(data)->owner_);
}

}  // namespace sampan
