/* The row of custom channels: the exact bytes of its events, the vendor's signature vectors, close reasons, limits. */
#include "core/surface.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ID   "000000010123456789abcdef"
#define UUID "00000001-0123-8456-8789-abcdef000000"

static int group_setup(void **state) {
  (void)state;
  mem_init();
  secret_init();
  return 0;
}

static const struct surface *kit(void) {
  const struct surface *s = surface_of(CHANNEL_VOXIMPLANT);
  assert_non_null(s);
  return s;
}

static const struct sender_out olga = {.id = 7,
                                       .username = "olga",
                                       .display_name = "Olga \"P.\"",
                                       .email = "olga@example.org",
                                       .avatar_url = "https://h/olga.png"};

static void a_message(void **state) {
  (void)state;
  void *ctx = talloc_new(NULL);
  const struct file_out files[] = {
      {.id = "1", .name = "a\"b.png", .mime_type = "image/png", .url = "https://h/1"},
      {.id = "2", .name = "b.mp4", .mime_type = "video/mp4", .url = "https://h/2"},
      {.id = "3", .name = "c.mp3", .mime_type = "audio/mpeg", .url = "https://h/3"},
      {.id = "4", .name = "d.pdf", .mime_type = "application/pdf", .url = "https://h/4"},
  };
  const struct message_out m = {.id = ID,
                                .created_at = 1763640300,
                                .customer_id = "c-42",
                                .sender = {.type = PARTY_HUMAN, .id = "x", .name = "y"},
                                .speaker = olga,
                                .text = "Bonjour é€ 🙂",
                                .files = files,
                                .file_count = 4};
  struct buf out;
  buf_init(&out, ctx, 16, kit()->payload_max);
  kit()->render_message(&out, &m);
  assert_string_equal(
      out.data, "{\"client_data\":{\"client_id\":\"c-42\"},\"event_id\":\"" UUID "\",\"event_type\":\"send_message\","
                "\"event_data\":{\"sender_data\":{\"sender_id\":7,\"sender_username\":\"olga\","
                "\"sender_display_name\":\"Olga "
                "\\\"P.\\\"\",\"sender_avatar\":\"https://h/olga.png\",\"sender_email\":\"olga@example.org\","
                "\"sender_type\":\"agent\",\"is_bot\":false},"
                "\"message\":{\"message_id\":\"" ID "\",\"text\":\"Bonjour é€ 🙂\",\"payload\":["
                "{\"type\":\"photo\",\"file_name\":\"a\\\"b.png\",\"file_url\":\"https://h/1\"},"
                "{\"type\":\"video\",\"file_name\":\"b.mp4\",\"file_url\":\"https://h/2\"},"
                "{\"type\":\"audio\",\"file_name\":\"c.mp3\",\"file_url\":\"https://h/3\"},"
                "{\"type\":\"document\",\"file_name\":\"d.pdf\",\"file_url\":\"https://h/4\"}]}}}");
  talloc_free(ctx);
}

/* Each way an interaction can end; what a partner hears of it. */
static void close_reasons(void **state) {
  (void)state;
  static const struct {
    enum close_reason reason;
    const char *event_data;
  } rows[] = {
      {CLOSE_AGENT,
       "{\"close_reason\":\"CLOSED_BY_AGENT\",\"sender_data\":{\"sender_id\":7,\"sender_username\":\"olga\","
       "\"sender_display_name\":\"Olga "
       "\\\"P.\\\"\",\"sender_avatar\":\"https://h/olga.png\",\"sender_email\":\"olga@example.org\","
       "\"is_bot\":false}}"},
      {CLOSE_ADMINISTRATOR, "{\"close_reason\":\"CLOSED_BY_UNKNOWN_REASON\"}"},
      {CLOSE_API, "{\"close_reason\":\"CLOSED_BY_UNKNOWN_REASON\"}"},
      {CLOSE_BOT, "{\"close_reason\":\"CLOSED_BY_BOT\",\"sender_data\":{\"is_bot\":true}}"},
      {CLOSE_TIMEOUT, "{\"close_reason\":\"CLOSED_BY_CLIENT_TIMEOUT\"}"},
      {CLOSE_MAX_WAIT, "{\"close_reason\":\"CLOSED_BY_UNKNOWN_REASON\"}"},
      {CLOSE_OUT_OF_HOURS, "{\"close_reason\":\"CLOSED_BY_UNKNOWN_REASON\"}"},
  };
  assert_int_equal(ARRAY_LEN(rows), CLOSE_REASON_COUNT);
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    void *ctx = talloc_new(NULL);
    const struct close_out c = {.id = ID, .customer_id = "c-42", .reason = rows[i].reason, .speaker = olga};
    struct buf out;
    buf_init(&out, ctx, 16, kit()->payload_max);
    kit()->render_close(&out, &c);
    assert_string_equal(out.data, mem_printf(ctx,
                                             "{\"client_data\":{\"client_id\":\"c-42\"},\"event_id\":\"" UUID
                                             "\",\"event_type\":\"close_conversation\",\"event_data\":%s}",
                                             rows[i].event_data));
    talloc_free(ctx);
  }
}

