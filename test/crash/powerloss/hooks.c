// The calls of libc that change files, each telling the model of a power failure before or after it is
// made. Preloaded into the program under test (LD_PRELOAD); files outside POWERLOSS_ROOT pass through.
// A call whose effect on the disk the model does not know ends the program instead of passing unseen.

#define _GNU_SOURCE
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DESCRIPTORS 65536

/** What a descriptor stands for; `node` null: nothing below the root. */
struct descriptor {
  _Atomic(struct node *) node;
  atomic_bool appends;
  /** Opened with O_SYNC or O_DSYNC: every write is a sync. */
  atomic_bool syncs;
};

static struct descriptor descriptors[DESCRIPTORS];

static void descriptor_set(int fd, struct node *node, int flags) {
  if (fd < 0) return;
  if (fd >= DESCRIPTORS) {
    if (node != NULL) model_unsupported("a descriptor beyond the table", "");
    return;
  }
  descriptors[fd].appends = (flags & O_APPEND) != 0;
  descriptors[fd].syncs = (flags & O_DSYNC) != 0;
  descriptors[fd].node = node;
}

static struct node *descriptor_node(int fd) {
  return fd < 0 || fd >= DESCRIPTORS ? NULL : descriptors[fd].node;
}

static int descriptor_copy(int from, int to) {
  if (to < 0 || from < 0 || from >= DESCRIPTORS || to >= DESCRIPTORS) return to;
  descriptors[to].appends = descriptors[from].appends;
  descriptors[to].syncs = descriptors[from].syncs;
  descriptors[to].node = descriptors[from].node;
  return to;
}

/** A call that the model cannot follow, on a file below the root. */
static void refuse(int fd, const char *call) {
  if (descriptor_node(fd) != NULL) model_unsupported("not modelled", call);
}

// ---------------------------------------------------------------- opening and closing

