/* Time of day and monotonic time, both replaceable by tests. Owns one atomic: the faked time, or NOT_FAKED.
 * Any thread. Never fails: a kernel without these clocks does not exist. */
#include "base/clock.h"

#include "base/fail.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#define NOT_FAKED INT64_MIN
#define LAST_MS   INT64_C(253402300799999) /* the end of year 9999 */
#define DAY_MS    INT64_C(86400000)

static _Atomic int64_t faked_ms = NOT_FAKED;

int64_t clock_wall_ms(void) {
  int64_t fake = atomic_load_explicit(&faked_ms, memory_order_relaxed);
  if (fake != NOT_FAKED) return fake;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_mono_us(void) {
  int64_t fake = atomic_load_explicit(&faked_ms, memory_order_relaxed);
  if (fake != NOT_FAKED) return fake * 1000;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void clock_fake(int64_t wall_ms) {
  atomic_store(&faked_ms, wall_ms);
}

void clock_fake_advance(int64_t ms) {
  invariant(atomic_load(&faked_ms) != NOT_FAKED);
  atomic_fetch_add(&faked_ms, ms);
}

void clock_unfake(void) {
  atomic_store(&faked_ms, NOT_FAKED);
}

static void put_digits(char *at, int count, int64_t n) {
  while (count--) {
    at[count] = (char)('0' + n % 10);
    n /= 10;
  }
}

char *clock_rfc3339(int64_t wall_ms, char buf[static CLOCK_RFC3339_LEN]) {
  if (wall_ms < 0) wall_ms = 0;
  if (wall_ms > LAST_MS) wall_ms = LAST_MS;
  int64_t ms = wall_ms % DAY_MS;
  /* Days to a date, counted in 400-year eras that begin on the first of March, so that the leap day comes last. */
  int64_t days = wall_ms / DAY_MS + 719468;
  int64_t era = days / 146097;
  int64_t day_of_era = days % 146097;
  int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t march_month = (5 * day_of_year + 2) / 153;
  int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
  static const char form[CLOCK_RFC3339_LEN] = "0000-00-00T00:00:00.000Z";
  for (size_t i = 0; i < sizeof form; i++) buf[i] = form[i];
  put_digits(buf, 4, era * 400 + year_of_era + (month <= 2));
  put_digits(buf + 5, 2, month);
  put_digits(buf + 8, 2, day_of_year - (153 * march_month + 2) / 5 + 1);
  put_digits(buf + 11, 2, ms / 3600000);
  put_digits(buf + 14, 2, ms / 60000 % 60);
  put_digits(buf + 17, 2, ms / 1000 % 60);
  put_digits(buf + 20, 3, ms % 1000);
  return buf;
}
