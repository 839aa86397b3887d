/* Answering the customer: text and files; the answer and its delivery are one commit. Large bodies are taken apart on a
 * worker's thread. */
#include "api/app.h"
#include "api/errors.h"
#include "api/kiamo_v3/kiamo_v3.h"
#include "api/kiamo_v3/write.h"
#include "base/clock.h"
#include "base/filetype.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX   65536
#define FILES_MAX  16
#define LARGE_BODY 262144

struct reply_work {
  struct v3_write *write;
  struct reply_in reply;
  size_t uploaded_at[FILES_MAX]; /* where in `attachments` an uploaded file was named */
};

static int refuse_file(struct buf *out, const struct reply_work *work, int bad_file) {
  struct decoder d;
  decode_init(&d, request_pool(work->write->req), PATH_POINTER);
  decode_in_key(&d, "attachments");
  decode_in_index(&d, work->uploaded_at[bad_file]);
  decode_problem(&d, "id", 1200, "was not uploaded to this interaction, or belongs to another message");
  return fail_fields_body(out, &d);
}

static bool act_reply(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  const struct reply_work *work = w->input;
  struct conversation_why why = {.agent_id = 0};
  struct reply_in in = work->reply;
  in.why = &why;
  struct actor actor = caller_actor(w->caller);
  int64_t id = 0;
  int bad_file = -1;
  enum conversation_result r = conversation_reply(tx, w->caller->registry, w->caller->instance_id, w->interaction_id,
                                                  &actor, &in, clock_wall_ms(), &id, &bad_file);
  if (r == CONVERSATION_FAILED) return false;
  if (r == CONVERSATION_REFUSED && bad_file >= 0) {
    *ret_status = refuse_file(out, work, bad_file);
    return true;
  }
  if (r != CONVERSATION_OK) {
    *ret_status = v3_refused(out, r, "answering", w->caller->registry, &why);
    return true;
  }
  struct v3_view view = {
      .db = tx, .ctx = request_pool(w->req), .registry = w->caller->registry, .instance_id = w->caller->instance_id};
  struct message m;
  if (!message_get(tx, view.ctx, view.instance_id, id, &m)) return false;
  v3_render_message(&view, out, &m);
  *ret_status = 201;
  return true;
}

struct files_out {
  struct file_in *files;
  int64_t *uploaded;
  size_t *uploaded_at;
  int file_count, uploaded_count;
  int64_t max;
  bool too_large;
};

static void decode_uploaded(struct decoder *d, struct request *req, size_t index, const char *id_text,
                            struct files_out *out) {
  int64_t instance_id = 0, id = 0;
  if (!id_parse(id_text, &instance_id, &id) || instance_id != caller_of(req)->instance_id) {
    decode_problem(d, "id", 1020, "is not the id of an uploaded file");
    return;
  }
  out->uploaded_at[out->uploaded_count] = index;
  out->uploaded[out->uploaded_count++] = id;
}

static void decode_new(struct decoder *d, const struct jval *v, struct files_out *out) {
  struct file_in *f = &out->files[out->file_count++];
  *f = (struct file_in){.ext_id = "", .found_type = ""};
  f->name = decode_text(d, v, "name", REQUIRED, 1, 255);
  f->mime_type = decode_text(d, v, "mime_type", OPTIONAL, 3, 255);
  if (f->mime_type && (!strchr(f->mime_type, '/') || text_has_control(f->mime_type, strlen(f->mime_type))))
    decode_problem(d, "mime_type", 1020, "must be a media type such as image/png");
  size_t len = 0;
  const char *data = jval_str(jval_get(v, "data"), &len);
  if (!data) {
    decode_text(d, v, "data", REQUIRED, 0, 0);
    return;
  }
  out->too_large = out->too_large || (int64_t)(len / 4 * 3) > out->max + 8;
  if (out->too_large) {
    decode_problem(d, "data", 1020, "must be at most %lld bytes when decoded", (long long)out->max);
    return;
  }
  uint8_t *bytes = (uint8_t *)mem_bytes(d->ctx, len / 4 * 3 + 4);
  if (!base64_decode(data, len, bytes, &f->size)) {
    decode_problem(d, "data", 1020, "is not base64");
    return;
  }
  out->too_large = (int64_t)f->size > out->max; /* white space and padding made it hard to tell before */
  if (out->too_large) {
    decode_problem(d, "data", 1020, "must be at most %lld bytes when decoded", (long long)out->max);
    return;
  }
  f->bytes = bytes;
  f->found_type = mem_strdup(d->ctx, filetype_of(bytes, f->size));
  if (!f->mime_type) f->mime_type = f->found_type;
}

