/* Reading conversations: rows to structs. On any reader, or inside a transaction; texts are copied into the caller's
 * context. */
#include "base/id.h"
#include "base/mem.h"
#include "store/conversation.h"

#include <string.h>

static struct interaction read_interaction(const struct db_rows *rows, void *ctx, int64_t instance_id) {
  return (struct interaction){
      .id = col_int(rows, 0),
      .instance_id = instance_id,
      .channel_id = col_int(rows, 1),
      .customer_id = col_int(rows, 2),
      .service_id = col_int(rows, 3),
      .state = (enum interaction_state)col_int(rows, 4),
      .agent_id = col_int(rows, 5),
      .previous_id = col_int(rows, 6),
      .version = col_int(rows, 7),
      .opened_at = col_int(rows, 8),
      .state_at = col_int(rows, 9),
      .closed_at = col_int(rows, 10),
      .close_reason = col_dup(rows, 11, ctx),
      .customer_ext_id = col_dup(rows, 12, ctx),
      .customer_name = col_dup(rows, 13, ctx),
      .priority = col_int(rows, 14),
      .medium = col_int(rows, 15),
      .weight = col_int(rows, 16),
      .queued_at = col_int(rows, 17),
      .front = col_int(rows, 18) != 0,
      .offer_until = col_int(rows, 19),
      .wrapup_until = col_int(rows, 20),
      .last_agent_id = col_int(rows, 21),
      .label = col_dup(rows, 22, ctx),
      .qualification_id = col_int(rows, 23),
      .qualification_comment = col_dup(rows, 24, ctx),
      .service_first_id = col_int(rows, 25),
  };
}

static int read_interactions(struct db_rows *rows, void *ctx, int64_t instance_id, struct interaction *out, int max) {
  int n = 0;
  while (n < max && db_next(rows)) out[n++] = read_interaction(rows, ctx, instance_id);
  db_close(rows);
  return n;
}

bool interaction_get(struct db *db, void *ctx, int64_t instance_id, int64_t id, struct interaction *ret) {
  struct db_rows rows;
  db_open(db, &rows, Q_INTERACTION_GET, v_int(id), v_int(instance_id));
  return read_interactions(&rows, ctx, instance_id, ret, 1) == 1;
}

/* The queries of closed ones name the state, so that they find its indexes. */
_Static_assert(INTERACTION_CLOSED == 5, "as in sql/");

int interaction_list(struct db *db, void *ctx, int64_t instance_id, const struct interaction_filter *f,
                     struct interaction *out, int max) {
  struct db_rows rows;
  if (f->state == INTERACTION_CLOSED && f->agent_id)
    db_open(db, &rows, Q_INTERACTION_LIST_CLOSED_AGENT, v_int(instance_id), v_int(f->agent_id), v_int(f->after),
            v_int(f->service_id), v_int(max));
  else if (f->state == INTERACTION_CLOSED && f->service_id)
    db_open(db, &rows, Q_INTERACTION_LIST_CLOSED_SERVICE, v_int(instance_id), v_int(f->service_id), v_int(f->after),
            v_int(max));
  else
    db_open(db, &rows, Q_INTERACTION_LIST_STATE, v_int(instance_id), v_int((int64_t)f->state), v_int(f->after),
            v_int(f->service_id), v_int(f->agent_id), v_int(max));
  return read_interactions(&rows, ctx, instance_id, out, max);
}

int interaction_list_customer(struct db *db, void *ctx, int64_t instance_id, int64_t channel_id, const char *ext_id,
                              int64_t after, struct interaction *out, int max) {
  struct db_rows rows;
  db_open(db, &rows, Q_INTERACTION_LIST_CUSTOMER, v_int(channel_id), v_text(ext_id), v_int(instance_id), v_int(after),
          v_int(max));
  return read_interactions(&rows, ctx, instance_id, out, max);
}

int interaction_queue(struct db *db, void *ctx, int64_t instance_id, struct interaction *out, int max) {
  struct db_rows rows;
  db_open(db, &rows, Q_INTERACTION_QUEUE, v_int(instance_id));
  return read_interactions(&rows, ctx, instance_id, out, max);
}

int interaction_of_agent(struct db *db, void *ctx, int64_t instance_id, int64_t agent_id, int64_t after,
                         struct interaction *out, int max) {
  struct db_rows rows;
  db_open(db, &rows, Q_INTERACTION_OF_AGENT, v_int(agent_id), v_int(instance_id), v_int(after), v_int(max));
  return read_interactions(&rows, ctx, instance_id, out, max);
}

