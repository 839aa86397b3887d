/* base/zone: names, offsets, and local times around the changes of the clocks. */
#include "base/zone.h"

#include "base/fail.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PARIS_SPRING INT64_C(1774746000) /* 2026-03-29 01:00 UTC: 02:00 becomes 03:00 */
#define PARIS_AUTUMN INT64_C(1792890000) /* 2026-10-25 01:00 UTC: 03:00 becomes 02:00 */

static void only_names_of_the_system_are_zones(void **state) {
  (void)state;
  static const char *const good[] = {"Europe/Paris", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "UTC"};
  static const char *const bad[] = {"",
                                    "Paris",
                                    "Europe/Nowhere",
                                    "+01:00",
                                    "/etc/localtime",
                                    "../etc/passwd",
                                    "Europe",
                                    "EST5EDT,M3.2.0,M11.1.0",
                                    "Europe/../../../etc/hosts"};
  for (size_t i = 0; i < ARRAY_LEN(good); i++)
    if (!zone_known(good[i])) fail_msg("%s", good[i]);
  for (size_t i = 0; i < ARRAY_LEN(bad); i++)
    if (zone_known(bad[i])) fail_msg("%s", bad[i]);
}

static void offsets(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int64_t at, offset;
  } rows[] = {
      {"UTC", PARIS_SPRING, 0},
      {"Europe/Paris", PARIS_SPRING - 1, 3600},
      {"Europe/Paris", PARIS_SPRING, 7200},
      {"Europe/Paris", PARIS_AUTUMN - 1, 7200},
      {"Europe/Paris", PARIS_AUTUMN, 3600},
      {"Asia/Kathmandu", PARIS_SPRING, 20700},
      {"America/New_York", 1772953200 - 1, -18000}, /* 2026-03-08 07:00 UTC */
      {"America/New_York", 1772953200, -14400},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct zone *z = zone_new(NULL, rows[i].name);
    assert_non_null(z);
    assert_int_equal(zone_offset_s(z, rows[i].at), rows[i].offset);
    mem_free(z);
  }
}

static void local_times_that_are_skipped_or_come_twice(void **state) {
  (void)state;
  struct zone *z = zone_new(NULL, "Europe/Paris");
  int64_t spring = PARIS_SPRING + 3600, autumn = PARIS_AUTUMN + 3600; /* as local: 02:00 both */
  for (int last = 0; last < 2; last++) {
    assert_int_equal(zone_to_utc_s(z, spring - 1, last), PARIS_SPRING - 1);
    assert_int_equal(zone_to_utc_s(z, spring, last), PARIS_SPRING);
    assert_int_equal(zone_to_utc_s(z, spring + 1800, last), PARIS_SPRING); /* half past two never was */
    assert_int_equal(zone_to_utc_s(z, spring + 3600, last), PARIS_SPRING);
    assert_int_equal(zone_to_utc_s(z, spring + 3601, last), PARIS_SPRING + 1);
    assert_int_equal(zone_to_utc_s(z, autumn - 1, last), PARIS_AUTUMN - 3601);
    assert_int_equal(zone_to_utc_s(z, autumn + 3600, last), PARIS_AUTUMN + 3600);
  }
  assert_int_equal(zone_to_utc_s(z, autumn + 1800, false), PARIS_AUTUMN - 1800);
  assert_int_equal(zone_to_utc_s(z, autumn + 1800, true), PARIS_AUTUMN + 1800);
  mem_free(z);
}

int main(void) {
  mem_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(only_names_of_the_system_are_zones),
      cmocka_unit_test(offsets),
      cmocka_unit_test(local_times_that_are_skipped_or_come_twice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
