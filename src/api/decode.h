/* Taking JSON apart by rules, and saying exactly what is wrong where. A decoder collects problems (at most 20, then it
 * only counts) while the handler asks for fields; nothing is stored unless it ends with none. */
#pragma once

#include "base/json.h"
#include "base/json_write.h"

#include <stdbool.h>

#define DECODE_DEPTH_MAX    8
#define DECODE_PROBLEMS_MAX 20

enum path_style { PATH_DOTS /* messages[3].customer_id */, PATH_POINTER /* /messages/3/customer_id (RFC 6901) */ };

struct decode_problem {
  const char *path; /* children of the decoder's context */
  const char *text;
  int code; /* of the catalogue (errors.def): 1010 missing, 1020 wrong */
};

struct decoder {
  void *ctx;
  enum path_style style;
  struct {
    const char *key; /* NULL: index */
    size_t index;
  } path[DECODE_DEPTH_MAX];
  int depth;
  struct decode_problem problems[DECODE_PROBLEMS_MAX];
  int problem_count; /* all, also those beyond the array */
};

void decode_init(struct decoder *d, void *ctx, enum path_style style);
void decode_in_key(struct decoder *d, const char *key);
void decode_in_index(struct decoder *d, size_t index);
void decode_out(struct decoder *d);
/* A problem with member `key` of where we are (NULL: with the place itself). */
void decode_problem(struct decoder *d, const char *key, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

enum need { OPTIONAL, REQUIRED };
/* Text of min to max bytes. An optional one may be null. NULL when absent or wrong (then there is a problem). */
const char *decode_text(struct decoder *d, const struct jval *object, const char *key, enum need need, size_t min,
                        size_t max);
bool decode_int(struct decoder *d, const struct jval *object, const char *key, enum need need, int64_t min, int64_t max,
                int64_t *ret);
const struct jval *decode_object(struct decoder *d, const struct jval *object, const char *key, enum need need);
const struct jval *decode_array(struct decoder *d, const struct jval *object, const char *key, enum need need,
                                size_t min, size_t max);
