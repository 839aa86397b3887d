/* Messages of a partner, taken apart by the rules of the specification; every violation is told with its path.
 * Texts are borrowed from the JSON document, verbatim members from the body. Pure. */
#include "api/kiamo_io/decode_message.h"

#include "base/filetype.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

#define ID_MAX         255
#define NAME_MAX_BYTES 255
#define TEXT_MAX       262144
#define URL_MAX        2000
#define VERBATIM_MAX   262144                /* bytes of metadata, of rich content */
#define CREATED_AT_MAX INT64_C(253402300799) /* the end of year 9999, in seconds: milliseconds are caught */

struct place {
  struct decoder *d;
  int64_t file_max;
  struct kiamo_io_batch *batch;
  /* The text, walked only as far as a verbatim member asks for. */
  struct jspan body, spans, span;
  size_t span_count; /* how many messages `span` is into the array */
};

/* A member of message i as it was written; bounded. An empty object needs no look into the text. */
static struct jspan verbatim(struct place *p, size_t i, const char *outer, const char *key, const struct jval *v) {
  if (jval_type(v) == JT_OBJECT && jval_count(v) == 0) return jspan_of("{}", 2);
  if (!p->spans.text) p->spans = jspan_member(p->body, "messages");
  while (p->span_count <= i && jspan_next(p->spans, &p->span)) p->span_count++;
  struct jspan found = jspan_member(outer ? jspan_member(p->span, outer) : p->span, key);
  if (found.len > VERBATIM_MAX) decode_problem(p->d, key, 1020, "must be at most %d bytes long", VERBATIM_MAX);
  return found;
}

static bool decode_party(struct decoder *d, const struct jval *message, const char *key, enum need need,
                         struct party *ret) {
  const struct jval *v = decode_object(d, message, key, need);
  if (!v) return false;
  decode_in_key(d, key);
  const char *type = decode_text(d, v, "type", REQUIRED, 0, 64);
  if (type && strcmp(type, "human") != 0 && strcmp(type, "bot") != 0)
    decode_problem(d, "type", 1020, "must be \"human\" or \"bot\"");
  ret->type = type && strcmp(type, "bot") == 0 ? PARTY_BOT : PARTY_HUMAN;
  ret->id = decode_text(d, v, "id", REQUIRED, 1, ID_MAX);
  ret->name = decode_text(d, v, "name", OPTIONAL, 0, NAME_MAX_BYTES);
  decode_out(d);
  return true;
}

/* type/subtype of RFC 9110 tokens, parameters allowed, no control characters. */
static bool mime_type_ok(const char *text) {
  size_t len = strlen(text), slash = strcspn(text, "/");
  return slash > 0 && slash + 1 < len && !text_has_control(text, len) && text[slash + 1] != ';' && !strchr(text, '"');
}

static bool url_ok(const char *text) {
  bool scheme = strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
  return scheme && !text_has_control(text, strlen(text)) && !strchr(text, ' ') && strlen(text) > 8;
}

static void decode_base64_file(struct place *p, const struct jval *content, struct file_in *file) {
  const struct jval *v = jval_get(content, "data");
  size_t len = 0, size = 0;
  const char *text = jval_str(v, &len);
  if (!text) {
    decode_text(p->d, content, "data", REQUIRED, 0, 0);
    return;
  }
  if ((int64_t)(len / 4 * 3) > p->file_max + 8) {
    p->batch->too_large = true;
    decode_problem(p->d, "data", 1020, "must be at most %lld bytes when decoded", (long long)p->file_max);
    return;
  }
  uint8_t *bytes = (uint8_t *)mem_bytes(p->d->ctx, len / 4 * 3 + 4);
  if (!base64_decode(text, len, bytes, &size)) {
    decode_problem(p->d, "data", 1020, "is not base64");
    return;
  }
  if ((int64_t)size > p->file_max) {
    p->batch->too_large = true;
    decode_problem(p->d, "data", 1020, "must be at most %lld bytes when decoded", (long long)p->file_max);
    return;
  }
  file->bytes = bytes;
  file->size = size;
  file->found_type = mem_strdup(p->d->ctx, filetype_of(bytes, size));
}

static void decode_content(struct place *p, const struct jval *attachment, struct file_in *file) {
  const struct jval *content = decode_object(p->d, attachment, "content", REQUIRED);
  if (!content) return;
  decode_in_key(p->d, "content");
  const char *type = decode_text(p->d, content, "type", REQUIRED, 0, 64);
  if (type && strcmp(type, "base64") == 0) {
    decode_base64_file(p, content, file);
  } else if (type && strcmp(type, "url") == 0) {
    file->url = decode_text(p->d, content, "data", REQUIRED, 0, URL_MAX);
    if (file->url && !url_ok(file->url)) decode_problem(p->d, "data", 1020, "must be an http:// or https:// address");
  } else if (type) {
    decode_problem(p->d, "type", 1020, "must be \"url\" or \"base64\"");
  } else {
    decode_text(p->d, content, "data", REQUIRED, 0, SIZE_MAX);
  }
  decode_out(p->d);
}

