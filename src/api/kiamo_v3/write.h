/* Writing requests of v3: one job that does the deed, renders the answer inside the transaction and remembers it under
 * the caller's Idempotency-Key, so that a retry gets the same answer and nothing is done twice. */
#pragma once

#include "api/caller.h"
#include "api/decode.h"
#include "api/kiamo_v3/render.h"

struct v3_write {
  struct request *req;
  const struct caller *caller;
  int64_t interaction_id; /* from {id} */
  /* Inside the transaction: do it, then write the answer's body into out and set *ret_status; or fail_body(). Returns
   * false only when the store failed. May run again from the start. */
  bool (*act)(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status);
  const void *input; /* the handler's own */
  size_t weight;
  bool setup;    /* it changes the setup: the epoch is raised before the answer leaves */
  bool secret;   /* the answer holds a secret: what is remembered of it is sealed */
  char etag[24]; /* of the answer, by act(); "" for none */
  /* private */
  const char *key;
  uint8_t fingerprint[32];
  struct buf *body;
  int status;
  struct store_job job;
  bool suspended;
};

/* The {id} of the path as an interaction of the caller's instance. False, with 404 set, when it cannot be one. */
bool v3_path_id(struct request *req, int64_t *ret_id);
/* The parsed JSON body, an object; NULL with the reply set. An empty body is an empty object when `may_be_empty`. */
const struct jval *v3_body(struct request *req, bool may_be_empty);
struct v3_write *v3_write_new(struct request *req, int64_t interaction_id);
/* The member "bot": does a program act that talks to customers by itself? Only a token may say so; a problem goes to
 * the decoder. */
bool v3_as_bot(struct decoder *d, const struct request *req, const struct jval *body);
/* Submits; the reply is set now or later. */
void v3_write_go(struct v3_write *w);
/* conversation_result that is neither OK nor FAILED, as an answer. */
/* why: who has it, or how much the agent holds; NULL with the registry when nobody asked. */
int v3_refused(struct buf *out, enum conversation_result r, const char *deed, const struct registry *registry,
               const struct conversation_why *why);
