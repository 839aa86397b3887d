/* A store in PostgreSQL, as a data folder names it: made, brought forward, opened. The folder still holds the master
 * key, and in the file `store` (0600) the address. */
#pragma once

#include "base/secret.h"
#include "store/db.h"

/* Brings the schema forward, however many nodes start at once: each migration under one lock. */
bool remote_migrate(struct db *db, char err[static 256]) MUST_CHECK;
/* Makes the schema in an empty database, with the first instance. *ret_exists: it was not empty. */
bool remote_make(const char *url, const struct master_key *key, const char *instance_name, bool *ret_exists,
                 char err[static 256]) MUST_CHECK;
/* url without its password, for people; child of ctx. */
char *remote_shown(void *ctx, const char *url);
