/* The kinds of channel and what differs between them when something goes out: one row each. Pure.
 * The rest of the program asks the row and never the kind. */
#pragma once

#include "base/buf.h"
#include "core/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum channel_kind { CHANNEL_KIAMO_IO = 1, CHANNEL_VOXIMPLANT = 2 };

#define SURFACE_HEADERS_MAX 8
#define SURFACE_HEADER_LEN  256

/* What a delivery is signed with and named by. */
struct surface_signing {
  const char *secret;
  const char *token;       /* value of the API token chosen for the channel; "" where there is none */
  const char *delivery_id; /* 24 hex; NULL: the address is only being checked */
  int64_t attempt_at_s;    /* seconds since 1970 */
  const void *body;
  size_t body_len;
};

struct surface {
  enum channel_kind kind;
  const char *word; /* "kiamo_io" */
  /* The bytes of one message to the partner. */
  void (*render_message)(struct buf *out, const struct message_out *message);
  /* The bytes that tell of an end; NULL where partners are not told. */
  void (*render_close)(struct buf *out, const struct close_out *close);
  /* Request headers "Name: value" besides Content-Type; returns how many. */
  int (*headers)(const struct surface_signing *signing, char out[SURFACE_HEADERS_MAX][SURFACE_HEADER_LEN]);
  /* Does this HTTP status mean that the partner has it? */
  bool (*delivered)(int status);
  size_t payload_max;
  int64_t timeout_max_ms; /* of one attempt, whatever the setting says; 0: as the setting says */
  bool needs_token;       /* it signs with an API token chosen for the channel */
  bool files_open;        /* whoever knows a file's address may fetch it, as often as they like */
  bool closes_silent;     /* interactions that fall silent are closed by the channel's timers */
  /* Where the partner fetches a file: public address, prefix, uid, suffix. */
  const char *file_prefix, *file_suffix;
};

/* The id of a delivery as a UUID (version 8, RFC 9562), where partners expect one. */
#define SURFACE_UUID_LEN 37
void surface_event_uuid(const char *delivery_id, char out[static SURFACE_UUID_LEN]);
/* MD5 in hex over "salt:token:event_id", or over "salt:token" when event_id is NULL. */
#define SURFACE_MD5_LEN 33
void voximplant_signature(const char *salt, const char *token, const char *event_id, char out[static SURFACE_MD5_LEN]);

/* The row of "voximplant" (voximplant.c). */
extern const struct surface voximplant_surface;

/* NULL for an unknown kind or word. */
const struct surface *surface_of(enum channel_kind kind);
const struct surface *surface_named(const char *word);
