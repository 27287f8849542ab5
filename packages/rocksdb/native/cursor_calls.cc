// Iterators: opening, positioning, filling pages.

#include "cursor.h"

#include <utility>

#include "javascript.h"

namespace sampan {

namespace {

// What a filling came to, as JavaScript sees it: bytes of rows, 0 at the end, or less than 0: the
// next row needs a page of so many bytes.
double FilledNumber(const Filled& filled) {
  return filled.needed > 0 ? -static_cast<double>(filled.needed)
                           : static_cast<double>(filled.bytes);
}

class PageFilled : public Answer {
 public:
  PageFilled(napi_deferred deferred, napi_ref page, Filled filled)
      : deferred_(deferred), page_(page), filled_(std::move(filled)) {}

  void Settle(napi_env env, const Answers& answers) override {
    napi_delete_reference(env, page_);
    if (filled_.failure) {
      answers.Reject(env, deferred_, filled_.failure);
    } else {
      answers.Resolve(env, deferred_, NumberValue(env, FilledNumber(filled_)));
    }
  }

 private:
  const napi_deferred deferred_;
  // The page must not be collected while a thread writes to it.
  const napi_ref page_;
  const Filled filled_;
};

// openCursor(database, family, snapshot, lower, upper, reverse, keysOnly, readTs): CursorHandle.
// `snapshot` null sees this moment, `upper` null has no end; `readTs`, eight bytes, most significant
// first, asks for what is visible at that timestamp (versions.h), forwards; null for every row.
napi_value OpenCursor(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto database = arguments.Object<Database>(0);
  if (!arguments.Ok()) return nullptr;
  CursorRange range;
  range.family = arguments.Family(1, *database);
  std::shared_ptr<Snapshot> snapshot;
  if (!arguments.IsNull(2)) snapshot = arguments.Object<Snapshot>(2);
  range.aim.lower = arguments.Copy(3);
  range.has_upper = !arguments.IsNull(4);
  if (range.has_upper) range.aim.upper = arguments.Copy(4);
  range.reverse = arguments.Flag(5);
  range.aim.keys_only = arguments.Flag(6);
  if (!arguments.IsNull(7)) range.aim.read_ts = arguments.Copy(7);
  if (!arguments.Ok()) return nullptr;
  if (const Failure closed = database->Usable()) return Throw(env, *database, closed);
  if (snapshot == nullptr) snapshot = std::make_shared<Snapshot>(database);
  return Box(env, std::make_shared<Cursor>(database, std::move(snapshot), std::move(range)));
}

// aimCursor(cursor, lower, upper, keysOnly, readTs, skip, drop, separator): void. A cursor of what is
// visible, with bounds, begins again at others; `separator` null for rows, else see Joining. Nothing
// is under way with it.
napi_value AimCursor(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto cursor = arguments.Object<Cursor>(0);
  Aim aim;
  aim.lower = arguments.Copy(1);
  aim.upper = arguments.Copy(2);
  aim.keys_only = arguments.Flag(3);
  aim.read_ts = arguments.Copy(4);
  if (!arguments.IsNull(7)) {
    aim.joining = Joining{arguments.Number(5), arguments.Number(6), arguments.Text(7)};
  }
  if (!arguments.Ok()) return nullptr;
  Database& database = *cursor->Owner();
  if (const Failure closed = database.Usable()) return Throw(env, database, closed);
  if (!cursor->CanAim()) {
    return Throw(env, database, Failure(Code::kInvalid, "the cursor is of every row, or unbounded"));
  }
  cursor->AimAt(std::move(aim));
  return nullptr;
}

// seekCursor(cursor, key): void
napi_value SeekCursor(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto cursor = arguments.Object<Cursor>(0);
  std::string key = arguments.Copy(1);
  if (arguments.Ok()) cursor->Seek(std::move(key));
  return nullptr;
}

// Arguments 1 and 2 of a filling: page, rowsMax.
Page PageOf(Arguments* arguments) {
  Page page;
  arguments->Bytes(1, &page.data, &page.bytes);
  page.rows_max = arguments->Number(2);
  return page;
}

// fillCached(cursor, page, rowsMax): number, see FilledNumber; undefined: not in memory.
napi_value FillCached(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto cursor = arguments.Object<Cursor>(0);
  const Page page = PageOf(&arguments);
  if (!arguments.Ok()) return nullptr;
  Database& database = *cursor->Owner();
  if (const Failure closed = database.Usable()) return Throw(env, database, closed);
  const Filled filled = cursor->FillCached(page);
  if (filled.failure.code == Code::kIncomplete) return nullptr;
  if (filled.failure) return Throw(env, database, filled.failure);
  return NumberValue(env, FilledNumber(filled));
}

// fill(cursor, page, rowsMax): Promise<number>, see FilledNumber. Until it is settled nothing else
// is done with the cursor but to close it, and the page is not touched.
napi_value FillFull(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto cursor = arguments.Object<Cursor>(0);
  const Page page = PageOf(&arguments);
  if (!arguments.Ok()) return nullptr;
  napi_ref reference = nullptr;
  napi_create_reference(env, arguments.Value(1), 1, &reference);
  const Promise promise(env);
  const napi_deferred deferred = promise.deferred;
  const Failure failure = cursor->Owner()->RunRead([cursor, page, reference, deferred] {
    return std::make_unique<PageFilled>(deferred, reference, cursor->FillFull(page));
  });
  if (failure) {
    napi_delete_reference(env, reference);
    cursor->Owner()->AnswersOut().Reject(env, deferred, failure);
  }
  return promise.value;
}

// closeCursor(cursor): void. Twice is once.
napi_value CloseCursor(napi_env env, napi_callback_info info) {
  Arguments(env, info).Unbox<Cursor>(0);
  return nullptr;
}

}  // namespace

const std::vector<Call> cursor_calls = {
    {"openCursor", OpenCursor}, {"aimCursor", AimCursor}, {"seekCursor", SeekCursor},
    {"fillCached", FillCached}, {"fill", FillFull},       {"closeCursor", CloseCursor},
};

}  // namespace sampan
