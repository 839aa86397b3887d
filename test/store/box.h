/* A store in a folder of its own, with what tests of the store ask of it again and again. Brings cmocka with it. */
#pragma once

#include "store/attachment.h"
#include "store/conversation.h"
#include "store/delivery.h"
#include "store/event.h"
#include "store/setup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1763640300000)

struct box {
  char base[40], dir[48];
  char *url;           /* NULL: SQLite in dir */
  struct store *store; /* NULL while closed */
  void *ctx;           /* for what is read; freed with the box */
  int64_t instance_id;
  uint32_t sweep_at; /* when it is opened next; 0: as always */
  char err[256];
};

/* A new folder without a store; box_make makes one and opens it to serve. */
struct box *box_new(void);
void box_create(struct box *b); /* the store, on the engine under test */
struct box *box_make(void);
void box_free(struct box *b);
void box_open(struct box *b, enum store_mode mode); /* fails the test when it cannot */
struct store *box_try(struct box *b, enum store_mode mode, int64_t queue_max);
void box_close(struct box *b);
char *box_path(struct box *b, const char *name);

/* cmocka setup and teardown with a made box as state. box_setup_sqlite: the test is about SQLite and its files; on
 * another engine BOX_RUN leaves it out. */
int box_setup(void **state);
int box_setup_sqlite(void **state);
#define BOX_RUN(tests) box_run_tests((tests), sizeof(tests) / sizeof(tests)[0])
int box_run_tests(const struct CMUnitTest *tests, size_t count);
int box_teardown(void **state);

/* A connector; returns the snapshot's row. Give the snapshot back with box_registry_put or at box_free. */
const struct channel *box_channel(struct box *b, const char *name);
const struct registry *box_registry(struct box *b); /* the current one, put back by the box */

/* Runs fn(tx, arg) as one job; fails the test unless the result is as wanted. */
void box_run(struct box *b, enum job_result (*fn)(struct db *tx, void *arg), void *arg, enum store_result wanted);
/* Numbers of one statement, for counting rows: any SQL, read by a connection of its own. */
int64_t box_sql(struct box *b, const char *sql);
char *box_sql_text(struct box *b, const char *sql);
/* How the engine goes about a named statement: the lines of its plan, joined by "; ". */
char *box_plan(struct box *b, enum query query);
/* Any SQL that changes something, by a connection of its own, as another program would. */
void box_sql_do(struct box *b, const char *sql);

/* A message of customer `customer` to receive. */
struct message_in box_message(const char *customer, const char *id, const char *text);
enum conversation_result box_receive(struct box *b, const struct channel *channel, const struct message_in *m,
                                     int64_t now_ms);
/* The customer's newest interaction, children of b->ctx. */
struct interaction box_interaction(struct box *b, const struct channel *channel, const char *customer);

/* Waits until *value is at least wanted; fails the test after 60 s. */
void box_wait(atomic_int *value, int wanted);
