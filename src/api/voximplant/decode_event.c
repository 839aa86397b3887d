/* Events of a custom channel's connector, taken apart by the vendor's documentation: what is optional may be missing,
 * null or empty, ids may be integers, everything else of a wrong type is told with its path. What cannot be a file
 * stays as it came, as rich content. Pure. */
#include "api/voximplant/decode_event.h"

#include "base/mem.h"
#include "base/text.h"

#include <string.h>
#include <strings.h>

#define ID_MAX         255
#define NAME_MAX_BYTES 255
#define TEXT_MAX       262144
#define URL_MAX        2000
#define FIELD_MAX      2000
#define NUMBER_MAX     64     /* as written */
#define ITEMS_MAX      262144 /* bytes of items kept as they came */

/* ---- parts ---- */

/* "" and, as PHP writes an object without members, [] stand for nothing. */
static bool is_nothing(const struct jval *v) {
  size_t len = 1;
  enum jtype type = jval_type(v);
  if (type == JT_STRING) jval_str(v, &len);
  return type == JT_MISSING || type == JT_NULL || (type == JT_STRING && len == 0) ||
         (type == JT_ARRAY && jval_count(v) == 0);
}

static const char *decode_id(struct decoder *d, const struct jval *object, const char *key) {
  const struct jval *v = jval_get(object, key);
  if (jval_type(v) == JT_INT) return mem_printf(d->ctx, "%lld", (long long)jval_int(v));
  return decode_text(d, object, key, REQUIRED, 1, ID_MAX);
}

static const char *optional_text(struct decoder *d, const struct jval *object, const char *key, size_t max) {
  const struct jval *v = jval_get(object, key);
  return is_nothing(v) && jval_type(v) != JT_ARRAY ? NULL : decode_text(d, object, key, OPTIONAL, 0, max);
}

/* A number as it was written, or a text. */
static const char *optional_number(struct decoder *d, const struct jval *object, struct jspan span, const char *key) {
  enum jtype type = jval_type(jval_get(object, key));
  if (type != JT_INT && type != JT_REAL) return optional_text(d, object, key, FIELD_MAX);
  struct jspan number = jspan_member(span, key);
  if (number.len > NUMBER_MAX) {
    decode_problem(d, key, 1020, "must be at most %d characters long as a number", NUMBER_MAX);
    return NULL;
  }
  return mem_strndup(d->ctx, number.text, number.len);
}

/* ---- the customer ---- */

static const struct {
  const char *group; /* NULL: a member of client_data itself */
  const char *key, *name;
  bool number;
} fields[] = {
    {NULL, "client_phone", "phone", false},
    {NULL, "client_avatar", "avatar", false},
    {NULL, "client_email", "email", false},
    {NULL, "client_language", "language", false},
    {"utm", "source", "utm.source", false},
    {"utm", "campaign", "utm.campaign", false},
    {"utm", "content", "utm.content", false},
    {"utm", "medium", "utm.medium", false},
    {"utm", "term", "utm.term", false},
    {"page", "url", "page.url", false},
    {"page", "title", "page.title", false},
    {"location", "latitude", "location.latitude", true},
    {"location", "longitude", "location.longitude", true},
    {"location", "country", "location.country", false},
    {"location", "country_code", "location.country_code", false},
    {"location", "region", "location.region", false},
    {"location", "region_code", "location.region_code", false},
    {"location", "city", "location.city", false},
    {"location", "ip_address", "location.ip_address", false},
    {"device", "type", "device.type", false},
    {"device", "model", "device.model", false},
    {"device", "user_agent", "device.user_agent", false},
};

