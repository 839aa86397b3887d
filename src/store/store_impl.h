/* The store's inside: what store.c, writer.c, readers.c and keeper.c have in common. For them only. */
#pragma once

#include "store/folder.h"
#include "store/news.h"
#include "store/nodes.h"
#include "store/store.h"
#include "store/tx.h"

#include <pthread.h>
#include <stdatomic.h>

#define READERS_MAX 16
#define WRITERS_MAX 16
#define PAGE_BYTES  4096

struct writer {
  struct store *store;
  struct db *db;
  struct tx_context tx;
  pthread_t thread;
  /* Under the store's lock: */
  pthread_cond_t work;
  struct store_job *first, **last;
};

struct store {
  struct folder folder;
  struct store_hooks hooks;
  struct writer writers[WRITERS_MAX];
  int writer_count;
  struct late *late; /* NULL where the engine's own indexes serve */
  int64_t wal_max_pages;
  bool has_threads;

  pthread_mutex_t lock; /* guards the queues, stats and flags below */
  int64_t queue_len, queue_max;
  bool stopping;
  struct store_stats stats;
  int64_t full_at_us;
  atomic_bool down;

  /* The thread beside the writers: on SQLite the checkpointer, on PostgreSQL the keeper (NULL of a tool). */
  pthread_t side_thread;
  pthread_cond_t side_due;
  atomic_bool side_stop;
  struct keeper *keeper;
  struct nodes nodes;
  struct news news;
  bool checkpoint_wanted;
  int log_pages;   /* after the last commit */
  int moved_pages; /* of these, what a checkpoint has been asked for */
  bool finish;     /* the log is long and all but moved: the writer may finish, and the log begins anew */
  bool moving;     /* the checkpointer is at it: nobody else can be */
  pthread_cond_t moved;
  atomic_bool unreachable;

  pthread_mutex_t read_lock;
  pthread_cond_t read_free;
  struct db *readers[READERS_MAX];
  bool reader_taken[READERS_MAX];
};

/* store.c */
bool store_is_remote(const struct store *s);
struct db *store_connect(struct store *s, void *ctx, bool writer, char err[static 256]) MUST_CHECK;
void store_go_down(struct store *s, const char *why);
/* writer.c: one job at a time through it when there is no thread. */
void *writer_main(void *arg);
enum store_result writer_run_one(struct writer *w, struct store_job *job);
/* checkpoint.c */
void checkpoint_want(struct store *s, struct db *writer);
void *checkpoint_main(void *arg);
/* keeper.c; keeper.h has the rest */
void keeper_lost(struct store *s, const char *why); /* a connection was lost; any thread */
bool keeper_renew(struct store *s, struct db *db);  /* a lost connection anew, unless the server is known to be away */
/* readers.c */
void readers_close(struct store *s);
