/* Package administration: lists, one, new, changed, gone, for every family of the setup alike. Reads on HTTP threads;
 * writes inside the store's transaction, where the body is compared with what is there, so that two who change the same
 * row cannot both win. */
#include "api/kiamo_v3/admin.h"

#include "api/app.h"
#include "api/errors.h"
#include "api/kiamo_v3/read.h"
#include "base/mem.h"
#include "http/router.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "/api/v3/administration/"

static const struct setup_family *family_of(struct request *req) {
  const char *name = request_route(req)->pattern + sizeof PREFIX - 1;
  const struct setup_family *f = setup_family_named(mem_strndup(request_pool(req), name, strcspn(name, "/")));
  invariant(f);
  return f;
}

static void put_row(const struct v3_view *v, struct jw *w, const struct setup_family *f, const struct setup_row *row,
                    const struct admin_write *a) {
  const struct setup_view view = {.db = v->db, .ctx = v->ctx, .instance_id = v->instance_id};
  jw_object(w);
  setup_json_members(&view, w, f, row);
  if (f->shown[0]) jw_kstr(w, "displayName", setup_name(v->db, v->ctx, f, v->instance_id, row->id));
  if (a && a->secret) jw_kstr(w, a->secret_name, a->secret);
  jw_object_end(w);
}

static char *etag_of(const struct setup_family *f, const struct setup_row *row, char out[static 24]) {
  char version[SETUP_VERSION_LEN];
  setup_version(f, row, version);
  snprintf(out, 24, "\"%s\"", version);
  return out;
}

/* ---- reading ---- */

void admin_list(struct request *req) {
  const struct setup_family *f = family_of(req);
  int64_t limit, after;
  if (!v3_query_page(req, &limit, &after)) return;
  struct v3_reading r;
  v3_reading_begin(&r, req);
  struct setup_row *rows = mem_array(request_pool(req), struct setup_row, (size_t)limit + 1);
  int n = setup_page(r.view.db, r.view.ctx, f, r.view.instance_id, after, rows, (int)limit + 1);
  struct jw w = jw_into(r.body);
  jw_object(&w);
  jw_key(&w, "items");
  jw_array(&w);
  for (int i = 0; i < n && i < limit; i++) put_row(&r.view, &w, f, &rows[i], NULL);
  jw_array_end(&w);
  v3_put_next(&w, n > limit, n > limit ? rows[limit - 1].id : 0);
  jw_object_end(&w);
  v3_reading_end(&r, true);
}

void admin_get(struct request *req) {
  const struct setup_family *f = family_of(req);
  int64_t id;
  if (!v3_path_number(req, &id)) return;
  struct v3_reading r;
  struct setup_row row;
  v3_reading_begin(&r, req);
  bool found = setup_get(r.view.db, r.view.ctx, f, r.view.instance_id, id, &row);
  if (found) {
    char etag[24];
    struct jw w = jw_into(r.body);
    reply_header(req, "ETag", etag_of(f, &row, etag));
    put_row(&r.view, &w, f, &row, NULL);
  }
  v3_reading_end(&r, found);
}

/* ---- writing: in the transaction ---- */

struct setup_author admin_author(const struct v3_write *w) {
  return (struct setup_author){.agent_id = w->caller->agent ? w->caller->agent->id : 0,
                               .label = w->caller->token ? w->caller->token->label : NULL};
}

void admin_answer(struct db *tx, struct v3_write *w, const struct setup_row *row, struct buf *out) {
  const struct admin_write *a = w->input;
  const struct v3_view view = {.db = tx, .ctx = request_pool(w->req), .instance_id = w->caller->instance_id};
  struct jw jw = jw_into(out);
  etag_of(a->family, row, w->etag);
  put_row(&view, &jw, a->family, row, a);
}

/* With the pointers of what is wrong; other statuses than 400 keep them too. */
static int refuse(struct v3_write *w, struct buf *out, enum setup_result r, const struct setup_wrong *wrong) {
  struct decoder d;
  decode_init(&d, request_pool(w->req), PATH_POINTER);
  setup_json_wrong(&d, wrong);
  if (r == SETUP_WRONG) return fail_fields_body(out, &d);
  if (r == SETUP_TAKEN) return fail_fields_as(out, ERR_2060, 409, &d);
  if (r == SETUP_USED) return fail_body(out, ERR_1020, 409, wrong->why);
  return fail_body(out, ERR_3000, 0, NULL);
}

/* Is the version of the row among those that the caller knows? */
static bool match(const char *if_match, const char *etag) {
  return strcmp(if_match, "*") == 0 || strstr(if_match, etag);
}

bool admin_find(struct db *tx, struct v3_write *w, struct setup_row *ret, struct buf *out, int *ret_status) {
  const struct admin_write *a = w->input;
  char etag[24];
  if (!setup_get(tx, request_pool(w->req), a->family, w->caller->instance_id, a->id, ret)) {
    *ret_status = fail_body(out, ERR_3000, 0, NULL);
    return false;
  }
  if (a->if_match ? match(a->if_match, etag_of(a->family, ret, etag)) : !a->must_match) return true;
  *ret_status = a->if_match ? fail_body(out, ERR_1020, 412, "it has changed since: read it again")
                            : fail_body(out, ERR_1020, 428, "If-Match is required: the ETag of what was read, or *");
  return false;
}

