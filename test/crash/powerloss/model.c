// The model's state and its journal. See model.h for the format and for what it means.

#define _GNU_SOURCE
#include "model.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUCKETS 65536
#define IGNORED_MAX 16
#define EXIT_UNSUPPORTED 97

struct node {
  ino_t inode;
  bool is_directory;
  /** A `file` line was written: a restore knows the inode. */
  bool is_announced;
  /** As it was opened last. */
  char *path;
  off_t durable_size;
  /** Counts the syncs that were started; what is saved carries it. */
  uint64_t generation;
  uint64_t durable_generation;
  struct node *next;
};

/** A change of names that is not durable yet and whose inode lies in `saved/`. */
struct saved_link {
  uint64_t change;
  uint64_t number;
  char *directory;
  struct saved_link *next;
};

static struct {
  pthread_once_t once;
  pthread_mutex_t lock;
  struct real_calls calls;
  char root[PATH_MAX];
  size_t root_length;
  char shadow[PATH_MAX];
  /** Patterns of fnmatch over relative paths, a directory's ending in a slash. */
  char *ignored[IGNORED_MAX];
  size_t ignored_count;
  bool is_writing;
  int journal_fd;
  int undo_fd;
  off_t undo_bytes;
  uint64_t changes;
  uint64_t saved_count;
  struct saved_link *saved;
  struct node *nodes[BUCKETS];
} model = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

// ---------------------------------------------------------------- setting up

static void resolve_calls(void) {
#define RESOLVE(name) *(void **)&model.calls.name = dlsym(RTLD_NEXT, #name)
  RESOLVE(openat);
  RESOLVE(fopen);
  RESOLVE(fclose);
  RESOLVE(close);
  RESOLVE(dup);
  RESOLVE(dup2);
  RESOLVE(dup3);
  RESOLVE(fcntl);
  RESOLVE(write);
  RESOLVE(writev);
  RESOLVE(pwrite);
  RESOLVE(pwritev);
  RESOLVE(pwritev2);
  RESOLVE(ftruncate);
  RESOLVE(fallocate);
  RESOLVE(posix_fallocate);
  RESOLVE(fsync);
  RESOLVE(fdatasync);
  RESOLVE(renameat2);
  RESOLVE(linkat);
  RESOLVE(symlinkat);
  RESOLVE(unlinkat);
  RESOLVE(mkdirat);
  RESOLVE(mmap);
  RESOLVE(sendfile);
  RESOLVE(copy_file_range);
  RESOLVE(syscall);
#undef RESOLVE
}

static void split_ignored(const char *patterns) {
  char *copy = strdup(patterns);
  for (char *rest = copy, *pattern; (pattern = strsep(&rest, ":")) != NULL;) {
    if (*pattern != '\0' && model.ignored_count < IGNORED_MAX) {
      model.ignored[model.ignored_count++] = pattern;
    }
  }
}

static void initialize(void) {
  resolve_calls();
  const char *root = getenv("POWERLOSS_ROOT");
  const char *shadow = getenv("POWERLOSS_SHADOW");
  if (root == NULL || shadow == NULL) return;
  if (realpath(root, model.root) == NULL) model_unsupported("POWERLOSS_ROOT must exist", root);
  if (realpath(shadow, model.shadow) == NULL) {
    model_unsupported("POWERLOSS_SHADOW must exist", shadow);
  }
  model.root_length = strlen(model.root);
  const char *ignored = getenv("POWERLOSS_IGNORE");
  if (ignored != NULL) split_ignored(ignored);
}

const struct real_calls *real(void) {
  pthread_once(&model.once, initialize);
  return &model.calls;
}

static int shadow_open(const char *name, int flags) {
  char path[PATH_MAX + 64];
  snprintf(path, sizeof path, "%s/%s", model.shadow, name);
  int fd = real()->openat(AT_FDCWD, path, flags | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) model_unsupported("cannot open in POWERLOSS_SHADOW", name);
  return fd;
}

