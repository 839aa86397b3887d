/* Messages of a partner: every rule of the specification, each violation at its path; what is kept verbatim, to the
 * byte; files decoded and bounded. */
#include "api/kiamo_io/decode_message.h"

#include "base/mem.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FILE_MAX 1000

static int setup(void **state) {
  mem_init();
  *state = talloc_new(NULL);
  return 0;
}
static int teardown(void **state) {
  talloc_free(*state);
  return 0;
}

static struct kiamo_io_batch decoded(void *ctx, const char *text, struct decoder *d) {
  struct kiamo_io_batch batch;
  struct jerror error;
  decode_init(d, ctx, PATH_DOTS);
  const struct jval *root = json_parse(ctx, text, strlen(text), &error);
  if (!root) fail_msg("%s: %s", text, error.text);
  kiamo_io_decode(d, root, text, strlen(text), FILE_MAX, &batch);
  return batch;
}

/* One message of the members given; those of a sound message that are not among them are added. */
static char *with(void *ctx, const char *members) {
  static const struct {
    const char *key, *text;
  } sound[] = {
      {"\"id\"", "\"id\":\"1\""},
      {"\"created_at\"", "\"created_at\":1763640000"},
      {"\"customer_id\"", "\"customer_id\":\"c\""},
      {"\"sender\"", "\"sender\":{\"type\":\"human\",\"id\":\"c\",\"name\":\"n\"}"},
      {"\"body\"", "\"body\":{\"message\":\"hello\"}"},
  };
  char *all = mem_strdup(ctx, members);
  for (size_t i = 0; i < ARRAY_LEN(sound); i++) {
    /* A member of the message itself stands at the beginning or behind a comma; those of the samples have no others. */
    bool there = strncmp(members, sound[i].key, strlen(sound[i].key)) == 0 ||
                 strstr(members, mem_printf(ctx, "}|,%s", sound[i].key)) ||
                 strstr(members, mem_printf(ctx, "|,%s", sound[i].key));
    if (!there) all = mem_printf(ctx, "%s%s%s", all, *all ? "," : "", sound[i].text);
  }
  for (char *bar; (bar = strchr(all, '|'));) memmove(bar, bar + 1, strlen(bar));
  return mem_printf(ctx, "{\"messages\":[{%s}]}", all);
}

#define SENDER(type, id) "{\"type\":\"" type "\",\"id\":\"" id "\"}"
#define FILES(f)         "\"body\":{\"message\":\"\",\"attachments\":[" f "]}"
#define AFILE(content)   "{\"id\":\"f\",\"name\":\"n\",\"mime_type\":\"a/b\",\"content\":" content "}"
#define BASE64(data)     "{\"type\":\"base64\",\"data\":\"" data "\"}"
#define URL(u)           "{\"type\":\"url\",\"data\":\"" u "\"}"

