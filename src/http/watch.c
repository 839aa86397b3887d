/* Deadlines of connections, and sockets that linger. Owns the list of open connections (in shards, each under its lock)
 * and one thread. Never closes a socket of the library: it shuts it down, under the lock that its removal takes too, so
 * that the number cannot have become somebody else's. Deadlines are set without a lock by whoever serves the
 * connection. */
#include "http/watch.h"

#include "base/clock.h"
#include "base/fail.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SHARDS            16
#define RECEIVE_RATE      (16 * 1024) /* bytes a second a client must manage */
#define SEND_RATE         (4 * 1024)
#define STREAM_TIMEOUT_US (30 * INT64_C(1000000))
#define LINGER_MAX        64
#define LINGER_US         (5 * INT64_C(1000000))
#define LINGER_BYTES_MAX  (64 << 20)
#define PERIOD_MAX_MS     1000
#define PERIOD_MIN_MS     50

struct shard {
  pthread_mutex_t lock;
  struct connection *head;
};

struct lingering {
  int fd;
  int64_t until_us;
  size_t bytes;
};

struct watch {
  struct shard shards[SHARDS];
  _Atomic int count;
  _Atomic uint64_t *cut_count;
  int64_t idle_us;
  int64_t request_us;
  int period_ms;
  int wake_fd;
  pthread_t thread;
  pthread_mutex_t linger_lock;
  struct lingering arrived[LINGER_MAX]; /* handed over, not yet seen by the thread */
  int arrived_count;
  bool stop;
};

static void set_deadline(struct connection *c, int64_t at_us) {
  atomic_store_explicit(&c->deadline_us, at_us, memory_order_relaxed);
}

/* A client that has connected and said nothing is idle, not slow. */
static bool is_silent(int fd) {
  struct tcp_info info;
  memset(&info, 0, sizeof info);
  socklen_t len = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len)) return false;
  return len >= offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received &&
         !info.tcpi_bytes_received;
}

