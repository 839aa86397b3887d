/* Live streams. Owns a thread that wakes streams after commits and writes heartbeats; streams are read on HTTP threads.
 * A suspended stream is in the list with `waits`; whoever clears that flag resumes it, exactly once.
 * When the store cannot be read a stream simply waits for the next commit or heartbeat. */
#include "api/live.h"

#include "api/kiamo_v3/render.h"
#include "base/clock.h"
#include "base/mem.h"
#include "store/event.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#define STREAMS_MAX 20000
#define STREAM_BLOCK                                                                                                   \
  128 /* the library writes streams from the memory of the connection and asks for as much as fits there */
#define HEARTBEAT_MS 15000
#define RIGHTS_MS    60000
#define PAGE_EVENTS  64
#define PAGE_MAX     (4 << 20)
#define PAGES_KEPT   8

/* Rendered events of one instance: those above `after` up to `upto`. Shared by reference. */
struct page {
  int references; /* under lock */
  int64_t instance_id, after, upto;
  size_t len;
  char text[];
};

struct stream_state {
  struct live *live;
  struct request *req;
  int64_t instance_id, position, last_sent_ms;
  struct page *page; /* being sent */
  size_t page_at;
  bool waits;
  struct live_right right;
  atomic_bool ended; /* the right to listen is gone */
  struct stream_state *next, *prev;
};

struct instance_news {
  int64_t instance_id, last;
};

struct live {
  struct store *store;
  pthread_mutex_t lock;
  pthread_cond_t news;
  pthread_t thread;
  bool stopping;
  struct stream_state *streams;
  atomic_int count;                /* written under the lock */
  struct instance_news *instances; /* as many as there are instances; under the lock */
  int instance_count, instance_room;
  bool has_news;
  struct page *pages[PAGES_KEPT];
  int next_page;
  void (*agent_told)(int64_t agent_id);
  uint64_t rights_epoch; /* of the setup when the rights were looked at last */
  int64_t rights_ms;
};

/* ---- pages; under the lock ---- */

static void page_put(struct page *p) {
  if (p && --p->references == 0) free(p);
}

static struct page *page_find(struct live *l, int64_t instance_id, int64_t after) {
  for (int i = 0; i < PAGES_KEPT; i++) {
    struct page *p = l->pages[i];
    if (!p || p->instance_id != instance_id || p->after != after) continue;
    p->references++;
    return p;
  }
  return NULL;
}

static void page_keep(struct live *l, struct page *p) {
  page_put(l->pages[l->next_page]);
  p->references++;
  l->pages[l->next_page] = p;
  l->next_page = (l->next_page + 1) % PAGES_KEPT;
}

/* ---- rendering; without the lock ---- */

/* One event as a block of text/event-stream. What partners wrote is kept as they wrote it, line ends between the tokens
 * included: here they would end the field. */
static void put_event(const struct v3_view *view, struct buf *text, const struct event *e) {
  buf_printf(text, "id: %lld\nevent: %s\ndata: ", (long long)e->number, event_kind_word(e->kind));
  size_t data = text->len;
  v3_render_event(view, text, e);
  for (char *c = text->data + data; c < text->data + text->len; c++)
    if (*c == '\n' || *c == '\r') *c = ' ';
  buf_puts(text, "\n\n");
}

/* As many events as fit; returns the number of the last. */
static int64_t put_events(const struct v3_view *view, struct buf *text, int64_t after) {
  struct event events[PAGE_EVENTS];
  int n = event_after(view->db, view->ctx, view->instance_id, after, events, PAGE_EVENTS);
  for (int i = 0; i < n; i++) {
    size_t before = text->len;
    /* The setup is not of this package; the position moves on all the same. */
    if (events[i].kind != EVENT_SETUP_CHANGED) put_event(view, text, &events[i]);
    bool too_large = text->failed && before == 0;
    if (too_large) bug("event %lld does not fit into a page", (long long)events[i].number);
    if (text->failed || db_failed(view->db)) text->len = before;
    if (db_failed(view->db) || (text->failed && !too_large)) break; /* the rest comes with the next page */
    after = events[i].number;
    if (too_large) break; /* left out: it must not stop those behind it */
  }
  return after;
}

