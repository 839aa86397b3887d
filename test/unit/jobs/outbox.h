/* A store in a folder of its own with channels and deliveries, for tests of the jobs. */
#pragma once

#include "conf/conf.h"
#include "jobs/deliver.h"
#include "store/delivery.h"
#include "store/setup.h"

struct outbox {
  char dir[64];
  struct store *store;
  int64_t instance_id;
  struct conf conf;
  struct deliver *deliver; /* NULL until outbox_start */
};

struct outbox *outbox_new(void);
void outbox_free(struct outbox *o);
void outbox_start(struct outbox *o);
void outbox_stop(struct outbox *o, int64_t deadline_ms);
void outbox_allow(struct outbox *o, const char *networks); /* before the start */
int64_t outbox_channel(struct outbox *o, const char *name, const char *url, char ret_secret[static CLIENT_SECRET_LEN]);
/* One pending delivery; returns its id. */
int64_t outbox_add(struct outbox *o, int64_t channel_id, int64_t customer_id, const char *payload, int64_t keep_ms);
struct delivery outbox_get(struct outbox *o, int64_t id); /* error and payload are not kept */
int64_t outbox_count(struct outbox *o, enum delivery_state state);
/* Waits until cond(arg); fails the test after 30 s. */
void outbox_wait(bool (*cond)(void *arg), void *arg, const char *what);
void outbox_wait_count(struct outbox *o, enum delivery_state state, int64_t count);
