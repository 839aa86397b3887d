/* A copy of the whole store while others write, and the way back. The master key opens the secrets in the store, so it
 * is not in the copy: it is kept apart, or written beside it on demand. A restore happens in the new folder under
 * another name until the copy has been checked; a folder that holds anything is refused. Never overwrites: neither a
 * file nor a store. */
#include "cli/run.h"

#include "base/mem.h"
#include "base/secret.h"
#include "cli/output.h"
#include "cli/term.h"
#include "store/sqlite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const char *bytes, size_t len) {
  while (len) {
    ssize_t n = write(fd, bytes, len);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes += n;
    len -= (size_t)n;
  }
  return true;
}

/* To a file that must not exist yet, durable, readable for its owner. False leaves errno and no file. */
static bool copy_file(const char *from, const char *to, bool bar) {
  int in = open(from, O_RDONLY | O_CLOEXEC);
  if (in < 0) return false;
  int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  struct stat st = {0};
  bool ok = out >= 0 && !fstat(in, &st);
  char block[65536];
  int64_t done = 0;
  for (ssize_t n = 0; ok && (n = read(in, block, sizeof block)) != 0;) {
    ok = n > 0 && write_all(out, block, (size_t)n);
    done += n;
    if (bar && done % (4 << 20) == 0) term_progress("restoring", done, st.st_size);
  }
  if (bar && ok) term_progress("restoring", 1, 1);
  ok = ok && !fsync(out);
  int why = errno;
  close(in);
  if (out >= 0 && close(out)) ok = false;
  if (out >= 0 && !ok) unlink(to);
  errno = why;
  return ok;
}

static bool sync_folder_of(void *ctx, const char *file) {
  const char *slash = strrchr(file, '/');
  const char *dir = !slash ? "." : slash == file ? "/" : mem_strndup(ctx, file, (size_t)(slash - file));
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool ok = fd >= 0 && !fsync(fd);
  if (fd >= 0) close(fd);
  return ok;
}

/* ---- backup ---- */

static void progress(void *arg, int64_t done, int64_t total) {
  (void)arg;
  term_progress("copying", done, total);
}

static int print_backup(const struct cli_args *args, const char *file, const char *key) {
  struct stat st = {0};
  if (stat(file, &st)) return cli_fail(CLI_FAILED, "%s is not there although it was written", file);
  if (cli_json(args)) {
    struct output o;
    output_begin(&o, cli_ctx(args));
    jw_object(&o.w);
    jw_kstr(&o.w, "file", file);
    jw_kint(&o.w, "bytes", st.st_size);
    jw_kstr(&o.w, "key", key);
    jw_object_end(&o.w);
    return output_end(&o);
  }
  printf("%s: %s\n", file, term_size(cli_ctx(args), st.st_size));
  if (key) {
    printf("%s: the master key; whoever has both files can read every secret\n", key);
  } else {
    printf("The master key is not in it: keep a copy of master.key apart, or the secrets in the backup are lost.\n");
  }
  return CLI_OK;
}

static int backup(const struct cli_args *args, const struct cli_store *s) {
  void *ctx = cli_ctx(args);
  const char *file = cli_word(args, 0);
  const char *key = cli_has(args, "with-key") ? mem_printf(ctx, "%s.key", file) : NULL;
  if (!access(file, F_OK) || (key && !access(key, F_OK))) {
    return cli_fail(CLI_REFUSED, "%s is already there: name a new file", access(file, F_OK) ? key : file);
  }
  char err[256];
  const char *part = mem_printf(ctx, "%s.part", file);
  unlink(part);
  if (!store_backup(s->store, part, progress, NULL, err)) {
    unlink(part);
    return cli_fail(CLI_FAILED, "%s", err);
  }
  int fd = open(part, O_RDONLY | O_CLOEXEC);
  bool ok = fd >= 0 && !fchmod(fd, 0600) && !fsync(fd) && !rename(part, file) && sync_folder_of(ctx, file);
  if (fd >= 0) close(fd);
  if (!ok) return cli_fail(CLI_FAILED, "cannot write %s: %s", file, strerror(errno));
  if (key && !copy_file(mem_printf(ctx, "%s/master.key", store_dir(s->store)), key, false)) {
    return cli_fail(CLI_FAILED, "cannot write %s: %s", key, strerror(errno));
  }
  return print_backup(args, file, key);
}

int cli_backup(const struct cli_args *args) {
  struct cli_store s;
  int code = cli_store_begin(args, &s);
  if (code != CLI_OK) return code;
  code = backup(args, &s);
  cli_store_end(&s);
  return code;
}

/* ---- restore ---- */

