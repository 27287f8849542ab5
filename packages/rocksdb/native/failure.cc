// RocksDB's C API gives the text of a Status and nothing else, so its first words are the code
// (Status::ToString in util/status.cc; they are part of what operators grep for, and stable).

#include "failure.h"

#include <cerrno>
#include <cstring>

#include "rocksdb/c.h"

namespace sampan {

namespace {

bool StartsWith(const std::string& text, const char* prefix) {
  return text.compare(0, std::strlen(prefix), prefix) == 0;
}

bool Contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

Code IoCode(const std::string& text) {
  if (Contains(text, "No space left on device") || Contains(text, "Disk quota exceeded")) {
    return Code::kDiskFull;
  }
  if (Contains(text, "While lock file") || Contains(text, "lock hold by current process")) {
    return Code::kLocked;
  }
  return Code::kIo;
}

Code CodeOf(const std::string& text) {
  if (StartsWith(text, "Result incomplete")) return Code::kIncomplete;
  if (StartsWith(text, "IO error")) return IoCode(text);
  if (StartsWith(text, "Corruption")) return Code::kCorrupt;
  if (StartsWith(text, "Shutdown in progress")) return Code::kClosed;
  if (StartsWith(text, "Invalid argument")) return Code::kInvalid;
  if (StartsWith(text, "Not implemented")) return Code::kInvalid;
  return Code::kIo;
}

}  // namespace

const char* CodeName(Code code) {
  switch (code) {
    case Code::kDiskFull:
      return "disk-full";
    case Code::kCorrupt:
      return "corrupt";
    case Code::kClosed:
      return "closed";
    case Code::kLocked:
      return "locked";
    case Code::kInvalid:
      return "invalid";
    case Code::kBusy:
      return "busy";
    case Code::kNone:
    case Code::kIncomplete:
    case Code::kIo:
      break;
  }
  return "io";
}

Failure TakeFailure(char* message) {
  if (message == nullptr) return Failure();
  std::string text(message);
  rocksdb_free(message);
  const Code code = CodeOf(text);
  return Failure(code, std::move(text));
}

Failure SystemFailure(int error_number, const std::string& what) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  return Failure(full ? Code::kDiskFull : Code::kIo, what + ": " + std::strerror(error_number));
}

}  // namespace sampan
