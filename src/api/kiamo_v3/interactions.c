/* Reading interactions: lists, one, its timeline. On HTTP threads, from a reader's snapshot, bound to the caller's
 * instance. */
#include "api/app.h"
#include "api/errors.h"
#include "api/kiamo_v3/kiamo_v3.h"
#include "api/kiamo_v3/write.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     200
#define KEYWORD_MAX   200
#define ANSWER_MAX    (64 << 20)

struct reading {
  struct request *req;
  struct v3_view view;
  struct buf *body;
  int64_t limit;
};

static bool query_int(struct request *req, struct decoder *d, const char *name, int64_t min, int64_t max,
                      int64_t *value) {
  const char *text = request_query(req, name);
  if (!text || parse_int(text, min, max, value)) return true;
  decode_problem(d, name, 1020, "must be an integer from %lld to %lld", (long long)min, (long long)max);
  return false;
}

static void reading_begin(struct reading *r, struct request *req) {
  const struct caller *c = caller_of(req);
  r->req = req;
  r->limit = LIMIT_DEFAULT;
  r->view = (struct v3_view){.db = store_read_begin(app()->store),
                             .ctx = request_pool(req),
                             .registry = c->registry,
                             .instance_id = c->instance_id};
  r->body = mem_new(request_pool(req), struct buf);
  buf_init(r->body, request_pool(req), 4096, ANSWER_MAX);
}

/* Gives the reader back and answers with the body, or with what went wrong. found: else 404. */
static void reading_end(struct reading *r, bool found) {
  bool failed = db_failed(r->view.db);
  store_read_end(app()->store, r->view.db);
  if (failed)
    fail_unavailable(r->req, UNAVAILABLE_DOWN);
  else if (!found)
    fail(r->req, ERR_3000, 0, NULL);
  else if (r->body->failed)
    fail(r->req, ERR_4080, 500, "the answer is too large; ask for fewer with limit");
  else
    reply_json(r->req, 200, r->body);
}

struct list_query {
  bool by_customer, any_open, mine;
  struct interaction_filter filter;
  int64_t connector;
  const char *customer, *keyword;
};

static bool read_list_query(struct request *req, struct list_query *q, int64_t *limit) {
  struct decoder d;
  decode_init(&d, request_pool(req), PATH_POINTER);
  const char *state = request_query(req, "state");
  q->any_open = !state;
  q->filter.state = INTERACTION_QUEUED;
  if (state && !interaction_state_parse(state, &q->filter.state))
    decode_problem(&d, "state", 1020, "must be scheduled, queued, offered, active, wrapup or closed");
  query_int(req, &d, "limit", 1, LIMIT_MAX, limit);
  query_int(req, &d, "service", 1, INT64_MAX, &q->filter.service_id);
  query_int(req, &d, "agent", 1, INT64_MAX, &q->filter.agent_id);
  query_int(req, &d, "connector", 1, INT64_MAX, &q->connector);
  q->mine = request_query(req, "mine") && strcmp(request_query(req, "mine"), "1") == 0;
  if (q->mine && !caller_of(req)->agent) decode_problem(&d, "mine", 1020, "a token has no interactions of its own");
  q->keyword = request_query(req, "keyword");
  if (q->keyword && (strlen(q->keyword) < 1 || strlen(q->keyword) > KEYWORD_MAX))
    decode_problem(&d, "keyword", 1170, "must be 1 to %d bytes long", KEYWORD_MAX);
  q->customer = request_query(req, "customer");
  q->by_customer = q->customer || q->connector;
  if (q->by_customer && (!q->customer || !q->connector))
    decode_problem(&d, q->customer ? "connector" : "customer", 1010, "is required with the other");
  const char *cursor = request_query(req, "cursor");
  int64_t instance_id = 0;
  if (cursor && (!id_parse(cursor, &instance_id, &q->filter.after) || instance_id != caller_of(req)->instance_id))
    decode_problem(&d, "cursor", 1020, "is not one of ours");
  if (d.problem_count) fail_fields(req, &d);
  return d.problem_count == 0;
}

static int by_id(const void *a, const void *b) {
  int64_t x = ((const struct interaction *)a)->id, y = ((const struct interaction *)b)->id;
  return x < y ? -1 : x > y;
}

