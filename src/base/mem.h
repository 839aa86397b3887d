/* Memory: talloc contexts, one pool per request or job, freed at once.
 * The only header that includes talloc.h. Out of memory is a panic: mem_init() installs the abort
 * hook, so no caller tests the result of an allocation. */
#pragma once

#include <stddef.h>
#include <talloc.h>

/* Call once at start: allocation failure aborts the process with a line on stderr. */
void mem_init(void);

/* talloc allocators that never return NULL. `ctx` owns the result. */
void *mem_alloc_(const void *ctx, size_t size, const char *name);
void *mem_zero_(const void *ctx, size_t size, const char *name);
#define mem_new(ctx, type)      ((type *)mem_zero_((ctx), sizeof(type), #type))
#define mem_array(ctx, type, n) ((type *)mem_array_((ctx), sizeof(type), (n), #type))
void *mem_array_(const void *ctx, size_t size, size_t count, const char *name); /* zeroed; overflow panics */
char *mem_bytes(const void *ctx, size_t size);                                  /* not zeroed */
char *mem_strdup(const void *ctx, const char *text);                            /* NULL gives NULL */
char *mem_strndup(const void *ctx, const char *text, size_t len);               /* copies len bytes, adds NUL */
char *mem_printf(const void *ctx, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A pool: a context whose first `size` bytes of children come from one block. */
void *mem_pool(const void *parent, size_t size);
void mem_free(void *ctx); /* accepts NULL */

/* Gives back what only the start needed: heap left over, and pages of program and libraries that the loader touched
 * (they are clean file pages; what is used comes back from the page cache by itself). Call when the server stands. */
void mem_after_start(void);
