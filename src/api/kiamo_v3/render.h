/* Rows of the store as JSON of v3. All ids are 24 hex digits but those of the setup, which are integers. */
#pragma once

#include "base/json_write.h"
#include "store/conversation.h"
#include "store/event.h"

struct v3_view {
  struct db *db;
  void *ctx; /* short-lived */
  const struct registry *registry;
  int64_t instance_id;
};

/* The same with "waitedSeconds" and "position" in its service's queue. */
void v3_render_waiting(const struct v3_view *v, struct buf *out, const struct interaction *i, int64_t waited_s,
                       int64_t position);
void v3_render_interaction(const struct v3_view *v, struct buf *out, const struct interaction *i);
/* With attachments, and with the state of the delivery for answers. */
/* The customer of an interaction with what partners told of them. */
void v3_render_customer(const struct v3_view *v, struct buf *out, const struct interaction *i);
void v3_render_message(const struct v3_view *v, struct buf *out, const struct message *m);
void v3_render_note(const struct v3_view *v, struct buf *out, const struct note *n);
/* The event with what it is about (message, note, delivery). */
void v3_render_event(const struct v3_view *v, struct buf *out, const struct event *e);
