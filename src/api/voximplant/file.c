/* GET /api/v3/botService/file/{uid}: a file of an answer. A connector passes the address on to a messenger that has no
 * token of ours, so the unguessable name is the right to fetch it; only of channels whose partners are told such
 * addresses, and never what came in. */
#include "api/app.h"
#include "api/caller.h"
#include "api/errors.h"
#include "api/pieces.h"
#include "api/voximplant/voximplant.h"
#include "base/mem.h"
#include "store/attachment.h"

#include <string.h>

static bool is_open(const struct registry *r, const struct attachment *a) {
  const struct channel *channel = registry_channel(r, a->channel_id);
  return channel && channel->enabled && surface_of(channel->kind)->files_open && a->direction == MESSAGE_OUT &&
         a->message_id != 0 && a->state == ATTACHMENT_STORED;
}

void kit_file(struct request *req) {
  struct attachment *a = mem_new(request_pool(req), struct attachment);
  const char *uid = request_param(req, 0);
  struct db *db = store_read_begin(app()->store);
  int64_t instance_id = strlen(uid) == ATTACHMENT_UID_LEN - 1 ? attachment_instance(db, uid) : 0;
  bool found = instance_id && attachment_by_uid(db, request_pool(req), instance_id, uid, a);
  bool failed = db_failed(db);
  store_read_end(app()->store, db);
  if (failed)
    fail_unavailable(req, UNAVAILABLE_DOWN);
  else if (!found || !is_open(caller_of(req)->registry, a))
    kit_fail(req, 404, "there is no such file");
  else {
    reply_header(req, "Cache-Control", "private, max-age=3600");
    reply_pieces(req, a, a->mime_type, false);
  }
}