static bool decode_into(struct v3_write *w, bool creating, struct setup_row *row, struct buf *out, int *ret_status) {
  const struct admin_write *a = w->input;
  struct decoder d;
  decode_init(&d, request_pool(w->req), PATH_POINTER);
  setup_json_decode(&d, a->family, a->body, creating, row);
  if (d.problem_count) *ret_status = fail_fields_body(out, &d);
  return d.problem_count == 0;
}

bool admin_act_create(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  const struct admin_write *a = w->input;
  struct setup_row row;
  struct setup_wrong wrong;
  setup_row_init(a->family, &row);
  if (!decode_into(w, true, &row, out, ret_status)) return true;
  struct setup_author by = admin_author(w);
  enum setup_result r = setup_add(tx, w->caller->instance_id, a->family, &row, &by, a->extras, a->extra_count, &wrong);
  if (r == SETUP_FAILED) return false;
  if (r != SETUP_OK) {
    *ret_status = refuse(w, out, r, &wrong);
    return true;
  }
  /* As it lies there now, with what the store has put in. */
  if (!setup_get(tx, request_pool(w->req), a->family, w->caller->instance_id, row.id, &row)) return false;
  admin_answer(tx, w, &row, out);
  *ret_status = 201;
  return true;
}

int admin_save(struct db *tx, struct v3_write *w, const struct setup_row *old, const struct setup_row *row,
               struct buf *out) {
  const struct admin_write *a = w->input;
  struct setup_wrong wrong;
  struct setup_author by = admin_author(w);
  enum setup_result r = setup_set(tx, w->caller->instance_id, a->family, old, row, &by, &wrong);
  if (r == SETUP_FAILED) return -1;
  if (r != SETUP_OK) return refuse(w, out, r, &wrong);
  admin_answer(tx, w, row, out);
  return 200;
}

static bool act_update(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  struct setup_row old;
  if (!admin_find(tx, w, &old, out, ret_status)) return !db_failed(tx);
  struct setup_row row = old;
  if (!decode_into(w, false, &row, out, ret_status)) return true;
  int status = admin_save(tx, w, &old, &row, out);
  if (status >= 0) *ret_status = status;
  return status >= 0;
}

static bool act_remove(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  const struct admin_write *a = w->input;
  struct setup_row row;
  struct setup_wrong wrong;
  if (!admin_find(tx, w, &row, out, ret_status)) return !db_failed(tx);
  struct setup_author by = admin_author(w);
  enum setup_result r = setup_remove(tx, w->caller->instance_id, a->family, &row, &by, &wrong);
  if (r == SETUP_FAILED) return false;
  if (r != SETUP_OK) {
    *ret_status = r == SETUP_WRONG ? fail_body(out, ERR_1020, 409, wrong.why) : refuse(w, out, r, &wrong);
    return true;
  }
  *ret_status = 204;
  if (a->family->can_remove) return true;
  if (!setup_get(tx, request_pool(w->req), a->family, w->caller->instance_id, a->id, &row)) return false;
  admin_answer(tx, w, &row, out);
  *ret_status = 200;
  return true;
}

/* ---- writing: the handlers ---- */

struct admin_write *admin_write_new(struct request *req, const struct setup_family *f, const struct jval *body) {
  struct admin_write *a = mem_new(request_pool(req), struct admin_write);
  a->family = f;
  a->body = body;
  a->if_match = request_header(req, "If-Match");
  return a;
}

struct v3_write *admin_write_of(struct request *req, struct admin_write *a) {
  struct v3_write *w = v3_write_new(req, 0);
  w->input = a;
  w->setup = true;
  w->secret = a->secret != NULL;
  return w;
}

void admin_create(struct request *req) {
  const struct jval *body = v3_body(req, false);
  if (!body) return;
  struct v3_write *w = admin_write_of(req, admin_write_new(req, family_of(req), body));
  w->act = admin_act_create;
  v3_write_go(w);
}

void admin_update(struct request *req) {
  int64_t id;
  if (!v3_path_number(req, &id)) return;
  const struct jval *body = v3_body(req, false);
  if (!body) return;
  struct admin_write *a = admin_write_new(req, family_of(req), body);
  a->id = id;
  a->must_match = true;
  struct v3_write *w = admin_write_of(req, a);
  w->act = act_update;
  v3_write_go(w);
}

void admin_remove(struct request *req) {
  int64_t id;
  if (!v3_path_number(req, &id)) return;
  struct admin_write *a = admin_write_new(req, family_of(req), NULL);
  a->id = id;
  struct v3_write *w = admin_write_of(req, a);
  w->act = act_remove;
  v3_write_go(w);
}
