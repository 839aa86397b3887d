/* The setup as families of rows: what a service, a skill, an agent … consists of, as tables. One reader, one writer and
 * one check serve all of them; the API and the commands speak by the same tables.
 * Values: numbers in `number` (seconds are kept in ms, words by their index, a reference is an id, 0 for none), texts
 * in `text` (never NULL in a row that was read or set up by setup_row_init). */
#pragma once

#include "store/db.h"

#define SETUP_FIELDS_MAX      24
#define SETUP_ITEM_FIELDS_MAX 4
#define SETUP_LISTS_MAX       3
#define SETUP_ITEMS_MAX       2000 /* in one list; a list may say less */
#define SETUP_PAGE_MAX        200

enum setup_type {
  SETUP_TEXT,  /* min to max characters, no control characters; `format` may ask more */
  SETUP_LINES, /* the same, line ends allowed */
  SETUP_INT,
  SETUP_BOOL,
  SETUP_WORD,    /* one of `words`, max of them */
  SETUP_SECONDS, /* min to max seconds, kept in ms */
  SETUP_REF,     /* a row of `to` in the same instance; 0 for none unless required */
  SETUP_RIGHTS,  /* bits of core/rights.h */
  SETUP_CLOCK,   /* "HH:MM", kept in minutes; -1 for none where min is -1 */
  SETUP_DAY,     /* "YYYY-MM-DD" */
  SETUP_MOMENT   /* ms; only read */
};
enum setup_format { SETUP_ANY, SETUP_URL, SETUP_EMAIL, SETUP_COLOR, SETUP_ZONE };

struct setup_family;
struct setup_field {
  const char
      *name; /* of the API; "overflow.serviceId" stands in the object overflow, which is null without its first */
  enum setup_type type;
  enum setup_format format;
  bool required; /* when a row is made; else `fallback` (or "") stands in */
  bool expand;   /* a reference is shown as {id, name}, not as a number */
  int64_t min, max, fallback;
  const char *const *words;
  const struct setup_family *to;
};
/* Rows that belong to a row: {id, level} of an agent's skills. All are replaced at once. */
struct setup_list {
  const char *name;
  int item_max;
  int key_count; /* so many first fields tell items apart */
  int field_count;
  struct setup_field fields[SETUP_ITEM_FIELDS_MAX];
  enum query of, add, clear;
};

struct setup_value {
  int64_t number;
  const char *text;
};
struct setup_item {
  struct setup_value values[SETUP_ITEM_FIELDS_MAX];
};
struct setup_items {
  struct setup_item *items;
  int count;
};
struct setup_row {
  int64_t id;
  struct setup_value values[SETUP_FIELDS_MAX];
  struct setup_items lists[SETUP_LISTS_MAX];
};

/* What is wrong with a row. list NULL: with the field itself; field NULL: with the whole. */
struct setup_wrong {
  const char *list;
  int index;
  const char *field;
  char why[160];
};

struct setup_family {
  const char *word, *plural; /* "service", "services"; in paths, words and the log */
  int field_count;           /* that can be written; after them come read_count that cannot */
  int read_count;
  const struct setup_field *fields;
  int list_count;
  const struct setup_list *lists;
  int label;                /* index of the field a row is called by; it is unique */
  int also[2];              /* 1 + the index of what else makes it unique; 0: nothing */
  int shown[2];             /* fields that are shown instead when they are not empty; 0: none */
  const char *unique_words; /* for a name in use; NULL: "is already in use" */
  enum query page, add, set, remove, max, used;
  int second; /* fields from this index on are another table's: add_second, set_second; 0: none are */
  enum query add_second, set_second;
  bool dated;      /* the last value of `add` is the time */
  bool can_remove; /* else rows are disabled: `enabled` is the index of that field */
  int enabled;     /* -1: none */
  int used_count;  /* columns of `used`, and what they count */
  const char *const *used_words;
  /* More than fields can say; old NULL: a new row. False with w filled. */
  bool (*check)(struct db *tx, int64_t instance_id, const struct setup_row *old, const struct setup_row *row,
                struct setup_wrong *w);
  /* After it was stored; false when the store failed. */
  bool (*stored)(struct db *tx, const struct setup_row *old, const struct setup_row *row);
};

extern const struct setup_family setup_groups, setup_teams, setup_skills, setup_states, setup_calendars, setup_services,
    setup_qualifications, setup_canned_replies, setup_agents, setup_connectors, setup_tokens, setup_channels,
    setup_account_tokens;
/* All of them, each behind those it refers to (but a service's own family); NULL ends it. */
extern const struct setup_family *const setup_families[];
const struct setup_family *setup_family_named(const char *plural); /* NULL: none */

/* Is the value within its field's bounds? Says in why what it must be. References are looked up by setup_put. */
bool setup_value_ok(const struct setup_field *f, const struct setup_value *v, char why[static 160]);

void setup_row_init(const struct setup_family *f, struct setup_row *ret); /* every field its fallback */
int setup_field_index(const struct setup_family *f, const char *name);    /* -1: none */

/* ---- reading; texts and items are children of ctx ---- */
int setup_page(struct db *db, void *ctx, const struct setup_family *f, int64_t instance_id, int64_t after,
               struct setup_row *out, int max);
bool setup_get(struct db *db, void *ctx, const struct setup_family *f, int64_t instance_id, int64_t id,
               struct setup_row *ret);
/* What a row is called; NULL when there is none such. */
const char *setup_name(struct db *db, void *ctx, const struct setup_family *f, int64_t instance_id, int64_t id);
#define SETUP_VERSION_LEN 17 /* 16 hex and NUL */
/* Tells one content of a row from another; what cannot be written does not count. */
void setup_version(const struct setup_family *f, const struct setup_row *row, char out[static SETUP_VERSION_LEN]);

/* ---- writing: inside a transaction, checks everything ---- */
enum setup_result {
  SETUP_OK,
  SETUP_UNKNOWN, /* no such row in the instance */
  SETUP_WRONG,   /* w says what */
  SETUP_TAKEN,   /* another has the name; w says which field */
  SETUP_USED,    /* not removed: w->why says by what it is used */
  SETUP_FAILED   /* the store */
};
/* Who changes the setup, for the audit. */
struct setup_author {
  int64_t agent_id;  /* a person; 0: none */
  const char *label; /* of the token, or "command"; NULL for a person */
};
/* A new row; extras are bound behind its fields (what is not for reading), the time behind them. Sets row->id. */
enum setup_result setup_add(struct db *tx, int64_t instance_id, const struct setup_family *f, struct setup_row *row,
                            const struct setup_author *by, const struct db_value *extras, size_t extra_count,
                            struct setup_wrong *w);
enum setup_result setup_set(struct db *tx, int64_t instance_id, const struct setup_family *f,
                            const struct setup_row *old, const struct setup_row *row, const struct setup_author *by,
                            struct setup_wrong *w);
enum setup_result setup_remove(struct db *tx, int64_t instance_id, const struct setup_family *f,
                               const struct setup_row *row, const struct setup_author *by, struct setup_wrong *w);
/* Event setup.changed: {"change": word, "id", "name", "action", "fields": […], "by"}. action: "created", "updated",
 * "removed", or another past participle. */
enum db_result setup_audit(struct db *tx, int64_t instance_id, const struct setup_family *f,
                           const struct setup_row *old, const struct setup_row *row, const char *action,
                           const struct setup_author *by);
