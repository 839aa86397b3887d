/* Short types as JSON Schema. */
#include "api/schema.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"

static void writes_types(void **state) {
  (void)state;
  static const struct {
    const char *type, *json;
  } rows[] = {
      {"text", "{\"type\":\"string\"}"},
      {"text 1..255", "{\"type\":\"string\",\"minLength\":1,\"maxLength\":255}"},
      {"text ..9", "{\"type\":\"string\",\"maxLength\":9}"},
      {"integer 1..", "{\"type\":\"integer\",\"minimum\":1}"},
      {"integer 0..253402300799", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":253402300799}"},
      {"boolean", "{\"type\":\"boolean\"}"},
      {"time", "{\"type\":\"string\",\"format\":\"date-time\"}"},
      {"id", "{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{24}$\"}"},
      {"base64", "{\"type\":\"string\",\"contentEncoding\":\"base64\"}"},
      {"any", "{}"},
      {"text?", "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}"},
      {"text ..9?", "{\"anyOf\":[{\"type\":\"string\",\"maxLength\":9},{\"type\":\"null\"}]}"},
      {"in|out", "{\"type\":\"string\",\"enum\":[\"in\",\"out\"]}"},
      {"A_B|C", "{\"type\":\"string\",\"enum\":[\"A_B\",\"C\"]}"},
      {"=bearer", "{\"const\":\"bearer\"}"},
      {"Message", REF("Message")},
      {"Message?", "{\"anyOf\":[" REF("Message") ",{\"type\":\"null\"}]}"},
      {"[Message] 1..9", "{\"type\":\"array\",\"items\":" REF("Message") ",\"minItems\":1,\"maxItems\":9}"},
      {"[text ..3]", "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":3}}"},
      {"[A or B] ..2", "{\"type\":\"array\",\"items\":{\"anyOf\":[" REF("A") "," REF("B") "]},\"maxItems\":2}"},
      {"{text}", "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}"},
      {"text or object?", "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\"},{\"type\":\"null\"}]}"},
      {"@profile", "{\"type\":\"string\",\"enum\":[\"agent\",\"supervisor\",\"administrator\"]}"},
      {"@deliveryState", "{\"type\":\"string\",\"enum\":[\"pending\",\"delivered\",\"parked\"]}"},
      {"@attachmentState", "{\"type\":\"string\",\"enum\":[\"stored\",\"pending\",\"failed\"]}"},
  };
  void *ctx = mem_pool(NULL, 4096);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct buf b;
    buf_init(&b, ctx, 256, 65536);
    struct jw w = jw_into(&b);
    jw_object(&w);
    schema_write(&w, rows[i].type);
    jw_object_end(&w);
    assert_string_equal(b.data, rows[i].json);
  }
  mem_free(ctx);
}

static void writes_examples(void **state) {
  (void)state;
  static const struct {
    const char *type, *example, *json;
  } rows[] = {
      {"text 1..9", "7", "\"7\""},
      {"integer", "7", "7"},
      {"boolean?", "true", "true"},
      {"text?", "a\"b", "\"a\\\"b\""},
      {"in|out", "in", "\"in\""},
      {"A|B", "A", "\"A\""},
      {"=x", "x", "\"x\""},
      {"@profile", "agent", "\"agent\""},
      {"text or integer", "x", "\"x\""},
      {"[text]", "[]", "[]"},
      {"object", "{}", "{}"},
      {"{text}", "{\"a\":\"b\"}", "{\"a\":\"b\"}"},
      {"Message?", "null", "null"},
      {"time", "x", "\"x\""},
  };
  void *ctx = mem_pool(NULL, 4096);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct buf b;
    buf_init(&b, ctx, 256, 65536);
    struct jw w = jw_into(&b);
    schema_write_example(&w, rows[i].type, rows[i].example);
    assert_string_equal(b.data, rows[i].json);
  }
  mem_free(ctx);
}

static void note_name(void *arg, const char *name, size_t len) {
  strncat(arg, name, len);
  strcat(arg, ",");
}

static void finds_names(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      {"text 1..9", ""}, {"Message", "Message,"}, {"[Message] ..9?", "Message,"}, {"[A or B] ..2 or {C}?", "A,B,C,"},
      {"A_B|C", ""},     {"@errorCode", ""},      {"Named?", "Named,"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char found[128] = "";
    schema_names(rows[i][0], note_name, found);
    assert_string_equal(found, rows[i][1]);
  }
}

/* A mistake in a table is found when it is rendered, not told to clients. */
static void refuses(void **state) {
  (void)state;
  static const char *const bad[] = {"txt", "text 1-9", "text1..9", "boolean 1..2", "@nothing", "", "id ..3"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    pid_t child = fork();
    if (!child) {
      close(STDERR_FILENO);
      struct buf b;
      buf_init(&b, NULL, 256, 65536);
      struct jw w = jw_into(&b);
      jw_object(&w);
      schema_write(&w, bad[i]);
      _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && !WEXITSTATUS(status)) fail_msg("\"%s\" was taken", bad[i]);
  }
}

int main(void) {
  mem_init();
  const struct CMUnitTest tests[] = {cmocka_unit_test(writes_types), cmocka_unit_test(writes_examples),
                                     cmocka_unit_test(finds_names), cmocka_unit_test(refuses)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