/** One process writes below the root: the model of a second one would not know of the first. */
static void start_writing(void) {
  if (model.is_writing) return;
  model.journal_fd = shadow_open("journal", O_WRONLY | O_APPEND);
  model.undo_fd = shadow_open("undo", O_RDWR | O_APPEND);
  if (flock(model.journal_fd, LOCK_EX | LOCK_NB) != 0) {
    model_unsupported("two processes write below one root", model.root);
  }
  if (lseek(model.journal_fd, 0, SEEK_END) != 0) {
    model_unsupported("the journal is an earlier process's: restore first", model.shadow);
  }
  model.is_writing = true;
}

void model_unsupported(const char *what, const char *path) {
  char text[PATH_MAX + 256];
  int length = snprintf(text, sizeof text, "powerloss: %s: %s\n", what, path);
  char file[PATH_MAX + 64];
  snprintf(file, sizeof file, "%s/unsupported", model.shadow);
  int fd = model.calls.openat(AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (fd >= 0 && model.calls.write(fd, text, (size_t)length) < 0) perror("powerloss");
  if (model.calls.write(STDERR_FILENO, text, (size_t)length) < 0) perror("powerloss");
  _exit(EXIT_UNSUPPORTED);
}

void model_lock(void) { pthread_mutex_lock(&model.lock); }

void model_unlock(void) { pthread_mutex_unlock(&model.lock); }

// ---------------------------------------------------------------- paths

/** Drops empty and "." parts and resolves "..": no path below the root has symbolic links. */
static bool normalize(const char *path, char normal[PATH_MAX]) {
  size_t length = 0;
  for (const char *part = path; *part != '\0';) {
    size_t part_length = strcspn(part, "/");
    bool is_dot = part_length == 1 && part[0] == '.';
    bool is_up = part_length == 2 && part[0] == '.' && part[1] == '.';
    if (is_up) {
      while (length > 0 && normal[--length] != '/') continue;
    } else if (part_length > 0 && !is_dot) {
      if (length + part_length + 2 > PATH_MAX) return false;
      normal[length++] = '/';
      memcpy(normal + length, part, part_length);
      length += part_length;
    }
    part += part_length;
    if (*part == '/') part += 1;
  }
  normal[length] = '\0';
  return true;
}

static bool absolute(int dirfd, const char *path, char result[2 * PATH_MAX]) {
  char base[PATH_MAX];
  if (path[0] == '/') {
    return snprintf(result, 2 * PATH_MAX, "%s", path) < 2 * PATH_MAX;
  }
  if (dirfd == AT_FDCWD) {
    if (getcwd(base, sizeof base) == NULL) return false;
  } else {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd);
    ssize_t length = readlink(link, base, sizeof base - 1);
    if (length < 0) return false;
    base[length] = '\0';
  }
  return snprintf(result, 2 * PATH_MAX, "%s/%s", base, path) < 2 * PATH_MAX;
}

bool model_path(int dirfd, const char *path, char relative[PATH_MAX]) {
  real();
  if (model.root_length == 0 || path == NULL) return false;
  char full[2 * PATH_MAX];
  char normal[PATH_MAX];
  if (!absolute(dirfd, path, full) || !normalize(full, normal)) return false;
  if (strncmp(normal, model.root, model.root_length) != 0) return false;
  const char *rest = normal + model.root_length;
  if (*rest == '\0') {
    strcpy(relative, ".");
    return true;
  }
  if (*rest != '/') return false;
  strcpy(relative, rest + 1);
  return true;
}

static void parent_of(const char *path, char parent[PATH_MAX]) {
  const char *slash = strrchr(path, '/');
  if (slash == NULL) {
    strcpy(parent, ".");
  } else {
    memcpy(parent, path, (size_t)(slash - path));
    parent[slash - path] = '\0';
  }
}

static void full_path(const char *relative, char path[2 * PATH_MAX]) {
  snprintf(path, 2 * PATH_MAX, "%s/%s", model.root, relative);
}

