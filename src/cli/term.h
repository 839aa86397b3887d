/* Writing for people: aligned tables, colour where it is wanted, and nothing in a partner's text that a terminal would
 * act on. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum term_style { TERM_PLAIN, TERM_BOLD, TERM_DIM, TERM_GOOD, TERM_POOR, TERM_BAD };

/* The escape sequence, or "" when `out` is no terminal or NO_COLOR is set. End with TERM_PLAIN. */
const char *term_style(FILE *out, enum term_style style);

/* A copy in which control characters (C0, C1, DEL, direction marks) and broken UTF-8 are shown as '?'. */
char *term_clean(void *ctx, const char *text);
/* The same, but lines stay lines: each but the first begins with `indent`. */
char *term_clean_lines(void *ctx, const char *text, const char *indent);

#define TERM_COLUMNS_MAX 10
struct term_table;
struct term_table *term_table_new(void *ctx, const char *const *headers); /* NULL-terminated */
/* One row; as many cells as headers; copied and cleaned. NULL is empty. */
void term_table_add(struct term_table *t, const char *const *cells);
void term_table_style(struct term_table *t, enum term_style style); /* of the first cell of the newest row */
void term_table_print(const struct term_table *t, FILE *out, const char *when_empty);

/* "2026-11-20 14:05:01", local time; "-" for <= 0. Child of ctx. */
const char *term_time(void *ctx, int64_t wall_ms);
const char *term_size(void *ctx, int64_t bytes); /* "1.2 GiB" */

/* Text broken into lines of at most `width` columns; all but the first begin with `indent` spaces. */
void term_wrap(FILE *out, const char *text, int indent, int width);

/* A bar on standard error, only when that is a terminal; done == total ends it. */
void term_progress(const char *what, int64_t done, int64_t total);
