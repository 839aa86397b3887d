/* The schema of a store in PostgreSQL. Runs when a store is opened or made, on the caller's thread. Owns nothing.
 * Every step is one transaction that first takes the schema's lock, and looks again under it what is there: nodes may
 * start together, and one that dies leaves what it was doing undone. */
#include "store/remote.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/engine.h"
#include "store/postgres.h"
#include "store/schema.h"

#include <stdio.h>
#include <string.h>

static bool lock_schema(struct db *db) {
  (void)db_int(db, Q_SCHEMA_LOCK, 0);
  return !db_failed(db);
}

static bool there_is_a_store(struct db *db) {
  return db_int(db, Q_SCHEMA_THERE, 0) != 0;
}

/* The next migration that is missing. *ret_done: none is. */
static bool step(struct db *db, bool *ret_done, char err[static 256]) {
  const struct migration *next = NULL;
  db_failed_clear(db);
  bool ok = db_begin(db) && lock_schema(db);
  int version = ok ? schema_version(db) : -1;
  for (int i = migration_count; i-- > 0;)
    if (migrations[i].number > version) next = &migrations[i];
  if (ok && next) {
    log_at(LOG_INFO, "store.migrate", log_i("from", version), log_i("to", next->number));
    ok = schema_apply(db, next, err);
  }
  ok = db_commit(db) == TROUBLE_NONE && ok;
  if (ok)
    *ret_done = !next;
  else if (db_failed(db))
    snprintf(err, 256, "the schema cannot be brought forward: %.190s", db_error(db));
  return ok;
}

bool remote_migrate(struct db *db, char err[static 256]) {
  if (!there_is_a_store(db)) {
    snprintf(err, 256, "%.200s",
             db_failed(db) ? db_error(db) : "the database holds no store yet: make one with `guichet init --store …`");
    return false;
  }
  int version = schema_version(db);
  if (version > schema_known()) {
    snprintf(err, 256, "the store is of a newer version (schema %d, this program knows %d): use the newer program",
             version, schema_known());
    return false;
  }
  bool done = version == schema_known();
  while (!done)
    if (!step(db, &done, err)) return false;
  return true;
}

static bool make(struct db *db, const struct master_key *key, const char *instance_name, bool *ret_exists,
                 char err[static 256]) {
  if (!lock_schema(db)) return false;
  *ret_exists = there_is_a_store(db);
  if (*ret_exists) {
    snprintf(err, 256, "there is already a store in this database");
    return false;
  }
  for (int i = 0; i < migration_count; i++)
    if (!schema_apply(db, &migrations[i], err)) return false;
  return schema_fill(db, key, instance_name, err);
}

bool remote_make(const char *url, const struct master_key *key, const char *instance_name, bool *ret_exists,
                 char err[static 256]) {
  struct db *db = postgres_open(NULL, url, POSTGRES_WRITER, err);
  if (!db) return false;
  err[0] = 0;
  bool ok = db_begin(db) && make(db, key, instance_name, ret_exists, err);
  if (!ok) db_rollback(db);
  ok = ok && db_commit(db) == TROUBLE_NONE;
  if (!ok && !err[0]) snprintf(err, 256, "the store cannot be made: %.200s", db_error(db));
  mem_free(db);
  return ok;
}

/* postgresql://user:password@host/…: what stands between the first colon after the scheme and the last @ before the
 * path goes; so does a parameter. */
char *remote_shown(void *ctx, const char *url) {
  const char *host = strstr(url, "://");
  if (!host) return mem_strdup(ctx, "PostgreSQL");
  host += 3;
  size_t authority = strcspn(host, "/?");
  const char *at = memrchr(host, '@', authority);
  const char *shown = at ? at + 1 : host;
  return mem_printf(ctx, "%.*s%.*s", (int)(host - url), url, (int)strcspn(shown, "?"), shown);
}
