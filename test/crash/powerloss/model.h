// What the disk would still hold after a power failure, kept while a program runs. hooks.c calls this for
// every call of libc that changes files below one root; model.c writes down, outside the root, what a
// later restore needs. The program may be killed at any moment: the journal is in the page cache then.
//
// Three kinds of facts, one per line of `journal` (paths relative to the root, percent-encoded):
//
//   create PATH · mkdir PATH · rmdir PATH · unlink SAVED PATH · rename SAVED|- FROM TO · link FROM TO
//       a change of names, written before it is made, numbered 0, 1, 2, … in this order.
//       SAVED is the number of a hard link below `saved/` that keeps the inode that lost its name
//   failed
//       the change of names before this line was not made
//   syncdir COUNT PATH
//       of the first COUNT changes of names, those in this directory are durable
//
//   file INODE SIZE PATH
//       from here on this inode is written to; its first SIZE bytes are durable
//   undo INODE GENERATION OFFSET LENGTH POSITION
//       durable bytes are about to be overwritten or cut off; they are kept in `undo` at POSITION
//   sync INODE GENERATION SIZE
//       what was written up to this generation is durable, as is this size
//
//   writes COUNT
//       calls that wrote bytes, noted when the program ends by itself
//
// So a file that only grows costs one line per fsync, however large it is.

#ifndef POWERLOSS_MODEL_H
#define POWERLOSS_MODEL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/uio.h>

/** The calls of libc that the hooks stand in front of. */
struct real_calls {
  int (*openat)(int, const char *, int, ...);
  FILE *(*fopen)(const char *, const char *);
  int (*fclose)(FILE *);
  int (*close)(int);
  int (*dup)(int);
  int (*dup2)(int, int);
  int (*dup3)(int, int, int);
  int (*fcntl)(int, int, ...);
  ssize_t (*write)(int, const void *, size_t);
  ssize_t (*writev)(int, const struct iovec *, int);
  ssize_t (*pwrite)(int, const void *, size_t, off_t);
  ssize_t (*pwritev)(int, const struct iovec *, int, off_t);
  ssize_t (*pwritev2)(int, const struct iovec *, int, off_t, int);
  int (*ftruncate)(int, off_t);
  int (*fallocate)(int, int, off_t, off_t);
  int (*posix_fallocate)(int, off_t, off_t);
  int (*fsync)(int);
  int (*fdatasync)(int);
  int (*renameat2)(int, const char *, int, const char *, unsigned);
  int (*linkat)(int, const char *, int, const char *, int);
  int (*symlinkat)(const char *, int, const char *);
  int (*unlinkat)(int, const char *, int);
  int (*mkdirat)(int, const char *, mode_t);
  void *(*mmap)(void *, size_t, int, int, int, off_t);
  ssize_t (*sendfile)(int, int, off_t *, size_t);
  ssize_t (*copy_file_range)(int, off_t *, int, off_t *, size_t, unsigned);
  long (*syscall)(long, ...);
};

const struct real_calls *real(void);

/** An inode below the root, or a directory. Lives as long as the process. */
struct node;

/** Turns a path into one relative to the root ("." is the root); false when it lies outside. */
bool model_path(int dirfd, const char *path, char relative[PATH_MAX]);

/** All of the following want the lock. */
void model_lock(void);
void model_unlock(void);

/** Writes down a change of names before it is made. `model_failed` takes the newest one back. */
void model_create(const char *path);
void model_mkdir(const char *path);
void model_rmdir(const char *path);
void model_unlink(const char *path);
void model_rename(const char *from, const char *to);
void model_link(const char *from, const char *to);
void model_failed(void);

/** What is open: a file that was just created, or one (or a directory) that was there before. */
struct node *model_opened(int fd, const char *path, bool created, bool writable);

/** Keeps the durable bytes of [offset, end), which are about to change. */
void model_save(struct node *node, int fd, off_t offset, off_t end);

/** A sync has two sides: what it covers is settled before, that it is durable afterwards. */
struct sync_point {
  uint64_t generation;
  off_t size;
  uint64_t changes;
};
struct sync_point model_sync_start(struct node *node, int fd);
void model_sync_done(struct node *node, struct sync_point point);

void model_writes(uint64_t count);

/** Whether POWERLOSS_IGNORE says that this sync never reaches the disk. */
bool model_is_ignored(const struct node *node);

/** The model does not know what this call does to the disk: ends the program with a clear word. */
_Noreturn void model_unsupported(const char *what, const char *path);

#endif
