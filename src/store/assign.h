/* Giving interactions to agents and taking them back: offers, refusals, transfers, wrap-up, time. Inside a transaction;
 * every change looks at the rows of that transaction, so of two who want one thing one gets it. */
#pragma once

#include "core/routing.h"
#include "store/presence.h"

/* To an agent who is ready and has room. REFUSED: it does not wait any more, or the agent is not ready. */
enum conversation_result assign_offer(struct db *tx, const struct registry *registry, int64_t instance_id,
                                      const struct routing_offer *offer, int64_t now_ms);
enum conversation_result assign_decline(struct db *tx, const struct registry *registry, const struct assign_conf *conf,
                                        int64_t instance_id, int64_t interaction_id, const struct actor *actor,
                                        int64_t now_ms, struct conversation_why *why);
/* Exactly one of the two. To an agent: an offer, whatever waits before it. */
struct transfer_in {
  int64_t service_id, agent_id;
  const char *note; /* NULL: none */
};
enum transfer_result { TRANSFER_MOVED, TRANSFER_NO_TARGET, TRANSFER_NOT_READY };
/* OK with *ret_target TRANSFER_MOVED; REFUSED with another: that service or agent cannot have it. */
enum conversation_result assign_transfer(struct db *tx, const struct registry *registry, const struct assign_conf *conf,
                                         int64_t instance_id, int64_t interaction_id, const struct actor *actor,
                                         const struct transfer_in *to, int64_t now_ms, struct conversation_why *why,
                                         enum transfer_result *ret_target);
enum conversation_result assign_end_wrapup(struct db *tx, const struct registry *registry, int64_t instance_id,
                                           int64_t interaction_id, const struct actor *actor, int64_t now_ms,
                                           struct conversation_why *why);
/* Offers go back to the queue's head; when gone, conversations (as the setting says) and wrap-ups too. */
bool assign_agent_leaves(struct db *tx, const struct registry *registry, const struct assign_conf *conf,
                         const struct agent *agent, bool gone, int64_t now_ms);

/* ---- timers ---- */
struct due {
  int64_t kind, ref_id, instance_id, due_at;
};
int due_list(struct db *db, int64_t now_ms, struct due *out, int max); /* what is due, oldest first */
int due_of(struct db *db, int64_t interaction_id, struct due *out, int max);
int64_t due_next(struct db *db); /* 0: none */
/* Does what is due, if it still is; the row is gone, or stands later. False only when the store failed. */
bool assign_due(struct db *tx, const struct registry *registry, const struct assign_conf *conf, const struct due *due,
                int64_t now_ms);