static void sweep_shard(struct watch *w, struct shard *s, int64_t now) {
  pthread_mutex_lock(&s->lock);
  for (struct connection *c = s->head; c; c = c->next) {
    int64_t at = atomic_load_explicit(&c->deadline_us, memory_order_relaxed);
    if (!at || now < at) continue;
    if (atomic_load_explicit(&c->first, memory_order_relaxed) && now < c->accepted_us + w->idle_us &&
        is_silent(c->fd)) {
      continue;
    }
    atomic_store_explicit(&c->cut, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(w->cut_count, 1, memory_order_relaxed); /* before the client can see it */
    shutdown(c->fd, SHUT_RDWR);
    set_deadline(c, 0);
  }
  pthread_mutex_unlock(&s->lock);
}

/* Reads and forgets. True when the client has finished, or has sent too much. */
static bool drain(struct lingering *l) {
  char waste[16384];
  for (;;) {
    ssize_t got = recv(l->fd, waste, sizeof waste, MSG_DONTWAIT);
    if (got < 0) return errno != EAGAIN && errno != EINTR;
    if (!got) return true;
    l->bytes += (size_t)got;
    if (l->bytes > LINGER_BYTES_MAX) return true;
  }
}

/* What the thread alone knows. */
struct linger_set {
  struct lingering list[LINGER_MAX];
  int count;
};

static void take_arrived(struct watch *w, struct linger_set *set) {
  pthread_mutex_lock(&w->linger_lock);
  for (int i = 0; i < w->arrived_count; i++) {
    if (set->count < LINGER_MAX) {
      set->list[set->count++] = w->arrived[i];
    } else {
      close(w->arrived[i].fd);
    }
  }
  w->arrived_count = 0;
  pthread_mutex_unlock(&w->linger_lock);
}

static void linger_step(struct linger_set *set, int64_t now) {
  for (int i = 0; i < set->count;) {
    struct lingering *l = &set->list[i];
    if (drain(l) || now >= l->until_us) {
      close(l->fd);
      *l = set->list[--set->count];
    } else {
      i++;
    }
  }
}

static void wait_for_work(struct watch *w, const struct linger_set *set) {
  struct pollfd fds[LINGER_MAX + 1] = {{.fd = w->wake_fd, .events = POLLIN}};
  for (int i = 0; i < set->count; i++) fds[i + 1] = (struct pollfd){.fd = set->list[i].fd, .events = POLLIN};
  if (poll(fds, (nfds_t)set->count + 1, w->period_ms) < 0 && errno != EINTR) panic("watch: poll: %s", strerror(errno));
  uint64_t n;
  if (fds[0].revents && read(w->wake_fd, &n, sizeof n) < 0 && errno != EAGAIN) panic("watch: %s", strerror(errno));
}

static bool must_stop(struct watch *w) {
  pthread_mutex_lock(&w->linger_lock);
  bool stop = w->stop;
  pthread_mutex_unlock(&w->linger_lock);
  return stop;
}

/* The thread's own pace is real time, also when a test holds the clock. */
static int64_t real_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static void *run(void *arg) {
  struct watch *w = arg;
  struct linger_set set = {.count = 0};
  int64_t next_sweep = 0;
  while (!must_stop(w)) {
    wait_for_work(w, &set);
    take_arrived(w, &set);
    int64_t now = clock_mono_us();
    linger_step(&set, now);
    if (real_ms() < next_sweep) continue;
    next_sweep = real_ms() + w->period_ms;
    for (int i = 0; i < SHARDS; i++) sweep_shard(w, &w->shards[i], now);
  }
  take_arrived(w, &set);
  for (int i = 0; i < set.count; i++) close(set.list[i].fd);
  return NULL;
}

static void wake(struct watch *w) {
  const uint64_t one = 1;
  if (write(w->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN) panic("watch: %s", strerror(errno));
}

struct watch *watch_start(void *ctx, int64_t idle_timeout_ms, int64_t request_timeout_ms, _Atomic uint64_t *cut_count) {
  struct watch *w = mem_new(ctx, struct watch);
  for (int i = 0; i < SHARDS; i++) pthread_mutex_init(&w->shards[i].lock, NULL);
  pthread_mutex_init(&w->linger_lock, NULL);
  w->cut_count = cut_count;
  w->idle_us = idle_timeout_ms * 1000;
  w->request_us = request_timeout_ms * 1000;
  int64_t period = request_timeout_ms / 4;
  w->period_ms = (int)(period > PERIOD_MAX_MS ? PERIOD_MAX_MS : period < PERIOD_MIN_MS ? PERIOD_MIN_MS : period);
  w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (w->wake_fd < 0) panic("eventfd: %s", strerror(errno));
  int rc = pthread_create(&w->thread, NULL, run, w);
  if (rc) panic("cannot start a thread: %s", strerror(rc));
  return w;
}

void watch_stop(struct watch *w) {
  pthread_mutex_lock(&w->linger_lock);
  w->stop = true;
  pthread_mutex_unlock(&w->linger_lock);
  wake(w);
  pthread_join(w->thread, NULL);
  close(w->wake_fd);
  for (int i = 0; i < SHARDS; i++) pthread_mutex_destroy(&w->shards[i].lock);
  pthread_mutex_destroy(&w->linger_lock);
}

struct connection *watch_add(struct watch *w, int fd) {
  struct connection *c =
      calloc(1, sizeof *c); /* one a connection, on the thread that serves it: no shared talloc parent */
  if (!c) panic("out of memory: connection");
  c->fd = fd;
  c->accepted_us = clock_mono_us();
  c->first = 1;
  set_deadline(c, c->accepted_us + w->request_us);
  struct shard *s = &w->shards[(unsigned)fd % SHARDS];
  pthread_mutex_lock(&s->lock);
  c->next = s->head;
  if (s->head) s->head->prev = c;
  s->head = c;
  pthread_mutex_unlock(&s->lock);
  atomic_fetch_add_explicit(&w->count, 1, memory_order_relaxed);
  return c;
}

void watch_remove(struct watch *w, struct connection *c) {
  struct shard *s = &w->shards[(unsigned)c->fd % SHARDS];
  pthread_mutex_lock(&s->lock);
  if (c->prev) {
    c->prev->next = c->next;
  } else {
    s->head = c->next;
  }
  if (c->next) c->next->prev = c->prev;
  pthread_mutex_unlock(&s->lock);
  atomic_fetch_sub_explicit(&w->count, 1, memory_order_relaxed);
  free(c);
}

int watch_count(const struct watch *w) {
  return atomic_load_explicit(&w->count, memory_order_relaxed);
}

void watch_idle(const struct watch *w, struct connection *c, int64_t now_us) {
  set_deadline(c, now_us + w->idle_us + w->request_us);
}

/* How long so many bytes may take; nobody is given more than for a terabyte, which also keeps the sum from overflowing.
 */
static int64_t time_for(int64_t bytes, int64_t rate) {
  const int64_t most = INT64_C(1) << 40;
  return (bytes < most ? bytes : most) / rate * 1000000;
}

void watch_receiving(const struct watch *w, struct connection *c, int64_t begun_us, int64_t bytes) {
  atomic_store_explicit(&c->first, 0, memory_order_relaxed);
  set_deadline(c, begun_us + w->request_us + time_for(bytes, RECEIVE_RATE));
}

void watch_sending(const struct watch *w, struct connection *c, int64_t now_us, int64_t bytes) {
  atomic_store_explicit(&c->first, 0, memory_order_relaxed);
  set_deadline(c, now_us + w->request_us + time_for(bytes, SEND_RATE));
}

void watch_streaming(struct connection *c, int64_t now_us) {
  set_deadline(c, now_us + STREAM_TIMEOUT_US);
}

void watch_linger(struct watch *w, int fd) {
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return;
  pthread_mutex_lock(&w->linger_lock);
  bool taken = w->arrived_count < LINGER_MAX && !w->stop;
  if (taken) {
    w->arrived[w->arrived_count++] = (struct lingering){.fd = copy, .until_us = clock_mono_us() + LINGER_US};
  }
  pthread_mutex_unlock(&w->linger_lock);
  if (taken) {
    wake(w);
  } else {
    close(copy);
  }
}
