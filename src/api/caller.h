/* Who is asking: made by api_admit before a handler runs, lives in the request's pool with a reference on the setup. */
#pragma once

#include "http/request.h"
#include "store/conversation.h"
#include "store/registry.h"

/* How a route wants its caller (struct route.access). */
enum access {
  ACCESS_PUBLIC,
  ACCESS_CONNECTOR, /* Bearer token of a connector */
  ACCESS_CHANNEL,   /* Bearer token of a custom channel, the one in the path */
  ACCESS_API,       /* API token, or a session whose profile has the right */
  ACCESS_PERSON     /* a session only */
};

struct caller {
  const struct registry *registry;
  int64_t instance_id;
  const struct channel *channel;    /* ACCESS_CONNECTOR, ACCESS_CHANNEL */
  const struct api_token *token;    /* ACCESS_API by token */
  const struct agent *agent;        /* by session */
  uint8_t session_hash[SHA256_LEN]; /* by session */
};

const struct caller *caller_of(const struct request *req);
struct actor caller_actor(const struct caller *c); /* for ACCESS_API and ACCESS_PERSON */
/* "agent:12" or "token:7", for keys that belong to one caller. */
void caller_key(const struct caller *c, char out[static 40]);