/* What stands for itself in a pattern. */
static char *pattern_of(void *ctx, const char *words) {
  char *pattern = mem_bytes(ctx, 2 * strlen(words) + 3), *at = pattern;
  *at++ = '%';
  for (; *words; words++) {
    if (strchr("%_!", *words)) *at++ = '!';
    *at++ = *words;
  }
  *at++ = '%';
  *at = 0;
  return pattern;
}

int interaction_search(struct db *db, void *ctx, int64_t instance_id, const char *words, struct interaction *out,
                       int max) {
  struct db_rows rows;
  int64_t *ids = mem_array(ctx, int64_t, (size_t)max + 1);
  int n = 0, found = 0;
  db_open(db, &rows, Q_INTERACTION_SEARCH, v_int(instance_id), v_text(pattern_of(ctx, words)), v_int(max));
  while (n < max && db_next(&rows)) ids[n++] = col_int(&rows, 0);
  db_close(&rows);
  for (int i = 0; i < n; i++) found += interaction_get(db, ctx, instance_id, ids[i], &out[found]);
  return found;
}

bool message_get(struct db *db, void *ctx, int64_t instance_id, int64_t id, struct message *ret) {
  struct db_rows rows;
  db_open(db, &rows, Q_MESSAGE_GET, v_int(id), v_int(instance_id));
  bool found = db_next(&rows);
  if (found)
    *ret = (struct message){
        .id = col_int(&rows, 0),
        .interaction_id = col_int(&rows, 1),
        .customer_id = col_int(&rows, 2),
        .direction = (enum message_direction)col_int(&rows, 3),
        .ext_id = col_dup(&rows, 4, ctx),
        .created_at = col_int(&rows, 5),
        .stored_at = col_int(&rows, 6),
        .sender = {.type = (enum party_type)col_int(&rows, 7),
                   .id = col_dup(&rows, 8, ctx),
                   .name = col_dup(&rows, 9, ctx)},
        .recipient = {.type = (enum party_type)col_int(&rows, 10),
                      .id = col_dup(&rows, 11, ctx),
                      .name = col_dup(&rows, 12, ctx)},
        .agent_id = col_int(&rows, 13),
        .text = col_dup(&rows, 14, ctx),
        .rich_content = col_dup(&rows, 15, ctx),
        .metadata = col_dup(&rows, 16, ctx),
        .attachments = col_int(&rows, 17),
    };
  db_close(&rows);
  return found;
}

bool message_is(struct db *db, int64_t instance_id, int64_t id) {
  return db_int(db, Q_MESSAGE_IS, 0, v_int(id), v_int(instance_id)) != 0;
}

bool note_get(struct db *db, void *ctx, int64_t instance_id, int64_t id, struct note *ret) {
  struct db_rows rows;
  db_open(db, &rows, Q_NOTE_GET, v_int(id), v_int(instance_id));
  bool found = db_next(&rows);
  if (found)
    *ret = (struct note){.id = col_int(&rows, 0),
                         .agent_id = col_int(&rows, 1),
                         .author = col_dup(&rows, 2, ctx),
                         .content = col_dup(&rows, 3, ctx),
                         .created_at = col_int(&rows, 4)};
  db_close(&rows);
  return found;
}

int64_t interaction_count(struct db *db, int64_t instance_id, enum interaction_state state, int64_t *ret_oldest_ms) {
  int64_t oldest = db_int(db, Q_INTERACTION_OLDEST_STATE, 0, v_int(instance_id), v_int((int64_t)state));
  *ret_oldest_ms = oldest ? id_time_ms(oldest) : 0;
  return db_int(db, Q_INTERACTION_COUNT_STATE, 0, v_int(instance_id), v_int((int64_t)state));
}

int customer_fields(struct db *db, void *ctx, int64_t customer_id, struct customer_field *out, int max) {
  struct db_rows rows;
  int n = 0;
  db_open(db, &rows, Q_CUSTOMER_FIELD_OF, v_int(customer_id));
  while (n < max && db_next(&rows))
    out[n++] = (struct customer_field){.name = col_dup(&rows, 0, ctx), .value = col_dup(&rows, 1, ctx)};
  db_close(&rows);
  return n;
}
