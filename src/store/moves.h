/* The one place where an interaction changes its state after it was opened: core says whether, the rows of the
 * transaction say whether there is room, and with the change go its event, its timers and what else follows. Inside a
 * transaction on the writer. */
#pragma once

#include "store/conversation.h"
#include "store/event.h"

struct move_in {
  enum interaction_move move;
  const struct actor *actor;     /* who does it; NULL: the clock, or routing */
  int64_t agent_id;              /* OFFER: to whom */
  const struct service *service; /* TRANSFER: where to */
  bool overflow;                 /* TRANSFER: because it has waited long */
  const char *close_reason;      /* WRAPUP, CLOSE */
  const char *why;               /* a word for the event: WITHDRAW, AGENT_GONE */
  int64_t pause_ms;              /* DECLINE, OFFER_EXPIRED, TRANSFER: so long it is not offered to that agent again */
  const char *extra;             /* OFFER: further members of the event, as in moves_tell; NULL none */
  int64_t now_ms;
};
/* Changes *i and its row. TAKEN, NO_ROOM and REFUSED: nothing was changed, *why says who or how much. */
enum conversation_result interaction_move(struct db *tx, const struct registry *registry, struct interaction *i,
                                          const struct move_in *in, struct conversation_why *why);
/* The timers of what waits, from now on: overflow, longest wait, opening hours. */
bool moves_arm_waiting(struct db *tx, const struct service *service, int64_t instance_id, int64_t interaction_id,
                       int64_t now_ms);
bool moves_due_set(struct db *tx, int kind, int64_t ref_id, int64_t instance_id, int64_t at);
bool moves_due_delete(struct db *tx, int kind, int64_t ref_id);
/* An event by somebody: a person by their id, a token by its label in the data. extra: further members of the data,
 * written as `"name":value,…`; NULL none. */
bool moves_tell(struct db *tx, int64_t instance_id, const struct actor *actor, struct event e, const char *extra);