static int check_empty(const char *dir) {
  DIR *d = opendir(dir);
  if (!d) {
    if (errno != ENOENT) return cli_fail(CLI_FAILED, "--data: cannot read %s: %s", dir, strerror(errno));
    if (mkdir(dir, 0700)) return cli_fail(CLI_FAILED, "--data: cannot make %s: %s", dir, strerror(errno));
    return CLI_OK;
  }
  bool empty = true;
  for (struct dirent *e; (e = readdir(d));) empty = empty && (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."));
  closedir(d);
  if (empty) return CLI_OK;
  return cli_fail(CLI_REFUSED, "--data: %s is not empty: name a new folder, or move the old one away", dir);
}

static bool is_whole(const char *file, char err[static 256]) {
  struct db *db = sqlite_open(NULL, file, SQLITE_READER, err);
  if (!db) return false;
  bool ok = sqlite_check(db, err);
  if (ok) {
    struct db_rows rows;
    db_open(db, &rows, Q_META_GET, v_text("schema_version"));
    ok = db_next(&rows);
    db_close(&rows);
    if (!ok) snprintf(err, 256, "it is no store of Guichet");
  }
  mem_free(db);
  return ok;
}

/* The file that the key comes from; NULL after saying that there is none. */
static const char *key_for(const struct cli_args *args, const char *file) {
  const char *given = cli_text(args, "key", NULL);
  const char *key = given ? given : mem_printf(cli_ctx(args), "%s.key", file);
  struct stat st;
  if (!stat(key, &st) && st.st_size == MASTER_KEY_LEN) return key;
  if (given) {
    cli_fail(CLI_USAGE, "--key: %s is no master key: %d bytes are expected", given, MASTER_KEY_LEN);
  } else {
    cli_fail(CLI_USAGE, "--key FILE is missing: the copy of master.key that belongs to this backup");
  }
  return NULL;
}

/* What a failed restore has put into the folder, which was empty before. */
static void undo(void *ctx, const char *dir) {
  static const char *const names[] = {"restore.part",   "restore.part-wal", "restore.part-shm", "guichet.db",
                                      "guichet.db-wal", "guichet.db-shm",   "master.key",       "epoch"};
  for (size_t i = 0; i < ARRAY_LEN(names); i++) unlink(mem_printf(ctx, "%s/%s", dir, names[i]));
}

/* Looking at the copy has left an empty log beside it, which must not stay behind under the old name. */
static bool put_in_place(void *ctx, const char *part, const char *file) {
  unlink(mem_printf(ctx, "%s-wal", part));
  unlink(mem_printf(ctx, "%s-shm", part));
  return !rename(part, file) && sync_folder_of(ctx, file);
}

/* Opening it as a server would proves that the key fits. */
static int prove(const char *dir) {
  char err[256];
  struct store *store = store_open(NULL, &(struct store_options){.dir = dir, .mode = STORE_TOOL}, err);
  if (!store) return cli_fail(CLI_REFUSED, "--key: with this master key the backup cannot be opened: %s", err);
  const struct registry *r = registry_get(store);
  int code = r ? CLI_OK : cli_fail(CLI_REFUSED, "the setup in the backup cannot be read");
  if (r) registry_put(r);
  store_close(store);
  return code;
}

static int restore(const struct cli_args *args, const char *file, const char *key, const char *dir) {
  void *ctx = cli_ctx(args);
  const char *part = mem_printf(ctx, "%s/restore.part", dir);
  char err[256];
  if (!copy_file(file, part, true)) {
    return cli_fail(CLI_FAILED, "cannot copy %s to %s: %s", file, dir, strerror(errno));
  }
  if (!is_whole(part, err)) return cli_fail(CLI_REFUSED, "%s cannot be restored: %s", file, err);
  if (!copy_file(key, mem_printf(ctx, "%s/master.key", dir), false) ||
      !put_in_place(ctx, part, mem_printf(ctx, "%s/guichet.db", dir))) {
    return cli_fail(CLI_FAILED, "cannot write to %s: %s", dir, strerror(errno));
  }
  return prove(dir);
}

int cli_restore(const struct cli_args *args) {
  void *ctx = cli_ctx(args);
  const char *file = cli_word(args, 0);
  const char *dir = cli_data(args);
  if (!dir) return CLI_USAGE;
  if (access(file, R_OK))
    return cli_fail(errno == ENOENT ? CLI_NOT_FOUND : CLI_FAILED, "cannot read %s: %s", file, strerror(errno));
  const char *key = key_for(args, file);
  if (!key) return CLI_USAGE;
  int code = check_empty(dir);
  if (code != CLI_OK) return code;
  code = restore(args, file, key, dir);
  if (code != CLI_OK) {
    undo(ctx, dir);
    return code;
  }
  if (!cli_json(args)) {
    printf("restored into %s; next: guichet serve --data %s\n", dir, dir);
    return CLI_OK;
  }
  struct output o;
  output_begin(&o, ctx);
  jw_object(&o.w);
  jw_kstr(&o.w, "data", dir);
  jw_object_end(&o.w);
  return output_end(&o);
}