static void encode(const char *path, char encoded[3 * PATH_MAX]) {
  char *end = encoded;
  for (const char *at = path; *at != '\0'; at += 1) {
    unsigned char byte = (unsigned char)*at;
    if (byte <= ' ' || byte == '%') {
      end += sprintf(end, "%%%02x", byte);
    } else {
      *end++ = (char)byte;
    }
  }
  *end = '\0';
}

// ---------------------------------------------------------------- the journal

static void journal(const char *format, ...) {
  char line[8 * PATH_MAX];
  start_writing();
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (real()->write(model.journal_fd, line, (size_t)length) != length) {
    model_unsupported("cannot write the journal", strerror(errno));
  }
}

static void journal_change(const char *verb, const char *path) {
  char encoded[3 * PATH_MAX];
  encode(path, encoded);
  journal("%s %s\n", verb, encoded);
  model.changes += 1;
}

void model_create(const char *path) { journal_change("create", path); }

void model_mkdir(const char *path) { journal_change("mkdir", path); }

void model_rmdir(const char *path) { journal_change("rmdir", path); }

void model_failed(void) { journal("failed\n"); }

void model_writes(uint64_t count) {
  if (model.is_writing) journal("writes %lu\n", count);
}

static void saved_path(uint64_t number, char path[PATH_MAX + 64]) {
  snprintf(path, PATH_MAX + 64, "%s/saved/%lu", model.shadow, number);
}

/** Gives the inode behind a name that is about to go a second name below `saved/`. */
static uint64_t save_link(const char *path) {
  start_writing();
  char from[2 * PATH_MAX];
  char to[PATH_MAX + 64];
  char parent[PATH_MAX];
  uint64_t number = model.saved_count++;
  full_path(path, from);
  saved_path(number, to);
  if (real()->linkat(AT_FDCWD, from, AT_FDCWD, to, 0) != 0) {
    model_unsupported("cannot keep an inode by a hard link", path);
  }
  parent_of(path, parent);
  struct saved_link *link = malloc(sizeof *link);
  *link = (struct saved_link){model.changes, number, strdup(parent), model.saved};
  model.saved = link;
  return number;
}

void model_unlink(const char *path) {
  char verb[64];
  snprintf(verb, sizeof verb, "unlink %lu", save_link(path));
  journal_change(verb, path);
}

void model_rename(const char *from, const char *to) {
  char target[2 * PATH_MAX];
  char source[2 * PATH_MAX];
  struct stat stat;
  full_path(from, source);
  if (lstat(source, &stat) == 0 && S_ISDIR(stat.st_mode)) {
    model_unsupported("rename of a directory", from);
  }
  char from_parent[PATH_MAX];
  char to_parent[PATH_MAX];
  parent_of(from, from_parent);
  parent_of(to, to_parent);
  if (strcmp(from_parent, to_parent) != 0) {
    model_unsupported("rename across directories", from);
  }
  char saved[32] = "-";
  full_path(to, target);
  if (lstat(target, &stat) == 0) snprintf(saved, sizeof saved, "%lu", save_link(to));
  char encoded_from[3 * PATH_MAX];
  char encoded_to[3 * PATH_MAX];
  encode(from, encoded_from);
  encode(to, encoded_to);
  journal("rename %s %s %s\n", saved, encoded_from, encoded_to);
  model.changes += 1;
}

void model_link(const char *from, const char *to) {
  char encoded_from[3 * PATH_MAX];
  char encoded_to[3 * PATH_MAX];
  encode(from, encoded_from);
  encode(to, encoded_to);
  journal("link %s %s\n", encoded_from, encoded_to);
  model.changes += 1;
}

/** An inode whose loss of a name is durable cannot come back: its second name can go. */
static void drop_saved(const char *directory, uint64_t changes) {
  for (struct saved_link **at = &model.saved; *at != NULL;) {
    struct saved_link *link = *at;
    if (link->change >= changes || strcmp(link->directory, directory) != 0) {
      at = &link->next;
      continue;
    }
    char path[PATH_MAX + 64];
    saved_path(link->number, path);
    real()->unlinkat(AT_FDCWD, path, 0);
    *at = link->next;
    free(link->directory);
    free(link);
  }
}

