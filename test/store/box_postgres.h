/* The box's store in PostgreSQL: a database of its own in the cluster that test/lib/with-postgres has started. */
#pragma once

#include "box.h"

/* GUICHET_TEST_STORE=postgres: the same tests on the other engine. */
bool box_is_remote(void);
void box_remote_new(struct box *b);                   /* an empty database; b->url */
void box_remote_free(struct box *b);                  /* which is dropped with whoever is connected */
char *box_remote_sql(struct box *b, const char *sql); /* first column of the first row as text; NULL for none or NULL */
