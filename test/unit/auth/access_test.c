/* Access tokens: ours are taken; every other one is refused, also those signed with our key but made for something
 * else, and whatever was remembered before. */
#include "auth/access.h"

#include "base/mem.h"
#include "base/text.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1763640300)

static const struct master_key key = {.bytes = {1, 2, 3}}, other_key = {.bytes = {1, 2, 4}};
static const struct access_claims claims = {
    .instance_id = 3, .channel_id = 17, .generation = 5, .issued_at = NOW, .expires_at = NOW + 86400};

static int setup(void **state) {
  mem_init();
  secret_init();
  access_setup(&key);
  *state = talloc_new(NULL);
  return 0;
}
static int teardown(void **state) {
  access_forget();
  talloc_free(*state);
  return 0;
}

static enum access_result check(const char *token) {
  struct access_claims c;
  return access_check(ACCESS_MESSAGING, token, strlen(token), NOW, &c);
}

static void ours_is_taken_with_all_it_says(void **state) {
  const char *token = access_issue(*state, &claims);
  assert_true(strlen(token) < ACCESS_TOKEN_MAX);
  for (int again = 0; again < 3; again++) { /* from the second time on: remembered */
    struct access_claims c = {0};
    assert_int_equal(access_check(ACCESS_MESSAGING, token, strlen(token), NOW, &c), ACCESS_OK);
    assert_int_equal(c.instance_id, 3);
    assert_int_equal(c.channel_id, 17);
    assert_int_equal(c.generation, 5);
    assert_int_equal(c.issued_at, NOW);
    assert_int_equal(c.expires_at, NOW + 86400);
  }
}

static void two_tokens_of_one_second_differ(void **state) {
  assert_string_not_equal(access_issue(*state, &claims), access_issue(*state, &claims));
}

static void the_largest_numbers(void **state) {
  const struct access_claims big = {.instance_id = INT64_C(4294967295),
                                    .channel_id = INT64_MAX,
                                    .generation = INT64_C(9007199254740993), /* not a double */
                                    .issued_at = NOW,
                                    .expires_at = INT64_C(253402300799)};
  const char *token = access_issue(*state, &big);
  struct access_claims c;
  assert_int_equal(access_check(ACCESS_MESSAGING, token, strlen(token), NOW, &c), ACCESS_OK);
  assert_int_equal(c.instance_id, big.instance_id);
  assert_int_equal(c.channel_id, big.channel_id);
  assert_int_equal(c.generation, big.generation);
  assert_int_equal(c.expires_at, big.expires_at);
}

static void it_expires_to_the_second_also_when_remembered(void **state) {
  const char *token = access_issue(*state, &claims);
  struct access_claims c = {.channel_id = -1};
  for (int again = 0; again < 2; again++) {
    assert_int_equal(access_check(ACCESS_MESSAGING, token, strlen(token), NOW + 86400, &c), ACCESS_EXPIRED);
    assert_int_equal(access_check(ACCESS_MESSAGING, token, strlen(token), INT64_MAX, &c), ACCESS_EXPIRED);
    assert_int_equal(c.channel_id, -1);
  }
  assert_int_equal(access_check(ACCESS_MESSAGING, token, strlen(token), NOW + 86399, &c), ACCESS_OK);
}

/* ---- made by hand ---- */

static char *url64(void *ctx, const void *bytes, size_t len) {
  char *text = mem_bytes(ctx, base64_encoded_len(len) + 1);
  base64_encode(bytes, len, text);
  for (char *c = text; *c; c++) *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
  text[strcspn(text, "=")] = 0;
  return text;
}

/* header.payload signed as ours are, by the key of `master`. */
static char *hand_made(void *ctx, const struct master_key *master, const char *header, const char *payload) {
  uint8_t signing[SHA256_LEN], mac[SHA256_LEN];
  secret_derive(master, "access-token", signing);
  char *head = mem_printf(ctx, "%s.%s", url64(ctx, header, strlen(header)), url64(ctx, payload, strlen(payload)));
  hmac_sha256(signing, sizeof signing, head, strlen(head), mac);
  return mem_printf(ctx, "%s.%s", head, url64(ctx, mac, sizeof mac));
}

#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define PAYLOAD(iss, aud, sub, exp)                                                                                    \
  "{\"iss\":" iss ",\"aud\":" aud ",\"sub\":" sub ",\"ins\":3,\"gen\":5,\"iat\":1763640300,\"exp\":" exp "}"
#define GOOD PAYLOAD("\"guichet\"", "\"messaging\"", "\"17\"", "1763726700")

