/* Any bytes into form_parse: the first line is the Content-Type, the rest the body. What is accepted must hold what
 * form.h promises; an accepted urlencoded form must be read back the same when it is written again. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/form.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct form *f) {
  invariant(f->count >= 0 && f->count <= FORM_FIELDS_MAX);
  for (int i = 0; i < f->count; i++) {
    const struct form_field *field = &f->fields[i];
    invariant(utf8_valid(field->name, strlen(field->name)));
    invariant(field->value[field->len] == '\0');
    int count = 0;
    invariant(form_get(f, field->name, &count) && count >= 1);
  }
}

static void escape(struct buf *out, const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) buf_printf(out, "%%%02X", (unsigned char)text[i]);
}

static void write_back(void *ctx, const struct form *f, size_t size) {
  struct buf out;
  struct form again;
  buf_init(&out, ctx, 64, 4 * size + 256);
  for (int i = 0; i < f->count; i++) {
    escape(&out, f->fields[i].name, strlen(f->fields[i].name));
    buf_putc(&out, '=');
    escape(&out, f->fields[i].value, f->fields[i].len);
    buf_putc(&out, '&');
  }
  invariant(!out.failed);
  invariant(form_parse(ctx, "application/x-www-form-urlencoded", out.data, out.len, &again) == FORM_OK);
  invariant(again.count == f->count);
  for (int i = 0; i < f->count; i++) {
    invariant(!strcmp(again.fields[i].name, f->fields[i].name) && again.fields[i].len == f->fields[i].len);
    invariant(!memcmp(again.fields[i].value, f->fields[i].value, f->fields[i].len));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  void *ctx = talloc_new(NULL);
  const char *text = (const char *)data;
  const char *line = size ? memchr(text, '\n', size) : NULL;
  char *type = line ? mem_strndup(ctx, text, (size_t)(line - text)) : NULL;
  size_t skip = line ? (size_t)(line - text) + 1 : 0;
  struct form f;
  if (form_parse(ctx, type, text + skip, size - skip, &f) == FORM_OK) {
    check(&f);
    write_back(ctx, &f, size);
  }
  if (type) {
    const char *value = header_param(ctx, type, "boundary");
    invariant(!value || strlen(value) < strlen(type));
  }
  talloc_free(ctx);
  return 0;
}