static const struct {
  const char *members, *path, *says; /* path NULL: sound */
} rows[] = {
    {"", NULL, NULL},
    {"\"extra\":[1,{}]", NULL, NULL},
    /* id */
    {"\"id\":\"\"", "messages[0].id", "must not be empty"},
    {"\"id\":1", "messages[0].id", "must be a string, not an integer"},
    {"\"id\":null", "messages[0].id", "must be a string, not null"},
    /* created_at */
    {"\"created_at\":0", NULL, NULL},
    {"\"created_at\":253402300799", NULL, NULL},
    {"\"created_at\":1763640000000", "messages[0].created_at", "must be from 0 to 253402300799"},
    {"\"created_at\":-1", "messages[0].created_at", "must be from 0 to 253402300799"},
    {"\"created_at\":1763640000.5", "messages[0].created_at", "must be an integer, not a number"},
    {"\"created_at\":\"1763640000\"", "messages[0].created_at", "must be an integer, not a string"},
    /* customer_id */
    {"\"customer_id\":\"\"", "messages[0].customer_id", "must not be empty"},
    {"\"customer_id\":7", "messages[0].customer_id", "must be a string, not an integer"},
    {"\"customer_id\":\"another\"", NULL, NULL}, /* without a recipient anybody may speak for the customer */
    /* sender */
    {"\"sender\":" SENDER("bot", "c"), NULL, NULL},
    {"\"sender\":null", "messages[0].sender", "must be an object, not null"},
    {"\"sender\":\"c\"", "messages[0].sender", "must be an object, not a string"},
    {"\"sender\":" SENDER("robot", "c"), "messages[0].sender.type", "must be \"human\" or \"bot\""},
    {"\"sender\":" SENDER("Human", "c"), "messages[0].sender.type", "must be \"human\" or \"bot\""},
    {"\"sender\":" SENDER("", "c"), "messages[0].sender.type", "must be \"human\" or \"bot\""},
    {"\"sender\":{\"id\":\"c\"}", "messages[0].sender.type", "is required"},
    {"\"sender\":{\"type\":\"human\"}", "messages[0].sender.id", "is required"},
    {"\"sender\":" SENDER("human", ""), "messages[0].sender.id", "must not be empty"},
    {"\"sender\":{\"type\":\"human\",\"id\":\"c\",\"name\":5}", "messages[0].sender.name",
     "must be a string, not an integer"},
    {"\"sender\":{\"type\":\"human\",\"id\":\"c\",\"name\":null}", NULL, NULL},
    {"\"sender\":{\"type\":\"human\",\"id\":\"c\",\"name\":\"\"}", NULL, NULL},
    /* recipient: history */
    {"\"recipient\":" SENDER("bot", "b"), NULL, NULL},
    {"\"recipient\":null", NULL, NULL},
    {"\"recipient\":[]", "messages[0].recipient", "must be an object, not an array"},
    {"\"recipient\":{\"type\":\"bot\"}", "messages[0].recipient.id", "is required"},
    {"\"recipient\":" SENDER("bot", "c") "|,\"sender\":" SENDER("human", "x"), NULL, NULL},
    {"\"recipient\":" SENDER("bot", "b") "|,\"sender\":" SENDER("human", "x"), "messages[0].customer_id",
     "must be the id of the sender or of the recipient"},
    {"\"recipient\":" SENDER("bot", "C"), NULL, NULL},
    {"\"recipient\":" SENDER("bot", "b") "|,\"customer_id\":\"C\"", "messages[0].customer_id",
     "must be the id of the sender or of the recipient"},
    /* body */
    {"\"body\":null", "messages[0].body", "must be an object, not null"},
    {"\"body\":\"hello\"", "messages[0].body", "must be an object, not a string"},
    {"\"body\":{}", "messages[0].body.message", "is required"},
    {"\"body\":{\"message\":null}", "messages[0].body.message", "must be a string, not null"},
    {"\"body\":{\"message\":[]}", "messages[0].body.message", "must be a string, not an array"},
    {"\"body\":{\"message\":\"\"}", "messages[0].body.message",
     "must not be empty without an attachment or rich content"},
    {"\"body\":{\"message\":\"\",\"rich_content\":{}}", "messages[0].body.message",
     "must not be empty without an attachment or rich content"},
    {"\"body\":{\"message\":\"\",\"rich_content\":\"\"}", "messages[0].body.message",
     "must not be empty without an attachment or rich content"},
    {"\"body\":{\"message\":\"\",\"rich_content\":null,\"attachments\":[]}", "messages[0].body.message",
     "must not be empty without an attachment or rich content"},
    {"\"body\":{\"message\":\"\",\"rich_content\":\"x\"}", NULL, NULL},
    {"\"body\":{\"message\":\"\",\"rich_content\":{\"a\":1}}", NULL, NULL},
    {"\"body\":{\"message\":\" \"}", NULL, NULL},
    {"\"body\":{\"message\":\"x\",\"rich_content\":[]}", "messages[0].body.rich_content",
     "must be a string or an object, not an array"},
    {"\"body\":{\"message\":\"x\",\"rich_content\":1}", "messages[0].body.rich_content",
     "must be a string or an object, not an integer"},
    {"\"body\":{\"message\":\"x\",\"attachments\":null}", NULL, NULL},
    {"\"body\":{\"message\":\"x\",\"attachments\":{}}", "messages[0].body.attachments",
     "must be an array, not an object"},
    /* metadata */
    {"\"metadata\":{}", NULL, NULL},
    {"\"metadata\":null", NULL, NULL},
    {"\"metadata\":\"x\"", "messages[0].metadata", "must be an object, not a string"},
    {"\"metadata\":[]", "messages[0].metadata", "must be an object, not an array"},
    /* attachments */
    {FILES(AFILE(BASE64("aGVsbG8="))), NULL, NULL},
    {FILES(AFILE(BASE64(""))), NULL, NULL},
    {FILES(AFILE(BASE64("aGVs\\r\\nbG8="))), NULL, NULL},
    {FILES(AFILE(URL("https://h/x.png"))), NULL, NULL},
    {FILES("1"), "messages[0].body.attachments[0]", "must be an object, not an integer"},
    {FILES("{\"name\":\"n\",\"mime_type\":\"a/b\",\"content\":" BASE64("") "}"), "messages[0].body.attachments[0].id",
     "is required"},
    {FILES("{\"id\":\"f\",\"mime_type\":\"a/b\",\"content\":" BASE64("") "}"), "messages[0].body.attachments[0].name",
     "is required"},
    {FILES("{\"id\":\"f\",\"name\":\"n\",\"content\":" BASE64("") "}"), "messages[0].body.attachments[0].mime_type",
     "is required"},
    {FILES("{\"id\":\"f\",\"name\":\"n\",\"mime_type\":\"a/b\"}"), "messages[0].body.attachments[0].content",
     "is required"},
    {FILES(AFILE("\"x\"")), "messages[0].body.attachments[0].content", "must be an object, not a string"},
    {FILES(AFILE("{\"data\":\"x\"}")), "messages[0].body.attachments[0].content.type", "is required"},
    {FILES(AFILE("{\"type\":\"inline\",\"data\":\"x\"}")), "messages[0].body.attachments[0].content.type",
     "must be \"url\" or \"base64\""},
    {FILES(AFILE("{\"type\":\"base64\"}")), "messages[0].body.attachments[0].content.data", "is required"},
    {FILES(AFILE("{\"type\":\"base64\",\"data\":5}")), "messages[0].body.attachments[0].content.data",
     "must be a string, not an integer"},
    {FILES(AFILE(BASE64("a"))), "messages[0].body.attachments[0].content.data", "is not base64"},
    {FILES(AFILE(BASE64("aGVsbG8!"))), "messages[0].body.attachments[0].content.data", "is not base64"},
    {FILES(AFILE("{\"type\":\"url\"}")), "messages[0].body.attachments[0].content.data", "is required"},
    {FILES(AFILE(URL(""))), "messages[0].body.attachments[0].content.data", "must be an http:// or https:// address"},
    {FILES(AFILE(URL("ftp://h/x"))), "messages[0].body.attachments[0].content.data",
     "must be an http:// or https:// address"},
    {FILES(AFILE(URL("file:///etc/passwd"))), "messages[0].body.attachments[0].content.data",
     "must be an http:// or https:// address"},
    {FILES(AFILE(URL("http://"))), "messages[0].body.attachments[0].content.data",
     "must be an http:// or https:// address"},
    {FILES(AFILE(URL("https://h/a b"))), "messages[0].body.attachments[0].content.data",
     "must be an http:// or https:// address"},
    {FILES(AFILE(URL("https://h/\\r\\nX: y"))), "messages[0].body.attachments[0].content.data",
     "must be an http:// or https:// address"},
    {FILES(AFILE(BASE64("")) "," AFILE(BASE64("*"))), "messages[0].body.attachments[1].content.data", "is not base64"},
};

