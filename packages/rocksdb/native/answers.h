// The way back to JavaScript: threads post what they have done, JavaScript's thread settles the
// promises. However many answers are waiting, they are one call into the event loop.

#pragma once

#include <node_api.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "failure.h"

namespace sampan {

class Answers;

// Drops the exception that a failed call has left, if any, so that others can be made.
void ClearException(napi_env env);

// What a thread has done. Settle runs on JavaScript's thread, in a handle scope of its own.
class Answer {
 public:
  virtual ~Answer() = default;
  virtual void Settle(napi_env env, const Answers& answers) = 0;
  // How many promises it settles.
  virtual size_t Count() const { return 1; }
};

class Answers {
 public:
  // `make_error` is the JavaScript function (code, message) => Error. JavaScript's thread, as all
  // but Post.
  Answers(napi_env env, napi_value make_error);
  // JavaScript's thread, as the last who uses it is there.
  ~Answers();
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

  // No failure when answers find their way; else nothing may be expected or posted.
  Failure Ready() const;

  // Keeps the object that holds this one alive until the event loop's last use of it.
  void Hold(std::shared_ptr<void> owner);

  // A promise was made. While promises are open the event loop is kept alive.
  void Expect(size_t count);

  // Any thread.
  void Post(std::unique_ptr<Answer> answer);

  // The environment goes away: what is posted from now on is dropped.
  void Abandon();

  // All threads are gone and all answers are given: lets go of the event loop.
  void Release();

  napi_value MakeError(napi_env env, const Failure& failure) const;
  // Rejects when there is no value, since JavaScript has failed to make it.
  void Resolve(napi_env env, napi_deferred deferred, napi_value value) const;
  void Reject(napi_env env, napi_deferred deferred, const Failure& failure) const;

 private:
  static void Deliver(napi_env env, napi_value callback, void* context, void* data);
  static void Finalize(napi_env env, void* data, void* hint);
  void DeliverAll(napi_env env);

  napi_env env_;
  napi_ref make_error_ = nullptr;
  napi_threadsafe_function function_ = nullptr;
  size_t expected_ = 0;
  std::shared_ptr<void> owner_;

  std::mutex mutex_;
  std::vector<std::unique_ptr<Answer>> posted_;
  bool abandoned_ = false;
};

}  // namespace sampan
