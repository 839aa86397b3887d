/* JSON of v3. Reads what an event is about by its id; bound to the view's instance. */
#include "api/kiamo_v3/render.h"

#include "base/id.h"
#include "base/mem.h"
#include "store/attachment.h"
#include "store/delivery.h"

#include <string.h>

#define FILES_MAX      64
#define FIELDS_MAX     64
#define FIELD_NAME_MAX 64

static void kid(struct jw *w, const struct v3_view *v, const char *key, int64_t id) {
  char hex[ID_HEX_LEN];
  jw_key(w, key);
  if (id)
    jw_str(w, id_format(v->instance_id, id, hex));
  else
    jw_null(w);
}

/* {"id":…,"name":…} or null */
static void named(struct jw *w, const char *key, int64_t id, const char *name) {
  jw_key(w, key);
  if (!id) {
    jw_null(w);
    return;
  }
  jw_object(w);
  jw_kint(w, "id", id);
  jw_kstr(w, "name", name);
  jw_object_end(w);
}

static void agent(struct jw *w, const struct v3_view *v, int64_t id) {
  const struct agent *a = registry_agent(v->registry, id);
  named(w, "agent", id, a ? a->display_name : NULL);
}

static void qualification(struct jw *w, const struct v3_view *v, int64_t id, const char *comment) {
  const struct qualification *q = id ? registry_qualification(v->registry, id) : NULL;
  jw_key(w, "qualification");
  if (!id) {
    jw_null(w);
    return;
  }
  jw_object(w);
  jw_kint(w, "id", id);
  jw_kstr(w, "label", q ? q->label : NULL);
  jw_kstr(w, "category", q ? q->category : NULL);
  if (comment) jw_kstr(w, "comment", comment);
  jw_object_end(w);
}

static void routed(struct jw *w, const struct v3_view *v, const struct interaction *i) {
  const struct agent *last = registry_agent(v->registry, i->last_agent_id);
  jw_kint(w, "priority", i->priority);
  jw_kstr(w, "medium", i->medium >= 0 && i->medium < MEDIUM_COUNT ? medium_words[i->medium] : NULL);
  jw_ktime(w, "queuedAt", i->queued_at);
  jw_key(w, "offer");
  if (i->state == INTERACTION_OFFERED) {
    jw_object(w);
    agent(w, v, i->agent_id);
    jw_ktime(w, "until", i->offer_until);
    jw_object_end(w);
  } else {
    jw_null(w);
  }
  jw_ktime(w, "wrapupUntil", i->wrapup_until);
  jw_kstr(w, "label", *i->label ? i->label : NULL);
  qualification(w, v, i->qualification_id, i->qualification_comment);
  named(w, "lastAgent", i->last_agent_id, last ? last->display_name : NULL);
}

static void interaction_members(struct jw *w, const struct v3_view *v, const struct interaction *i) {
  const struct service *service = registry_service(v->registry, i->service_id);
  const struct channel *channel = registry_channel(v->registry, i->channel_id);
  kid(w, v, "id", i->id);
  jw_kstr(w, "type", "messaging");
  jw_kstr(w, "state", interaction_state_word(i->state));
  named(w, "service", i->service_id, service ? service->name : NULL);
  named(w, "connector", i->channel_id, channel ? channel->name : NULL);
  jw_key(w, "customer");
  jw_object(w);
  kid(w, v, "id", i->customer_id);
  jw_kstr(w, "externalId", i->customer_ext_id);
  jw_kstr(w, "name", i->customer_name);
  jw_object_end(w);
  agent(w, v, i->state == INTERACTION_OFFERED ? 0 : i->agent_id); /* an offer is not theirs yet */
  kid(w, v, "previousId", i->previous_id);
  jw_ktime(w, "openedAt", i->opened_at);
  jw_ktime(w, "stateAt", i->state_at);
  jw_ktime(w, "closedAt", i->closed_at);
  jw_kstr(w, "closeReason", i->close_reason);
  routed(w, v, i);
  jw_kint(w, "version", i->version);
}

void v3_render_interaction(const struct v3_view *v, struct buf *out, const struct interaction *i) {
  struct jw w = jw_into(out);
  jw_object(&w);
  interaction_members(&w, v, i);
  jw_object_end(&w);
}

void v3_render_waiting(const struct v3_view *v, struct buf *out, const struct interaction *i, int64_t waited_s,
                       int64_t position) {
  struct jw w = jw_into(out);
  jw_object(&w);
  interaction_members(&w, v, i);
  jw_kint(&w, "waitedSeconds", waited_s);
  jw_kint(&w, "position", position);
  jw_object_end(&w);
}