static const char *const bad_types[] = {"", "a", "a/", "/b", "a/;b", "a/b\\nX: y", "a/\\\"b"};

static void expect(void *ctx, const char *members, const char *path, const char *says) {
  struct decoder d;
  char *text = with(ctx, members);
  struct kiamo_io_batch batch = decoded(ctx, text, &d);
  if (!path && d.problem_count) fail_msg("%s: %s %s", text, d.problems[0].path, d.problems[0].text);
  if (!path) {
    assert_int_equal(batch.count, 1);
    return;
  }
  if (d.problem_count != 1) fail_msg("%s: %d problems", text, d.problem_count);
  if (strcmp(d.problems[0].path, path) != 0 || strcmp(d.problems[0].text, says) != 0)
    fail_msg("%s: %s \"%s\"", text, d.problems[0].path, d.problems[0].text);
}

static void rules(void **state) {
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) expect(*state, rows[i].members, rows[i].path, rows[i].says);
}

static void media_types(void **state) {
  for (size_t i = 0; i < ARRAY_LEN(bad_types); i++)
    expect(*state,
           mem_printf(*state, FILES("{\"id\":\"f\",\"name\":\"n\",\"mime_type\":\"%s\",\"content\":" BASE64("") "}"),
                      bad_types[i]),
           "messages[0].body.attachments[0].mime_type", "must be a media type such as image/png");
  static const char *const good[] = {"image/png", "text/plain; charset=utf-8", "application/vnd.ms-excel", "a/b"};
  for (size_t i = 0; i < ARRAY_LEN(good); i++)
    expect(*state,
           mem_printf(*state, FILES("{\"id\":\"f\",\"name\":\"n\",\"mime_type\":\"%s\",\"content\":" BASE64("") "}"),
                      good[i]),
           NULL, NULL);
}

