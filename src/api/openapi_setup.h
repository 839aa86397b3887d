/* The schemas of the setup, made from its own tables (store/setup_table.h): what package administration reads and
 * writes. Pure. Of a service: "SetupService" as it is read, "SetupServicePage", "SetupServiceNew" and
 * "SetupServiceChange". */
#pragma once

#include "base/json_write.h"
#include "store/setup_table.h"

enum setup_schema { SETUP_SCHEMA_ROW, SETUP_SCHEMA_PAGE, SETUP_SCHEMA_NEW, SETUP_SCHEMA_CHANGE, SETUP_SCHEMA_COUNT };
#define SETUP_SCHEMA_NAME_LEN 64

/* "Service", "CannedReply" */
void openapi_setup_word(const struct setup_family *f, char out[static SETUP_SCHEMA_NAME_LEN]);
void openapi_setup_name(const struct setup_family *f, enum setup_schema kind, char out[static SETUP_SCHEMA_NAME_LEN]);
/* The family whose path this is ("/api/v3/administration/services/{id}"), or NULL. */
const struct setup_family *openapi_setup_family(const char *pattern);
/* The members of the schema, into an object that the caller has opened. */
void openapi_setup_write(struct jw *w, const struct setup_family *f, enum setup_schema kind);
/* What a field means; NULL when nobody has said. */
const char *openapi_setup_note(const char *field);
