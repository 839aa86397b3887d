/* From the body of POST /messaging/v1/messages to struct message_in. Pure but for the decoder's context. */
#pragma once

#include "api/decode.h"
#include "core/message.h"

#define KIAMO_IO_MESSAGES_MAX 1000
#define KIAMO_IO_FILES_MAX    32

struct kiamo_io_batch {
  struct message_in *messages;
  int count;
  bool too_large; /* a file is over the limit: 413 */
};

/* Fills ret; problems go to the decoder. file_max: bytes of one decoded file. filetype: type by content of some bytes.
 */
void kiamo_io_decode(struct decoder *d, const struct jval *root, const char *body, size_t len, int64_t file_max,
                     struct kiamo_io_batch *ret);