/* One more than the limit, so that we know whether there is a next page. */
static int find_interactions(struct reading *r, struct list_query *q, struct interaction *out) {
  int max = (int)r->limit + 1;
  void *ctx = r->view.ctx;
  if (q->by_customer)
    return interaction_list_customer(r->view.db, ctx, r->view.instance_id, q->connector, q->customer, q->filter.after,
                                     out, max);
  if (q->keyword) return interaction_search(r->view.db, ctx, r->view.instance_id, q->keyword, out, (int)r->limit);
  if (q->mine)
    return interaction_of_agent(r->view.db, ctx, r->view.instance_id, caller_of(r->req)->agent->id, q->filter.after,
                                out, max);
  int n = interaction_list(r->view.db, ctx, r->view.instance_id, &q->filter, out, max);
  if (!q->any_open) return n;
  static const enum interaction_state others[] = {INTERACTION_OFFERED, INTERACTION_ACTIVE, INTERACTION_WRAPUP};
  for (size_t i = 0; i < ARRAY_LEN(others); i++) {
    q->filter.state = others[i];
    n += interaction_list(r->view.db, ctx, r->view.instance_id, &q->filter, out + n, max);
  }
  qsort(out, (size_t)n, sizeof *out, by_id);
  return n < max ? n : max;
}

void v3_interactions(struct request *req) {
  struct list_query q = {.by_customer = false};
  int64_t limit = LIMIT_DEFAULT;
  if (!read_list_query(req, &q, &limit)) return;
  struct reading r;
  reading_begin(&r, req);
  r.limit = limit;
  struct interaction *items = mem_array(request_pool(req), struct interaction, 4 * ((size_t)limit + 1));
  int n = find_interactions(&r, &q, items);
  bool more = n > limit;
  struct jw w = jw_into(r.body);
  jw_object(&w);
  jw_key(&w, "items");
  jw_array(&w);
  for (int i = 0; i < n && i < limit; i++) {
    if (i) buf_putc(r.body, ',');
    v3_render_interaction(&r.view, r.body, &items[i]);
  }
  jw_array_end(&w);
  char cursor[ID_HEX_LEN];
  jw_kstr(&w, "next", more ? id_format(r.view.instance_id, items[limit - 1].id, cursor) : NULL);
  jw_object_end(&w);
  reading_end(&r, true);
}

void v3_interaction(struct request *req) {
  int64_t id;
  if (!v3_path_id(req, &id)) return;
  struct reading r;
  struct interaction i;
  reading_begin(&r, req);
  bool found = interaction_get(r.view.db, r.view.ctx, r.view.instance_id, id, &i);
  if (found) {
    char etag[40];
    snprintf(etag, sizeof etag, "\"v%lld\"", (long long)i.version);
    reply_header(req, "ETag", etag);
    v3_render_interaction(&r.view, r.body, &i);
  }
  reading_end(&r, found);
}

void v3_customer(struct request *req) {
  int64_t id;
  if (!v3_path_id(req, &id)) return;
  struct reading r;
  struct interaction i;
  reading_begin(&r, req);
  bool found = interaction_get(r.view.db, r.view.ctx, r.view.instance_id, id, &i);
  if (found) v3_render_customer(&r.view, r.body, &i);
  reading_end(&r, found);
}

void v3_timeline(struct request *req) {
  int64_t id, limit = LIMIT_DEFAULT, after = 0;
  if (!v3_path_id(req, &id)) return;
  struct decoder d;
  decode_init(&d, request_pool(req), PATH_POINTER);
  query_int(req, &d, "limit", 1, LIMIT_MAX, &limit);
  query_int(req, &d, "cursor", 0, (INT64_C(1) << EVENT_NUMBER_BITS) - 1, &after);
  if (d.problem_count) {
    fail_fields(req, &d);
    return;
  }
  struct reading r;
  struct interaction i;
  reading_begin(&r, req);
  bool found = interaction_get(r.view.db, r.view.ctx, r.view.instance_id, id, &i);
  struct event *events = mem_array(request_pool(req), struct event, (size_t)limit + 1);
  int n =
      found ? event_of_interaction(r.view.db, r.view.ctx, r.view.instance_id, id, after, events, (int)limit + 1) : 0;
  struct jw w = jw_into(r.body);
  jw_object(&w);
  jw_key(&w, "items");
  jw_array(&w);
  for (int k = 0; k < n && k < limit; k++) {
    if (k) buf_putc(r.body, ',');
    v3_render_event(&r.view, r.body, &events[k]);
  }
  jw_array_end(&w);
  char cursor[24];
  snprintf(cursor, sizeof cursor, "%lld", (long long)(n > limit ? events[limit - 1].number : 0));
  jw_kstr(&w, "next", n > limit ? cursor : NULL);
  jw_object_end(&w);
  reading_end(&r, found);
}