static void decode_files(struct place *p, const struct jval *body, struct message_in *m) {
  const struct jval *list = decode_array(p->d, body, "attachments", OPTIONAL, 0, KIAMO_IO_FILES_MAX);
  size_t n = jval_count(list);
  if (n == 0) return;
  struct file_in *files = mem_array(p->d->ctx, struct file_in, n);
  decode_in_key(p->d, "attachments");
  for (size_t i = 0; i < n; i++) {
    const struct jval *v = jval_at(list, i);
    decode_in_index(p->d, i);
    if (jval_type(v) != JT_OBJECT) {
      decode_problem(p->d, NULL, 1020, "must be an object, not %s", jval_type_name(v));
    } else {
      files[i] = (struct file_in){.found_type = ""};
      files[i].ext_id = decode_text(p->d, v, "id", REQUIRED, 0, ID_MAX);
      files[i].name = decode_text(p->d, v, "name", REQUIRED, 0, NAME_MAX_BYTES);
      files[i].mime_type = decode_text(p->d, v, "mime_type", REQUIRED, 0, 255);
      if (files[i].mime_type && !mime_type_ok(files[i].mime_type))
        decode_problem(p->d, "mime_type", 1020, "must be a media type such as image/png");
      decode_content(p, v, &files[i]);
    }
    decode_out(p->d);
  }
  decode_out(p->d);
  m->files = files;
  m->file_count = (int)n;
}

static bool has_content(const struct jval *v) {
  size_t len = 0;
  return jval_type(v) == JT_OBJECT ? jval_count(v) > 0 : jval_str(v, &len) && len > 0;
}

static void decode_body(struct place *p, const struct jval *message, size_t i, struct message_in *m) {
  struct decoder *d = p->d;
  const struct jval *body = decode_object(d, message, "body", REQUIRED);
  if (!body) return;
  decode_in_key(d, "body");
  m->text = decode_text(d, body, "message", REQUIRED, 0, TEXT_MAX);
  decode_files(p, body, m);
  const struct jval *rich = jval_get(body, "rich_content");
  enum jtype type = jval_type(rich);
  if (type == JT_STRING || type == JT_OBJECT)
    m->rich_content = verbatim(p, i, "body", "rich_content", rich);
  else if (type != JT_MISSING && type != JT_NULL)
    decode_problem(d, "rich_content", 1020, "must be a string or an object, not %s", jval_type_name(rich));
  if (m->text && !*m->text && jval_count(jval_get(body, "attachments")) == 0 && !has_content(rich))
    decode_problem(d, "message", 1020, "must not be empty without an attachment or rich content");
  decode_out(d);
}

static void decode_message(struct place *p, const struct jval *v, size_t i, struct message_in *m) {
  struct decoder *d = p->d;
  m->ext_id = decode_text(d, v, "id", REQUIRED, 1, ID_MAX);
  decode_int(d, v, "created_at", REQUIRED, 0, CREATED_AT_MAX, &m->created_at);
  m->customer_id = decode_text(d, v, "customer_id", REQUIRED, 1, ID_MAX);
  decode_party(d, v, "sender", REQUIRED, &m->sender);
  m->has_recipient = decode_party(d, v, "recipient", OPTIONAL, &m->recipient);
  decode_body(p, v, i, m);
  const struct jval *metadata = decode_object(d, v, "metadata", OPTIONAL);
  if (metadata) m->metadata = verbatim(p, i, NULL, "metadata", metadata);
  bool known = m->customer_id && m->sender.id && m->has_recipient && m->recipient.id;
  if (known && strcmp(m->customer_id, m->sender.id) != 0 && strcmp(m->customer_id, m->recipient.id) != 0)
    decode_problem(d, "customer_id", 1020, "must be the id of the sender or of the recipient");
}

void kiamo_io_decode(struct decoder *d, const struct jval *root, const char *body, size_t len, int64_t file_max,
                     struct kiamo_io_batch *ret) {
  *ret = (struct kiamo_io_batch){.count = 0};
  if (jval_type(root) != JT_OBJECT) {
    decode_problem(d, NULL, 1020, "must be an object, not %s", jval_type_name(root));
    return;
  }
  const struct jval *list = decode_array(d, root, "messages", REQUIRED, 1, KIAMO_IO_MESSAGES_MAX);
  size_t n = jval_count(list);
  if (n == 0) return;
  struct place p = {.d = d, .file_max = file_max, .batch = ret, .body = jspan_of(body, len)};
  ret->messages = mem_array(d->ctx, struct message_in, n);
  ret->count = (int)n;
  decode_in_key(d, "messages");
  for (size_t i = 0; i < n; i++) {
    const struct jval *v = jval_at(list, i);
    decode_in_index(d, i);
    if (jval_type(v) == JT_OBJECT)
      decode_message(&p, v, i, &ret->messages[i]);
    else
      decode_problem(d, NULL, 1020, "must be an object, not %s", jval_type_name(v));
    decode_out(d);
  }
  decode_out(d);
}
