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

struct move_input {
  enum conversation_result (*move)(struct db *tx, int64_t instance_id, int64_t id, const struct actor *actor,
                                   int64_t now_ms);
  const char *deed;
};

static bool act_move(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  const struct move_input *in = w->input;
  struct actor actor = caller_actor(w->caller);
  enum conversation_result r = in->move(tx, w->caller->instance_id, w->interaction_id, &actor, clock_wall_ms());
  if (r == CONVERSATION_FAILED) return false;
  if (r == CONVERSATION_OK) return answer_interaction(tx, w, out, ret_status);
  *ret_status = v3_refused(out, r, in->deed);
  return true;
}

static void go_move(struct request *req, const struct move_input *in) {
  int64_t id;
  if (!v3_path_id(req, &id) || !v3_body(req, true)) return;
  struct v3_write *w = v3_write_new(req, id);
  w->act = act_move;
  w->input = in;
  v3_write_go(w);
}

void v3_accept(struct request *req) {
  static const struct move_input accept = {conversation_accept, "accepting"};
  go_move(req, &accept);
}

void v3_close(struct request *req) {
  static const struct move_input close = {conversation_close, "closing"};
  go_move(req, &close);
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
