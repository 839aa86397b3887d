/* secret: published vectors, seals that do not open for anybody else, passwords, comparisons. */
#include "base/secret.h"

#include "base/text.h"

#include "capture.h"

#include <pthread.h>

static int group_setup(void **state) {
  (void)state;
  secret_init();
  secret_init(); /* again is harmless */
  return 0;
}

static void assert_hex(const uint8_t *bytes, size_t len, const char *expected) {
  char hex[2 * SHA256_LEN + 1];
  hex_encode(bytes, len, hex);
  assert_string_equal(hex, expected);
}

static void digests(void **state) {
  (void)state;
  uint8_t out[SHA256_LEN];
  digest_sha256("abc", 3, out);
  assert_hex(out, SHA256_LEN, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  digest_sha256("", 0, out);
  assert_hex(out, SHA256_LEN, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  digest_md5("message digest", 14, out);
  assert_hex(out, MD5_LEN, "f96b697d7cb7938d525a2f31aaf161d0");
}

/* RFC 2202 and RFC 4231. */
static void macs(void **state) {
  (void)state;
  static char aa80[81], aa131[132], dd50[51], aa20[21], zero_b[21];
  memset(aa80, 0xaa, 80);
  memset(aa131, 0xaa, 131);
  memset(aa20, 0xaa, 20);
  memset(dd50, 0xdd, 50);
  memset(zero_b, 0x0b, 20);
  static const char block[] = "Test Using Larger Than Block-Size Key - Hash Key First";
  const struct {
    const char *key, *data, *sha1, *sha256;
  } cases[] = {
      {zero_b, "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {aa20, dd50, "125d7342b9ac11cd91a39af48aa17b4f63f175d3",
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {aa80, block, "aa4ae5e15272d00e95705637ce8a3b55ed402112", NULL},
      {aa131, block, NULL, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    uint8_t out[SHA256_LEN];
    hmac_sha1(cases[i].key, strlen(cases[i].key), cases[i].data, strlen(cases[i].data), out);
    if (cases[i].sha1) assert_hex(out, SHA1_LEN, cases[i].sha1);
    hmac_sha256(cases[i].key, strlen(cases[i].key), cases[i].data, strlen(cases[i].data), out);
    if (cases[i].sha256) assert_hex(out, SHA256_LEN, cases[i].sha256);
  }
  uint8_t out[SHA256_LEN];
  hmac_sha256("", 0, "", 0, out);
  assert_hex(out, SHA256_LEN, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void *mac_on_thread(void *arg) {
  uint8_t out[SHA256_LEN];
  for (int i = 0; i < 1000; i++) hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out);
  memcpy(arg, out, sizeof out);
  return NULL;
}

static void threads_have_their_own_state(void **state) {
  (void)state;
  uint8_t results[4][SHA256_LEN];
  pthread_t threads[4];
  for (int t = 0; t < 4; t++) pthread_create(&threads[t], NULL, mac_on_thread, results[t]);
  for (int t = 0; t < 4; t++) pthread_join(threads[t], NULL);
  for (int t = 0; t < 4; t++) {
    assert_hex(results[t], SHA256_LEN, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  }
}

static void comparisons(void **state) {
  (void)state;
  assert_true(secret_equal("abc", "abc", 3));
  assert_true(secret_equal("abc", "abd", 2));
  assert_false(secret_equal("abc", "abd", 3));
  assert_true(secret_equal_text("abc", "abc"));
  assert_true(secret_equal_text("", ""));
  assert_false(secret_equal_text("abc", "abcd"));
  assert_false(secret_equal_text("abc", ""));
  assert_false(secret_equal_text(NULL, "abc"));
  assert_false(secret_equal_text("abc", NULL));
  assert_false(secret_equal_text(NULL, NULL));
  char secret[] = "abc";
  secret_wipe(secret, sizeof secret);
  assert_memory_equal(secret, "\0\0\0\0", 4);
}

static void passwords(void **state) {
  (void)state;
  char hash[PASSWORD_HASH_LEN];
  char again[PASSWORD_HASH_LEN];
  password_hash("correct horse \xc3\xa9", hash);
  password_hash("correct horse \xc3\xa9", again);
  assert_memory_equal(hash, "$argon2id$", 10);
  assert_string_not_equal(hash, again);
  assert_true(password_verify(hash, "correct horse \xc3\xa9"));
  assert_true(password_verify(again, "correct horse \xc3\xa9"));
  assert_false(password_verify(hash, "correct horse"));
  assert_false(password_verify(hash, ""));
  hash[strlen(hash) - 3] ^= 1;
  assert_false(password_verify(hash, "correct horse \xc3\xa9"));
  static const char *const not_hashes[] = {"", "x", "plain", "$argon2id$", "$argon2id$v=19$m=65536,t=2,p=1$"};
  for (size_t i = 0; i < ARRAY_LEN(not_hashes); i++) assert_false(password_verify(not_hashes[i], not_hashes[i]));
}

static const struct master_key key = {{1, 2, 3}};
static const struct master_key other_key = {{1, 2, 4}};

static void seals_open(void **state) {
  (void)state;
  static uint8_t plain[1000], sealed[1000 + SEAL_OVERHEAD], again[1000 + SEAL_OVERHEAD], opened[1000];
  for (size_t len = 0; len <= sizeof plain; len += 125) {
    random_bytes(plain, len);
    secret_seal(&key, "client", plain, len, sealed);
    secret_seal(&key, "client", plain, len, again);
    assert_memory_not_equal(sealed, again, len + SEAL_OVERHEAD); /* another nonce each time */
    assert_true(secret_open(&key, "client", sealed, len + SEAL_OVERHEAD, opened));
    assert_memory_equal(opened, plain, len);
  }
}

static void forged_seals_stay_closed(void **state) {
  (void)state;
  uint8_t sealed[6 + SEAL_OVERHEAD];
  uint8_t opened[64];
  secret_seal(&key, "client", "secret", 6, sealed);
  assert_false(secret_open(&other_key, "client", sealed, sizeof sealed, opened));
  assert_false(secret_open(&key, "webhook", sealed, sizeof sealed, opened));
  assert_false(secret_open(&key, "", sealed, sizeof sealed, opened));
  for (size_t len = 0; len < sizeof sealed; len++) assert_false(secret_open(&key, "client", sealed, len, opened));
  for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
    sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    assert_false(secret_open(&key, "client", sealed, sizeof sealed, opened));
    sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
  assert_true(secret_open(&key, "client", sealed, sizeof sealed, opened));
  assert_memory_equal(opened, "secret", 6);
}

static void derived_keys_differ(void **state) {
  (void)state;
  uint8_t a[SHA256_LEN], same[SHA256_LEN], b[SHA256_LEN], c[SHA256_LEN];
  secret_derive(&key, "token", a);
  secret_derive(&key, "token", same);
  secret_derive(&key, "token2", b);
  secret_derive(&other_key, "token", c);
  assert_memory_equal(a, same, SHA256_LEN);
  assert_memory_not_equal(a, b, SHA256_LEN);
  assert_memory_not_equal(a, c, SHA256_LEN);
  assert_memory_not_equal(a, key.bytes, SHA256_LEN);
}

static void randomness(void **state) {
  (void)state;
  uint8_t a[32], b[32];
  random_bytes(a, sizeof a);
  random_bytes(b, sizeof b);
  assert_memory_not_equal(a, b, sizeof a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(digests),
      cmocka_unit_test(macs),
      cmocka_unit_test(threads_have_their_own_state),
      cmocka_unit_test(comparisons),
      cmocka_unit_test(passwords),
      cmocka_unit_test(seals_open),
      cmocka_unit_test(forged_seals_stay_closed),
      cmocka_unit_test(derived_keys_differ),
      cmocka_unit_test(randomness),
  };
  return cmocka_run_group_tests(tests, group_setup, NULL);
}
