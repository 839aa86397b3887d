/* net: lists of networks, and every kind of address that is not public. */
#include "base/net.h"

#include "base/mem.h"

#include "capture.h"

#include <sys/un.h>

static const struct sockaddr *address(const char *text) {
  static struct sockaddr_storage ss;
  if (!address_parse(text, &ss)) fail_msg("%s is no address", text);
  return (const struct sockaddr *)&ss;
}

static void private_addresses(void **state) {
  (void)state;
  static const char *const cases[] = {
      "0.0.0.0",
      "0.255.255.255",
      "10.0.0.0",
      "10.255.255.255",
      "100.64.0.0",
      "100.127.255.255",
      "127.0.0.1",
      "127.255.255.255",
      "169.254.0.0",
      "169.254.169.254",
      "172.16.0.0",
      "172.31.255.255",
      "192.0.0.1",
      "192.0.2.1",
      "192.88.99.1",
      "192.168.0.0",
      "192.168.255.255",
      "198.18.0.0",
      "198.19.255.255",
      "198.51.100.7",
      "203.0.113.255",
      "224.0.0.1",
      "239.255.255.255",
      "240.0.0.0",
      "255.255.255.255",
      "::",
      "::1",
      "::ffff:127.0.0.1",
      "::ffff:10.1.2.3",
      "::ffff:169.254.169.254",
      "::ffff:0:127.0.0.1",
      "::127.0.0.1",
      "::10.0.0.1",
      "64:ff9b::127.0.0.1",
      "64:ff9b::a00:1",
      "64:ff9b:1::1",
      "64:ff9b:1:ffff::8.8.8.8",
      "100::1",
      "2001:0:4136:e378:8000:63bf:80ff:fffe", /* Teredo, client 127.0.0.1 */
      "2001:0:a00:1:8000:63bf:f7f7:f7f7",     /* Teredo, server 10.0.0.1 */
      "2001:2::1",
      "2001:10::1",
      "2001:1f:ffff::",
      "2001:20::1",
      "2001:2f::1",
      "2001:db8::1",
      "2001:db8:ffff::",
      "2002:7f00:1::",
      "2002:a01:203::1",
      "2002:c0a8:1::1",
      "3fff::1",
      "3fff:fff::1",
      "5f00::1",
      "fc00::1",
      "fdff:ffff::1",
      "fe80::1",
      "febf::1",
      "fec0::1",
      "feff::1",
      "ff02::1",
      "ffff::1",
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    if (!address_is_private(address(cases[i]))) fail_msg("%s passed for public", cases[i]);
  }
}

static void public_addresses(void **state) {
  (void)state;
  static const char *const cases[] = {
      "1.0.0.0",
      "8.8.8.8",
      "9.255.255.255",
      "11.0.0.0",
      "100.63.255.255",
      "100.128.0.0",
      "126.255.255.255",
      "128.0.0.0",
      "169.253.255.255",
      "169.255.0.0",
      "172.15.255.255",
      "172.32.0.0",
      "192.0.1.0",
      "192.0.3.0",
      "192.167.255.255",
      "192.169.0.0",
      "198.17.255.255",
      "198.20.0.0",
      "203.0.112.255",
      "203.0.114.0",
      "223.255.255.255",
      "::ffff:8.8.8.8",
      "::8.8.8.8",
      "64:ff9b::8.8.8.8",
      "2002:808:808::1",
      "2001:0:808:808:8000:63bf:f7f7:f7f7",
      "2001:4860:4860::8888",
      "2a00:1450::1",
      "2003::1",
      "2001:db9::1",
      "3ffe::1",
      "3fff:1000::1",
      "fb00::1",
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    if (address_is_private(address(cases[i]))) fail_msg("%s passed for private", cases[i]);
  }
}

static void other_families_are_private(void **state) {
  (void)state;
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  char text[ADDRESS_TEXT_LEN];
  assert_true(address_is_private((const struct sockaddr *)&un));
  assert_true(address_is_private(NULL));
  assert_string_equal(address_text((const struct sockaddr *)&un, text), "unix");
  assert_string_equal(address_text(NULL, text), "unknown");
}