static void signatures(void **state) {
  (void)state;
  char md5[SURFACE_MD5_LEN], lines[SURFACE_HEADERS_MAX][SURFACE_HEADER_LEN], expected[64];
  voximplant_signature("salt", "token", "ev-1", md5);
  assert_string_equal(md5, "787ac20367ae5fb2903b266591b2b0f1");
  voximplant_signature("salt", "token", NULL, md5);
  assert_string_equal(md5, "a090cb180a2443e95363025f5c5e206b");
  struct surface_signing s = {.secret = "salt", .token = "token"};
  assert_int_equal(kit()->headers(&s, lines), 1);
  assert_string_equal(lines[0], "Authorization: a090cb180a2443e95363025f5c5e206b");
  s.delivery_id = ID;
  voximplant_signature("salt", "token", UUID, md5);
  snprintf(expected, sizeof expected, "Authorization: %s", md5);
  assert_int_equal(kit()->headers(&s, lines), 1);
  assert_string_equal(lines[0], expected);
}

static void ids_are_uuids_of_their_own(void **state) {
  (void)state;
  static const char *const ids[] = {ID, "000000020123456789abcdef", "000000010123456789abcdee",
                                    "ffffffffffffffffffffffff", "000000000000000000000000"};
  char out[ARRAY_LEN(ids)][SURFACE_UUID_LEN];
  for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
    surface_event_uuid(ids[i], out[i]);
    assert_true(text_is_uuid(out[i], strlen(out[i])));
    assert_int_equal(out[i][14], '8'); /* version 8 */
    assert_int_equal(out[i][19], '8'); /* the variant */
    for (size_t k = 0; k < i; k++) assert_string_not_equal(out[i], out[k]);
  }
  assert_string_equal(out[0], UUID);
}

static void any_2xx_is_delivered(void **state) {
  (void)state;
  for (int status = 0; status < 700; status++)
    assert_int_equal(kit()->delivered(status), status >= 200 && status < 300);
}

static void the_row_of_a_kind(void **state) {
  (void)state;
  assert_string_equal(kit()->word, "voximplant");
  assert_ptr_equal(surface_named("voximplant"), kit());
  assert_null(surface_named("vox"));
  assert_true(kit()->payload_max < 128 * 1024);
  assert_int_equal(kit()->timeout_max_ms, 10000);
  assert_true(kit()->needs_token && kit()->files_open && kit()->closes_silent);
  /* The other surface has none of it. */
  const struct surface *io = surface_of(CHANNEL_KIAMO_IO);
  assert_null(io->render_close);
  assert_false(io->needs_token || io->files_open || io->closes_silent);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_message),
      cmocka_unit_test(close_reasons),
      cmocka_unit_test(signatures),
      cmocka_unit_test(ids_are_uuids_of_their_own),
      cmocka_unit_test(any_2xx_is_delivered),
      cmocka_unit_test(the_row_of_a_kind),
  };
  return cmocka_run_group_tests(tests, group_setup, NULL);
}
