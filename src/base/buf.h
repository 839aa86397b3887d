/* A growable byte buffer with a stated maximum. Past the maximum it becomes `failed` and ignores
 * further writes: build everything, test once at the end. Always NUL-terminated behind len. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
  char *data; /* talloc child of ctx */
  size_t len;
  size_t cap;
  size_t max;
  bool failed;
  void *ctx;
};

void buf_init(struct buf *b, void *ctx, size_t first, size_t max); /* first bytes reserved at once */
void buf_reset(struct buf *b);                                     /* len 0, memory kept */
bool buf_reserve(struct buf *b, size_t more);                      /* false (and failed) beyond max */
void buf_put(struct buf *b, const void *bytes, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_put_int(struct buf *b, int64_t n);
