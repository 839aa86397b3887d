/* The API's documents in the format OpenAPI 3.1: one for each family of calls, of API v3 one for each package. Made
 * from the route table and the tables of describe.h, when first asked for, and kept. Handlers of the route table. */
#pragma once

#include "http/request.h"

#include <stdbool.h>

void openapi_document(struct request *req);  /* the document whose address the path is */
void openapi_documents(struct request *req); /* [{"name","title","url"}] */

/* The document of that name into out, as if served at server_url. False when there is none of that name. */
bool openapi_write(struct buf *out, const char *name, const char *server_url) MUST_CHECK;
/* The names of all documents, in the order of the route table; NULL behind the last. */
const char *openapi_name(int index);
/* The name of the document that holds this row of the route table. */
const char *openapi_name_of(const struct route *route);