static const struct {
  const char *what, *header, *payload;
  enum access_result result;
} made[] = {
    {"as ours", HEADER, GOOD, ACCESS_OK},
    {"alg none", "{\"alg\":\"none\",\"typ\":\"JWT\"}", GOOD, ACCESS_FORGED},
    {"alg None", "{\"alg\":\"None\",\"typ\":\"JWT\"}", GOOD, ACCESS_FORGED},
    {"alg HS512", "{\"alg\":\"HS512\",\"typ\":\"JWT\"}", GOOD, ACCESS_FORGED},
    {"alg HS384", "{\"alg\":\"HS384\",\"typ\":\"JWT\"}", GOOD, ACCESS_FORGED},
    {"alg RS256", "{\"alg\":\"RS256\",\"typ\":\"JWT\"}", GOOD, ACCESS_FORGED},
    {"alg ES256", "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", GOOD, ACCESS_FORGED},
    {"alg of another type", "{\"alg\":1,\"typ\":\"JWT\"}", GOOD, ACCESS_FORGED},
    {"no alg", "{\"typ\":\"JWT\"}", GOOD, ACCESS_FORGED},
    {"no header", "", GOOD, ACCESS_FORGED},
    {"a header that is no object", "[]", GOOD, ACCESS_FORGED},
    {"a header that is no JSON", "{", GOOD, ACCESS_FORGED},
    {"another issuer", HEADER, PAYLOAD("\"somebody\"", "\"messaging\"", "\"17\"", "1763726700"), ACCESS_FORGED},
    {"another audience", HEADER, PAYLOAD("\"guichet\"", "\"desk\"", "\"17\"", "1763726700"), ACCESS_FORGED},
    {"a list of audiences", HEADER, PAYLOAD("\"guichet\"", "[\"messaging\"]", "\"17\"", "1763726700"), ACCESS_FORGED},
    {"no audience", HEADER, "{\"iss\":\"guichet\",\"sub\":\"17\",\"exp\":1763726700}", ACCESS_FORGED},
    {"no issuer", HEADER, "{\"aud\":\"messaging\",\"sub\":\"17\",\"exp\":1763726700}", ACCESS_FORGED},
    {"no subject", HEADER, "{\"iss\":\"guichet\",\"aud\":\"messaging\",\"exp\":1763726700}", ACCESS_FORGED},
    {"a number as subject", HEADER, PAYLOAD("\"guichet\"", "\"messaging\"", "17", "1763726700"), ACCESS_FORGED},
    {"no expiry", HEADER, "{\"iss\":\"guichet\",\"aud\":\"messaging\",\"sub\":\"17\"}", ACCESS_FORGED},
    {"expiry 0", HEADER, PAYLOAD("\"guichet\"", "\"messaging\"", "\"17\"", "0"), ACCESS_FORGED},
    {"expiry below 0", HEADER, PAYLOAD("\"guichet\"", "\"messaging\"", "\"17\"", "-1"), ACCESS_FORGED},
    {"expiry as text", HEADER, PAYLOAD("\"guichet\"", "\"messaging\"", "\"17\"", "\"1763726700\""), ACCESS_FORGED},
    {"expiry long ago", HEADER, PAYLOAD("\"guichet\"", "\"messaging\"", "\"17\"", "1"), ACCESS_EXPIRED},
    {"a payload that is no object", HEADER, "[]", ACCESS_FORGED},
    {"an empty payload", HEADER, "", ACCESS_FORGED},
    {"keys named by the header",
     "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},\"jku\":\"http://h/\",\"kid\":\"../"
     "x\"}",
     GOOD, ACCESS_OK}, /* they are not looked at: our key has signed it */
};

static void signed_with_our_key_but_made_for_something_else(void **state) {
  for (size_t i = 0; i < ARRAY_LEN(made); i++) {
    enum access_result r = check(hand_made(*state, &key, made[i].header, made[i].payload));
    if (r != made[i].result) fail_msg("%s: %d", made[i].what, r);
    /* The same from a stranger's key is never taken. */
    if (check(hand_made(*state, &other_key, made[i].header, made[i].payload)) != ACCESS_FORGED)
      fail_msg("%s, by another key: taken", made[i].what);
  }
}

static void unsigned_in_all_its_spellings(void **state) {
  void *ctx = *state;
  static const char *const heads[] = {"{\"alg\":\"none\"}", "{\"alg\":\"NONE\"}", "{\"alg\":\"nOnE\"}", "{}", HEADER};
  const char *payload = url64(ctx, GOOD, strlen(GOOD));
  for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
    const char *head = url64(ctx, heads[i], strlen(heads[i]));
    assert_int_equal(check(mem_printf(ctx, "%s.%s.", head, payload)), ACCESS_FORGED);
    assert_int_equal(check(mem_printf(ctx, "%s.%s", head, payload)), ACCESS_FORGED);
    assert_int_equal(check(mem_printf(ctx, "%s.%s.AAAA", head, payload)), ACCESS_FORGED);
  }
}

