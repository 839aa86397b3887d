/* Acting on an interaction: accept, decline, transfer, close, wrap-up, qualification, note. Each is one v3_write: the
 * HTTP thread checks the request, the store does the deed and renders the answer in one transaction. */
#include "api/app.h"
#include "api/errors.h"
#include "api/kiamo_v3/kiamo_v3.h"
#include "api/kiamo_v3/presence.h"
#include "api/kiamo_v3/write.h"
#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

#define NOTE_MAX    65536
#define COMMENT_MAX 4000

static struct v3_view view_of(struct db *tx, const struct v3_write *w) {
  return (struct v3_view){
      .db = tx, .ctx = request_pool(w->req), .registry = w->caller->registry, .instance_id = w->caller->instance_id};
}

static bool answer_interaction(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  struct v3_view view = view_of(tx, w);
  struct interaction i;
  if (!interaction_get(tx, view.ctx, view.instance_id, w->interaction_id, &i)) return false;
  v3_render_interaction(&view, out, &i);
  *ret_status = 200;
  return true;
}

static bool answer_move(struct db *tx, struct v3_write *w, enum conversation_result r, const char *deed,
                        const struct conversation_why *why, struct buf *out, int *ret_status) {
  if (r == CONVERSATION_FAILED) return false;
  if (r == CONVERSATION_OK) return answer_interaction(tx, w, out, ret_status);
  *ret_status = v3_refused(out, r, deed, w->caller->registry, why);
  return true;
}

static bool act_accept(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  struct actor actor = caller_actor(w->caller);
  struct conversation_why why = {.agent_id = 0};
  enum conversation_result r = conversation_accept(tx, w->caller->registry, w->caller->instance_id, w->interaction_id,
                                                   &actor, clock_wall_ms(), &why);
  return answer_move(tx, w, r, "accepting", &why, out, ret_status);
}

void v3_accept(struct request *req) {
  int64_t id;
  if (!v3_path_id(req, &id) || !v3_body(req, true)) return;
  struct v3_write *w = v3_write_new(req, id);
  w->act = act_accept;
  v3_write_go(w);
}

static bool act_decline(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  struct actor actor = caller_actor(w->caller);
  struct conversation_why why = {.agent_id = 0};
  struct assign_conf conf = v3_assign_conf(request_conf(w->req));
  enum conversation_result r = assign_decline(tx, w->caller->registry, &conf, w->caller->instance_id, w->interaction_id,
                                              &actor, clock_wall_ms(), &why);
  return answer_move(tx, w, r, "declining", &why, out, ret_status);
}

static bool act_wrapup(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  struct actor actor = caller_actor(w->caller);
  struct conversation_why why = {.agent_id = 0};
  enum conversation_result r = assign_end_wrapup(tx, w->caller->registry, w->caller->instance_id, w->interaction_id,
                                                 &actor, clock_wall_ms(), &why);
  return answer_move(tx, w, r, "ending the wrap-up", &why, out, ret_status);
}

/* A deed that needs nothing but the interaction. */
static void simple(struct request *req, bool (*act)(struct db *, struct v3_write *, struct buf *, int *)) {
  int64_t id;
  if (!v3_path_id(req, &id) || !v3_body(req, true)) return;
  struct v3_write *w = v3_write_new(req, id);
  w->act = act;
  v3_write_go(w);
}

void v3_decline(struct request *req) {
  simple(req, act_decline);
}
void v3_wrapup(struct request *req) {
  simple(req, act_wrapup);
}

static int no_target(struct buf *out, void *ctx, const struct transfer_in *to, enum transfer_result why) {
  struct decoder d;
  decode_init(&d, ctx, PATH_POINTER);
  if (why == TRANSFER_NOT_READY)
    return fail_body(out, ERR_1020, 409, "transferring is not possible: the agent is not ready");
  decode_problem(&d, to->service_id ? "serviceId" : "agentId", 1020, "there is none such to transfer to");
  return fail_fields_body(out, &d);
}

static bool act_transfer(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  struct actor actor = caller_actor(w->caller);
  struct conversation_why why = {.agent_id = 0};
  enum transfer_result target = TRANSFER_MOVED;
  struct assign_conf conf = v3_assign_conf(request_conf(w->req));
  enum conversation_result r = assign_transfer(tx, w->caller->registry, &conf, w->caller->instance_id,
                                               w->interaction_id, &actor, w->input, clock_wall_ms(), &why, &target);
  if (r == CONVERSATION_REFUSED && target != TRANSFER_MOVED) {
    *ret_status = no_target(out, request_pool(w->req), w->input, target);
    return true;
  }
  return answer_move(tx, w, r, "transferring", &why, out, ret_status);
}

