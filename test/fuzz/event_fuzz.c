/* Any bytes as the body of a custom channel's event. What is refused is explained at a path, in UTF-8; what is accepted
 * keeps every promise that the store relies on: lengths, files within bounds, kept items that are JSON, each field of a
 * customer once. */
#include "api/voximplant/decode_event.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

#define ID_MAX     255
#define FIELDS_MAX 22

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t min, size_t max) {
  invariant(text);
  size_t len = strlen(text);
  invariant(len >= min && len <= max && utf8_valid(text, len));
}

static void check_fields(const struct message_in *m) {
  invariant(m->field_count >= 0 && m->field_count <= FIELDS_MAX);
  for (int i = 0; i < m->field_count; i++) {
    check_text(m->fields[i].name, 1, 40);
    check_text(m->fields[i].value, 1, 2000);
    for (int k = 0; k < i; k++) invariant(strcmp(m->fields[i].name, m->fields[k].name) != 0);
  }
}

static void check_file(const struct file_in *f) {
  check_text(f->name, 1, 255);
  check_text(f->mime_type, 3, 255);
  check_text(f->url, 9, 2000);
  invariant(!f->bytes && !*f->ext_id && !*f->found_type);
  invariant(strncmp(f->url, "http", 4) == 0 && !text_has_control(f->url, strlen(f->url)));
}

/* {"items":[…]}, each an object with a type, in one line: it goes into live streams as it is. */
static int check_items(void *ctx, struct jspan kept) {
  if (!kept.text) return 0;
  struct jerror error;
  const struct jval *items = jval_get(json_parse(ctx, kept.text, kept.len, &error), "items");
  invariant(jval_type(items) == JT_ARRAY && jval_count(items) > 0);
  invariant(!memchr(kept.text, '\n', kept.len) && !memchr(kept.text, '\r', kept.len));
  for (size_t i = 0; i < jval_count(items); i++) invariant(jval_type(jval_get(jval_at(items, i), "type")) == JT_STRING);
  return (int)jval_count(items);
}

static void check_event(void *ctx, const struct message_in *m) {
  check_text(m->event_id, 1, ID_MAX);
  check_text(m->ext_id, 1, ID_MAX);
  check_text(m->customer_id, 1, ID_MAX);
  check_text(m->text, 0, 262144);
  invariant(m->sender.type == PARTY_HUMAN && strcmp(m->sender.id, m->customer_id) == 0 && !m->has_recipient);
  if (m->sender.name) check_text(m->sender.name, 1, 255);
  check_fields(m);
  int items = check_items(ctx, m->rich_content);
  invariant(m->file_count >= 0 && m->file_count + items <= KIT_FILES_MAX);
  for (int i = 0; i < m->file_count; i++) check_file(&m->files[i]);
}

static void check_problems(const struct decoder *d) {
  invariant(d->depth == 0);
  for (int i = 0; i < d->problem_count && i < DECODE_PROBLEMS_MAX; i++) {
    const struct decode_problem *p = &d->problems[i];
    invariant(p->code == 1010 || p->code == 1020);
    invariant(*p->text && utf8_valid(p->text, strlen(p->text)) && utf8_valid(p->path, strlen(p->path)));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  void *ctx = talloc_new(NULL);
  const char *body = mem_strndup(ctx, (const char *)data, size);
  struct jerror error;
  const struct jval *root = json_parse(ctx, body, size, &error);
  if (root) {
    struct decoder d;
    struct kit_event_in event;
    decode_init(&d, ctx, PATH_DOTS);
    kit_decode_event(&d, root, body, size, &event);
    check_problems(&d);
    if (d.problem_count == 0) check_event(ctx, &event.message);
  }
  talloc_free(ctx);
  return 0;
}