/* "utm.source" stands in "utm"; fields come sorted, so those of one group come together. */
static void customer_field(struct jw *w, const char *name, const char *value, char group[static FIELD_NAME_MAX]) {
  size_t len = strcspn(name, ".");
  bool grouped = name[len] == '.';
  if (*group && (!grouped || strncmp(group, name, len + 1) != 0)) {
    jw_object_end(w);
    *group = 0;
  }
  if (grouped && !*group && len + 2 < FIELD_NAME_MAX) {
    memcpy(group, name, len);
    group[len] = 0;
    jw_key(w, group);
    jw_object(w);
    group[len] = '.';
    group[len + 1] = 0;
  }
  jw_kstr(w, grouped ? name + len + 1 : name, value);
}

void v3_render_customer(const struct v3_view *v, struct buf *out, const struct interaction *i) {
  struct customer_field *fields = mem_array(v->ctx, struct customer_field, FIELDS_MAX);
  const struct channel *channel = registry_channel(v->registry, i->channel_id);
  int n = customer_fields(v->db, v->ctx, i->customer_id, fields, FIELDS_MAX);
  char group[FIELD_NAME_MAX] = "";
  struct jw w = jw_into(out);
  jw_object(&w);
  kid(&w, v, "id", i->customer_id);
  jw_kstr(&w, "externalId", i->customer_ext_id);
  jw_kstr(&w, "name", i->customer_name);
  named(&w, "connector", i->channel_id, channel ? channel->name : NULL);
  jw_key(&w, "profile");
  jw_object(&w);
  for (int k = 0; k < n; k++) customer_field(&w, fields[k].name, fields[k].value, group);
  if (*group) jw_object_end(&w);
  jw_object_end(&w);
  jw_object_end(&w);
}

static void party(struct jw *w, const char *key, const struct party *p) {
  jw_key(w, key);
  if (!p->id) {
    jw_null(w);
    return;
  }
  jw_object(w);
  jw_kstr(w, "type", party_type_word(p->type));
  jw_kstr(w, "id", p->id);
  jw_kstr(w, "name", p->name);
  jw_object_end(w);
}

static void verbatim(struct jw *w, const char *key, const char *json) {
  jw_key(w, key);
  if (json)
    jw_raw(w, json, strlen(json));
  else
    jw_null(w);
}

static void files(struct jw *w, const struct v3_view *v, const struct message *m) {
  struct attachment list[FILES_MAX];
  int n = m->attachments ? attachment_of_message(v->db, v->ctx, v->instance_id, m->id, list, FILES_MAX) : 0;
  jw_key(w, "attachments");
  jw_array(w);
  for (int i = 0; i < n; i++) {
    char hex[ID_HEX_LEN];
    const struct attachment *a = &list[i];
    jw_object(w);
    jw_kstr(w, "id", id_format(v->instance_id, a->id, hex));
    jw_kstr(w, "externalId", *a->ext_id ? a->ext_id : NULL);
    jw_kstr(w, "name", a->name);
    jw_kstr(w, "mimeType", a->mime_type);
    jw_kstr(w, "foundType", *a->found_type ? a->found_type : NULL);
    jw_kint(w, "size", a->size);
    jw_kstr(w, "state", attachment_state_word(a->state));
    if (a->last_error) jw_kstr(w, "error", a->last_error);
    jw_kstr(w, "url", mem_printf(v->ctx, "/api/v3/interaction/attachments/%s", hex));
    if (a->direction == MESSAGE_OUT) jw_ktime(w, "retrievedAt", a->retrieved_at);
    jw_object_end(w);
  }
  jw_array_end(w);
}

static void delivery(struct jw *w, const struct v3_view *v, int64_t id) {
  struct delivery d;
  jw_key(w, "delivery");
  if (!delivery_get(v->db, v->ctx, v->instance_id, id, &d)) {
    jw_null(w);
    return;
  }
  jw_object(w);
  jw_kstr(w, "state", delivery_state_word(d.state));
  jw_kint(w, "attempts", d.attempts);
  jw_kint(w, "lastStatus", d.last_status);
  jw_kstr(w, "lastError", d.last_error);
  jw_ktime(w, "nextAt", d.state == DELIVERY_PENDING ? d.next_at : 0);
  jw_ktime(w, "settledAt", d.settled_at);
  jw_object_end(w);
}