static void decode_fields(struct decoder *d, const struct jval *client, struct jspan span, struct message_in *m) {
  struct customer_field *found = mem_array(d->ctx, struct customer_field, ARRAY_LEN(fields));
  const char *group = NULL;
  const struct jval *place = client;
  struct jspan place_span = span;
  for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
    if (fields[i].group != group && (!group || strcmp(fields[i].group, group) != 0)) {
      group = fields[i].group;
      place = is_nothing(jval_get(client, group)) ? NULL : decode_object(d, client, group, OPTIONAL);
      place_span = jspan_member(span, group);
    }
    if (!place) continue;
    if (group) decode_in_key(d, group);
    const char *value = fields[i].number ? optional_number(d, place, place_span, fields[i].key)
                                         : optional_text(d, place, fields[i].key, FIELD_MAX);
    if (group) decode_out(d);
    if (value && *value) found[m->field_count++] = (struct customer_field){.name = fields[i].name, .value = value};
  }
  m->fields = found;
}

static void decode_client(struct decoder *d, const struct jval *root, struct jspan span, struct message_in *m) {
  const struct jval *client = decode_object(d, root, "client_data", REQUIRED);
  if (!client) return;
  decode_in_key(d, "client_data");
  m->customer_id = decode_id(d, client, "client_id");
  m->sender = (struct party){.type = PARTY_HUMAN, .id = m->customer_id};
  m->sender.name = optional_text(d, client, "client_display_name", NAME_MAX_BYTES);
  decode_fields(d, client, jspan_member(span, "client_data"), m);
  decode_out(d);
}

/* ---- the payload ---- */

static const struct {
  const char *type, *mime_type, *name;
} media[] = {
    {"photo", "image/jpeg", "photo"},
    {"video", "video/mp4", "video"},
    {"audio", "audio/mpeg", "audio"},
    {"document", "application/octet-stream", "document"},
};

/* By the name's ending; what it really is will be found by its content. */
static const char *mime_type_of(const char *name, const char *otherwise) {
  static const char *const endings[][2] = {
      {".jpg", "image/jpeg"},  {".jpeg", "image/jpeg"}, {".png", "image/png"},       {".gif", "image/gif"},
      {".webp", "image/webp"}, {".mp4", "video/mp4"},   {".webm", "video/webm"},     {".mp3", "audio/mpeg"},
      {".ogg", "audio/ogg"},   {".wav", "audio/wav"},   {".pdf", "application/pdf"}, {".txt", "text/plain"},
  };
  const char *dot = strrchr(name, '.');
  for (size_t i = 0; dot && i < ARRAY_LEN(endings); i++)
    if (strcasecmp(dot, endings[i][0]) == 0) return endings[i][1];
  return otherwise;
}

static bool url_ok(const char *text) {
  bool scheme = strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
  return scheme && !text_has_control(text, strlen(text)) && !strchr(text, ' ') && strlen(text) > 8;
}

static void decode_media(struct decoder *d, const struct jval *item, size_t row, struct file_in *f) {
  const char *name = optional_text(d, item, "file_name", NAME_MAX_BYTES);
  *f = (struct file_in){.ext_id = "", .found_type = "", .name = name ? name : media[row].name};
  f->url = decode_text(d, item, "file_url", REQUIRED, 1, URL_MAX);
  if (f->url && !url_ok(f->url)) decode_problem(d, "file_url", 1020, "must be an http:// or https:// address");
  f->mime_type = mime_type_of(f->name, media[row].mime_type);
}

/* Members of the kinds that are known besides files. */
static const struct {
  const char *type, *key;
  bool number;
} members[] = {
    {"location", "latitude", true}, {"location", "longitude", true}, {"location", "address", false},
    {"contact", "name", false},     {"contact", "number", false},    {"contact", "avatar", false},
};

static void check_members(struct decoder *d, const struct jval *item, const char *type) {
  for (size_t i = 0; i < ARRAY_LEN(members); i++) {
    const struct jval *v = jval_get(item, members[i].key);
    enum jtype found = jval_type(v);
    if (strcmp(members[i].type, type) != 0 || (members[i].number && (found == JT_INT || found == JT_REAL))) continue;
    optional_text(d, item, members[i].key, FIELD_MAX);
  }
}

