/* When each API token was used last: noted in memory on every request, taken now and then to be written. Any thread. */
#pragma once

#include <stdint.h>

struct token_use;
struct token_use *token_use_new(void *ctx, int entries_max);
void token_use_note(struct token_use *u, int64_t token_id, int64_t now_ms);

struct token_used {
  int64_t token_id, at_ms;
};
/* Moves up to max notes into out and forgets them; returns how many. */
int token_use_take(struct token_use *u, struct token_used *out, int max);
