#include "directories.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace sampan {

namespace {

std::string ParentOf(const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return "/";
  const size_t slash = path.find_last_of('/', end);
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool IsDirectory(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

Failure MakeDirectories(const std::string& path) {
  if (IsDirectory(path)) return Failure();
  if (Failure failure = MakeDirectories(ParentOf(path))) return failure;
  if (mkdir(path.c_str(), 0755) != 0 && !(errno == EEXIST && IsDirectory(path))) {
    return SystemFailure(errno, path);
  }
  return SyncParent(path);
}

Failure SyncParent(const std::string& path) {
  const std::string parent = ParentOf(path);
  const int descriptor = open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) {
    return errno == EACCES ? Failure() : SystemFailure(errno, parent);
  }
  const int error_number = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  return error_number == 0 ? Failure() : SystemFailure(error_number, parent);
}

Failure DirectoryIdentity(const std::string& path, std::string* identity) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return SystemFailure(errno, path);
  *identity = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  return Failure();
}

}  // namespace sampan
