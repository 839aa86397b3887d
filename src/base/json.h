/* Reading JSON (RFC 8259), strictly: UTF-8 checked, NUL refused, duplicate keys refused, trailing
 * bytes refused, integers beyond 64 bits refused, depth and number of values bounded. base/json.c alone knows Jansson.
 * A struct jval is borrowed: it lives until its struct jdoc is freed with its talloc context. */
#pragma once

#include "base/fail.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX  64
#define JSON_VALUES_MAX 100000 /* three bytes of text may become a few hundred of memory */

enum jtype { JT_MISSING, JT_NULL, JT_BOOL, JT_INT, JT_REAL, JT_STRING, JT_ARRAY, JT_OBJECT };

struct jval; /* opaque; a NULL pointer is JT_MISSING everywhere below */

struct jerror {
  char text[160]; /* what is wrong, for the client */
  size_t offset;  /* byte position, 0-based */
};

/* Parses exactly one value out of len bytes. The document is a child of ctx and is freed with it.
 * Returns NULL and fills *ret_error when the text is not acceptable. */
const struct jval *json_parse(void *ctx, const char *text, size_t len, struct jerror *ret_error) MUST_CHECK;

enum jtype jval_type(const struct jval *v);
const char *jval_type_name(const struct jval *v); /* "missing", "null", "a string" … for messages */
const struct jval *jval_get(const struct jval *object, const char *key); /* NULL when absent or not an object */
size_t jval_count(const struct jval *v);                                 /* items or members; 0 for others */
const struct jval *jval_at(const struct jval *array, size_t index);
const char *jval_str(const struct jval *v, size_t *ret_len); /* NULL unless a string; ret_len may be NULL */
int64_t jval_int(const struct jval *v);                      /* 0 unless JT_INT */
bool jval_bool(const struct jval *v);                        /* false unless JT_BOOL true */
/* Members in the order they were written. */
typedef void jval_member_fn(void *arg, const char *key, const struct jval *value);
void jval_each(const struct jval *object, jval_member_fn *fn, void *arg);

/* Verbatim text. A span is a piece of text that json_parse has accepted; used to keep metadata and
 * rich content byte for byte. Absent: {NULL, 0}. */
struct jspan {
  const char *text;
  size_t len;
};
struct jspan jspan_of(const char *text, size_t len);             /* trims white space around the value */
struct jspan jspan_member(struct jspan object, const char *key); /* keys are compared unescaped */
/* Walks an array: start with *iter = {NULL,0}; returns false at the end. */
bool jspan_next(struct jspan array, struct jspan *iter);