/* Each member left out of an otherwise sound message. */
static void what_is_required(void **state) {
  static const struct {
    const char *text, *path;
  } messages[] = {
      {"{\"created_at\":1,\"customer_id\":\"c\",\"sender\":" SENDER("bot", "c") ",\"body\":{\"message\":\"x\"}}",
       "messages[0].id"},
      {"{\"id\":\"1\",\"customer_id\":\"c\",\"sender\":" SENDER("bot", "c") ",\"body\":{\"message\":\"x\"}}",
       "messages[0].created_at"},
      {"{\"id\":\"1\",\"created_at\":1,\"sender\":" SENDER("bot", "c") ",\"body\":{\"message\":\"x\"}}",
       "messages[0].customer_id"},
      {"{\"id\":\"1\",\"created_at\":1,\"customer_id\":\"c\",\"body\":{\"message\":\"x\"}}", "messages[0].sender"},
      {"{\"id\":\"1\",\"created_at\":1,\"customer_id\":\"c\",\"sender\":" SENDER("bot", "c") "}", "messages[0].body"},
  };
  for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
    struct decoder d;
    decoded(*state, mem_printf(*state, "{\"messages\":[%s]}", messages[i].text), &d);
    assert_int_equal(d.problem_count, 1);
    assert_string_equal(d.problems[0].path, messages[i].path);
    assert_string_equal(d.problems[0].text, "is required");
    assert_int_equal(d.problems[0].code, 1010);
  }
}

static void the_envelope(void **state) {
  static const struct {
    const char *text, *path, *says;
  } envelopes[] = {
      {"[]", "", "must be an object, not an array"},
      {"\"x\"", "", "must be an object, not a string"},
      {"null", "", "must be an object, not null"},
      {"{}", "messages", "is required"},
      {"{\"messages\":null}", "messages", "must be an array, not null"},
      {"{\"messages\":{}}", "messages", "must be an array, not an object"},
      {"{\"messages\":[]}", "messages", "must not be empty"},
      {"{\"messages\":[null]}", "messages[0]", "must be an object, not null"},
      {"{\"messages\":[[]]}", "messages[0]", "must be an object, not an array"},
      {"{\"message\":[]}", "messages", "is required"},
  };
  for (size_t i = 0; i < ARRAY_LEN(envelopes); i++) {
    struct decoder d;
    decoded(*state, envelopes[i].text, &d);
    assert_int_equal(d.problem_count, 1);
    assert_string_equal(d.problems[0].path, envelopes[i].path);
    assert_string_equal(d.problems[0].text, envelopes[i].says);
  }
}

