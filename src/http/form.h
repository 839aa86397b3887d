/* Bodies of forms: application/x-www-form-urlencoded and multipart/form-data (RFC 7578), bounded, over a complete body.
 * Pure. A part that is a file is a field too (its file name is ignored here). */
#pragma once

#include "base/fail.h"

#include <stddef.h>

#define FORM_FIELDS_MAX 32

struct form_field {
  const char *name;  /* UTF-8, NUL-terminated, no NUL inside */
  const char *value; /* len bytes and a NUL behind */
  size_t len;
};
struct form {
  struct form_field fields[FORM_FIELDS_MAX];
  int count;
};

enum form_result { FORM_OK, FORM_WRONG_TYPE, FORM_BROKEN, FORM_TOO_MANY };

/* content_type: the request's header (NULL counts as wrong). Strings are children of ctx. */
enum form_result form_parse(void *ctx, const char *content_type, const char *body, size_t len,
                            struct form *ret) MUST_CHECK;
/* The value of `name`; NULL when absent. *ret_count (may be NULL): how often it occurs. */
const char *form_get(const struct form *f, const char *name, int *ret_count);
/* Value of a parameter of a header such as `multipart/form-data; boundary="x"`, unquoted, or NULL. */
char *header_param(void *ctx, const char *header, const char *name);
/* Is the media type (before any ';', any case) `type`? */
bool media_type_is(const char *content_type, const char *type);
