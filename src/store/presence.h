/* Who is there: the state an agent has chosen, since when, and whether live streams keep them there. No row: logged
 * out. */
#pragma once

#include "store/conversation.h"

struct presence {
  int64_t agent_id, state_id; /* state_id 0: never chosen, which is logged out */
  const char *reason;         /* "" for none */
  int64_t since, idle_since;
  int64_t gone_at; /* the last live stream ended then; 0 when one is open, or none ever was */
  bool live;       /* kept by live streams */
};
/* Texts are children of ctx. An agent without a row: state_id 0, all else zero. */
void presence_get(struct db *db, void *ctx, int64_t agent_id, struct presence *ret);
int presence_list(struct db *db, void *ctx, int64_t instance_id, struct presence *out, int max); /* sorted by agent */
enum state_kind presence_kind(const struct registry *registry, const struct presence *p);

/* What the rules are that are settings. */
struct assign_conf {
  int64_t pause_ms;     /* so long nothing is offered again to who declined it or let it pass */
  int64_t retention_ms; /* of deliveries */
  int64_t grace_ms;     /* so long an agent may be without a live stream */
  bool gone_active;     /* conversations of an agent who is gone go back to the queue */
};
/* Inside a transaction. Not ready any more: offers go back; logged out: conversations too. */
bool presence_set(struct db *tx, const struct registry *registry, const struct assign_conf *conf, int64_t agent_id,
                  const struct agent_state *state, const char *reason, const struct actor *actor, int64_t now_ms);
/* The agent's first live stream is open, or the last one is gone. */
bool presence_live(struct db *tx, const struct registry *registry, const struct assign_conf *conf, int64_t agent_id,
                   bool live, int64_t now_ms);
/* At the start nobody's stream is open: whoever was kept by one has the time of grace to come back. */
bool presence_all_gone(struct db *tx, const struct assign_conf *conf, int64_t now_ms);