static void signed_with_an_empty_or_guessable_key(void **state) {
  void *ctx = *state;
  char *head = mem_printf(ctx, "%s.%s", url64(ctx, HEADER, strlen(HEADER)), url64(ctx, GOOD, strlen(GOOD)));
  static const uint8_t zeros[SHA256_LEN];
  const struct {
    const void *bytes;
    size_t len;
  } keys[] = {{"", 0}, {"secret", 6}, {zeros, sizeof zeros}, {key.bytes, sizeof key.bytes}};
  for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
    uint8_t mac[SHA256_LEN];
    hmac_sha256(keys[i].bytes, keys[i].len, head, strlen(head), mac);
    assert_int_equal(check(mem_printf(ctx, "%s.%s", head, url64(ctx, mac, sizeof mac))), ACCESS_FORGED);
  }
}

/* Whether or not the sound one was remembered before; also the bits of the last character that mean nothing. */
static void every_single_bit(void **state) {
  char *token = access_issue(*state, &claims);
  size_t len = strlen(token);
  for (int remembered = 0; remembered < 2; remembered++) {
    for (size_t at = 0; at < len; at++) {
      for (int bit = 0; bit < 8; bit++) {
        token[at] ^= (char)(1 << bit);
        struct access_claims c;
        enum access_result r = access_check(ACCESS_MESSAGING, token, len, NOW, &c);
        if (r == ACCESS_OK) fail_msg("taken with bit %d of byte %zu changed", bit, at);
        token[at] ^= (char)(1 << bit);
      }
    }
    assert_int_equal(check(token), ACCESS_OK);
  }
}

static void parts_cut_off_and_added(void **state) {
  void *ctx = *state;
  const char *token = access_issue(ctx, &claims);
  size_t len = strlen(token);
  for (size_t cut = 0; cut < len; cut++) {
    char *shorter = mem_strndup(ctx, token, cut);
    assert_int_equal(check(shorter), ACCESS_FORGED);
    talloc_free(shorter);
  }
  assert_int_equal(check(mem_printf(ctx, "%s.", token)), ACCESS_FORGED);
  assert_int_equal(check(mem_printf(ctx, "%s.x", token)), ACCESS_FORGED);
  assert_int_equal(check(mem_printf(ctx, ".%s", token)), ACCESS_FORGED);
  assert_int_equal(check(mem_printf(ctx, " %s", token)), ACCESS_FORGED);
  static const char *const odd[] = {".", "..", "...", "....", "a", "a.b", "a.b.c", "=", "\x01\x02", "\xff.\xff.\xff"};
  for (size_t i = 0; i < ARRAY_LEN(odd); i++) assert_int_equal(check(odd[i]), ACCESS_FORGED);
}

static void only_the_bytes_given_count(void **state) {
  const char *token = access_issue(*state, &claims);
  struct access_claims c;
  size_t len = strlen(token);
  char *longer = mem_printf(*state, "%s and what follows", token);
  assert_int_equal(access_check(ACCESS_MESSAGING, longer, len, NOW, &c), ACCESS_OK);
  assert_int_equal(access_check(ACCESS_MESSAGING, longer, len + 1, NOW, &c), ACCESS_FORGED);
  longer[len] = 0; /* a NUL inside the length */
  assert_int_equal(access_check(ACCESS_MESSAGING, longer, len + 4, NOW, &c), ACCESS_FORGED);
  assert_int_equal(access_check(ACCESS_MESSAGING, token, len - 1, NOW, &c), ACCESS_FORGED);
}

static void oversize_is_refused_unseen(void **state) {
  void *ctx = *state;
  char *padded = mem_printf(ctx, "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"x\":\"%01700d\"}", 0);
  char *token = hand_made(ctx, &key, padded, GOOD);
  assert_true(strlen(token) >= ACCESS_TOKEN_MAX);
  assert_int_equal(check(token), ACCESS_FORGED);
  char *fits = hand_made(ctx, &key, mem_printf(ctx, "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"x\":\"%0400d\"}", 0), GOOD);
  assert_true(strlen(fits) < ACCESS_TOKEN_MAX);
  assert_int_equal(check(fits), ACCESS_OK);
  struct access_claims c;
  char *huge = mem_bytes(ctx, 1 << 20);
  memset(huge, 'a', 1 << 20);
  assert_int_equal(access_check(ACCESS_MESSAGING, huge, 1 << 20, NOW, &c), ACCESS_FORGED);
  assert_int_equal(access_check(ACCESS_MESSAGING, "", 0, NOW, &c), ACCESS_FORGED);
}

