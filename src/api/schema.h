/* Types of the tables that describe the API (describe.h), written shortly, as JSON Schema (2020-12, that of
 * OpenAPI 3.1). Pure. A type is text, integer, number, boolean, time (RFC 3339), date, id (24 hex digits), uuid, url,
 * base64, bytes, object, any, null; with bounds: "text 1..255" (length), "integer 1..200" (value), "[Message] 1..1000"
 * (items); one side may be missing; "queued|closed": one of these words, "=active": exactly this word, "@errorCode": a
 * list of words the program has; "Message": a schema of the same family; "[Message]": an array of it; "{text}": an
 * object with any members of it; "text or object": one or the other; a "?" at the end: or null. */
#pragma once

#include "base/json_write.h"

#include <stdbool.h>

/* The members of the schema, into an object that the caller has opened. Panics on a type that cannot be read. */
void schema_write(struct jw *w, const char *type);
/* An example given as text, as a value of the type: quoted or not. */
void schema_write_example(struct jw *w, const char *type, const char *example);
/* Calls fn for each schema that the type names. */
void schema_names(const char *type, void (*fn)(void *arg, const char *name, size_t len), void *arg);