static struct page *page_make(struct live *l, int64_t instance_id, int64_t after) {
  /* Before the reader: it may need one itself. */
  const struct registry *registry = registry_get(l->store);
  if (!registry) return NULL;
  void *pool = mem_pool(NULL, 16384);
  struct buf text;
  buf_init(&text, pool, 4096, PAGE_MAX);
  struct v3_view view = {
      .db = store_read_begin(l->store), .ctx = pool, .registry = registry, .instance_id = instance_id};
  int64_t upto = put_events(&view, &text, after);
  store_read_end(l->store, view.db);
  registry_put(registry);
  struct page *p = NULL;
  if (upto > after) {
    p = malloc(sizeof *p + text.len);
    if (!p) panic("out of memory for a page of events");
    *p = (struct page){.references = 1, .instance_id = instance_id, .after = after, .upto = upto, .len = text.len};
    memcpy(p->text, text.data, text.len);
  }
  mem_free(pool);
  return p;
}

/* ---- a stream's reads; on an HTTP thread ---- */

static int64_t last_of(const struct live *l, int64_t instance_id) {
  for (int i = 0; i < l->instance_count; i++)
    if (l->instances[i].instance_id == instance_id) return l->instances[i].last;
  return 0;
}

static ssize_t put(struct stream_state *s, const char *text, size_t len, char *out, size_t max) {
  size_t n = len < max ? len : max;
  memcpy(out, text, n);
  s->last_sent_ms = clock_mono_us() / 1000;
  return (ssize_t)n;
}

static void page_over(struct stream_state *s) {
  s->position = s->page->upto;
  pthread_mutex_lock(&s->live->lock);
  page_put(s->page);
  pthread_mutex_unlock(&s->live->lock);
  s->page = NULL;
}

static ssize_t send_page(struct stream_state *s, char *out, size_t max) {
  ssize_t n = put(s, s->page->text + s->page_at, s->page->len - s->page_at, out, max);
  s->page_at += (size_t)n;
  if (s->page_at == s->page->len) page_over(s);
  return n;
}

/* The next page for this stream, from the shared ones or the log; NULL when there is nothing new, or it could not be
 * read just now (*ret_failed). */
static struct page *next_page(struct stream_state *s, bool *ret_failed) {
  struct live *l = s->live;
  pthread_mutex_lock(&l->lock);
  struct page *p = page_find(l, s->instance_id, s->position);
  bool behind = !p && last_of(l, s->instance_id) > s->position;
  pthread_mutex_unlock(&l->lock);
  if (p || !behind) return p;
  p = page_make(l, s->instance_id, s->position);
  *ret_failed = !p;
  if (!p) return NULL;
  pthread_mutex_lock(&l->lock);
  page_keep(l, p);
  pthread_mutex_unlock(&l->lock);
  return p;
}

static ssize_t stream_read(void *arg, uint64_t offset, char *out, size_t max) {
  struct stream_state *s = arg;
  struct live *l = s->live;
  /* First bytes at once, so that the client knows that it is connected. */
  if (offset == 0) return put(s, "retry: 1000\n\n", 13, out, max);
  if (atomic_load(&s->ended)) return STREAM_END;
  bool failed = false;
  while (!s->page && (s->page = next_page(s, &failed))) {
    s->page_at = 0;
    if (s->page->len == 0) page_over(s);
  }
  if (s->page) return send_page(s, out, max);
  bool quiet = clock_mono_us() / 1000 - s->last_sent_ms >= HEARTBEAT_MS;
  bool suspended = false, stopping = false;
  pthread_mutex_lock(&l->lock);
  stopping = l->stopping || atomic_load(&s->ended);
  /* After a failed read the thread's next round resumes us. */
  if (!stopping && !quiet && (failed || last_of(l, s->instance_id) <= s->position)) {
    s->waits = suspended = true;
    request_suspend(s->req);
  }
  pthread_mutex_unlock(&l->lock);
  if (suspended) return 0;
  /* A comment keeps proxies and the client sure that we live. */
  return stopping ? STREAM_END : put(s, ":\n\n", 3, out, max);
}

