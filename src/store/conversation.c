/* What happens to conversations, inside one transaction on the writer: load, let core decide, save, append events, fill
 * the outbox. Every surface comes through here. Never touches the network; may be run again from the start by the
 * store. */
#include "store/conversation.h"

#include "base/id.h"
#include "base/mem.h"
#include "core/due.h"
#include "store/attachment.h"
#include "store/delivery.h"
#include "store/event.h"
#include "store/moves.h"
#include "store/retry.h"

#include <stdio.h>
#include <string.h>

#define FILES_MAX 32

/* ---- events ---- */

static bool tell(struct db *tx, int64_t instance_id, const struct event *e) {
  return event_append(tx, instance_id, e) == DB_OK;
}

static bool tell_by(struct db *tx, int64_t instance_id, const struct actor *actor, struct event e) {
  return moves_tell(tx, instance_id, actor, e, NULL);
}

/* ---- a customer writes ---- */

struct customer {
  int64_t id, open_interaction_id;
  const char *name; /* as this message has it; NULL when it has none */
  bool renamed;
};

static bool find_customer(struct db *tx, const struct channel *channel, const struct message_in *m,
                          struct customer *ret) {
  const struct party *party = strcmp(m->sender.id, m->customer_id) == 0 ? &m->sender
                              : m->has_recipient                        ? &m->recipient
                                                                        : NULL;
  struct db_rows rows;
  *ret = (struct customer){.name = party && party->name && *party->name ? party->name : NULL};
  db_open(tx, &rows, Q_CUSTOMER_FIND, v_int(channel->id), v_text(m->customer_id));
  bool found = db_next(&rows);
  if (found) {
    ret->id = col_int(&rows, 0);
    ret->open_interaction_id = col_int(&rows, 2);
    ret->renamed = ret->name && strcmp(ret->name, col_text(&rows, 1, NULL)) != 0;
  }
  db_close(&rows);
  return !db_failed(tx);
}

static bool make_customer(struct db *tx, const struct channel *channel, const struct message_in *m, int64_t now_ms,
                          struct customer *c) {
  c->id = id_next();
  return db_exec(tx, Q_CUSTOMER_INSERT, v_int(c->id), v_int(channel->instance_id), v_int(channel->id),
                 v_text(m->customer_id), v_text(c->name ? c->name : ""), v_int(0), v_int(now_ms)) == DB_OK;
}

/* The customer's interaction before this one, and who shall have this one first: the last agent, for a while. */
static int64_t previous_of(struct db *tx, const struct service *service, const struct customer *c, int64_t now_ms,
                           int64_t *ret_last_agent) {
  struct db_rows rows;
  int64_t id = 0;
  db_open(tx, &rows, Q_INTERACTION_LAST_OF, v_int(c->id));
  if (db_next(&rows)) {
    id = col_int(&rows, 0);
    if (now_ms - col_int(&rows, 3) < service->sticky_ms) *ret_last_agent = col_int(&rows, 1);
  }
  db_close(&rows);
  return id;
}

static bool open_interaction(struct db *tx, const struct service *service, const struct channel *channel,
                             struct customer *c, bool is_new, int64_t now_ms) {
  int64_t last_agent = 0, previous = is_new ? 0 : previous_of(tx, service, c, now_ms, &last_agent);
  int64_t id = id_next();
  c->open_interaction_id = id;
  return db_exec(tx, Q_INTERACTION_INSERT, v_int(id), v_int(channel->instance_id), v_int(channel->id), v_int(c->id),
                 v_int(service->id), v_int(INTERACTION_QUEUED), v_int(previous), v_int(now_ms),
                 v_int(service->priority), v_int((int64_t)service->medium), v_int(service->weight),
                 v_int(last_agent)) == DB_OK &&
         db_exec(tx, Q_CUSTOMER_SET_OPEN, v_int(c->id), v_int(id)) == DB_OK &&
         moves_arm_waiting(tx, service, channel->instance_id, id, now_ms) &&
         tell(
             tx, channel->instance_id,
             &(struct event){.at = now_ms, .kind = EVENT_INTERACTION_OPENED, .interaction_id = id, .ref_id = previous});
}

