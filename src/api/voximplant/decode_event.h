/* From the body of an event to struct message_in. Pure but for the decoder's context. */
#pragma once

#include "api/decode.h"
#include "core/message.h"

#define KIT_FILES_MAX 32

struct kit_event_in {
  struct message_in message; /* created_at is the caller's to set */
  size_t bytes;              /* the weight of storing it */
};
/* Fills ret; problems go to the decoder. */
void kit_decode_event(struct decoder *d, const struct jval *root, const char *body, size_t len,
                      struct kit_event_in *ret);
