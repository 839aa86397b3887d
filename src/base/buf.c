/* A growable byte buffer with a maximum. Owns one talloc block (child of ctx) that doubles as it grows.
 * On whichever thread its owner is; never shared. Never writes past max: it becomes `failed` and stays so until reset.
 */
#include "base/buf.h"

#include "base/fail.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* talloc refuses single blocks of 256 MB and more; a larger max would turn a long text into a panic. */
#define BUF_HARD_MAX ((size_t)255 << 20)

void buf_init(struct buf *b, void *ctx, size_t first, size_t max) {
  if (max > BUF_HARD_MAX) max = BUF_HARD_MAX;
  if (first > max) first = max;
  *b = (struct buf){.ctx = ctx, .max = max, .cap = first + 1};
  b->data = mem_bytes(ctx, b->cap);
  b->data[0] = '\0';
}

void buf_reset(struct buf *b) {
  b->len = 0;
  b->failed = false;
  b->data[0] = '\0';
}

static bool grow(struct buf *b, size_t more) {
  if (more > b->max - b->len) {
    b->failed = true;
    return false;
  }
  size_t need = b->len + more + 1;
  size_t cap = b->cap * 2;
  if (cap < need) cap = need;
  if (cap > b->max + 1) cap = b->max + 1;
  char *data = talloc_realloc_size(b->ctx, b->data, cap);
  if (!data) panic("out of memory: buffer of %zu bytes", cap);
  b->data = data;
  b->cap = cap;
  return true;
}

bool buf_reserve(struct buf *b, size_t more) {
  if (b->failed) return false;
  if (more < b->cap - b->len) return true;
  return grow(b, more);
}

void buf_put(struct buf *b, const void *bytes, size_t len) {
  if (!buf_reserve(b, len)) return;
  if (len) memcpy(b->data + b->len, bytes, len);
  b->len += len;
  b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *text) {
  buf_put(b, text, strlen(text));
}

void buf_putc(struct buf *b, char c) {
  if (!buf_reserve(b, 1)) return;
  b->data[b->len++] = c;
  b->data[b->len] = '\0';
}

void buf_printf(struct buf *b, const char *format, ...) {
  if (b->failed) return;
  size_t room = b->cap - b->len;
  va_list args;
  va_start(args, format);
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(b->data + b->len, room, format, args);
  va_end(args);
  invariant(n >= 0);
  if ((size_t)n < room) {
    b->len += (size_t)n;
  } else {
    b->data[b->len] = '\0'; /* a refused text leaves no part of itself behind */
    if (buf_reserve(b, (size_t)n)) {
      vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
      b->len += (size_t)n;
    }
  }
  va_end(again);
}

void buf_put_int(struct buf *b, int64_t n) {
  char digits[20];
  size_t at = sizeof digits;
  uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest);
  if (n < 0) digits[--at] = '-';
  buf_put(b, digits + at, sizeof digits - at);
}