/* The service's own clock of silence; any word of either side sets it anew. */
static bool touch_idle(struct db *tx, const struct service *service, int64_t instance_id, int64_t interaction_id,
                       int64_t now_ms) {
  if (!service || !service->idle_close_ms) return true;
  return moves_due_set(tx, DUE_IDLE, interaction_id, instance_id, now_ms + service->idle_close_ms);
}

/* Where silence ends an interaction, every move of either side is written down. */
static bool touch(struct db *tx, const struct channel *channel, int64_t interaction_id, bool by_bot, int64_t now_ms) {
  if (!surface_of(channel->kind)->closes_silent) return true;
  return db_exec(tx, Q_ACTIVITY_SET, v_int(interaction_id), v_int(channel->instance_id), v_int(channel->id),
                 v_int(by_bot), v_int(now_ms)) == DB_OK;
}

static bool keep_fields(struct db *tx, int64_t customer_id, const struct message_in *m, int64_t now_ms) {
  for (int i = 0; i < m->field_count; i++)
    if (db_exec(tx, Q_CUSTOMER_FIELD_SET, v_int(customer_id), v_text(m->fields[i].name), v_text(m->fields[i].value),
                v_int(now_ms)) == DB_FAILED)
      return false;
  return true;
}

static bool insert_files(struct db *tx, const struct attachment *like, const struct file_in *files, int count,
                         int64_t now_ms) {
  for (int i = 0; i < count; i++) {
    char uid[ATTACHMENT_UID_LEN];
    id_random_hex(16, uid);
    struct attachment a = *like;
    a.id = id_next();
    a.uid = uid;
    a.ext_id = files[i].ext_id;
    a.name = files[i].name;
    a.mime_type = files[i].mime_type;
    a.found_type = files[i].found_type;
    a.url = files[i].url;
    if (attachment_insert(tx, &a, files[i].bytes, files[i].size, now_ms) != DB_OK) return false;
  }
  return true;
}

static enum db_result insert_message(struct db *tx, const struct channel *channel, const struct customer *c,
                                     const struct message_in *m, int64_t id, int64_t now_ms) {
  struct db_value none = v_null();
  return db_exec(tx, Q_MESSAGE_INSERT, v_int(id), v_int(channel->instance_id), v_int(c->open_interaction_id),
                 v_int(c->id), v_int(m->has_recipient ? MESSAGE_HISTORY : MESSAGE_IN), v_text(m->ext_id),
                 v_int(m->created_at), v_int(now_ms), v_int((int64_t)m->sender.type), v_text(m->sender.id),
                 v_text(m->sender.name), m->has_recipient ? v_int((int64_t)m->recipient.type) : none,
                 m->has_recipient ? v_text(m->recipient.id) : none, m->has_recipient ? v_text(m->recipient.name) : none,
                 v_int(0), v_text(m->text), v_textn(m->rich_content.text, m->rich_content.len),
                 v_textn(m->metadata.text, m->metadata.len), v_int(m->file_count), v_text(m->event_id));
}

