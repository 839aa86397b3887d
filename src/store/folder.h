/* The data folder: guichet.db (or `store`, the address of a PostgreSQL), master.key (0600), lock (one server at a
 * time), epoch (8 bytes mapped by every process that works with the folder, so that a change by one is seen by all at
 * once). Also creation and migration. */
#pragma once

#include "base/secret.h"
#include "store/db.h"

struct folder {
  const char *dir, *db_file, *key_file;
  const char *url; /* of a PostgreSQL; NULL: the store is db_file */
  struct master_key key;
  int lock_fd;
  uint64_t *epoch;
};

/* url goes before what the folder says; NULL: none. */
bool folder_open(void *ctx, struct folder *f, const char *dir, const char *url, bool lock,
                 char err[static 256]) MUST_CHECK;
void folder_close(struct folder *f); /* also half-opened */
bool folder_migrate(struct folder *f, struct db *db, char err[static 256]) MUST_CHECK;
uint64_t folder_epoch(const struct folder *f);
void folder_epoch_raise(const struct folder *f);
int64_t folder_db_bytes(const struct folder *f);