static void decode_files(struct decoder *d, struct request *req, const struct jval *body, struct files_out *out) {
  const struct jval *list = decode_array(d, body, "attachments", OPTIONAL, 0, FILES_MAX);
  decode_in_key(d, "attachments");
  for (size_t i = 0; i < jval_count(list); i++) {
    const struct jval *v = jval_at(list, i);
    decode_in_index(d, i);
    const char *id = jval_str(jval_get(v, "id"), NULL);
    if (jval_type(v) != JT_OBJECT)
      decode_problem(d, NULL, 1020, "must be an object, not %s", jval_type_name(v));
    else if (id)
      decode_uploaded(d, req, i, id, out);
    else
      decode_new(d, v, out);
    decode_out(d);
  }
  decode_out(d);
}

/* The reply is set when this returns false. */
static bool decode_reply(struct reply_work *work) {
  struct request *req = work->write->req;
  const struct jval *body = v3_body(req, false);
  if (!body) return false;
  struct decoder d;
  decode_init(&d, request_pool(req), PATH_POINTER);
  struct files_out files = {.files = mem_array(request_pool(req), struct file_in, FILES_MAX),
                            .uploaded = mem_array(request_pool(req), int64_t, FILES_MAX),
                            .uploaded_at = work->uploaded_at,
                            .max = request_conf(req)->attachment_max};
  const char *text = decode_text(&d, body, "text", OPTIONAL, 0, TEXT_MAX);
  decode_files(&d, req, body, &files);
  bool as_bot = v3_as_bot(&d, req, body);
  if (d.problem_count == 0 && (!text || !*text) && files.file_count + files.uploaded_count == 0)
    decode_problem(&d, "text", 1010, "is required without an attachment");
  if (d.problem_count && files.too_large)
    fail(req, ERR_1020, 413, d.problems[0].text);
  else if (d.problem_count)
    fail_fields(req, &d);
  work->reply = (struct reply_in){.text = text ? text : "",
                                  .files = files.files,
                                  .file_count = files.file_count,
                                  .uploaded = files.uploaded,
                                  .uploaded_count = files.uploaded_count,
                                  .as_bot = as_bot,
                                  .public_url = api_public_url(request_conf(req)),
                                  .retention_ms = request_conf(req)->delivery_retention};
  for (int i = 0; i < files.file_count; i++) work->write->weight += files.files[i].size;
  return d.problem_count == 0;
}

static void decode_and_go(void *arg) {
  struct reply_work *work = arg;
  struct v3_write *w = work->write;
  if (decode_reply(work))
    v3_write_go(w);
  else if (w->suspended)
    request_resume(w->req);
}

void v3_reply(struct request *req) {
  int64_t id;
  if (!v3_path_id(req, &id)) return;
  struct reply_work *work = mem_new(request_pool(req), struct reply_work);
  work->write = v3_write_new(req, id);
  work->write->act = act_reply;
  work->write->input = work;
  size_t len = 0;
  request_body(req, &len);
  if (len <= LARGE_BODY) {
    decode_and_go(work);
    return;
  }
  work->write->suspended = true;
  request_suspend(req);
  if (work_submit(app()->work, decode_and_go, work)) return;
  fail_unavailable(req, UNAVAILABLE_BUSY);
  request_resume(req);
}