enum conversation_result conversation_receive(struct db *tx, const struct registry *registry,
                                              const struct channel *channel, const struct message_in *m,
                                              int64_t now_ms) {
  struct customer c;
  const struct service *service = registry_service(registry, channel->service_id);
  if (!service) return CONVERSATION_FAILED;
  if (m->event_id) {
    enum db_result first = db_exec(tx, Q_INBOUND_EVENT_INSERT, v_int(channel->id), v_text(m->event_id), v_int(now_ms));
    if (first != DB_OK) return first == DB_NONE ? CONVERSATION_OK : CONVERSATION_FAILED;
  }
  if (!find_customer(tx, channel, m, &c)) return CONVERSATION_FAILED;
  bool is_new = c.id == 0;
  if (is_new && !make_customer(tx, channel, m, now_ms, &c)) return CONVERSATION_FAILED;
  /* A repeat: it is there already. One that comes after the close must not open anything. */
  if (!is_new && !m->event_id && retry_known(tx, channel->instance_id, c.id, m->ext_id, m->created_at))
    return CONVERSATION_OK;
  if (db_failed(tx)) return CONVERSATION_FAILED;
  if (!c.open_interaction_id && !open_interaction(tx, service, channel, &c, is_new, now_ms)) return CONVERSATION_FAILED;
  int64_t id = id_next();
  enum db_result inserted = insert_message(tx, channel, &c, m, id, now_ms);
  if (inserted == DB_NONE) return CONVERSATION_OK; /* another writer was faster: it is there already */
  if (inserted != DB_OK) return CONVERSATION_FAILED;
  if (!m->event_id) retry_remember(tx, c.id, m->ext_id, m->created_at, id);
  if (c.renamed && db_exec(tx, Q_CUSTOMER_SET_NAME, v_int(c.id), v_text(c.name)) != DB_OK) return CONVERSATION_FAILED;
  struct attachment like = {.instance_id = channel->instance_id,
                            .channel_id = channel->id,
                            .interaction_id = c.open_interaction_id,
                            .message_id = id,
                            .direction = m->has_recipient ? MESSAGE_HISTORY : MESSAGE_IN};
  bool ok = insert_files(tx, &like, m->files, m->file_count, now_ms) && keep_fields(tx, c.id, m, now_ms) &&
            touch(tx, channel, c.open_interaction_id, m->sender.type == PARTY_BOT, now_ms) &&
            touch_idle(tx, service, channel->instance_id, c.open_interaction_id, now_ms) &&
            tell(tx, channel->instance_id,
                 &(struct event){.at = now_ms,
                                 .kind = m->has_recipient ? EVENT_MESSAGE_HISTORY : EVENT_MESSAGE_RECEIVED,
                                 .interaction_id = c.open_interaction_id,
                                 .ref_id = id});
  return ok ? CONVERSATION_OK : CONVERSATION_FAILED;
}

/* FNV-1a. */
uint64_t conversation_key(const struct channel *channel, const struct message_in *m) {
  uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)channel->id;
  for (const char *c = m->customer_id; *c; c++) h = (h ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
  return h;
}

/* ---- an agent acts ---- */

enum conversation_result conversation_accept(struct db *tx, const struct registry *registry, int64_t instance_id,
                                             int64_t interaction_id, const struct actor *actor, int64_t now_ms,
                                             struct conversation_why *why) {
  void *pool = mem_pool(NULL, 1024);
  struct interaction i;
  enum conversation_result r = CONVERSATION_UNKNOWN;
  const struct move_in in = {.move = INTERACTION_MOVE_ACCEPT, .actor = actor, .now_ms = now_ms};
  if (interaction_get(tx, pool, instance_id, interaction_id, &i)) r = interaction_move(tx, registry, &i, &in, why);
  if (r == CONVERSATION_OK && db_exec(tx, Q_ACTIVITY_TAKEN, v_int(interaction_id), v_int(now_ms)) == DB_FAILED)
    r = CONVERSATION_FAILED;
  mem_free(pool);
  return db_failed(tx) ? CONVERSATION_FAILED : r;
}

enum conversation_result conversation_note(struct db *tx, int64_t instance_id, int64_t interaction_id,
                                           const struct actor *actor, const char *content, int64_t now_ms,
                                           int64_t *ret_note_id) {
  void *pool = mem_pool(NULL, 1024);
  struct interaction i;
  bool found = interaction_get(tx, pool, instance_id, interaction_id, &i);
  mem_free(pool);
  if (!found) return db_failed(tx) ? CONVERSATION_FAILED : CONVERSATION_UNKNOWN;
  int64_t id = id_next();
  bool ok =
      db_exec(tx, Q_NOTE_INSERT, v_int(id), v_int(instance_id), v_int(interaction_id), v_int(actor->agent_id),
              v_text(actor->display_name), v_text(content), v_int(now_ms)) == DB_OK &&
      tell_by(tx, instance_id, actor,
              (struct event){.at = now_ms, .kind = EVENT_NOTE_ADDED, .interaction_id = interaction_id, .ref_id = id});
  if (ok) *ret_note_id = id;
  return ok ? CONVERSATION_OK : CONVERSATION_FAILED;
}

