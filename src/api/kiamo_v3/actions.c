/* Acting on an interaction: accept, close, note. Each is one v3_write. */
#include "api/app.h"
#include "api/errors.h"
#include "api/kiamo_v3/kiamo_v3.h"
#include "api/kiamo_v3/write.h"
#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

#define NOTE_MAX 65536

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
                        struct buf *out, int *ret_status) {
  if (r == CONVERSATION_FAILED) return false;
  if (r == CONVERSATION_OK) return answer_interaction(tx, w, out, ret_status);
  *ret_status = v3_refused(out, r, deed);
  return true;
}

static bool act_accept(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  struct actor actor = caller_actor(w->caller);
  enum conversation_result r =
      conversation_accept(tx, w->caller->instance_id, w->interaction_id, &actor, clock_wall_ms());
  return answer_move(tx, w, r, "accepting", out, ret_status);
}

void v3_accept(struct request *req) {
  int64_t id;
  if (!v3_path_id(req, &id) || !v3_body(req, true)) return;
  struct v3_write *w = v3_write_new(req, id);
  w->act = act_accept;
  v3_write_go(w);
}

static bool act_close(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  struct actor actor = caller_actor(w->caller);
  enum conversation_result r = conversation_close(tx, w->caller->registry, w->caller->instance_id, w->interaction_id,
                                                  &actor, w->input, clock_wall_ms());
  return answer_move(tx, w, r, "closing", out, ret_status);
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
    *ret_status = v3_refused(out, r, "a note");
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
