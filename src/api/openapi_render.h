/* The document of one API, written out. Pure. */
#pragma once

#include "api/describe.h"
#include "base/buf.h"

#define OPENAPI_NAME_LEN 48

struct openapi_document {
  const struct family *family;
  char name[OPENAPI_NAME_LEN], title[OPENAPI_NAME_LEN * 2], url[OPENAPI_NAME_LEN * 2];
};

void openapi_render(struct buf *out, const struct openapi_document *d, const char *server_url);
/* Does this row of the route table stand in this document? */
bool openapi_belongs(const struct openapi_document *d, const struct route *route);