enum conversation_result conversation_qualify(struct db *tx, const struct registry *registry, int64_t instance_id,
                                              int64_t interaction_id, const struct actor *actor,
                                              int64_t qualification_id, const char *comment, int64_t now_ms) {
  void *pool = mem_pool(NULL, 1024);
  struct interaction i;
  const struct qualification *q = registry_qualification(registry, qualification_id);
  enum conversation_result r = CONVERSATION_UNKNOWN;
  if (interaction_get(tx, pool, instance_id, interaction_id, &i)) {
    bool fits = q && q->instance_id == instance_id && q->enabled && (!q->service_id || q->service_id == i.service_id);
    r = fits ? CONVERSATION_OK : CONVERSATION_REFUSED;
  }
  mem_free(pool);
  if (r != CONVERSATION_OK) return db_failed(tx) ? CONVERSATION_FAILED : r;
  const struct event e = {
      .at = now_ms, .kind = EVENT_INTERACTION_QUALIFIED, .interaction_id = interaction_id, .ref_id = qualification_id};
  bool ok = db_exec(tx, Q_INTERACTION_QUALIFY, v_int(interaction_id), v_int(instance_id), v_int(qualification_id),
                    v_text(comment ? comment : "")) == DB_OK &&
            tell_by(tx, instance_id, actor, e);
  return ok ? CONVERSATION_OK : CONVERSATION_FAILED;
}

/* ---- what goes out ---- */

static bool put_out(struct db *tx, const struct interaction *i, int64_t id, const struct buf *payload, int64_t now_ms,
                    int64_t retention_ms) {
  return delivery_insert(tx, &(struct delivery){.id = id,
                                                .instance_id = i->instance_id,
                                                .channel_id = i->channel_id,
                                                .customer_id = i->customer_id,
                                                .interaction_id = i->id,
                                                .created_at = now_ms,
                                                .deadline_at = now_ms + retention_ms,
                                                .payload = payload->data,
                                                .payload_len = payload->len}) == DB_OK;
}

/* A person by their own name; a program speaks for the instance. */
static struct sender_out speaker_of(const struct registry *registry, int64_t instance_id, const struct actor *actor,
                                    bool as_bot) {
  const struct agent *agent = actor->agent_id ? registry_agent(registry, actor->agent_id) : NULL;
  const struct instance *instance = registry_instance(registry, instance_id);
  if (actor->agent_id)
    return (struct sender_out){.id = actor->agent_id,
                               .username = agent ? agent->login : actor->display_name,
                               .display_name = actor->display_name,
                               .email = agent ? agent->email : NULL,
                               .avatar_url = agent ? agent->avatar_url : NULL,
                               .is_bot = as_bot};
  return (struct sender_out){.username = instance->name, .display_name = instance->name, .is_bot = as_bot};
}

/* ---- the end ---- */

static enum close_reason reason_of(const struct registry *registry, const struct interaction *i,
                                   const struct actor *actor, const struct close_in *close) {
  const struct agent *agent = actor->agent_id ? registry_agent(registry, actor->agent_id) : NULL;
  if (close->as_bot) return CLOSE_BOT;
  if (!actor->agent_id) return CLOSE_API;
  /* An administrator may also be the one who serves the customer. */
  return agent && agent->profile == PROFILE_ADMINISTRATOR && i->agent_id != agent->id ? CLOSE_ADMINISTRATOR
                                                                                      : CLOSE_AGENT;
}

/* Of what an agent works on the agent has something to write up, where the service gives time for that. */
static enum interaction_move end_of(const struct registry *registry, const struct interaction *i) {
  const struct service *service = registry_service(registry, i->service_id);
  bool wraps = i->state == INTERACTION_ACTIVE && i->agent_id && service && service->wrapup_ms;
  return wraps ? INTERACTION_MOVE_WRAPUP : INTERACTION_MOVE_CLOSE;
}

static enum conversation_result end(struct db *tx, void *pool, const struct registry *registry, struct interaction *i,
                                    const struct actor *actor, struct close_out *out, int64_t retention_ms,
                                    int64_t now_ms) {
  const struct channel *channel = registry_channel(registry, i->channel_id);
  const struct move_in in = {
      .move = end_of(registry, i), .actor = actor, .close_reason = close_reason_word(out->reason), .now_ms = now_ms};
  struct conversation_why why;
  enum conversation_result r = interaction_move(tx, registry, i, &in, &why);
  const struct surface *surface = channel ? surface_of(channel->kind) : NULL;
  if (r != CONVERSATION_OK || !surface || !surface->render_close) return r;
  int64_t id = id_next();
  char id_text[ID_HEX_LEN];
  out->id = id_format(i->instance_id, id, id_text);
  out->customer_id = i->customer_ext_id;
  struct buf payload;
  buf_init(&payload, pool, 1024, surface->payload_max);
  surface->render_close(&payload, out);
  invariant(!payload.failed);
  return put_out(tx, i, id, &payload, now_ms, retention_ms) ? CONVERSATION_OK : CONVERSATION_FAILED;
}

