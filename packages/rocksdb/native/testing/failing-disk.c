// A preload library for tests: a disk that begins to fail, and stops again, at a test's word.
//
// While the file $FAILING_DISK exists and holds "<errno> <what>", calls of the kind `what` ("write"
// or "sync") on write-ahead logs (files named *.log) fail with the errno.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_log(int descriptor) {
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 4) return 0;
  return memcmp(path + length - 4, ".log", 4) == 0;
}

static int failure(int descriptor, const char* what) {
  const char* name = getenv("FAILING_DISK");
  if (name == NULL || access(name, R_OK) != 0 || !is_log(descriptor)) return 0;
  FILE* file = fopen(name, "r");
  if (file == NULL) return 0;
  int number = 0;
  char kind[16] = "";
  int fields = fscanf(file, "%d %15s", &number, kind);
  fclose(file);
  return fields == 2 && strcmp(kind, what) == 0 ? number : 0;
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
  static ssize_t (*next)(int, const void*, size_t);
  if (next == NULL) *(void**)&next = dlsym(RTLD_NEXT, "write");
  int number = failure(descriptor, "write");
  if (number == 0) return next(descriptor, bytes, count);
  errno = number;
  return -1;
}

int fdatasync(int descriptor) {
  static int (*next)(int);
  if (next == NULL) *(void**)&next = dlsym(RTLD_NEXT, "fdatasync");
  int number = failure(descriptor, "sync");
  if (number == 0) return next(descriptor);
  errno = number;
  return -1;
}