/* Under the lock. */
static int count_of_agent(const struct live *l, int64_t agent_id) {
  const struct stream_state *s;
  int n = 0;
  DL_FOREACH(l->streams, s) n += s->right.agent_id == agent_id;
  return n;
}

int live_of_agent(struct live *l, int64_t agent_id) {
  pthread_mutex_lock(&l->lock);
  int n = count_of_agent(l, agent_id);
  pthread_mutex_unlock(&l->lock);
  return n;
}

void live_on_agent(struct live *l, void (*told)(int64_t agent_id)) {
  l->agent_told = told;
}

static void stream_done(void *arg) {
  struct stream_state *s = arg;
  struct live *l = s->live;
  int64_t agent_id = s->right.agent_id;
  pthread_mutex_lock(&l->lock);
  DL_DELETE(l->streams, s);
  l->count--;
  page_put(s->page);
  bool last = agent_id && l->agent_told && !l->stopping && count_of_agent(l, agent_id) == 0;
  pthread_mutex_unlock(&l->lock);
  free(s);
  if (last) l->agent_told(agent_id);
}

bool live_open(struct live *l, struct request *req, int64_t instance_id, const struct live_right *right,
               int64_t after) {
  struct db *db = store_read_begin(l->store);
  int64_t last = event_last(db, instance_id);
  bool failed = db_failed(db);
  store_read_end(l->store, db);
  if (failed) return false;
  struct stream_state *s = calloc(1, sizeof *s);
  if (!s) panic("out of memory for a stream");
  *s = (struct stream_state){.live = l,
                             .req = req,
                             .instance_id = instance_id,
                             .position = after < 0 || after > last ? last : after,
                             .right = *right,
                             .last_sent_ms = clock_mono_us() / 1000};
  pthread_mutex_lock(&l->lock);
  bool room = l->count < STREAMS_MAX && !l->stopping;
  bool first = room && right->agent_id && l->agent_told && count_of_agent(l, right->agent_id) == 0;
  if (room) {
    DL_APPEND(l->streams, s);
    l->count++;
  }
  pthread_mutex_unlock(&l->lock);
  if (!room) {
    free(s);
    return false;
  }
  if (first) l->agent_told(right->agent_id);
  live_committed(l, instance_id, last);
  reply_header(req, "Cache-Control", "no-store");
  reply_header(req, "X-Accel-Buffering", "no");
  reply_stream(req, 200, "text/event-stream", -1, STREAM_BLOCK,
               (struct stream){.read = stream_read, .done = stream_done, .arg = s});
  return true;
}

/* ---- waking ---- */

static struct instance_news *news_of(struct live *l, int64_t instance_id) {
  for (int i = 0; i < l->instance_count; i++)
    if (l->instances[i].instance_id == instance_id) return &l->instances[i];
  if (l->instance_count == l->instance_room) {
    l->instance_room = l->instance_room ? 2 * l->instance_room : 16;
    l->instances = talloc_realloc(l, l->instances, struct instance_news, (unsigned)l->instance_room);
    if (!l->instances) panic("out of memory for the instances of live streams");
  }
  l->instances[l->instance_count] = (struct instance_news){.instance_id = instance_id};
  return &l->instances[l->instance_count++];
}