enum conversation_result conversation_close(struct db *tx, const struct registry *registry, int64_t instance_id,
                                            int64_t interaction_id, const struct actor *actor,
                                            const struct close_in *close, int64_t now_ms) {
  void *pool = mem_pool(NULL, 4096);
  struct interaction i;
  enum conversation_result r = CONVERSATION_UNKNOWN;
  const struct channel *channel = NULL;
  if (interaction_get(tx, pool, instance_id, interaction_id, &i)) channel = registry_channel(registry, i.channel_id);
  if (channel) {
    struct close_out out = {.reason = reason_of(registry, &i, actor, close),
                            .speaker = speaker_of(registry, instance_id, actor, close->as_bot)};
    r = end(tx, pool, registry, &i, actor, &out, close->retention_ms, now_ms);
    if (r == CONVERSATION_OK && close->qualification_id)
      r = conversation_qualify(tx, registry, instance_id, interaction_id, actor, close->qualification_id,
                               close->comment, now_ms);
  }
  mem_free(pool);
  return db_failed(tx) ? CONVERSATION_FAILED : r;
}

/* ---- the end by time ---- */

#define BY_BOT_COUNT 2

static int64_t silence_ms(const struct channel *channel, int by_bot) {
  return by_bot ? channel->bot_close_ms : channel->idle_close_ms;
}

int conversation_silent(struct db *db, const struct channel *channel, int64_t now_ms, int64_t *out, int max) {
  int n = 0;
  for (int by_bot = 0; by_bot < BY_BOT_COUNT; by_bot++) {
    struct db_rows rows;
    int64_t after_ms = silence_ms(channel, by_bot);
    if (!after_ms || n == max) continue;
    db_open(db, &rows, Q_ACTIVITY_BEFORE, v_int(channel->id), v_int(by_bot), v_int(now_ms - after_ms), v_int(max - n));
    while (n < max && db_next(&rows)) out[n++] = col_int(&rows, 0);
    db_close(&rows);
  }
  return n;
}

int64_t conversation_silent_at(struct db *db, const struct channel *channel) {
  int64_t next = 0;
  for (int by_bot = 0; by_bot < BY_BOT_COUNT; by_bot++) {
    int64_t after_ms = silence_ms(channel, by_bot);
    int64_t oldest = after_ms ? db_int(db, Q_ACTIVITY_OLDEST, 0, v_int(channel->id), v_int(by_bot)) : 0;
    if (oldest && (!next || oldest + after_ms < next)) next = oldest + after_ms;
  }
  return next;
}

/* Is it still as silent as it was when it was found? */
static bool still_silent(struct db *tx, const struct channel *channel, int64_t interaction_id, int64_t now_ms) {
  struct db_rows rows;
  bool silent = false;
  db_open(tx, &rows, Q_ACTIVITY_GET, v_int(interaction_id));
  if (db_next(&rows)) {
    int64_t after_ms = silence_ms(channel, (int)col_int(&rows, 0));
    silent = after_ms && col_int(&rows, 1) + after_ms <= now_ms;
  }
  db_close(&rows);
  return silent;
}

static const struct actor the_clock = {.display_name = "clock"};

enum conversation_result conversation_close_by_clock(struct db *tx, const struct registry *registry,
                                                     struct interaction *i, enum close_reason reason,
                                                     int64_t retention_ms, int64_t now_ms) {
  void *pool = mem_pool(NULL, 4096);
  struct close_out out = {.reason = reason, .speaker = speaker_of(registry, i->instance_id, &the_clock, false)};
  enum conversation_result r = end(tx, pool, registry, i, &the_clock, &out, retention_ms, now_ms);
  mem_free(pool);
  return r;
}

