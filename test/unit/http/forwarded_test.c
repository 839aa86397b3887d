/* http/forwarded: whom a chain of proxies names. */
#include "http/forwarded.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct row {
  const char *values[FORWARDED_MAX];
  const char *client;
};

/* We talk to 10.0.0.1; 10.0.0.0/8 and ::1 are trusted. */
static const struct row rows[] = {
    {{NULL}, "10.0.0.1"},
    {{""}, "10.0.0.1"},
    {{"192.0.2.7"}, "192.0.2.7"},
    {{" 192.0.2.7\t"}, "192.0.2.7"},
    {{"192.0.2.7:4711"}, "192.0.2.7"},
    {{"2001:db8::7"}, "2001:db8::7"},
    {{"[2001:db8::7]:4711"}, "2001:db8::7"},
    {{"[2001:db8::7]"}, "2001:db8::7"},
    {{"203.0.113.9, 192.0.2.7"}, "192.0.2.7"}, /* the left one was written by the client */
    {{"192.0.2.7, 10.0.0.2"}, "192.0.2.7"},    /* a second proxy of ours */
    {{"203.0.113.9,192.0.2.7,10.0.0.3 , 10.0.0.2"}, "192.0.2.7"},
    {{"192.0.2.7", "10.0.0.2"}, "192.0.2.7"}, /* two headers are one list */
    {{"203.0.113.9", "192.0.2.7"}, "192.0.2.7"},
    {{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"}, /* all trusted: the left-most */
    {{"192.0.2.7, unknown"}, "10.0.0.1"},
    {{"192.0.2.7, , 10.0.0.2"}, "10.0.0.2"},
    {{"192.0.2.7, localhost, ::1"}, "::1"},
    {{"192.0.2.7, [::1, 10.0.0.2"}, "10.0.0.2"},
    {{"0123456789012345678901234567890123456789012345678901234567890123456789"}, "10.0.0.1"},
};

static void finds_clients(void **state) {
  (void)state;
  void *ctx = mem_pool(NULL, 1024);
  const struct cidr_list *trusted;
  char err[120];
  assert_true(cidr_list_parse(ctx, "10.0.0.0/8, ::1", &trusted, err));
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct sockaddr_storage peer;
    assert_true(address_parse("10.0.0.1", &peer));
    int count = 0;
    while (count < FORWARDED_MAX && rows[i].values[count]) count++;
    forwarded_client(rows[i].values, count, trusted, &peer);
    char text[ADDRESS_TEXT_LEN];
    assert_string_equal(address_text((const struct sockaddr *)&peer, text), rows[i].client);
  }
  mem_free(ctx);
}

static void finds_https(void **state) {
  (void)state;
  static const char *const yes[] = {"https", "HTTPS", "https ", "http, https", "http,\thttps\t"};
  static const char *const no[] = {"", "http", "https, http", "httpsx", "https/2", ","};
  for (size_t i = 0; i < ARRAY_LEN(yes); i++) assert_true(forwarded_is_https(yes[i]));
  for (size_t i = 0; i < ARRAY_LEN(no); i++) assert_false(forwarded_is_https(no[i]));
}

int main(void) {
  mem_init();
  const struct CMUnitTest tests[] = {cmocka_unit_test(finds_clients), cmocka_unit_test(finds_https)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
