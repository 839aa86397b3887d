/* What the files that change the setup have in common. For them only. */
#pragma once

#include "store/setup.h"

/* Checks; false with a sentence in err that begins with the field. */
bool setup_text_ok(const char *field, const char *text, size_t min, size_t max, char err[static 256]);
bool setup_url_ok(const char *field, const char *url, char err[static 256]); /* "" is one too */

enum change_result { CHANGE_DONE, CHANGE_TAKEN, CHANGE_UNKNOWN, CHANGE_REFUSED, CHANGE_FAILED };
enum change_result setup_from_db(enum db_result r);

struct change {
  enum change_result (*run)(struct db *tx, void *arg);
  void *arg;
  int64_t instance_id;
  const char *what;    /* for the event log: {"change": what} */
  const char *missing; /* what CHANGE_UNKNOWN says is not there, when not the field */
  char refused[160];   /* what CHANGE_REFUSED says, with the field it begins with */
  enum change_result result;
};
/* Runs the change as one job and raises the epoch; else says in err what is wrong with `field`. */
bool setup_change(struct store *s, struct change *c, const char *field, char err[static 256]);

/* The service asked for, or the instance's first, which is made when there is none. 0: not of this instance. */
int64_t setup_service_for(struct db *tx, int64_t instance_id, int64_t wanted);