enum conversation_result conversation_close_silent(struct db *tx, const struct registry *registry,
                                                   const struct channel *channel, int64_t interaction_id,
                                                   int64_t retention_ms, int64_t now_ms) {
  if (!still_silent(tx, channel, interaction_id, now_ms)) return db_failed(tx) ? CONVERSATION_FAILED : CONVERSATION_OK;
  void *pool = mem_pool(NULL, 4096);
  struct interaction i;
  enum conversation_result r = CONVERSATION_UNKNOWN;
  if (interaction_get(tx, pool, channel->instance_id, interaction_id, &i)) {
    struct close_out out = {.reason = CLOSE_TIMEOUT};
    r = end(tx, pool, registry, &i, &the_clock, &out, retention_ms, now_ms);
  }
  mem_free(pool);
  return db_failed(tx) ? CONVERSATION_FAILED : r;
}

/* ---- an answer ---- */

struct answer {
  struct db *tx;
  void *pool;
  const struct interaction *interaction;
  const struct channel *channel;
  const struct surface *surface;
  const struct reply_in *reply;
  int64_t id, now_ms;
  char id_text[ID_HEX_LEN];
  struct party sender;
  struct sender_out speaker;
};

/* Uploaded files and new ones become the message's; *ret_bad: the uploaded file that is not to be had. */
static enum conversation_result answer_files(struct answer *a, int *ret_bad) {
  const struct interaction *i = a->interaction;
  for (int n = 0; n < a->reply->uploaded_count; n++) {
    enum db_result r = attachment_claim(a->tx, i->instance_id, a->reply->uploaded[n], a->id, i->id);
    if (r == DB_OK) continue;
    *ret_bad = n;
    return r == DB_NONE ? CONVERSATION_REFUSED : CONVERSATION_FAILED;
  }
  struct attachment like = {.instance_id = i->instance_id,
                            .channel_id = a->channel->id,
                            .interaction_id = i->id,
                            .message_id = a->id,
                            .direction = MESSAGE_OUT};
  return insert_files(a->tx, &like, a->reply->files, a->reply->file_count, a->now_ms) ? CONVERSATION_OK
                                                                                      : CONVERSATION_FAILED;
}

static bool answer_row(const struct answer *a, int64_t agent_id) {
  const struct interaction *i = a->interaction;
  bool ok = db_exec(a->tx, Q_MESSAGE_INSERT, v_int(a->id), v_int(i->instance_id), v_int(i->id), v_int(i->customer_id),
                    v_int(MESSAGE_OUT), v_text(a->id_text), v_int(a->now_ms / 1000), v_int(a->now_ms),
                    v_int((int64_t)a->sender.type), v_text(a->sender.id), v_text(a->sender.name), v_null(), v_null(),
                    v_null(), v_int(agent_id), v_text(a->reply->text), v_null(), v_null(),
                    v_int(a->reply->file_count + a->reply->uploaded_count), v_null()) == DB_OK;
  if (ok) retry_remember(a->tx, i->customer_id, a->id_text, a->now_ms / 1000, a->id);
  return ok;
}

/* Renders the bytes to send from what was just stored, and puts them into the outbox. */
static enum conversation_result answer_delivery(const struct answer *a) {
  struct attachment stored[FILES_MAX];
  struct file_out files[FILES_MAX];
  const struct interaction *i = a->interaction;
  int count = attachment_of_message(a->tx, a->pool, i->instance_id, a->id, stored, FILES_MAX);
  for (int n = 0; n < count; n++) {
    char *id = mem_bytes(a->pool, ID_HEX_LEN);
    files[n] = (struct file_out){.id = id_format(i->instance_id, stored[n].id, id),
                                 .name = stored[n].name,
                                 .mime_type = stored[n].mime_type,
                                 .url = mem_printf(a->pool, "%s%s%s%s", a->reply->public_url, a->surface->file_prefix,
                                                   stored[n].uid, a->surface->file_suffix)};
  }
  struct message_out out = {.id = a->id_text,
                            .created_at = a->now_ms / 1000,
                            .customer_id = i->customer_ext_id,
                            .sender = a->sender,
                            .speaker = a->speaker,
                            .text = a->reply->text,
                            .files = files,
                            .file_count = count};
  struct buf payload;
  buf_init(&payload, a->pool, 1024, a->surface->payload_max);
  a->surface->render_message(&payload, &out);
  if (payload.failed) return CONVERSATION_TOO_LONG;
  return put_out(a->tx, i, a->id, &payload, a->now_ms, a->reply->retention_ms) ? CONVERSATION_OK : CONVERSATION_FAILED;
}