void live_committed(struct live *l, int64_t instance_id, int64_t last_number) {
  pthread_mutex_lock(&l->lock);
  struct instance_news *news = news_of(l, instance_id);
  if (news->last < last_number) {
    news->last = last_number;
    if (l->count > 0 && !l->has_news) {
      l->has_news = true;
      pthread_cond_signal(&l->news);
    }
  }
  pthread_mutex_unlock(&l->lock);
}

/* Resumes every stream that has something to read, or a heartbeat to send; under the lock. */
static void wake(struct live *l) {
  int64_t now = clock_mono_us() / 1000;
  struct stream_state *s;
  DL_FOREACH(l->streams, s) {
    if (!s->waits) continue;
    bool ends = l->stopping || atomic_load(&s->ended);
    if (!ends && last_of(l, s->instance_id) <= s->position && now - s->last_sent_ms < HEARTBEAT_MS) continue;
    s->waits = false;
    request_resume(s->req);
  }
}

/* ---- rights ---- */

static bool session_lives(struct db *db, const uint8_t *hash) {
  struct db_rows rows;
  db_open(db, &rows, Q_SESSION_GET, v_bytes(hash, SHA256_LEN));
  bool lives = db_next(&rows) ? col_int(&rows, 2) > clock_wall_ms() : db_failed(db);
  db_close(&rows);
  return lives;
}

static bool right_holds(const struct registry *r, struct db *db, const struct live_right *right) {
  int64_t need = rights_bit(API_INTERACTION, VERB_GET);
  for (int i = 0; right->token_id && i < r->token_count; i++)
    if (r->tokens[i].id == right->token_id) return r->tokens[i].enabled && (r->tokens[i].rights & need);
  const struct agent *agent = right->agent_id ? registry_agent(r, right->agent_id) : NULL;
  return agent && agent->enabled && session_lives(db, right->session_hash);
}

/* Under the lock. Looks again after every change of the setup (a logout counts as one), and now and then for sessions
 * that ran out. */
static void check_rights(struct live *l) {
  int64_t now = clock_mono_us() / 1000;
  uint64_t epoch = store_epoch(l->store);
  if (!l->streams || (epoch == l->rights_epoch && now - l->rights_ms < RIGHTS_MS)) return;
  const struct registry *r = registry_get(l->store);
  if (!r) return;
  struct db *db = store_read_begin(l->store);
  struct stream_state *s;
  DL_FOREACH(l->streams, s) {
    if (!right_holds(r, db, &s->right)) atomic_store(&s->ended, true);
  }
  store_read_end(l->store, db);
  registry_put(r);
  l->rights_epoch = epoch;
  l->rights_ms = now;
}

static void *live_main(void *arg) {
  struct live *l = arg;
  pthread_setname_np(pthread_self(), "live");
  pthread_mutex_lock(&l->lock);
  while (!l->stopping) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    if (!l->has_news) pthread_cond_timedwait(&l->news, &l->lock, &until);
    l->has_news = false;
    check_rights(l);
    wake(l);
  }
  wake(l);
  pthread_mutex_unlock(&l->lock);
  return NULL;
}

static int live_destroy(struct live *l) {
  for (int i = 0; i < PAGES_KEPT; i++) page_put(l->pages[i]);
  return 0;
}

struct live *live_new(void *ctx, struct store *store) {
  struct live *l = mem_new(ctx, struct live);
  talloc_set_destructor(l, live_destroy);
  l->store = store;
  pthread_mutex_init(&l->lock, NULL);
  pthread_cond_init(&l->news, NULL);
  if (pthread_create(&l->thread, NULL, live_main, l) != 0) fatal("cannot start the thread of live streams");
  return l;
}

int live_count(const struct live *l) {
  return l->count;
}

void live_stop(struct live *l) {
  pthread_mutex_lock(&l->lock);
  l->stopping = true;
  pthread_cond_signal(&l->news);
  pthread_mutex_unlock(&l->lock);
  pthread_join(l->thread, NULL);
}
