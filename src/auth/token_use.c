/* Last uses of API tokens. Owns a small array under a lock; a token beyond its size is noted when there is room again.
 */
#include "auth/token_use.h"

#include "base/mem.h"

#include <pthread.h>

struct token_use {
  pthread_mutex_t lock;
  int count, max;
  struct token_used *rows;
};

static int token_use_destroy(struct token_use *u) {
  pthread_mutex_destroy(&u->lock);
  return 0;
}

struct token_use *token_use_new(void *ctx, int entries_max) {
  struct token_use *u = mem_new(ctx, struct token_use);
  u->max = entries_max;
  u->rows = mem_array(u, struct token_used, (size_t)entries_max);
  pthread_mutex_init(&u->lock, NULL);
  talloc_set_destructor(u, token_use_destroy);
  return u;
}

void token_use_note(struct token_use *u, int64_t token_id, int64_t now_ms) {
  pthread_mutex_lock(&u->lock);
  int i = 0;
  while (i < u->count && u->rows[i].token_id != token_id) i++;
  if (i == u->count && u->count < u->max) u->count++;
  if (i < u->count) u->rows[i] = (struct token_used){.token_id = token_id, .at_ms = now_ms};
  pthread_mutex_unlock(&u->lock);
}

int token_use_take(struct token_use *u, struct token_used *out, int max) {
  pthread_mutex_lock(&u->lock);
  int n = 0;
  while (n < max && u->count > 0) out[n++] = u->rows[--u->count];
  pthread_mutex_unlock(&u->lock);
  return n;
}
