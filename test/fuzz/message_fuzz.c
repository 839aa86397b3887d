/* Any bytes as the body of POST /messaging/v1/messages. What is refused is explained at a path, in UTF-8; what is
 * accepted keeps every promise that the store relies on: lengths, files within bounds, verbatim parts that are JSON and
 * lie inside the body. */
#include "api/kiamo_io/decode_message.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

#define FILE_MAX 4096
#define ID_MAX   255

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
  void *ctx;
  const char *body;
  size_t len;
};

static void check_text(const char *text, size_t min, size_t max) {
  invariant(text);
  size_t len = strlen(text);
  invariant(len >= min && len <= max && utf8_valid(text, len));
}

static void check_party(const struct party *p) {
  invariant(p->type == PARTY_HUMAN || p->type == PARTY_BOT);
  check_text(p->id, 1, ID_MAX);
  if (p->name) check_text(p->name, 0, 255);
}

static void check_verbatim(const struct input *in, struct jspan span, bool text_allowed) {
  if (!span.text) {
    invariant(span.len == 0);
    return;
  }
  struct jerror error;
  const struct jval *v = json_parse(in->ctx, span.text, span.len, &error);
  invariant(v && (jval_type(v) == JT_OBJECT || (text_allowed && jval_type(v) == JT_STRING)));
  bool inside = span.text >= in->body && span.text + span.len <= in->body + in->len;
  invariant(inside || (span.len == 2 && memcmp(span.text, "{}", 2) == 0));
}

static void check_file(const struct file_in *f) {
  check_text(f->ext_id, 0, ID_MAX);
  check_text(f->name, 0, 255);
  check_text(f->mime_type, 3, 255);
  invariant(!f->bytes != !f->url); /* exactly one */
  invariant(!text_has_control(f->mime_type, strlen(f->mime_type)));
  if (f->url) check_text(f->url, 9, 2000);
  if (f->bytes) invariant(f->size <= FILE_MAX && *f->found_type);
}

static void check_message(const struct input *in, const struct message_in *m) {
  check_text(m->ext_id, 1, ID_MAX);
  check_text(m->customer_id, 1, ID_MAX);
  check_text(m->text, 0, 262144);
  invariant(m->created_at >= 0 && m->created_at <= INT64_C(253402300799));
  check_party(&m->sender);
  if (m->has_recipient) {
    check_party(&m->recipient);
    invariant(strcmp(m->customer_id, m->sender.id) == 0 || strcmp(m->customer_id, m->recipient.id) == 0);
  }
  check_verbatim(in, m->rich_content, true);
  check_verbatim(in, m->metadata, false);
  invariant(m->file_count >= 0 && m->file_count <= KIAMO_IO_FILES_MAX);
  for (int i = 0; i < m->file_count; i++) check_file(&m->files[i]);
  invariant(*m->text || m->file_count || m->rich_content.text);
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
  const struct input in = {ctx, mem_strndup(ctx, (const char *)data, size), size};
  struct jerror error;
  const struct jval *root = json_parse(ctx, in.body, in.len, &error);
  if (root) {
    struct decoder d;
    struct kiamo_io_batch batch;
    decode_init(&d, ctx, PATH_DOTS);
    kiamo_io_decode(&d, root, in.body, in.len, FILE_MAX, &batch);
    check_problems(&d);
    if (d.problem_count == 0) {
      invariant(batch.count >= 1 && batch.count <= KIAMO_IO_MESSAGES_MAX && !batch.too_large);
      for (int i = 0; i < batch.count; i++) check_message(&in, &batch.messages[i]);
    }
  }
  talloc_free(ctx);
  return 0;
}
