/* GET /api/v3/interaction/events: the live stream. Where it begins: Last-Event-ID, else lastEventId, else now. */
#include "api/app.h"
#include "api/caller.h"
#include "api/errors.h"
#include "api/kiamo_v3/kiamo_v3.h"
#include "base/text.h"
#include "store/event.h"

#include <string.h>

void v3_events(struct request *req) {
  const char *from = request_header(req, "Last-Event-ID");
  if (!from) from = request_query(req, "lastEventId");
  int64_t after = -1;
  if (from && !parse_int(from, 0, (INT64_C(1) << EVENT_NUMBER_BITS) - 1, &after)) {
    fail(req, ERR_1020, 400, "Last-Event-ID must be the id of an event");
    return;
  }
  if (request_method(req) == HTTP_HEAD) {
    reply_static(req, 200, "text/event-stream", "", 0);
    return;
  }
  const struct caller *c = caller_of(req);
  struct live_right right = {.token_id = c->token ? c->token->id : 0, .agent_id = c->agent ? c->agent->id : 0};
  memcpy(right.session_hash, c->session_hash, sizeof right.session_hash);
  if (!live_open(app()->live, req, c->instance_id, &right, after)) fail_unavailable(req, UNAVAILABLE_BUSY);
}
