/* Package administration: the setup, for administrators. Most of it is one handler a verb over the families of
 * store/setup_table.h; what is more than fields (passwords, secrets, tokens) stands on top. */
#pragma once

#include "api/kiamo_v3/setup_json.h"
#include "api/kiamo_v3/write.h"

/* Any family; which one is the segment of the route behind "administration". */
void admin_list(struct request *req);
void admin_get(struct request *req);
void admin_create(struct request *req);
void admin_update(struct request *req);
void admin_remove(struct request *req);

void admin_agent_create(struct request *req);
void admin_agent_password(struct request *req);
void admin_connector_create(struct request *req);
void admin_connector_rotate(struct request *req);
void admin_channel_create(struct request *req);
void admin_account_token_create(struct request *req);
void admin_token_create(struct request *req);

void admin_connector_test(struct request *req);
void admin_calendar_import(struct request *req);
void admin_calendar_preview(struct request *req);
void admin_deliveries(struct request *req);
void admin_delivery(struct request *req);
void admin_replay(struct request *req);
void admin_audit(struct request *req);

/* ---- for the files of the package ---- */

#define ADMIN_EXTRAS_MAX 4
struct admin_write {
  const struct setup_family *family;
  const struct jval *body;
  int64_t id;           /* of the path; 0: none */
  const char *if_match; /* NULL: none */
  bool must_match;      /* without it nothing is done */
  struct db_value extras[ADMIN_EXTRAS_MAX];
  size_t extra_count;
  const char *secret_name, *secret; /* a member of the answer, this once; NULL: none */
};
/* A new row of the family, with what was set in it; ends in a submitted job. */
struct admin_write *admin_write_new(struct request *req, const struct setup_family *f, const struct jval *body);
struct v3_write *admin_write_of(struct request *req, struct admin_write *a);
/* act() of a v3_write whose input is a struct admin_write. */
bool admin_act_create(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status);
/* Writes the row as the answer and sets the ETag. */
void admin_answer(struct db *tx, struct v3_write *w, const struct setup_row *row, struct buf *out);
/* The row, if If-Match allows; else the answer is written and *ret_status is set. Text and items live in the pool. */
bool admin_find(struct db *tx, struct v3_write *w, struct setup_row *ret, struct buf *out, int *ret_status);
/* Stores what row has become and writes the answer, or what is wrong. The status; -1 when the store failed. */
int admin_save(struct db *tx, struct v3_write *w, const struct setup_row *old, const struct setup_row *row,
               struct buf *out);
struct setup_author admin_author(const struct v3_write *w);