static struct party sender_of(const struct answer *a, const struct registry *registry, const struct actor *actor) {
  const struct instance *instance = registry_instance(registry, a->channel->instance_id);
  enum party_type type = a->reply->as_bot ? PARTY_BOT : PARTY_HUMAN;
  if (a->channel->show_agent && actor->agent_id)
    return (struct party){
        .type = type, .id = mem_printf(a->pool, "%lld", (long long)actor->agent_id), .name = actor->display_name};
  return (struct party){.type = type, .id = instance->name, .name = instance->name};
}

static enum conversation_result answer(struct answer *a, const struct registry *registry, struct interaction *i,
                                       const struct actor *actor, int *ret_bad_file) {
  const struct move_in in = {.move = a->reply->as_bot ? INTERACTION_MOVE_BOT_WRITES : INTERACTION_MOVE_AGENT_WRITES,
                             .actor = actor,
                             .now_ms = a->now_ms};
  struct conversation_why why;
  enum conversation_result r = interaction_move(a->tx, registry, i, &in, a->reply->why ? a->reply->why : &why);
  if (r == CONVERSATION_OK) r = answer_files(a, ret_bad_file);
  if (r != CONVERSATION_OK) return r;
  /* Where a person serves the customer, a bot that says something besides does not make it the bot's. */
  bool served = i->state == INTERACTION_ACTIVE && i->agent_id != 0;
  bool by_bot = a->reply->as_bot && !served;
  bool ok =
      answer_row(a, actor->agent_id) && touch(a->tx, a->channel, i->id, by_bot, a->now_ms) &&
      touch_idle(a->tx, registry_service(registry, i->service_id), i->instance_id, i->id, a->now_ms) &&
      tell_by(a->tx, i->instance_id, actor,
              (struct event){.at = a->now_ms, .kind = EVENT_MESSAGE_SENT, .interaction_id = i->id, .ref_id = a->id});
  return ok ? answer_delivery(a) : CONVERSATION_FAILED;
}

enum conversation_result conversation_reply(struct db *tx, const struct registry *registry, int64_t instance_id,
                                            int64_t interaction_id, const struct actor *actor,
                                            const struct reply_in *reply, int64_t now_ms, int64_t *ret_message_id,
                                            int *ret_bad_file) {
  void *pool = mem_pool(NULL, 8192);
  struct interaction i;
  enum conversation_result r = CONVERSATION_UNKNOWN;
  *ret_bad_file = -1;
  if (interaction_get(tx, pool, instance_id, interaction_id, &i)) {
    struct answer a = {.tx = tx, .pool = pool, .interaction = &i, .reply = reply, .now_ms = now_ms, .id = id_next()};
    a.channel = registry_channel(registry, i.channel_id);
    if (a.channel) {
      a.surface = surface_of(a.channel->kind);
      a.sender = sender_of(&a, registry, actor);
      a.speaker = speaker_of(registry, instance_id, actor, reply->as_bot);
      id_format(instance_id, a.id, a.id_text);
      r = answer(&a, registry, &i, actor, ret_bad_file);
      if (r == CONVERSATION_OK) *ret_message_id = a.id;
    }
  }
  mem_free(pool);
  return db_failed(tx) ? CONVERSATION_FAILED : r;
}

enum conversation_result conversation_reply_by_clock(struct db *tx, const struct registry *registry,
                                                     const struct interaction *i, const char *text,
                                                     int64_t retention_ms, int64_t now_ms) {
  const struct reply_in in = {.text = text, .as_bot = true, .public_url = "", .retention_ms = retention_ms};
  int64_t id;
  int bad_file;
  return conversation_reply(tx, registry, i->instance_id, i->id, &the_clock, &in, now_ms, &id, &bad_file);
}
