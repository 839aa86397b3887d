/* A disk that fails on request: preloaded before the program, it stands in front of the C library's writing and syncing
 * calls and lets those on files below GUICHET_TEST_FAULT_DIR fail as the control file GUICHET_TEST_FAULT_FILE says
 * (struct control, mapped and shared with the test). Everything else passes through. Any thread. A test's tool, never
 * part of the program. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum mode {
  MODE_NONE,
  MODE_FULL,      /* room bytes may still be written, then ENOSPC */
  MODE_EIO_FSYNC, /* the next `count` syncs fail with EIO */
  MODE_STALL,     /* writing and syncing wait until the mode changes */
  MODE_EIO_WRITE, /* the next `count` writes fail with EIO */
  MODE_STALL_SYNC /* syncing alone waits until the mode changes */
};

struct control {
  _Atomic int32_t mode;
  _Atomic int32_t count;
  _Atomic int64_t room;
  _Atomic int64_t syncs; /* told to the test */
  _Atomic int64_t faults;
  _Atomic int64_t waiting; /* calls that wait just now */
};

static struct control *control;
static const char *folder;
static size_t folder_len;

static void *next_of(const char *name) {
  void *fn = dlsym(RTLD_NEXT, name);
  if (!fn) abort();
  return fn;
}

__attribute__((constructor)) static void begin(void) {
  const char *file = getenv("GUICHET_TEST_FAULT_FILE");
  folder = getenv("GUICHET_TEST_FAULT_DIR");
  if (!file || !folder) return;
  folder_len = strlen(folder);
  int fd = open(file, O_RDWR | O_CLOEXEC);
  if (fd < 0) abort();
  void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) abort();
  close(fd);
  control = at;
}

static bool ours(int fd) {
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  return n > (ssize_t)folder_len && !memcmp(path, folder, folder_len) && path[folder_len] == '/';
}

static enum mode wait_while(enum mode stall) {
  atomic_fetch_add(&control->waiting, 1);
  while (atomic_load(&control->mode) == (int32_t)stall) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  atomic_fetch_sub(&control->waiting, 1);
  return (enum mode)atomic_load(&control->mode);
}

static enum mode mode_for(int fd) {
  if (!control) return MODE_NONE;
  int32_t mode = atomic_load(&control->mode);
  if (mode == MODE_NONE || !ours(fd)) return MODE_NONE;
  return mode == MODE_STALL ? wait_while(MODE_STALL) : (enum mode)mode;
}

static bool take_one(_Atomic int32_t *count) {
  int32_t now = atomic_load(count);
  while (now > 0) {
    if (atomic_compare_exchange_weak(count, &now, now - 1)) return true;
  }
  return false;
}

static ssize_t fail(int code) {
  atomic_fetch_add(&control->faults, 1);
  errno = code;
  return -1;
}

/* How many of len bytes may be written; -1 with errno when none. */
static ssize_t allowed(int fd, size_t len) {
  switch (mode_for(fd)) {
  case MODE_FULL: {
    int64_t room = atomic_fetch_sub(&control->room, (int64_t)len);
    if (room >= (int64_t)len) return (ssize_t)len;
    return room > 0 ? (ssize_t)room : fail(ENOSPC);
  }
  case MODE_EIO_WRITE: return take_one(&control->count) ? fail(EIO) : (ssize_t)len;
  case MODE_NONE:
  case MODE_EIO_FSYNC:
  case MODE_STALL:
  case MODE_STALL_SYNC: break;
  }
  return (ssize_t)len;
}

static int sync_allowed(int fd) {
  if (control && ours(fd)) atomic_fetch_add(&control->syncs, 1);
  enum mode mode = mode_for(fd);
  if (mode == MODE_STALL_SYNC) mode = wait_while(MODE_STALL_SYNC);
  if (mode == MODE_EIO_FSYNC && take_one(&control->count)) return (int)fail(EIO);
  return 0;
}

#define NEXT(type, name, ...)                                                                                          \
  static type (*next)(__VA_ARGS__);                                                                                    \
  if (!next) next = (type(*)(__VA_ARGS__))next_of(name)

ssize_t write(int fd, const void *buf, size_t len) {
  NEXT(ssize_t, "write", int, const void *, size_t);
  ssize_t n = allowed(fd, len);
  return n < 0 ? n : next(fd, buf, (size_t)n);
}

ssize_t pwrite(int fd, const void *buf, size_t len, off_t at) {
  NEXT(ssize_t, "pwrite", int, const void *, size_t, off_t);
  ssize_t n = allowed(fd, len);
  return n < 0 ? n : next(fd, buf, (size_t)n, at);
}

ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t at) {
  NEXT(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  ssize_t n = allowed(fd, len);
  return n < 0 ? n : next(fd, buf, (size_t)n, at);
}

int fsync(int fd) {
  NEXT(int, "fsync", int);
  return sync_allowed(fd) ? -1 : next(fd);
}

int fdatasync(int fd) {
  NEXT(int, "fdatasync", int);
  return sync_allowed(fd) ? -1 : next(fd);
}

int fallocate64(int fd, int how, off64_t at, off64_t len) {
  NEXT(int, "fallocate64", int, int, off64_t, off64_t);
  return allowed(fd, (size_t)len) < (ssize_t)len ? (int)fail(ENOSPC) : next(fd, how, at, len);
}

int posix_fallocate64(int fd, off64_t at, off64_t len) {
  NEXT(int, "posix_fallocate64", int, off64_t, off64_t);
  return allowed(fd, (size_t)len) < (ssize_t)len ? ENOSPC : next(fd, at, len);
}
