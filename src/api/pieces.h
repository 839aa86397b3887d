/* Sending a stored file piece by piece, a chunk of the store in memory at a time. */
#pragma once

#include "http/reply.h"
#include "store/attachment.h"

/* Sets the reply: 200 with the file's bytes, never as active content (attachment disposition, no sniffing, sandbox).
 * hold_end: the last piece waits until the client's side has acknowledged all before it. */
void reply_pieces(struct request *req, const struct attachment *a, const char *content_type, bool hold_end);