static void lists(void **state) {
  (void)state;
  static const struct {
    const char *list, *address;
    bool has;
  } cases[] = {
      {"", "10.0.0.1", false},
      {"  , ", "10.0.0.1", false},
      {"10.0.0.0/8", "10.255.0.1", true},
      {"10.0.0.0/8", "11.0.0.1", false},
      {"10.0.0.0/8", "::ffff:10.1.1.1", true},
      {"::ffff:10.0.0.0/104", "10.1.1.1", true},
      {"10.1.2.3/8", "10.9.9.9", true}, /* bits behind the prefix do not matter */
      {"192.168.1.5", "192.168.1.5", true},
      {"192.168.1.5", "192.168.1.4", false},
      {"192.168.0.0/31", "192.168.0.1", true},
      {"192.168.0.0/31", "192.168.0.2", false},
      {"192.168.0.0/30", "192.168.0.3", true},
      {"0.0.0.0/0", "8.8.8.8", true},
      {"0.0.0.0/0", "::1", false},
      {"::/0", "::1", true},
      {"::/0", "2a00::1", true},
      {"::/0", "8.8.8.8", false},
      {"10.0.0.0/8, ::1, 192.168.1.5", "::1", true},
      {"10.0.0.0/8 ::1\t192.168.1.5,", "192.168.1.5", true},
      {"fe80::/10", "febf::1", true},
      {"fe80::/10", "fec0::1", false},
      {"2001:db8::/127", "2001:db8::1", true},
      {"2001:db8::/127", "2001:db8::2", false},
      {"*", "8.8.8.8", true},
      {"all", "::1", true},
      {"10.0.0.0/8, ALL", "8.8.8.8", true},
  };
  void *ctx = talloc_new(NULL);
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    char err[120] = "";
    const struct cidr_list *list = NULL;
    if (!cidr_list_parse(ctx, cases[i].list, &list, err)) fail_msg("%s: %s", cases[i].list, err);
    if (cidr_list_has(list, address(cases[i].address)) != cases[i].has) {
      fail_msg("%s in %s", cases[i].address, cases[i].list);
    }
  }
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  char err[120];
  const struct cidr_list *list;
  assert_true(cidr_list_parse(ctx, "0.0.0.0/0,::/0", &list, err));
  assert_false(cidr_list_has(list, (const struct sockaddr *)&un));
  assert_false(cidr_list_has(list, NULL));
  assert_true(cidr_list_parse(ctx, "*", &list, err));
  assert_true(cidr_list_has(list, (const struct sockaddr *)&un));
  talloc_free(ctx);
}

static void wrong_lists(void **state) {
  (void)state;
  static const char *const cases[] = {
      "10.0.0.0/33",
      "10.0.0.0/-1",
      "10.0.0.0/",
      "10.0.0.0/8x",
      "10.0.0/8",
      "10.0.0.256",
      "010.0.0.1",
      "::1/129",
      ":::1",
      "localhost",
      "10.0.0.0/8;::1",
      "**",
      "::ffff:10.0.0.0/95",
      "10.0.0.1, x",
      "/8",
      "0x7f.1",
      "127.1",
      "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff:0000:1111:2222",
  };
  void *ctx = talloc_new(NULL);
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    char err[120] = "";
    const struct cidr_list *list = NULL;
    if (cidr_list_parse(ctx, cases[i], &list, err)) fail_msg("%s was taken", cases[i]);
    assert_null(list);
    assert_non_null(strstr(err, "is not a network"));
  }
  char *endless = mem_bytes(ctx, 300001);
  memset(endless, ',', 300000);
  endless[300000] = '\0';
  char err[120] = "";
  const struct cidr_list *list = NULL;
  assert_false(cidr_list_parse(ctx, endless, &list, err));
  assert_string_equal(err, "too long a list of networks");
  mem_free(endless);
  assert_int_equal(talloc_total_blocks(ctx), 1); /* nothing left behind */
  talloc_free(ctx);
}

static void texts(void **state) {
  (void)state;
  static const struct {
    const char *in, *out;
  } cases[] = {
      {"127.0.0.1", "127.0.0.1"},
      {"::1", "::1"},
      {"::ffff:1.2.3.4", "1.2.3.4"},
      {"2001:DB8:0:0::1", "2001:db8::1"},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    char text[ADDRESS_TEXT_LEN];
    assert_string_equal(address_text(address(cases[i].in), text), cases[i].out);
  }
  static const struct {
    const char *in, *network;
  } networks[] = {
      {"192.0.2.7", "192.0.2.7"},
      {"::ffff:1.2.3.4", "1.2.3.4"},
      {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
      {"2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"},
      {"2001:db8:1:3::", "2001:db8:1:3::/64"},
      {"::1", "::/64"},
      {"1111:2222:3333:4444:5555:6666:7777:8888", "1111:2222:3333:4444::/64"},
  };
  for (size_t i = 0; i < ARRAY_LEN(networks); i++) {
    char text[ADDRESS_TEXT_LEN];
    assert_string_equal(address_network_text(address(networks[i].in), text), networks[i].network);
  }
  static const char *const wrong[] = {"",           "localhost",  "1.2.3",      "1.2.3.4.5", "[::1]",
                                      "1.2.3.4:80", "2130706433", "0x7f.0.0.1", " ::1"};
  for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
    struct sockaddr_storage ss = {.ss_family = 4711};
    assert_false(address_parse(wrong[i], &ss));
    assert_int_equal(ss.ss_family, 4711);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(private_addresses),
      cmocka_unit_test(public_addresses),
      cmocka_unit_test(other_families_are_private),
      cmocka_unit_test(lists),
      cmocka_unit_test(wrong_lists),
      cmocka_unit_test(texts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
