/* A message as all surfaces see it, before and after the store. Texts are UTF-8 and borrowed. */
#pragma once

#include "base/json.h"
#include "core/interaction.h"

#include <stdint.h>

enum party_type { PARTY_HUMAN, PARTY_BOT };
const char *party_type_word(enum party_type type); /* "human", "bot" */

struct party {
  enum party_type type;
  const char *id;
  const char *name; /* NULL when not given */
};

enum message_direction { MESSAGE_IN, MESSAGE_OUT, MESSAGE_HISTORY };

/* A file with a message coming in. Exactly one of bytes and url is set. */
struct file_in {
  const char *ext_id;
  const char *name;
  const char *mime_type;  /* as claimed */
  const char *found_type; /* by content; "" for url */
  const uint8_t *bytes;
  size_t size;
  const char *url;
};

/* What a partner tells of a customer besides the name: "email", "utm.source" … */
struct customer_field {
  const char *name, *value;
};

/* A message coming in. has_recipient: history between two parties outside. event_id: NULL where the retry key is
 * (customer, id, created_at), else the key is (channel, event_id). */
struct message_in {
  const char *event_id;
  const char *ext_id;
  int64_t created_at; /* seconds, the partner's clock */
  const char *customer_id;
  struct party sender;
  bool has_recipient;
  struct party recipient;
  const char *text;
  struct jspan rich_content; /* {NULL, 0} when absent */
  struct jspan metadata;
  const struct file_in *files;
  int file_count;
  const struct customer_field *fields;
  int field_count;
};

/* Who speaks on our side. id 0: no person, but a program or the instance itself. */
struct sender_out {
  int64_t id;
  const char *username, *display_name;
  const char *email, *avatar_url; /* NULL or "" when not known */
  bool is_bot;
};

/* A message going out, ready to be rendered for a partner. */
struct file_out {
  const char *id;
  const char *name;
  const char *mime_type;
  const char *url; /* where the partner fetches it */
};
struct message_out {
  const char *id;
  int64_t created_at; /* seconds */
  const char *customer_id;
  struct party sender;       /* as the channel's show_agent wants it */
  struct sender_out speaker; /* who it really is */
  const char *text;
  const struct file_out *files;
  int file_count;
};

/* The end of an interaction, to be told to a partner. */
struct close_out {
  const char *id; /* of the delivery, 24 hex */
  const char *customer_id;
  enum close_reason reason;
  struct sender_out speaker;
};
