/* What happens to conversations: load, let core decide, save, append events, fill the outbox; inside one transaction.
 * Every surface uses these, none has its own. */
#pragma once

#include "core/interaction.h"
#include "core/message.h"
#include "store/registry.h"

struct interaction {
  int64_t id, instance_id, channel_id, customer_id, service_id;
  enum interaction_state state;
  int64_t agent_id, previous_id, version, opened_at, state_at, closed_at;
  const char *close_reason; /* NULL unless ended */
  const char *customer_ext_id, *customer_name;
  int64_t priority;       /* 1 first */
  int64_t medium, weight; /* what it costs whoever holds it */
  int64_t queued_at;      /* since when it waits, or waited */
  bool front;             /* before all others of its priority */
  int64_t offer_until, wrapup_until, last_agent_id;
  const char *label; /* "" for none */
  int64_t qualification_id;
  const char *qualification_comment;
  int64_t service_first_id; /* where it was opened; 0 when nobody knows */
};
struct message {
  int64_t id, interaction_id, customer_id;
  enum message_direction direction;
  const char *ext_id;
  int64_t created_at, stored_at;
  struct party sender, recipient; /* recipient.id NULL when none */
  int64_t agent_id;
  const char *text, *rich_content, *metadata;
  int64_t attachments;
};
struct note {
  int64_t id, agent_id, created_at;
  const char *author, *content;
};

enum conversation_result {
  CONVERSATION_OK,
  CONVERSATION_UNKNOWN,
  CONVERSATION_REFUSED,
  CONVERSATION_TOO_LONG, /* more than the channel's partner takes in one message */
  CONVERSATION_TAKEN,    /* another agent has it, or it is offered to another */
  CONVERSATION_NO_ROOM,  /* the agent holds as much as they may */
  CONVERSATION_FAILED
};
/* Why not: of REFUSED and TAKEN who has it (0 nobody), of NO_ROOM how much the agent holds of how much. */
struct conversation_why {
  int64_t agent_id, used, capacity;
  bool medium; /* NO_ROOM: used and capacity count interactions of this medium */
};

/* A customer's or bot's message: opens or continues the interaction, queues it. Repeats change nothing and are OK. */
enum conversation_result conversation_receive(struct db *tx, const struct registry *registry,
                                              const struct channel *channel, const struct message_in *m,
                                              int64_t now_ms);

/* For the job that does so: what customers write is stored in the order in which it came. */
uint64_t conversation_key(const struct channel *channel, const struct message_in *m);

/* Who acts on an interaction: a person or a token. */
struct actor {
  int64_t agent_id;         /* 0: a token */
  const char *display_name; /* of the agent, or the token's label */
};
struct reply_in {
  const char *text;
  const struct file_in *files; /* with bytes */
  int file_count;
  const int64_t *uploaded; /* ids of files uploaded before */
  int uploaded_count;
  bool as_bot; /* a program answers: the interaction stays where it is, the partner is told that it is a bot */
  const char *public_url;
  int64_t retention_ms;
  struct conversation_why *why; /* filled when somebody or something is in the way */
};
/* conversation_reply: the answer and its delivery in one commit. ret_message_id. REFUSED: closed; or an uploaded file
 * is not to be had (*ret_bad_file its index). */
enum conversation_result conversation_reply(struct db *tx, const struct registry *registry, int64_t instance_id,
                                            int64_t interaction_id, const struct actor *actor,
                                            const struct reply_in *reply, int64_t now_ms, int64_t *ret_message_id,
                                            int *ret_bad_file);
enum conversation_result conversation_note(struct db *tx, int64_t instance_id, int64_t interaction_id,
                                           const struct actor *actor, const char *content, int64_t now_ms,
                                           int64_t *ret_note_id);
enum conversation_result conversation_accept(struct db *tx, const struct registry *registry, int64_t instance_id,
                                             int64_t interaction_id, const struct actor *actor, int64_t now_ms,
                                             struct conversation_why *why);
/* The end, with its reason; a partner whose surface knows ends is told in the same commit. */
struct close_in {
  bool as_bot;
  int64_t retention_ms;
  int64_t qualification_id; /* 0: none is given */
  const char *comment;      /* with it; NULL: "" */
};
enum conversation_result conversation_close(struct db *tx, const struct registry *registry, int64_t instance_id,
                                            int64_t interaction_id, const struct actor *actor,
                                            const struct close_in *close, int64_t now_ms);

/* What it was about; REFUSED: no such qualification for its service. */
enum conversation_result conversation_qualify(struct db *tx, const struct registry *registry, int64_t instance_id,
                                              int64_t interaction_id, const struct actor *actor,
                                              int64_t qualification_id, const char *comment, int64_t now_ms);

/* ---- closing by time ---- */
/* Open interactions of the channel that have been silent long enough by now_ms, oldest first; at most max. */
int conversation_silent(struct db *db, const struct channel *channel, int64_t now_ms, int64_t *out, int max);
/* When the next of the channel will be, 0: none that is known. */
int64_t conversation_silent_at(struct db *db, const struct channel *channel);
/* Closes it if it is still silent; OK also when it is not. */
enum conversation_result conversation_close_silent(struct db *tx, const struct registry *registry,
                                                   const struct channel *channel, int64_t interaction_id,
                                                   int64_t retention_ms, int64_t now_ms);
/* By the clock: the end, or a text in the instance's name. */
enum conversation_result conversation_close_by_clock(struct db *tx, const struct registry *registry,
                                                     struct interaction *i, enum close_reason reason,
                                                     int64_t retention_ms, int64_t now_ms);
enum conversation_result conversation_reply_by_clock(struct db *tx, const struct registry *registry,
                                                     const struct interaction *i, const char *text,
                                                     int64_t retention_ms, int64_t now_ms);

/* Reading; texts are children of ctx. */
bool interaction_get(struct db *db, void *ctx, int64_t instance_id, int64_t id, struct interaction *ret);
/* All that wait, first one first; and what an agent holds. At most max. */
int interaction_queue(struct db *db, void *ctx, int64_t instance_id, struct interaction *out, int max);
int interaction_of_agent(struct db *db, void *ctx, int64_t instance_id, int64_t agent_id, int64_t after,
                         struct interaction *out, int max);
struct interaction_filter {
  enum interaction_state state;
  int64_t service_id, agent_id; /* 0: any */
  int64_t after;
};
int interaction_list(struct db *db, void *ctx, int64_t instance_id, const struct interaction_filter *filter,
                     struct interaction *out, int max);
int interaction_list_customer(struct db *db, void *ctx, int64_t instance_id, int64_t channel_id, const char *ext_id,
                              int64_t after, struct interaction *out, int max);
/* The newest interactions in which the words occur: in a text, or in the customer's name or id. Looks through the
 * newest 20 000 messages and 5 000 interactions; newest first. */
int interaction_search(struct db *db, void *ctx, int64_t instance_id, const char *words, struct interaction *out,
                       int max);
bool message_get(struct db *db, void *ctx, int64_t instance_id, int64_t id, struct message *ret);
bool message_is(struct db *db, int64_t instance_id, int64_t id); /* is there such a message? */
/* What is known of a customer, at most max, sorted by name. */
int customer_fields(struct db *db, void *ctx, int64_t customer_id, struct customer_field *out, int max);
bool note_get(struct db *db, void *ctx, int64_t instance_id, int64_t id, struct note *ret);
int64_t interaction_count(struct db *db, int64_t instance_id, enum interaction_state state, int64_t *ret_oldest_ms);
