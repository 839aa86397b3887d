/* What the API's documents say of each route: tables beside the routes (…/describe.def), one for each family of calls.
 * Rows stand one after the other; a SCHEMA owns the FIELDs behind it, an OPERATION or WEBHOOK the rows up to the next.
 * A route belongs to the OPERATION that names its handler. Types are those of schema.h. */
#pragma once

#include "http/router.h"

#include <stdbool.h>
#include <stddef.h>

enum describe_kind {
  DESCRIBE_SCHEMA,
  DESCRIBE_FIELD,
  DESCRIBE_OPERATION,
  DESCRIBE_WEBHOOK, /* a request that we make: name, type is its method */
  DESCRIBE_PATH,    /* a {parameter} of the path; name, type, text, example */
  DESCRIBE_QUERY,
  DESCRIBE_HEADER,
  DESCRIBE_BODY,   /* name is the media type */
  DESCRIBE_ANSWER, /* status, media type (NULL: no body), type */
  DESCRIBE_PROBLEM /* status, name holds the codes that may come, with blanks between; NULL: the family's error has none
                    */
};

struct describe_row {
  enum describe_kind kind;
  const char *name; /* of an operation: its operationId */
  const char *type;
  const char *text;
  const char *example;
  void (*handler)(struct request *req); /* DESCRIBE_OPERATION */
  int status;
  bool required;
};

/* What is the same for many routes: a row of a family's `common` holds for each route that has what `when` says. */
enum describe_when {
  WHEN_ALWAYS = 0,
  WHEN_BODY = 1,      /* it takes a body */
  WHEN_JSON = 2,      /* the body is JSON */
  WHEN_API = 4,       /* an API token or a session is needed */
  WHEN_TOKEN = 8,     /* and a token will do */
  WHEN_CONNECTOR = 16 /* a connector's or channel's token is needed */
};

struct describe_common {
  unsigned when; /* all of these */
  int status;
  const char *codes, *schema, *text; /* schema NULL: the family's error */
};

/* Calls that go together: they share schemas and the shape of errors. */
struct family {
  const char *name; /* of its document, with %s as url */
  const char *url;  /* of its document; with %s: one document for each package, that is, segment behind the prefix */
  const char *title, *intro; /* title with %s likewise */
  const char *prefixes[4];   /* of patterns; the first family that fits has the route */
  const struct describe_row *rows;
  size_t row_count;
  const struct describe_common *common;
  size_t common_count;
  const char *error_schema, *error_type; /* name of its schema, media type */
  const char *code_field, *code_prefix;  /* NULL: no codes */
};

extern const struct family families[];
extern const size_t family_count;

/* The family of a pattern; never NULL: the last one takes what is left. */
const struct family *family_of(const struct route *route);
/* The OPERATION row of the route, or NULL. */
const struct describe_row *describe_route(const struct family *f, const struct route *route);
/* The SCHEMA row of that name, or NULL. */
const struct describe_row *describe_schema(const struct family *f, const char *name, size_t len);
/* How many rows follow this one and belong to it. */
size_t describe_rows_of(const struct family *f, const struct describe_row *row);
