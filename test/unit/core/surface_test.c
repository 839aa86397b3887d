/* Surfaces: the exact bytes of a message to a Kiamo.io partner, its headers and signature, what counts as delivered. */
#include "core/surface.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int group_setup(void **state) {
  (void)state;
  mem_init();
  secret_init();
  return 0;
}

static const struct surface *io(void) {
  const struct surface *s = surface_of(CHANNEL_KIAMO_IO);
  assert_non_null(s);
  return s;
}

static char *rendered(void *ctx, const struct message_out *m) {
  struct buf out;
  buf_init(&out, ctx, 16, io()->payload_max);
  io()->render_message(&out, m);
  assert_false(out.failed);
  struct jerror error;
  assert_non_null(json_parse(ctx, out.data, out.len, &error));
  return out.data;
}

static void a_text(void **state) {
  (void)state;
  void *ctx = talloc_new(NULL);
  const struct message_out m = {
      .id = "000000010123456789abcdef",
      .created_at = 1763640300,
      .customer_id = "c \"1\"",
      .sender = {.type = PARTY_HUMAN, .id = "kiamo", .name = "kiamo"},
      .text = "Bonjour é€ 🙂\n\"x\"",
  };
  assert_string_equal(
      rendered(ctx, &m),
      "{\"id\":\"000000010123456789abcdef\",\"created_at\":1763640300,\"customer_id\":\"c \\\"1\\\"\","
      "\"sender\":{\"type\":\"human\",\"id\":\"kiamo\",\"name\":\"kiamo\"},"
      "\"body\":{\"message\":\"Bonjour é€ 🙂\\n\\\"x\\\"\",\"attachments\":[],\"rich_content\":{}},"
      "\"metadata\":{}}");
  talloc_free(ctx);
}

static void files_and_a_sender_without_a_name(void **state) {
  (void)state;
  void *ctx = talloc_new(NULL);
  const struct file_out files[] = {
      {.id = "1", .name = "a\"b.png", .mime_type = "image/png", .url = "https://h/messaging/attachments/ab/"},
      {.id = "2", .name = "c.pdf", .mime_type = "application/pdf", .url = "https://h/messaging/attachments/cd/"},
  };
  const struct message_out m = {
      .id = "x",
      .created_at = 0,
      .customer_id = "c",
      .sender = {.type = PARTY_BOT, .id = "12", .name = NULL},
      .text = "",
      .files = files,
      .file_count = 2,
  };
  assert_string_equal(rendered(ctx, &m),
                      "{\"id\":\"x\",\"created_at\":0,\"customer_id\":\"c\","
                      "\"sender\":{\"type\":\"bot\",\"id\":\"12\",\"name\":\"12\"},"
                      "\"body\":{\"message\":\"\",\"attachments\":["
                      "{\"id\":\"1\",\"name\":\"a\\\"b.png\",\"mime_type\":\"image/png\","
                      "\"content\":{\"type\":\"url\",\"data\":\"https://h/messaging/attachments/ab/\"}},"
                      "{\"id\":\"2\",\"name\":\"c.pdf\",\"mime_type\":\"application/pdf\","
                      "\"content\":{\"type\":\"url\",\"data\":\"https://h/messaging/attachments/cd/\"}}],"
                      "\"rich_content\":{}},\"metadata\":{}}");
  talloc_free(ctx);
}

/* The longest answer the server takes, at its worst escaping, with as many files as it takes. */
static void the_longest_answer_fits(void **state) {
  (void)state;
  void *ctx = talloc_new(NULL);
  char *text = mem_bytes(ctx, 65537), name[256], type[256];
  memset(text, 1, 65536);
  text[65536] = 0;
  memset(name, 1, 255);
  memset(type, '"', 255);
  name[255] = type[255] = 0;
  struct file_out files[32];
  for (size_t i = 0; i < ARRAY_LEN(files); i++)
    files[i] = (struct file_out){.id = "000000010123456789abcdef", .name = name, .mime_type = type, .url = name};
  const struct message_out m = {
      .id = "x", .customer_id = name, .sender = {.id = name}, .text = text, .files = files, .file_count = 32};
  assert_true(strlen(rendered(ctx, &m)) < io()->payload_max);
  talloc_free(ctx);
}

/* printf '%b' BODY | openssl dgst -sha1 -hmac SECRET */
static const struct {
  const char *secret, *body;
  size_t len;
  const char *hash;
} signatures[] = {
    {"secret", "{}", 2, "5d61605c3feea9799210ddcb71307d4ba264225f"},
    {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
     "{\"body\":{\"message\":\"Bonjour \xc3\xa9\xe2\x82\xac \xf0\x9f\x99\x82\"}}", 41,
     "a72475f0cdec243bb45a4d2e23a9b60f3c74d0af"},
    {"k", "", 0, "3a84a218ee6665209bb70e84525dd837645a1965"},
    /* a key longer than the hash's block; a NUL in the body */
    {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "a\0b\nc",
     5, "18b0bacd0549b6150e88d0f94069a85e738de75f"},
};

static void headers_and_body_hash(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(signatures); i++) {
    char lines[SURFACE_HEADERS_MAX][SURFACE_HEADER_LEN];
    const struct surface_signing signing = {.secret = signatures[i].secret,
                                            .delivery_id = "000000010123456789abcdef",
                                            .attempt_at_s = 1763640300,
                                            .body = signatures[i].body,
                                            .body_len = signatures[i].len};
    char hash[80] = "Body-Hash: ";
    strcat(hash, signatures[i].hash);
    assert_int_equal(io()->headers(&signing, lines), 4);
    assert_string_equal(lines[0], hash);
    assert_string_equal(lines[1], "Api-Version: 1");
    assert_string_equal(lines[2], "webhook-id: 000000010123456789abcdef");
    assert_string_equal(lines[3], "webhook-timestamp: 1763640300");
  }
}

/* Only 200, as the vendor says: not even other successes. */
static void only_200_is_delivered(void **state) {
  (void)state;
  for (int status = 0; status < 700; status++) assert_int_equal(io()->delivered(status), status == 200);
}

static void the_row_of_a_kind(void **state) {
  (void)state;
  assert_string_equal(io()->word, "kiamo_io");
  assert_int_equal(io()->kind, CHANNEL_KIAMO_IO);
  assert_string_equal(io()->file_prefix, "/messaging/attachments/");
  assert_string_equal(io()->file_suffix, "/");
  assert_null(surface_of((enum channel_kind)0));
  assert_null(surface_of((enum channel_kind)99));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_text),
      cmocka_unit_test(files_and_a_sender_without_a_name),
      cmocka_unit_test(the_longest_answer_fits),
      cmocka_unit_test(headers_and_body_hash),
      cmocka_unit_test(only_200_is_delivered),
      cmocka_unit_test(the_row_of_a_kind),
  };
  return cmocka_run_group_tests(tests, group_setup, NULL);
}
