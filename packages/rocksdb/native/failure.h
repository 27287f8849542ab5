// What went wrong, as a short stable word and a sentence: the one form in which errors travel from
// RocksDB, over the threads, to JavaScript.

#pragma once

#include <string>
#include <utility>

namespace sampan {

enum class Code {
  kNone,
  kDiskFull,
  kIo,
  kCorrupt,
  kClosed,
  kLocked,
  kInvalid,
  kBusy,
  // The bytes are not in memory. Never seen by JavaScript: the read goes to a thread instead.
  kIncomplete,
};

struct Failure {
  Code code = Code::kNone;
  std::string message;

  Failure() = default;
  Failure(Code failure_code, std::string text) : code(failure_code), message(std::move(text)) {}

  explicit operator bool() const { return code != Code::kNone; }
};

// The word that JavaScript sees.
const char* CodeName(Code code);

// Takes over (and frees) the message that a call of RocksDB's C API left, null when it left none.
Failure TakeFailure(char* message);

// A failure of the operating system (`error_number` is an errno) while doing `what`.
Failure SystemFailure(int error_number, const std::string& what);

}  // namespace sampan