// ---------------------------------------------------------------- inodes

static struct node *find_node(ino_t inode) {
  struct node **bucket = &model.nodes[inode % BUCKETS];
  for (struct node *node = *bucket; node != NULL; node = node->next) {
    if (node->inode == inode) return node;
  }
  struct node *node = calloc(1, sizeof *node);
  node->inode = inode;
  node->next = *bucket;
  node->durable_size = -1;
  *bucket = node;
  return node;
}

static void announce(struct node *node) {
  if (node->is_announced || node->is_directory) return;
  char encoded[3 * PATH_MAX];
  encode(node->path, encoded);
  journal("file %lu %ld %s\n", (unsigned long)node->inode, (long)node->durable_size, encoded);
  node->is_announced = true;
}

struct node *model_opened(int fd, const char *path, bool created, bool writable) {
  struct stat stat;
  if (fstat(fd, &stat) != 0) return NULL;
  if (!S_ISREG(stat.st_mode) && !S_ISDIR(stat.st_mode)) return NULL;
  struct node *node = find_node(stat.st_ino);
  // The number of an inode that is gone is given away again: a new file, or a directory where a file
  // was, is a new node.
  bool is_directory = S_ISDIR(stat.st_mode);
  bool is_new = created || node->durable_size < 0 || node->is_directory != is_directory;
  if (is_new) {
    node->is_directory = is_directory;
    node->is_announced = false;
    node->durable_size = created ? 0 : stat.st_size;
    node->generation = 0;
    node->durable_generation = 0;
  }
  if (node->path == NULL || strcmp(node->path, path) != 0) {
    free(node->path);
    node->path = strdup(path);
  }
  if (writable) announce(node);
  return node;
}

void model_save(struct node *node, int fd, off_t offset, off_t end) {
  if (end > node->durable_size) end = node->durable_size;
  if (offset >= end) return;
  start_writing();
  char path[64];
  // The caller's descriptor may be for writing only.
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int reading = real()->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (reading < 0) model_unsupported("cannot read what is overwritten", node->path);
  char *bytes = malloc((size_t)(end - offset));
  // What lies beyond the end of a file that was cut off was saved when it was cut off.
  ssize_t length = pread(reading, bytes, (size_t)(end - offset), offset);
  real()->close(reading);
  if (length < 0) model_unsupported("cannot read what is overwritten", node->path);
  if (real()->write(model.undo_fd, bytes, (size_t)length) != length) {
    model_unsupported("cannot keep what is overwritten", node->path);
  }
  free(bytes);
  announce(node);
  journal("undo %lu %lu %ld %ld %ld\n", (unsigned long)node->inode, node->generation, (long)offset,
          (long)length, (long)model.undo_bytes);
  model.undo_bytes += length;
}

struct sync_point model_sync_start(struct node *node, int fd) {
  struct stat stat;
  struct sync_point point = {.generation = node->generation, .changes = model.changes};
  node->generation += 1;
  point.size = fstat(fd, &stat) == 0 ? stat.st_size : node->durable_size;
  return point;
}

void model_sync_done(struct node *node, struct sync_point point) {
  if (node->is_directory) {
    char encoded[3 * PATH_MAX];
    encode(node->path, encoded);
    journal("syncdir %lu %s\n", point.changes, encoded);
    drop_saved(node->path, point.changes);
    return;
  }
  // Of two syncs at once the older may end later; it covers less.
  if (point.generation < node->durable_generation) return;
  node->durable_generation = point.generation;
  node->durable_size = point.size;
  if (!node->is_announced) return;
  journal("sync %lu %lu %ld\n", (unsigned long)node->inode, point.generation, (long)point.size);
}

bool model_is_ignored(const struct node *node) {
  char path[PATH_MAX + 1];
  snprintf(path, sizeof path, "%s%s", node->path, node->is_directory ? "/" : "");
  for (size_t index = 0; index < model.ignored_count; index += 1) {
    if (fnmatch(model.ignored[index], path, 0) == 0) return true;
  }
  return false;
}