static void the_index_of_the_message(void **state) {
  struct decoder d;
  const char *sound = "{\"id\":\"1\",\"created_at\":1,\"customer_id\":\"c\",\"sender\":" SENDER(
      "bot", "c") ",\"body\":{\"message\":\"x\"}}";
  decoded(*state, mem_printf(*state, "{\"messages\":[%s,%s,5,{\"id\":\"\"}]}", sound, sound), &d);
  assert_int_equal(d.problem_count, 6);
  assert_string_equal(d.problems[0].path, "messages[2]");
  assert_string_equal(d.problems[1].path, "messages[3].id");
  assert_string_equal(d.problems[5].path, "messages[3].body");
}

/* ---- bounds ---- */

static char *repeated(void *ctx, char c, int n) {
  char *text = mem_bytes(ctx, (size_t)n + 1);
  memset(text, c, (size_t)n);
  text[n] = 0;
  return text;
}

static void bounds_to_the_byte(void **state) {
  void *ctx = *state;
  static const struct {
    const char *format, *path;
    int max;
  } bounds[] = {
      {"\"id\":\"%s\"", "messages[0].id", 255},
      {"\"customer_id\":\"%s\"", "messages[0].customer_id", 255},
      {"\"sender\":{\"type\":\"bot\",\"id\":\"%s\"}", "messages[0].sender.id", 255},
      {"\"sender\":{\"type\":\"bot\",\"id\":\"c\",\"name\":\"%s\"}", "messages[0].sender.name", 255},
      {"\"body\":{\"message\":\"%s\"}", "messages[0].body.message", 262144},
      {FILES("{\"id\":\"%s\",\"name\":\"n\",\"mime_type\":\"a/b\",\"content\":" BASE64("") "}"),
       "messages[0].body.attachments[0].id", 255},
      {FILES("{\"id\":\"f\",\"name\":\"%s\",\"mime_type\":\"a/b\",\"content\":" BASE64("") "}"),
       "messages[0].body.attachments[0].name", 255},
  };
  for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
    char *fits = mem_bytes(ctx, (size_t)bounds[i].max + 500), *over = mem_bytes(ctx, (size_t)bounds[i].max + 500);
    /* The formats are the table's own. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(fits, (size_t)bounds[i].max + 500, bounds[i].format, repeated(ctx, 'x', bounds[i].max));
    snprintf(over, (size_t)bounds[i].max + 500, bounds[i].format, repeated(ctx, 'x', bounds[i].max + 1));
#pragma GCC diagnostic pop
    expect(ctx, fits, NULL, NULL);
    expect(ctx, over, bounds[i].path,
           mem_printf(ctx, "must be at most %d bytes long, not %d", bounds[i].max, bounds[i].max + 1));
  }
}

static char *messages(void *ctx, int n) {
  char *text = mem_bytes(ctx, (size_t)n * 160 + 100);
  int at = sprintf(text, "{\"messages\":[");
  for (int i = 0; i < n; i++)
    at += sprintf(text + at,
                  "%s{\"id\":\"%d\",\"created_at\":1,\"customer_id\":\"c\",\"sender\":" SENDER(
                      "bot", "c") ",\"body\":{\"message\":\"%d\"}}",
                  i ? "," : "", i, i);
  sprintf(text + at, "]}");
  return text;
}

static void a_thousand_messages_in_their_order_and_no_more(void **state) {
  struct decoder d;
  struct kiamo_io_batch batch = decoded(*state, messages(*state, 1000), &d);
  assert_int_equal(d.problem_count, 0);
  assert_int_equal(batch.count, 1000);
  for (int i = 0; i < 1000; i++) assert_string_equal(batch.messages[i].text, mem_printf(*state, "%d", i));
  decoded(*state, messages(*state, 1001), &d);
  assert_int_equal(d.problem_count, 1);
  assert_string_equal(d.problems[0].text, "must have at most 1000 items, not 1001");
}

static void thirty_two_files_and_no_more(void **state) {
  for (int n = 32; n <= 33; n++) {
    char *files = mem_strdup(*state, "");
    for (int i = 0; i < n; i++) files = mem_printf(*state, "%s%s" AFILE(BASE64("")), files, i ? "," : "");
    expect(*state, mem_printf(*state, FILES("%s"), files), n > 32 ? "messages[0].body.attachments" : NULL,
           "must have at most 32 items, not 33");
  }
}

static void files_to_the_byte(void **state) {
  void *ctx = *state;
  for (int n = FILE_MAX - 3; n <= FILE_MAX + 12; n++) {
    struct decoder d;
    uint8_t bytes[FILE_MAX + 20];
    char data[2 * FILE_MAX];
    memset(bytes, 'a', sizeof bytes);
    base64_encode(bytes, (size_t)n, data);
    struct kiamo_io_batch batch = decoded(ctx, with(ctx, mem_printf(ctx, FILES(AFILE(BASE64("%s"))), data)), &d);
    assert_int_equal(batch.too_large, n > FILE_MAX);
    assert_int_equal(d.problem_count, n > FILE_MAX);
    if (n > FILE_MAX) assert_string_equal(d.problems[0].text, "must be at most 1000 bytes when decoded");
    if (n <= FILE_MAX) assert_int_equal(batch.messages[0].files[0].size, n);
  }
}

/* ---- what comes out ---- */

static void everything_comes_out(void **state) {
  struct decoder d;
  struct kiamo_io_batch batch = decoded(*state,
                                        "{\"messages\":[{\"id\":\"m-1\",\"created_at\":1763640000,\"customer_id\":"
                                        "\"c\",\"sender\":{\"type\":\"bot\",\"id\":\"b\",\"name\":\"Bot\"},"
                                        "\"recipient\":{\"type\":\"human\",\"id\":\"c\",\"name\":\"Jane\"},\"body\":{"
                                        "\"message\":\"\\u00e9 \\ud83d\\ude42\",\"attachments\":["
                                        "{\"id\":\"f1\",\"name\":\"a.txt\",\"mime_type\":\"text/"
                                        "plain\",\"content\":{\"type\":\"base64\",\"data\":\"PGh0bWw+PC9odG1sPg==\"}},"
                                        "{\"id\":\"f2\",\"name\":\"b.png\",\"mime_type\":\"image/"
                                        "png\",\"content\":{\"type\":\"url\",\"data\":\"https://h/b.png\"}}]}}]}",
                                        &d);
  assert_int_equal(d.problem_count, 0);
  const struct message_in *m = &batch.messages[0];
  assert_string_equal(m->ext_id, "m-1");
  assert_int_equal(m->created_at, 1763640000);
  assert_string_equal(m->customer_id, "c");
  assert_int_equal(m->sender.type, PARTY_BOT);
  assert_string_equal(m->sender.name, "Bot");
  assert_true(m->has_recipient);
  assert_int_equal(m->recipient.type, PARTY_HUMAN);
  assert_string_equal(m->recipient.name, "Jane");
  assert_string_equal(m->text, "é 🙂");
  assert_null(m->rich_content.text);
  assert_null(m->metadata.text);
  assert_int_equal(m->file_count, 2);
  assert_int_equal(m->files[0].size, 13);
  assert_memory_equal(m->files[0].bytes, "<html></html>", 13);
  assert_string_equal(m->files[0].mime_type, "text/plain"); /* as claimed */
  assert_string_equal(m->files[0].found_type, "text/html"); /* as it is */
  assert_null(m->files[0].url);
  assert_null(m->files[1].bytes);
  assert_string_equal(m->files[1].url, "https://h/b.png");
  assert_string_equal(m->files[1].found_type, "");
}

static const char *const verbatims[] = {
    "{ \"b\" : 1 ,\"a\":[ ] }",
    "{\"n\":1.10,\"e\":1E+2,\"big\":9007199254740993}",
    "{\"s\":\"\\u00e9\\/\\\"}]\"}",
    "{\"nested\":{\"metadata\":{\"x\":\"messages\"}},\"body\":{\"rich_content\":1}}",
    "{\n\t\"line\":\r\n null}",
    "{\"brace in text\":\"}{][\"}",
    "{\"\xc3\xa9\":\"\xf0\x9f\x99\x82\"}",
};

static void verbatim_to_the_byte(void **state) {
  void *ctx = *state;
  for (size_t i = 0; i < ARRAY_LEN(verbatims); i++) {
    struct decoder d;
    /* Two messages, the members in another order, white space everywhere, the key escaped. */
    char *text =
        mem_printf(ctx,
                   " {\"x\":{\"messages\":[]}, \"messages\" : [ {\"metadata\": %s "
                   ",\"id\":\"1\",\"created_at\":1,\"customer_id\":\"c\",\"sender\":" SENDER(
                       "bot", "c") ",\"body\":{\"rich_content\" :%s,\"message\":\"\"}} ,\n "
                                   "{\"id\":\"2\",\"body\":{\"message\":\"x\",\"rich_content\":\"as "
                                   "\\\"text\\\" \\u00e9\"},\"created_at\":1,\"customer_id\":\"c\",\"sender\":" SENDER(
                                       "bot", "c") ",\"meta\\u0064ata\":%s } ] } ",
                   verbatims[i], verbatims[i], verbatims[i]);
    struct kiamo_io_batch batch = decoded(ctx, text, &d);
    if (d.problem_count) fail_msg("%s: %s %s", text, d.problems[0].path, d.problems[0].text);
    const struct message_in *m = batch.messages;
    const struct jspan spans[] = {m[0].metadata, m[0].rich_content, m[1].metadata};
    for (size_t k = 0; k < ARRAY_LEN(spans); k++) {
      assert_int_equal(spans[k].len, strlen(verbatims[i]));
      assert_memory_equal(spans[k].text, verbatims[i], spans[k].len);
    }
    static const char string[] = "\"as \\\"text\\\" \\u00e9\"";
    assert_int_equal(m[1].rich_content.len, strlen(string));
    assert_memory_equal(m[1].rich_content.text, string, strlen(string));
  }
}

static void verbatim_is_bounded(void **state) {
  for (int over = 0; over < 2; over++) {
    char *members = mem_printf(*state, "\"metadata\":{\"k\":\"%s\"}", repeated(*state, 'x', 262144 - 8 + over));
    expect(*state, members, over ? "messages[0].metadata" : NULL, "must be at most 262144 bytes long");
    char *body = mem_printf(*state, "\"body\":{\"message\":\"x\",\"rich_content\":\"%s\"}",
                            repeated(*state, 'x', 262144 - 2 + over));
    expect(*state, body, over ? "messages[0].body.rich_content" : NULL, "must be at most 262144 bytes long");
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(rules),
      TEST(media_types),
      TEST(what_is_required),
      TEST(the_envelope),
      TEST(the_index_of_the_message),
      TEST(bounds_to_the_byte),
      TEST(a_thousand_messages_in_their_order_and_no_more),
      TEST(thirty_two_files_and_no_more),
      TEST(files_to_the_byte),
      TEST(everything_comes_out),
      TEST(verbatim_to_the_byte),
      TEST(verbatim_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
