/* The common way of reading requests of v3, on HTTP threads. The reader is given back before the answer is set, so a
 * handler that went wrong holds nothing. */
#include "api/kiamo_v3/read.h"

#include "api/app.h"
#include "api/caller.h"
#include "api/errors.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>

#define ANSWER_MAX (64 << 20)

void v3_reading_begin(struct v3_reading *r, struct request *req) {
  const struct caller *c = caller_of(req);
  r->req = req;
  r->view = (struct v3_view){.db = store_read_begin(app()->store),
                             .ctx = request_pool(req),
                             .registry = c->registry,
                             .instance_id = c->instance_id};
  r->body = mem_new(request_pool(req), struct buf);
  buf_init(r->body, request_pool(req), 4096, ANSWER_MAX);
}

void v3_reading_end(struct v3_reading *r, bool found) {
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

void v3_query_int(struct request *req, struct decoder *d, const char *name, int64_t min, int64_t max, int64_t *value) {
  const char *text = request_query(req, name);
  if (text && !parse_int(text, min, max, value))
    decode_problem(d, name, 1020, "must be an integer from %lld to %lld", (long long)min, (long long)max);
}

bool v3_query_page(struct request *req, int64_t *ret_limit, int64_t *ret_after) {
  struct decoder d;
  int64_t limit = V3_LIMIT_DEFAULT, after = 0;
  decode_init(&d, request_pool(req), PATH_POINTER);
  v3_query_int(req, &d, "limit", 1, V3_LIMIT_MAX, &limit);
  v3_query_int(req, &d, "cursor", 0, INT64_MAX - 1, &after);
  if (d.problem_count) {
    fail_fields(req, &d);
    return false;
  }
  *ret_limit = limit;
  *ret_after = after;
  return true;
}

void v3_put_next(struct jw *w, bool more, int64_t last) {
  char cursor[24];
  snprintf(cursor, sizeof cursor, "%lld", (long long)last);
  jw_kstr(w, "next", more ? cursor : NULL);
}

bool v3_path_number(struct request *req, int64_t *ret_id) {
  int64_t id = 0;
  if (parse_int(request_param(req, 0), 1, INT64_MAX - 1, &id)) {
    *ret_id = id;
    return true;
  }
  fail(req, ERR_3000, 0, NULL);
  return false;
}
