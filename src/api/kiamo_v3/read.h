/* Reading requests of v3: a reader's snapshot, the caller's instance, a body that grows, and what may go wrong. */
#pragma once

#include "api/decode.h"
#include "api/kiamo_v3/render.h"
#include "http/reply.h"

#define V3_LIMIT_DEFAULT 50
#define V3_LIMIT_MAX     200

struct v3_reading {
  struct request *req;
  struct v3_view view;
  struct buf *body;
};
void v3_reading_begin(struct v3_reading *r, struct request *req);
/* Gives the reader back and answers with the body, or with what went wrong. found: else 404. */
void v3_reading_end(struct v3_reading *r, bool found);

/* The query parameter as a number, if it is there; a problem otherwise. */
void v3_query_int(struct request *req, struct decoder *d, const char *name, int64_t min, int64_t max, int64_t *value);
/* limit and cursor of lists whose cursor is the last number. False with the reply set. */
bool v3_query_page(struct request *req, int64_t *ret_limit, int64_t *ret_after);
/* "next": the cursor, or null. */
void v3_put_next(struct jw *w, bool more, int64_t last);
/* The {id} of the path as a number of the setup. False, with 404 set, when it cannot be one. */
bool v3_path_number(struct request *req, int64_t *ret_id);
