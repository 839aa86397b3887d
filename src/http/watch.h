/* Open connections and how long each may still take. The library only knows inactivity, which a client that sends a
 * byte now and then never reaches; here every connection has a moment at which it is cut off. One thread looks once in
 * a while. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct watch;

struct connection {
  _Atomic int64_t deadline_us; /* monotonic; 0: none */
  int64_t accepted_us;
  struct connection *next;
  struct connection *prev;
  int fd;
  _Atomic unsigned char first; /* nothing has been asked yet */
  _Atomic unsigned char cut;   /* its time was over */
};

/* cut_count is raised by each connection cut off. */
struct watch *watch_start(void *ctx, int64_t idle_timeout_ms, int64_t request_timeout_ms, _Atomic uint64_t *cut_count);
void watch_stop(struct watch *w);

struct connection *watch_add(struct watch *w, int fd);    /* with the deadline of a first request */
void watch_remove(struct watch *w, struct connection *c); /* before fd is closed */
int watch_count(const struct watch *w);

/* What the connection is doing from now on decides when it is cut off. */
void watch_idle(const struct watch *w, struct connection *c, int64_t now_us); /* waits for a next request */
void watch_receiving(const struct watch *w, struct connection *c, int64_t begun_us,
                     int64_t bytes); /* a body of that size */
void watch_sending(const struct watch *w, struct connection *c, int64_t now_us, int64_t bytes);
void watch_streaming(struct connection *c, int64_t now_us); /* bytes of a live stream are under way */
static inline bool watch_has_cut(const struct connection *c) {
  return atomic_load_explicit(&c->cut, memory_order_relaxed);
}
static inline void watch_never(struct connection *c) {
  atomic_store_explicit(&c->deadline_us, 0, memory_order_relaxed);
}

/* The client may still be sending what nobody will read: what arrives is thrown away for a while, so that it gets to
 * read the answer instead of a reset. Call before fd is closed; fd stays the caller's. */
void watch_linger(struct watch *w, int fd);
