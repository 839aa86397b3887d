/* Files on the agent's side: upload for an answer, download of any file of a conversation. */
#include "api/app.h"
#include "api/errors.h"
#include "api/kiamo_v3/kiamo_v3.h"
#include "api/kiamo_v3/write.h"
#include "api/pieces.h"
#include "base/clock.h"
#include "base/filetype.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/attachment.h"

#include <string.h>

/* ---- upload ---- */

static bool act_upload(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  const struct file_in *f = w->input;
  struct interaction i;
  if (!interaction_get(tx, request_pool(w->req), w->caller->instance_id, w->interaction_id, &i)) {
    *ret_status = v3_refused(out, CONVERSATION_UNKNOWN, "uploading", NULL, NULL);
    return !db_failed(tx);
  }
  char uid[ATTACHMENT_UID_LEN], hex[ID_HEX_LEN];
  id_random_hex(16, uid);
  struct attachment a = {.id = id_next(),
                         .instance_id = i.instance_id,
                         .channel_id = i.channel_id,
                         .interaction_id = i.id,
                         .direction = MESSAGE_OUT,
                         .uid = uid,
                         .ext_id = "",
                         .name = f->name,
                         .mime_type = f->mime_type,
                         .found_type = f->found_type};
  if (attachment_insert(tx, &a, f->bytes, f->size, clock_wall_ms()) != DB_OK) return false;
  struct jw j = jw_into(out);
  jw_object(&j);
  jw_kstr(&j, "id", id_format(i.instance_id, a.id, hex));
  jw_kstr(&j, "name", a.name);
  jw_kstr(&j, "mimeType", a.mime_type);
  jw_kstr(&j, "foundType", a.found_type);
  jw_kint(&j, "size", (int64_t)f->size);
  jw_object_end(&j);
  *ret_status = 201;
  return true;
}

struct upload_work {
  struct v3_write *write;
  struct file_in file;
};

static void upload_type_and_go(void *arg) {
  struct upload_work *u = arg;
  void *pool = request_pool(u->write->req);
  u->file.found_type = mem_strdup(pool, filetype_of(u->file.bytes, u->file.size));
  if (!u->file.mime_type) u->file.mime_type = u->file.found_type;
  v3_write_go(u->write);
}

void v3_upload(struct request *req) {
  int64_t id;
  if (!v3_path_id(req, &id)) return;
  const char *name = request_query(req, "name"), *type = request_header(req, "Content-Type");
  size_t len = 0;
  const char *body = request_body(req, &len);
  struct decoder d;
  decode_init(&d, request_pool(req), PATH_POINTER);
  if (!name || !*name || strlen(name) > 255 || !utf8_valid(name, strlen(name)))
    decode_problem(&d, "name", name ? 1020 : 1010, "must be a file's name of 1 to 255 bytes, as a query parameter");
  if (type && (strlen(type) > 255 || !strchr(type, '/') || !utf8_valid(type, strlen(type)) ||
               text_has_control(type, strlen(type))))
    decode_problem(&d, "Content-Type", 1020, "must be a media type");
  if (d.problem_count) {
    fail_fields(req, &d);
    return;
  }
  if ((int64_t)len > request_conf(req)->attachment_max) {
    fail(req, ERR_1020, 413, "the file is larger than the setting attachment_max allows");
    return;
  }
  struct upload_work *u = mem_new(request_pool(req), struct upload_work);
  u->write = v3_write_new(req, id);
  u->write->act = act_upload;
  u->write->input = &u->file;
  u->write->weight = len;
  u->file =
      (struct file_in){.ext_id = "", .name = name, .mime_type = type, .bytes = (const uint8_t *)body, .size = len};
  u->write->suspended = true;
  request_suspend(req);
  if (work_submit(app()->work, upload_type_and_go, u)) return;
  fail_unavailable(req, UNAVAILABLE_BUSY);
  request_resume(req);
}

/* ---- download ---- */

void v3_attachment(struct request *req) {
  int64_t id;
  if (!v3_path_id(req, &id)) return;
  struct attachment *a = mem_new(request_pool(req), struct attachment);
  struct db *db = store_read_begin(app()->store);
  bool found = attachment_get(db, request_pool(req), caller_of(req)->instance_id, id, a);
  bool failed = db_failed(db);
  store_read_end(app()->store, db);
  if (failed)
    fail_unavailable(req, UNAVAILABLE_DOWN);
  else if (!found)
    fail(req, ERR_3000, 0, NULL);
  else if (a->state != ATTACHMENT_STORED)
    fail(req, ERR_3000, 0,
         a->state == ATTACHMENT_FAILED ? "the file could not be fetched from the partner"
                                       : "the file is still being fetched from the partner");
  else {
    reply_header(req, "Cache-Control", "private, max-age=3600");
    reply_pieces(req, a, a->mime_type, false);
  }
}
