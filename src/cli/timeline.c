/* One conversation on a terminal: messages, notes and what became of deliveries, oldest first. */
#include "cli/run.h"

#include "base/mem.h"
#include "cli/client.h"
#include "cli/output.h"
#include "cli/term.h"

#include <string.h>

struct view {
  void *ctx;
  bool json;
  struct output out;
  int count;
};

static const char *text_of(const struct jval *v, const char *key) {
  const char *text = jval_str(jval_get(v, key), NULL);
  return text ? text : "";
}

/* A place, a contact, or what we have no word for: its texts, in the order they came. */
static void print_member(void *arg, const char *key, const struct jval *v) {
  void *ctx = arg;
  const char *text = jval_str(v, NULL);
  if (text && *text && strcmp(key, "type") != 0) printf(", %s %s", term_clean(ctx, key), term_clean(ctx, text));
}

static void print_items(void *ctx, const struct jval *items) {
  for (size_t i = 0; i < jval_count(items); i++) {
    const struct jval *item = jval_at(items, i);
    printf("    [%s", term_clean(ctx, text_of(item, "type")));
    jval_each(item, print_member, ctx);
    printf("]\n");
  }
}

static void print_message(void *ctx, const struct jval *m) {
  const struct jval *sender = jval_get(m, "sender");
  const char *name = text_of(sender, "name");
  const char *direction = text_of(m, "direction");
  const char *arrow = !strcmp(direction, "out") ? "<-" : "->";
  printf("%s %s%s%s%s\n", arrow, term_style(stdout, TERM_BOLD), term_clean(ctx, *name ? name : text_of(sender, "id")),
         term_style(stdout, TERM_PLAIN), !strcmp(direction, "history") ? " (history)" : "");
  if (*text_of(m, "text")) printf("    %s\n", term_clean_lines(ctx, text_of(m, "text"), "    "));
  const struct jval *files = jval_get(m, "attachments");
  for (size_t i = 0; i < jval_count(files); i++) {
    const struct jval *f = jval_at(files, i);
    printf("    [%s, %s, %s]\n", term_clean(ctx, text_of(f, "name")), term_clean(ctx, text_of(f, "mimeType")),
           term_size(ctx, jval_int(jval_get(f, "size"))));
  }
  print_items(ctx, jval_get(jval_get(m, "richContent"), "items"));
  const char *state = text_of(jval_get(m, "delivery"), "state");
  if (*state)
    printf("    %s%s%s\n", term_style(stdout, TERM_DIM), term_clean(ctx, state), term_style(stdout, TERM_PLAIN));
}

static void print_item(struct view *v, const struct jval *item) {
  const char *kind = text_of(item, "kind");
  const struct jval *note = jval_get(item, "note");
  printf("%s%.19s%s ", term_style(stdout, TERM_DIM), term_clean(v->ctx, text_of(item, "at")),
         term_style(stdout, TERM_PLAIN));
  if (jval_get(item, "message") && !strncmp(kind, "message.", 8)) {
    print_message(v->ctx, jval_get(item, "message"));
  } else if (note) {
    const char *author = text_of(note, "author");
    printf(".. note%s%s\n    %s\n", *author ? " of " : "", term_clean(v->ctx, author),
           term_clean_lines(v->ctx, text_of(note, "content"), "    "));
  } else {
    printf(".. %s\n", term_clean(v->ctx, kind));
  }
}

static void take(void *arg, const struct jval *item, struct jspan text) {
  struct view *v = arg;
  v->count++;
  if (v->json) {
    jw_raw(&v->out.w, text.text, text.len);
  } else {
    print_item(v, item);
  }
}

int cli_timeline(const struct cli_args *args) {
  void *ctx = cli_ctx(args);
  struct view v = {.ctx = ctx, .json = cli_json(args)};
  output_begin(&v.out, ctx);
  jw_object(&v.out.w);
  jw_key(&v.out.w, "items");
  jw_array(&v.out.w);
  struct client *c = client_new(ctx, cli_text(args, "url", CLI_DEFAULT_URL));
  const struct client_pages pages = {
      .path = mem_printf(ctx, "/api/v3/interaction/interactions/%s/timeline", client_encode(ctx, cli_word(args, 0))),
      .authorization = client_token_header(args),
      .limit = cli_int(args, "limit", 10000),
      .item = take,
      .arg = &v,
  };
  int code = client_each(c, &pages);
  client_free(c);
  jw_array_end(&v.out.w);
  jw_object_end(&v.out.w);
  return code == CLI_OK && v.json ? output_end(&v.out) : code;
}