static void another_stores_key(void **state) {
  const char *token = access_issue(*state, &claims);
  assert_int_equal(check(token), ACCESS_OK);
  access_setup(&other_key);
  access_forget();
  assert_int_equal(check(token), ACCESS_FORGED);
}

/* More tokens than the memory has places: each still says its own. */
static void more_than_are_remembered(void **state) {
  enum { N = 3000 };
  static const char *tokens[N];
  for (int i = 0; i < N; i++) {
    struct access_claims c = claims;
    c.channel_id = i + 1;
    tokens[i] = access_issue(*state, &c);
  }
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < N; i++) {
      struct access_claims c;
      assert_int_equal(access_check(ACCESS_MESSAGING, tokens[i], strlen(tokens[i]), NOW, &c), ACCESS_OK);
      assert_int_equal(c.channel_id, i + 1);
    }
  }
}

struct crowd {
  char **tokens;
  int count;
};

static void *one_of_many(void *arg) {
  const struct crowd *c = arg;
  for (int i = 0; i < 4000; i++) {
    struct access_claims got;
    int n = i * 7 % c->count;
    if (access_check(ACCESS_MESSAGING, c->tokens[n], strlen(c->tokens[n]), NOW, &got) != ACCESS_OK ||
        got.channel_id != n)
      return arg;
  }
  return NULL;
}

static void many_threads(void **state) {
  char *tokens[50];
  for (int i = 0; i < 50; i++) {
    struct access_claims c = claims;
    c.channel_id = i;
    tokens[i] = access_issue(*state, &c);
  }
  struct crowd crowd = {tokens, 50};
  pthread_t threads[4];
  for (size_t i = 0; i < ARRAY_LEN(threads); i++)
    assert_int_equal(pthread_create(&threads[i], NULL, one_of_many, &crowd), 0);
  for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
    void *wrong = NULL;
    pthread_join(threads[i], &wrong);
    assert_null(wrong);
  }
}

/* A token is good for what it was issued for, and for nothing else. */
static void each_for_its_own_use(void **state) {
  static const enum access_use uses[] = {ACCESS_MESSAGING, ACCESS_KIT, ACCESS_KIT_REFRESH};
  for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
    const struct access_claims in = {.use = uses[i],
                                     .instance_id = 3,
                                     .channel_id = 9,
                                     .generation = 4,
                                     .issued_at = NOW,
                                     .expires_at = NOW + 900,
                                     .token_id = 5,
                                     .token_generation = 6,
                                     .uuid = "8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f",
                                     .account = "Caf\xc3\xa9"};
    const char *token = access_issue(*state, &in);
    for (size_t k = 0; k < ARRAY_LEN(uses); k++) {
      for (int twice = 0; twice < 2; twice++) { /* the second comes from the cache */
        struct access_claims c;
        enum access_result r = access_check(uses[k], token, strlen(token), NOW, &c);
        assert_int_equal(r, i == k ? ACCESS_OK : ACCESS_FORGED);
        if (r != ACCESS_OK) continue;
        assert_int_equal(c.channel_id, 9);
        assert_int_equal(c.generation, 4);
        assert_int_equal(c.token_id, i ? 5 : 0);
        assert_int_equal(c.token_generation, i ? 6 : 0);
      }
    }
    assert_int_equal(access_check(uses[i], token, strlen(token), NOW + 900, &(struct access_claims){0}),
                     ACCESS_EXPIRED);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(each_for_its_own_use, setup, teardown),
      cmocka_unit_test_setup_teardown(ours_is_taken_with_all_it_says, setup, teardown),
      cmocka_unit_test_setup_teardown(two_tokens_of_one_second_differ, setup, teardown),
      cmocka_unit_test_setup_teardown(the_largest_numbers, setup, teardown),
      cmocka_unit_test_setup_teardown(it_expires_to_the_second_also_when_remembered, setup, teardown),
      cmocka_unit_test_setup_teardown(signed_with_our_key_but_made_for_something_else, setup, teardown),
      cmocka_unit_test_setup_teardown(unsigned_in_all_its_spellings, setup, teardown),
      cmocka_unit_test_setup_teardown(signed_with_an_empty_or_guessable_key, setup, teardown),
      cmocka_unit_test_setup_teardown(every_single_bit, setup, teardown),
      cmocka_unit_test_setup_teardown(parts_cut_off_and_added, setup, teardown),
      cmocka_unit_test_setup_teardown(only_the_bytes_given_count, setup, teardown),
      cmocka_unit_test_setup_teardown(oversize_is_refused_unseen, setup, teardown),
      cmocka_unit_test_setup_teardown(another_stores_key, setup, teardown),
      cmocka_unit_test_setup_teardown(more_than_are_remembered, setup, teardown),
      cmocka_unit_test_setup_teardown(many_threads, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
