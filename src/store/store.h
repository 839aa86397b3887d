/* The store: one writer that turns many jobs into one commit, readers, migrations, the process-wide lock on the data
 * folder. A job's `done` runs after the commit that made it durable, never before. */
#pragma once

#include "base/secret.h"
#include "store/db.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

enum store_mode {
  STORE_SERVE, /* the one server: takes the folder's lock, starts the writer and the checkpointer */
  STORE_TOOL   /* a command beside it: no lock, no threads; store_run_now commits on the caller's thread */
};

struct store_options {
  const char *dir;
  const char *url; /* of a PostgreSQL; NULL: what the folder says */
  enum store_mode mode;
  int64_t queue_max;
  int64_t wal_max_bytes; /* 0: 1 GiB */
  uint32_t sweep_at;     /* so many rows that the late indexes still need begin a sweep; 0: see store/late.c */
  int64_t writers;       /* connections that write to a PostgreSQL at once; 0: 2 */
};

/* Opens DIR (made by store_create), migrates forward if needed (taking a copy of the file first). NULL and one sentence
 * in err. */
struct store *store_open(void *ctx, const struct store_options *options, char err[static 256]) MUST_CHECK;
/* Makes DIR (0700) with an empty store, master.key (0600) and the first instance. False with a sentence when there
 * already is one. */
bool store_create(const char *dir, const char *instance_name, char err[static 256]) MUST_CHECK;
/* The same in an empty PostgreSQL database: DIR gets the key and the address, which it may also have from before. */
bool store_create_remote(const char *dir, const char *url, const char *instance_name, char err[static 256]) MUST_CHECK;
/* Does the folder say where its store is? */
bool store_is_there(const char *dir);
/* The address in DIR/store, child of ctx; NULL: the store is in the folder itself. */
char *store_url(void *ctx, const char *dir);
/* The number of its schema, bringing nothing forward; -1: none. url as in store_options. False: it cannot be read. */
bool store_schema(const char *dir, const char *url, int *ret_version, char err[static 256]) MUST_CHECK;
void store_close(struct store *s); /* writes what was submitted, then stops; checkpoints */
const char *store_dir(const struct store *s);
const struct master_key *store_key(const struct store *s);

/* ---- writing ---- */
enum job_result {
  JOB_COMMIT, /* keep what run() did */
  JOB_REJECT  /* undo what run() did, for this job alone; not a failure of the store */
};
enum store_result {
  STORE_OK,     /* durable */
  STORE_REJECT, /* run() said JOB_REJECT */
  STORE_FULL,   /* no room on disk: nothing of the job is stored; try later */
  STORE_DOWN    /* the store failed or is stopping: nothing may be assumed; answer 503 */
};
struct store_job {
  /* On the writer thread, inside the transaction; may be run again from the start when a commit is retried. Never
   * blocks on anything else. */
  enum job_result (*run)(struct db *tx, void *arg);
  /* On the writer thread, after the commit. Must be quick (set a reply, resume, wake). May free the job. */
  void (*done)(void *arg, enum store_result result);
  void *arg;
  uint64_t key;           /* jobs of one key run in the order in which they were submitted; 0 is a key too */
  size_t weight;          /* bytes it will write, roughly; bounds a shared commit. 0 is fine for small ones */
  struct store_job *next; /* the store's */
  int number;             /* the store's */
};
/* False when the queue is full or the store is stopping: done is not called. */
bool store_submit(struct store *s, struct store_job *job) MUST_CHECK;
/* Runs one job and waits for it: for commands and tests, never on an HTTP thread. */
enum store_result store_run_now(struct store *s, enum job_result (*run)(struct db *tx, void *arg), void *arg);

/* ---- reading: a snapshot; give it back soon ---- */
struct db *store_read_begin(struct store *s);
void store_read_end(struct store *s, struct db *db);

/* ---- the setup's epoch: rises whenever channels, tokens, services or agents change, in this process or another ----
 */
uint64_t store_epoch(const struct store *s);
void store_epoch_raise(struct store *s); /* call after the commit of such a change */

/* ---- several nodes on one PostgreSQL ---- */
bool store_is_shared(const struct store *s);
/* Does this node deliver for the channel, and fetch its files? One node at a time does; without others always. When
 * that changes the setup's epoch rises. */
bool store_holds(struct store *s, int64_t channel_id);

/* ---- who listens to commits ---- */
/* Inside run(): tell that there is something to deliver or fetch (new events are told anyway). After the commit the
 * hooks run on the writer thread. */
void store_note_delivery(struct db *tx);
struct store_hooks {
  void (*events)(void *arg, int64_t instance_id, int64_t last_number); /* also of other nodes' commits, and again */
  void (*delivery)(void *arg);
  void (*down)(void *arg); /* the store failed for good; once, from the thread that saw it */
  void *arg;
};
void store_set_hooks(struct store *s, const struct store_hooks *hooks); /* before serving */

struct store_stats {
  uint64_t commits, jobs, rejected, full;
  uint64_t commit_us_total, commit_us_max; /* max since the last call */
  uint64_t jobs_in_commit_max;
  int64_t queue_len;
  int64_t wal_bytes, db_bytes;
  bool down;        /* failed for good: the process should end */
  bool unreachable; /* the PostgreSQL is away: it is tried again until it answers */
  bool full_now;    /* the last commit found no room, less than half a minute ago: who asks our health may try again */
  char why[160];
};
void store_stats(struct store *s, struct store_stats *ret);
/* A consistent copy of the whole store into `file` while others write. progress(done, total) in pages, may be NULL. */
bool store_backup(struct store *s, const char *file, void (*progress)(void *arg, int64_t done, int64_t total),
                  void *arg, char err[static 256]) MUST_CHECK;
/* Is the file sound? (quick check of the pages; reads the whole file) */
bool store_check(struct store *s, char err[static 256]) MUST_CHECK;
/* Prepares every named statement: for the tests of statements. */
bool store_prepare_all(struct store *s, char err[static 256]) MUST_CHECK;