void v3_transfer(struct request *req) {
  int64_t id;
  if (!v3_path_id(req, &id)) return;
  const struct jval *body = v3_body(req, false);
  if (!body) return;
  struct decoder d;
  decode_init(&d, request_pool(req), PATH_POINTER);
  struct transfer_in *in = mem_new(request_pool(req), struct transfer_in);
  bool to_service = decode_int(&d, body, "serviceId", OPTIONAL, 1, INT64_MAX, &in->service_id) && in->service_id;
  bool to_agent = decode_int(&d, body, "agentId", OPTIONAL, 1, INT64_MAX, &in->agent_id) && in->agent_id;
  in->note = decode_text(&d, body, "note", OPTIONAL, 1, NOTE_MAX);
  if (to_service == to_agent && !d.problem_count)
    decode_problem(&d, "serviceId", to_agent ? 1020 : 1010, "give either serviceId or agentId");
  if (d.problem_count) {
    fail_fields(req, &d);
    return;
  }
  struct v3_write *w = v3_write_new(req, id);
  w->act = act_transfer;
  w->input = in;
  w->weight = in->note ? strlen(in->note) : 0;
  v3_write_go(w);
}

/* ---- what it was about ---- */

static void read_qualification(struct decoder *d, const struct request *req, const struct jval *body, enum need need,
                               struct close_in *in) {
  const struct caller *c = caller_of(req);
  bool given =
      decode_int(d, body, "qualificationId", need, 1, INT64_MAX, &in->qualification_id) && in->qualification_id;
  const struct qualification *q = given ? registry_qualification(c->registry, in->qualification_id) : NULL;
  if (given && (!q || q->instance_id != c->instance_id || !q->enabled))
    decode_problem(d, "qualificationId", 1020, "there is no such qualification");
  in->comment = decode_text(d, body, "comment", OPTIONAL, 0, COMMENT_MAX);
}

static bool answer_qualified(struct db *tx, struct v3_write *w, enum conversation_result r, struct buf *out,
                             int *ret_status) {
  if (r != CONVERSATION_REFUSED) return answer_move(tx, w, r, "qualifying", NULL, out, ret_status);
  *ret_status = fail_body(out, ERR_1020, 409, "this qualification is not one of the interaction's service");
  return true;
}

static bool act_qualify(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  struct actor actor = caller_actor(w->caller);
  const struct close_in *in = w->input;
  enum conversation_result r = conversation_qualify(tx, w->caller->registry, w->caller->instance_id, w->interaction_id,
                                                    &actor, in->qualification_id, in->comment, clock_wall_ms());
  return answer_qualified(tx, w, r, out, ret_status);
}

void v3_qualify(struct request *req) {
  int64_t id;
  if (!v3_path_id(req, &id)) return;
  const struct jval *body = v3_body(req, false);
  if (!body) return;
  struct decoder d;
  decode_init(&d, request_pool(req), PATH_POINTER);
  struct close_in *in = mem_new(request_pool(req), struct close_in);
  read_qualification(&d, req, body, REQUIRED, in);
  if (d.problem_count) {
    fail_fields(req, &d);
    return;
  }
  struct v3_write *w = v3_write_new(req, id);
  w->act = act_qualify;
  w->input = in;
  v3_write_go(w);
}

/* ---- the end ---- */

static bool act_close(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  struct actor actor = caller_actor(w->caller);
  enum conversation_result r = conversation_close(tx, w->caller->registry, w->caller->instance_id, w->interaction_id,
                                                  &actor, w->input, clock_wall_ms());
  return answer_move(tx, w, r, "closing", NULL, out, ret_status);
}

void v3_close(struct request *req) {
  int64_t id;
  if (!v3_path_id(req, &id)) return;
  const struct jval *body = v3_body(req, true);
  if (!body) return;
  struct decoder d;
  decode_init(&d, request_pool(req), PATH_POINTER);
  struct close_in *in = mem_new(request_pool(req), struct close_in);
  *in = (struct close_in){.as_bot = v3_as_bot(&d, req, body), .retention_ms = request_conf(req)->delivery_retention};
  read_qualification(&d, req, body, OPTIONAL, in);
  if (d.problem_count) {
    fail_fields(req, &d);
    return;
  }
  struct v3_write *w = v3_write_new(req, id);
  w->act = act_close;
  w->input = in;
  v3_write_go(w);
}

static bool act_note(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  struct actor actor = caller_actor(w->caller);
  int64_t id = 0;
  enum conversation_result r =
      conversation_note(tx, w->caller->instance_id, w->interaction_id, &actor, w->input, clock_wall_ms(), &id);
  if (r == CONVERSATION_FAILED) return false;
  if (r != CONVERSATION_OK) {
    *ret_status = v3_refused(out, r, "a note", NULL, NULL);
    return true;
  }
  struct v3_view view = view_of(tx, w);
  struct note n;
  if (!note_get(tx, view.ctx, view.instance_id, id, &n)) return false;
  v3_render_note(&view, out, &n);
  *ret_status = 201;
  return true;
}

void v3_note(struct request *req) {
  int64_t id;
  if (!v3_path_id(req, &id)) return;
  const struct jval *body = v3_body(req, false);
  if (!body) return;
  struct decoder d;
  decode_init(&d, request_pool(req), PATH_POINTER);
  const char *content = decode_text(&d, body, "content", REQUIRED, 0, NOTE_MAX);
  if (content && content[strspn(content, " \t\r\n")] == 0) decode_problem(&d, "content", 1260, "must not be empty");
  if (d.problem_count || !content) {
    fail_fields(req, &d);
    return;
  }
  struct v3_write *w = v3_write_new(req, id);
  w->act = act_note;
  w->input = content;
  w->weight = strlen(content);
  v3_write_go(w);
}
