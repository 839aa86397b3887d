/* The kinds of channel and what differs between them when something goes out: one row each. Pure.
 * The rest of the program asks the row and never the kind. */
#pragma once

#include "base/buf.h"
#include "core/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum channel_kind { CHANNEL_KIAMO_IO = 1 };

#define SURFACE_HEADERS_MAX 8
#define SURFACE_HEADER_LEN  256

/* What a delivery is signed with and named by. */
struct surface_signing {
  const char *secret;
  const char *delivery_id; /* 24 hex */
  int64_t attempt_at_s;    /* seconds since 1970 */
  const void *body;
  size_t body_len;
};

struct surface {
  enum channel_kind kind;
  const char *word; /* "kiamo_io" */
  /* The bytes of one message to the partner. */
  void (*render_message)(struct buf *out, const struct message_out *message);
  /* Request headers "Name: value" besides Content-Type; returns how many. */
  int (*headers)(const struct surface_signing *signing, char out[SURFACE_HEADERS_MAX][SURFACE_HEADER_LEN]);
  /* Does this HTTP status mean that the partner has it? */
  bool (*delivered)(int status);
  size_t payload_max;
  /* Where the partner fetches a file: public address, prefix, uid, suffix. */
  const char *file_prefix, *file_suffix;
};

/* NULL for an unknown kind. */
const struct surface *surface_of(enum channel_kind kind);