static void save_before_truncation(int dirfd, const char *path, const char *relative) {
  int fd = real()->openat(dirfd, path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  struct node *node = model_opened(fd, relative, false, true);
  if (node != NULL) model_save(node, fd, 0, INT64_MAX);
  real()->close(fd);
}

static int open_hooked(int dirfd, const char *path, int flags, mode_t mode) {
  char relative[PATH_MAX];
  if (!model_path(dirfd, path, relative)) {
    int fd = real()->openat(dirfd, path, flags, mode);
    descriptor_set(fd, NULL, 0);
    return fd;
  }
  if ((flags & O_TMPFILE) == O_TMPFILE) model_unsupported("O_TMPFILE", relative);
  bool writable = (flags & O_ACCMODE) != O_RDONLY;
  struct stat stat;
  model_lock();
  bool existed = fstatat(dirfd, path, &stat, 0) == 0;
  bool creates = !existed && (flags & O_CREAT) != 0;
  if (creates) model_create(relative);
  if (existed && (flags & O_TRUNC) != 0) save_before_truncation(dirfd, path, relative);
  int fd = real()->openat(dirfd, path, flags, mode);
  int error = errno;
  if (fd < 0 && creates) model_failed();
  if (fd >= 0) descriptor_set(fd, model_opened(fd, relative, creates, writable), flags);
  model_unlock();
  errno = error;
  return fd;
}

static mode_t mode_of(int flags, va_list arguments) {
  bool has_mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  return has_mode ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                        \
  int name(const char *path, int flags, ...) {            \
    va_list arguments;                                    \
    va_start(arguments, flags);                           \
    mode_t mode = mode_of(flags, arguments);              \
    va_end(arguments);                                    \
    return open_hooked(AT_FDCWD, path, flags, mode);      \
  }
#define OPENAT(name)                                      \
  int name(int dirfd, const char *path, int flags, ...) { \
    va_list arguments;                                    \
    va_start(arguments, flags);                           \
    mode_t mode = mode_of(flags, arguments);              \
    va_end(arguments);                                    \
    return open_hooked(dirfd, path, flags, mode);         \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int creat(const char *path, mode_t mode) {
  return open_hooked(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

/**
 * The writes of a stream do not come by here. That is safe for one that only appends behind what is
 * durable, as RocksDB's information log does.
 */
static FILE *fopen_hooked(const char *path, const char *mode) {
  char relative[PATH_MAX];
  bool inside = model_path(AT_FDCWD, path, relative);
  bool writes = mode[0] != 'r' || strchr(mode, '+') != NULL;
  if (!inside) {
    FILE *stream = real()->fopen(path, mode);
    if (stream != NULL) descriptor_set(fileno(stream), NULL, 0);
    return stream;
  }
  if (mode[0] == 'r' && writes) model_unsupported("fopen for update", relative);
  struct stat stat;
  model_lock();
  bool existed = fstatat(AT_FDCWD, path, &stat, 0) == 0;
  bool creates = !existed && writes;
  if (creates) model_create(relative);
  if (existed && mode[0] == 'w') save_before_truncation(AT_FDCWD, path, relative);
  FILE *stream = real()->fopen(path, mode);
  int error = errno;
  if (stream == NULL && creates) model_failed();
  if (stream != NULL) {
    int fd = fileno(stream);
    descriptor_set(fd, model_opened(fd, relative, creates, writes), mode[0] == 'a' ? O_APPEND : 0);
  }
  model_unlock();
  errno = error;
  return stream;
}
FILE *fopen(const char *path, const char *mode) { return fopen_hooked(path, mode); }
FILE *fopen64(const char *path, const char *mode) { return fopen_hooked(path, mode); }

int close(int fd) {
  descriptor_set(fd, NULL, 0);
  return real()->close(fd);
}

int fclose(FILE *stream) {
  descriptor_set(fileno(stream), NULL, 0);
  return real()->fclose(stream);
}

int dup(int fd) { return descriptor_copy(fd, real()->dup(fd)); }
int dup2(int from, int to) { return descriptor_copy(from, real()->dup2(from, to)); }
int dup3(int from, int to, int flags) {
  return descriptor_copy(from, real()->dup3(from, to, flags));
}

static int fcntl_hooked(int fd, int command, void *argument) {
  int result = real()->fcntl(fd, command, argument);
  bool copies = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
  return copies ? descriptor_copy(fd, result) : result;
}

#define FCNTL(name)                            \
  int name(int fd, int command, ...) {         \
    va_list arguments;                         \
    va_start(arguments, command);              \
    void *argument = va_arg(arguments, void *); \
    va_end(arguments);                         \
    return fcntl_hooked(fd, command, argument); \
  }
FCNTL(fcntl)
FCNTL(fcntl64)

// ---------------------------------------------------------------- bytes

static atomic_ulong writes;

__attribute__((destructor)) static void note_writes(void) {
  model_lock();
  model_writes(writes);
  model_unlock();
}

/** A write at an offset, or (offset < 0) where the descriptor stands. */
static void before_write(int fd, size_t count, off_t offset) {
  struct node *node = descriptor_node(fd);
  if (node == NULL) return;
  atomic_fetch_add(&writes, 1);
  struct stat stat;
  int error = errno;
  model_lock();
  if (descriptors[fd].appends) {
    offset = fstat(fd, &stat) == 0 ? stat.st_size : 0;
  } else if (offset < 0) {
    offset = lseek(fd, 0, SEEK_CUR);
  }
  model_save(node, fd, offset, offset + (off_t)count);
  model_unlock();
  errno = error;
}

static int sync_hooked(int fd, int (*call)(int)) {
  struct node *node = descriptor_node(fd);
  if (node == NULL) return call(fd);
  model_lock();
  bool is_ignored = model_is_ignored(node);
  struct sync_point point = {0};
  if (!is_ignored) point = model_sync_start(node, fd);
  model_unlock();
  if (is_ignored) return 0;
  int result = call(fd);
  int error = errno;
  if (result == 0) {
    model_lock();
    model_sync_done(node, point);
    model_unlock();
  }
  errno = error;
  return result;
}

/** After a write through a descriptor that syncs by itself. */
static ssize_t after_write(int fd, ssize_t written) {
  if (descriptor_node(fd) != NULL && descriptors[fd].syncs && written > 0) {
    sync_hooked(fd, real()->fdatasync);
  }
  return written;
}

static size_t bytes_of(const struct iovec *vectors, int count) {
  size_t bytes = 0;
  for (int index = 0; index < count; index += 1) bytes += vectors[index].iov_len;
  return bytes;
}

ssize_t write(int fd, const void *bytes, size_t count) {
  before_write(fd, count, -1);
  return after_write(fd, real()->write(fd, bytes, count));
}

ssize_t writev(int fd, const struct iovec *vectors, int count) {
  before_write(fd, bytes_of(vectors, count), -1);
  return after_write(fd, real()->writev(fd, vectors, count));
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  before_write(fd, count, offset);
  return after_write(fd, real()->pwrite(fd, bytes, count, offset));
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  return pwrite(fd, bytes, count, offset);
}

ssize_t pwritev(int fd, const struct iovec *vectors, int count, off_t offset) {
  before_write(fd, bytes_of(vectors, count), offset);
  return after_write(fd, real()->pwritev(fd, vectors, count, offset));
}
ssize_t pwritev64(int fd, const struct iovec *vectors, int count, off64_t offset) {
  return pwritev(fd, vectors, count, offset);
}

ssize_t pwritev2(int fd, const struct iovec *vectors, int count, off_t offset, int flags) {
  refuse(fd, "pwritev2");
  return real()->pwritev2(fd, vectors, count, offset, flags);
}
ssize_t pwritev64v2(int fd, const struct iovec *vectors, int count, off64_t offset, int flags) {
  return pwritev2(fd, vectors, count, offset, flags);
}

int ftruncate(int fd, off_t length) {
  struct node *node = descriptor_node(fd);
  if (node != NULL) {
    model_lock();
    model_save(node, fd, length, INT64_MAX);
    model_unlock();
  }
  return real()->ftruncate(fd, length);
}
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

int truncate(const char *path, off_t length) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  int result = ftruncate(fd, length);
  int error = errno;
  close(fd);
  errno = error;
  return result;
}
int truncate64(const char *path, off64_t length) { return truncate(path, length); }

int fallocate(int fd, int mode, off_t offset, off_t length) {
  struct node *node = descriptor_node(fd);
  if (node != NULL) {
    int shifts = FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE;
    if ((mode & shifts) != 0) refuse(fd, "fallocate that moves bytes");
    bool zeroes = (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0;
    model_lock();
    if (zeroes) model_save(node, fd, offset, offset + length);
    model_unlock();
  }
  return real()->fallocate(fd, mode, offset, length);
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
  return fallocate(fd, mode, offset, length);
}

/** Allocates and may extend; never changes bytes that are there. */
int posix_fallocate(int fd, off_t offset, off_t length) {
  return real()->posix_fallocate(fd, offset, length);
}

int fsync(int fd) { return sync_hooked(fd, real()->fsync); }
int fdatasync(int fd) { return sync_hooked(fd, real()->fdatasync); }

// sync_file_range is not hooked: it promises nothing about durability.

int syncfs(int fd) {
  refuse(fd, "syncfs");
  return (int)real()->syscall(SYS_syncfs, fd);
}

static void *mmap_hooked(void *address, size_t length, int protection, int flags, int fd,
                         off_t offset) {
  bool writes = (flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0;
  if (writes) refuse(fd, "a shared mapping for writing");
  return real()->mmap(address, length, protection, flags, fd, offset);
}
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
  return mmap_hooked(address, length, protection, flags, fd, offset);
}
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
  return mmap_hooked(address, length, protection, flags, fd, offset);
}

ssize_t sendfile(int to, int from, off_t *offset, size_t count) {
  refuse(to, "sendfile");
  return real()->sendfile(to, from, offset, count);
}
ssize_t sendfile64(int to, int from, off64_t *offset, size_t count) {
  return sendfile(to, from, offset, count);
}

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t count,
                        unsigned flags) {
  refuse(to, "copy_file_range");
  return real()->copy_file_range(from, from_offset, to, to_offset, count, flags);
}

// ---------------------------------------------------------------- names

static int settle(int result, bool is_noted) {
  int error = errno;
  if (result != 0 && is_noted) model_failed();
  model_unlock();
  errno = error;
  return result;
}

int mkdirat(int dirfd, const char *path, mode_t mode) {
  char relative[PATH_MAX];
  if (!model_path(dirfd, path, relative)) return real()->mkdirat(dirfd, path, mode);
  struct stat stat;
  model_lock();
  bool existed = fstatat(dirfd, path, &stat, AT_SYMLINK_NOFOLLOW) == 0;
  if (!existed) model_mkdir(relative);
  return settle(real()->mkdirat(dirfd, path, mode), !existed);
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int unlinkat(int dirfd, const char *path, int flags) {
  char relative[PATH_MAX];
  if (!model_path(dirfd, path, relative)) return real()->unlinkat(dirfd, path, flags);
  bool is_directory = (flags & AT_REMOVEDIR) != 0;
  struct stat stat;
  model_lock();
  bool existed = fstatat(dirfd, path, &stat, AT_SYMLINK_NOFOLLOW) == 0;
  bool fits = existed && S_ISDIR(stat.st_mode) == is_directory;
  if (fits && is_directory) model_rmdir(relative);
  if (fits && !is_directory) model_unlink(relative);
  return settle(real()->unlinkat(dirfd, path, flags), fits);
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int remove(const char *path) {
  struct stat stat;
  bool is_directory = lstat(path, &stat) == 0 && S_ISDIR(stat.st_mode);
  return unlinkat(AT_FDCWD, path, is_directory ? AT_REMOVEDIR : 0);
}

int renameat2(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags) {
  char relative_from[PATH_MAX];
  char relative_to[PATH_MAX];
  bool from_inside = model_path(from_dirfd, from, relative_from);
  bool to_inside = model_path(to_dirfd, to, relative_to);
  if (!from_inside && !to_inside) return real()->renameat2(from_dirfd, from, to_dirfd, to, flags);
  if (!from_inside || !to_inside) model_unsupported("rename across the root", to);
  if (flags != 0) model_unsupported("renameat2 with flags", relative_to);
  struct stat source;
  struct stat target;
  model_lock();
  bool existed = fstatat(from_dirfd, from, &source, AT_SYMLINK_NOFOLLOW) == 0;
  // Two names of one inode: the call does nothing (POSIX).
  bool same = existed && fstatat(to_dirfd, to, &target, AT_SYMLINK_NOFOLLOW) == 0 &&
              source.st_ino == target.st_ino;
  bool noted = existed && !same;
  if (noted) model_rename(relative_from, relative_to);
  return settle(real()->renameat2(from_dirfd, from, to_dirfd, to, 0), noted);
}
int renameat(int from_dirfd, const char *from, int to_dirfd, const char *to) {
  return renameat2(from_dirfd, from, to_dirfd, to, 0);
}
int rename(const char *from, const char *to) {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_dirfd, const char *from, int to_dirfd, const char *to, int flags) {
  char relative_from[PATH_MAX];
  char relative_to[PATH_MAX];
  bool from_inside = model_path(from_dirfd, from, relative_from);
  bool to_inside = model_path(to_dirfd, to, relative_to);
  if (!to_inside) return real()->linkat(from_dirfd, from, to_dirfd, to, flags);
  if (!from_inside) model_unsupported("a hard link into the root", to);
  model_lock();
  model_link(relative_from, relative_to);
  return settle(real()->linkat(from_dirfd, from, to_dirfd, to, flags), true);
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int symlinkat(const char *target, int dirfd, const char *path) {
  char relative[PATH_MAX];
  if (model_path(dirfd, path, relative)) model_unsupported("a symbolic link", relative);
  return real()->symlinkat(target, dirfd, path);
}
int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }

// ---------------------------------------------------------------- calls by number

/** libuv and RocksDB make some calls by number; the ones that change files are looked at. */
long syscall(long number, ...) {
  long a[6];
  va_list arguments;
  va_start(arguments, number);
  for (int index = 0; index < 6; index += 1) a[index] = va_arg(arguments, long);
  va_end(arguments);
  switch (number) {
    case SYS_close:
      return close((int)a[0]);
    case SYS_io_uring_setup:
      // What a ring does to files would not be seen; without one, libuv falls back to its threads.
      errno = ENOSYS;
      return -1;
    case SYS_copy_file_range:
      refuse((int)a[2], "copy_file_range");
      break;
    case SYS_pwritev2:
    case SYS_write:
    case SYS_pwrite64:
    case SYS_ftruncate:
      refuse((int)a[0], "a write by number");
      break;
    default:
      break;
  }
  return real()->syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