void v3_render_message(const struct v3_view *v, struct buf *out, const struct message *m) {
  static const char *const directions[] = {"in", "out", "history"};
  struct jw w = jw_into(out);
  jw_object(&w);
  kid(&w, v, "id", m->id);
  kid(&w, v, "interactionId", m->interaction_id);
  jw_kstr(&w, "externalId", m->ext_id);
  jw_kstr(&w, "direction", directions[m->direction]);
  jw_kint(&w, "createdAt", m->created_at);
  jw_ktime(&w, "storedAt", m->stored_at);
  party(&w, "sender", &m->sender);
  party(&w, "recipient", &m->recipient);
  if (m->agent_id) agent(&w, v, m->agent_id);
  jw_kstr(&w, "text", m->text);
  verbatim(&w, "richContent", m->rich_content);
  verbatim(&w, "metadata", m->metadata);
  files(&w, v, m);
  if (m->direction == MESSAGE_OUT) delivery(&w, v, m->id);
  jw_object_end(&w);
}

void v3_render_note(const struct v3_view *v, struct buf *out, const struct note *n) {
  struct jw w = jw_into(out);
  jw_object(&w);
  kid(&w, v, "id", n->id);
  named(&w, "agent", n->agent_id, n->author);
  jw_kstr(&w, "author", n->author);
  jw_kstr(&w, "content", n->content);
  jw_ktime(&w, "createdAt", n->created_at);
  jw_object_end(&w);
}

/* What the event's ref_id names. */
static void subject(struct jw *w, const struct v3_view *v, const struct event *e) {
  struct message m;
  struct note n;
  switch (e->kind) {
  case EVENT_MESSAGE_RECEIVED:
  case EVENT_MESSAGE_SENT:
  case EVENT_MESSAGE_HISTORY:
    if (!message_get(v->db, v->ctx, v->instance_id, e->ref_id, &m)) return;
    jw_key(w, "message");
    v3_render_message(v, w->out, &m);
    w->comma = true;
    break;
  case EVENT_NOTE_ADDED:
    if (!note_get(v->db, v->ctx, v->instance_id, e->ref_id, &n)) return;
    jw_key(w, "note");
    v3_render_note(v, w->out, &n);
    w->comma = true;
    break;
  case EVENT_DELIVERY_DELIVERED:
  case EVENT_DELIVERY_FAILED:
  case EVENT_DELIVERY_PARKED:
  case EVENT_DELIVERY_REPLAYED:
    kid(w, v, "deliveryId", e->ref_id);
    /* The same number when it carries a message; an end that is told carries none. */
    kid(w, v, "messageId", message_is(v->db, v->instance_id, e->ref_id) ? e->ref_id : 0);
    delivery(w, v, e->ref_id);
    break;
  case EVENT_FILE_FETCHED:
  case EVENT_FILE_FAILED:
  case EVENT_FILE_RETRIEVED: kid(w, v, "attachmentId", e->ref_id); break;
  case EVENT_INTERACTION_OPENED: kid(w, v, "previousId", e->ref_id); break;
  case EVENT_INTERACTION_ACCEPTED:
  case EVENT_INTERACTION_CLOSED:
  case EVENT_INTERACTION_QUEUED:
  case EVENT_INTERACTION_OFFERED:
  case EVENT_INTERACTION_DECLINED:
  case EVENT_INTERACTION_OFFER_EXPIRED:
  case EVENT_INTERACTION_TRANSFERRED:
  case EVENT_INTERACTION_REQUEUED:
  case EVENT_INTERACTION_WRAPUP:
  case EVENT_INTERACTION_OVERFLOWED:
  case EVENT_AGENT_STATE: break;
  case EVENT_INTERACTION_QUALIFIED: qualification(w, v, e->ref_id, NULL); break;
  case EVENT_SETUP_CHANGED: break;
  }
}

void v3_render_event(const struct v3_view *v, struct buf *out, const struct event *e) {
  struct jw w = jw_into(out);
  jw_object(&w);
  jw_kint(&w, "seq", e->number);
  jw_ktime(&w, "at", e->at);
  jw_kstr(&w, "kind", event_kind_word(e->kind));
  kid(&w, v, "interactionId", e->interaction_id);
  if (e->agent_id) agent(&w, v, e->agent_id);
  subject(&w, v, e);
  if (e->data) verbatim(&w, "data", e->data);
  jw_object_end(&w);
}