/* The item as it came, without the white space between its parts. */
static void keep_item(struct buf *out, struct jspan span) {
  bool inside = false;
  if (out->len > 0 && out->data[out->len - 1] != '[') buf_putc(out, ',');
  for (size_t i = 0; i < span.len; i++) {
    char c = span.text[i];
    if (!inside && strchr(" \t\r\n", c)) continue;
    buf_putc(out, c);
    if (inside && c == '\\') buf_putc(out, span.text[++i]);
    if (c == '"') inside = !inside;
  }
}

static void decode_item(struct decoder *d, const struct jval *item, struct jspan span, struct file_in *files,
                        struct buf *kept, struct message_in *m) {
  if (jval_type(item) != JT_OBJECT) {
    decode_problem(d, NULL, 1020, "must be an object, not %s", jval_type_name(item));
    return;
  }
  const char *type = decode_text(d, item, "type", REQUIRED, 1, NAME_MAX_BYTES);
  for (size_t i = 0; type && i < ARRAY_LEN(media); i++) {
    if (strcmp(type, media[i].type) != 0) continue;
    decode_media(d, item, i, &files[m->file_count++]);
    return;
  }
  if (!type) return;
  check_members(d, item, type);
  keep_item(kept, span);
}

static void decode_payload(struct decoder *d, const struct jval *message, struct jspan span, struct message_in *m) {
  const struct jval *list =
      is_nothing(jval_get(message, "payload")) ? NULL : decode_array(d, message, "payload", OPTIONAL, 0, KIT_FILES_MAX);
  if (!list) return;
  struct file_in *files = mem_array(d->ctx, struct file_in, jval_count(list));
  struct jspan all = jspan_member(span, "payload"), one = {NULL, 0};
  struct buf *kept = mem_new(d->ctx, struct buf);
  buf_init(kept, d->ctx, 256, ITEMS_MAX);
  buf_puts(kept, "{\"items\":[");
  size_t empty = kept->len;
  decode_in_key(d, "payload");
  for (size_t i = 0; jspan_next(all, &one); i++) {
    decode_in_index(d, i);
    decode_item(d, jval_at(list, i), one, files, kept, m);
    decode_out(d);
  }
  decode_out(d);
  m->files = files;
  if (kept->len == empty) return;
  buf_puts(kept, "]}");
  if (kept->failed) decode_problem(d, "payload", 1020, "must be at most %d bytes long", ITEMS_MAX);
  m->rich_content = (struct jspan){kept->data, kept->len};
}

/* ---- the event ---- */

static void decode_message(struct decoder *d, const struct jval *root, struct jspan span, struct message_in *m) {
  const struct jval *data = decode_object(d, root, "event_data", REQUIRED);
  if (!data) return;
  decode_in_key(d, "event_data");
  const struct jval *message = decode_object(d, data, "message", REQUIRED);
  if (message) {
    decode_in_key(d, "message");
    m->ext_id = decode_id(d, message, "message_id");
    m->text = optional_text(d, message, "text", TEXT_MAX);
    decode_payload(d, message, jspan_member(jspan_member(span, "event_data"), "message"), m);
    decode_out(d);
  }
  decode_out(d);
}

void kit_decode_event(struct decoder *d, const struct jval *root, const char *body, size_t len,
                      struct kit_event_in *ret) {
  *ret = (struct kit_event_in){.bytes = len};
  struct message_in *m = &ret->message;
  if (jval_type(root) != JT_OBJECT) {
    decode_problem(d, NULL, 1020, "must be an object, not %s", jval_type_name(root));
    return;
  }
  struct jspan span = jspan_of(body, len);
  decode_client(d, root, span, m);
  m->event_id = decode_id(d, root, "event_id");
  const char *type = decode_text(d, root, "event_type", REQUIRED, 1, SIZE_MAX);
  if (type && strcmp(type, "send_message") != 0) decode_problem(d, "event_type", 1020, "must be \"send_message\"");
  decode_message(d, root, span, m);
  if (!m->text) m->text = "";
}
