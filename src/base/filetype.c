/* File types by libmagic, of which this is the only user. One handle for all threads behind a lock: a handle maps the
 * whole type database, and files are rare. Never executes, unpacks or follows anything it looks at. Without a database
 * every file is plain bytes, which is said once in the log. */
#include "base/filetype.h"

#include "base/fail.h"

#include <magic.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define LOOK_MAX 65536

static const char unknown[] = "application/octet-stream";

static struct {
  pthread_mutex_t lock;
  magic_t magic;
  bool tried;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

static magic_t handle(void) {
  if (shared.tried) return shared.magic;
  shared.tried = true;
  magic_t m = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF);
  if (m && magic_load(m, NULL) != 0) {
    bug("no file types: %s", magic_error(m));
    magic_close(m);
    m = NULL;
  }
  shared.magic = m;
  return m;
}

const char *filetype_of(const void *bytes, size_t size) {
  static _Thread_local char type[128];
  pthread_mutex_lock(&shared.lock);
  magic_t m = handle();
  const char *found = m && size ? magic_buffer(m, bytes, size < LOOK_MAX ? size : LOOK_MAX) : NULL;
  snprintf(type, sizeof type, "%s", found && strchr(found, '/') ? found : unknown);
  pthread_mutex_unlock(&shared.lock);
  return type;
}
