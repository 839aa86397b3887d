/* Live streams of an instance's events (text/event-stream): who listens, where each stands, waking them after commits.
 * A stream holds its position only; events are read from the log and rendered once for all who stand at the same place.
 */
#pragma once

#include "http/reply.h"
#include "store/store.h"

struct live;
struct live *live_new(void *ctx, struct store *store);
/* Hook of the store: quick, any thread. */
void live_committed(struct live *l, int64_t instance_id, int64_t last_number);
/* By which right a stream is open: a token or a session. When it ends the stream ends. */
struct live_right {
  int64_t token_id, agent_id;
  uint8_t session_hash[32];
};
/* Sets the reply of req to a stream of the instance's events above `after` (-1: from now on). False when there are too
 * many streams, or the log cannot be read. */
bool live_open(struct live *l, struct request *req, int64_t instance_id, const struct live_right *right,
               int64_t after) MUST_CHECK;
int live_count(const struct live *l);
int live_of_agent(struct live *l, int64_t agent_id); /* open streams of that person */
/* Told when a person's first stream opens and when the last one ends; on any thread, without locks of ours. */
void live_on_agent(struct live *l, void (*told)(int64_t agent_id));
void live_stop(struct live *l); /* ends every stream, joins the thread */
