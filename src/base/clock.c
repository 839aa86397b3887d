/* Time of day and monotonic time, both replaceable by tests. Owns one atomic: the faked time, or NOT_FAKED.
 * Any thread. Never fails: a kernel without these clocks does not exist. */
#include "base/clock.h"

#include <stdatomic.h>
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

/* So many digits as a number up to max; moves on. */
static bool take_digits(const char **at, int count, int max, int *ret) {
  int n = 0;
  for (int i = 0; i < count; i++, (*at)++) {
    if (**at < '0' || **at > '9') return false;
    n = n * 10 + (**at - '0');
  }
  *ret = n;
  return n <= max;
}

static bool take_char(const char **at, const char *any_of) {
  for (; *any_of; any_of++) {
    if (**at != *any_of) continue;
    (*at)++;
    return true;
  }
  return false;
}

/* "Z" or "+01:00", as minutes. */
static bool take_zone(const char **at, int *ret_minutes) {
  int hours = 0, minutes = 0, sign = **at == '-' ? -1 : 1;
  if (take_char(at, "Zz")) {
    *ret_minutes = 0;
    return true;
  }
  if (!take_char(at, "+-") || !take_digits(at, 2, 23, &hours) || !take_char(at, ":") ||
      !take_digits(at, 2, 59, &minutes))
    return false;
  *ret_minutes = sign * (hours * 60 + minutes);
  return true;
}

static int take_fraction_ms(const char **at) {
  int ms = 0, unit = 100;
  if (**at != '.') return 0;
  for ((*at)++; **at >= '0' && **at <= '9'; (*at)++, unit /= 10) ms += (**at - '0') * unit;
  return ms;
}

bool clock_parse(const char *text, int64_t *ret_wall_ms) {
  struct tm tm = {0};
  int ms = 0, zone = 0, year = 0, month = 0;
  const char *at = text;
  bool ok = take_digits(&at, 4, 9999, &year) && year >= 1970 && take_char(&at, "-") &&
            take_digits(&at, 2, 12, &month) && month > 0 && take_char(&at, "-") &&
            take_digits(&at, 2, 31, &tm.tm_mday) && tm.tm_mday > 0;
  if (ok && *at) {
    ok = take_char(&at, "Tt ") && take_digits(&at, 2, 23, &tm.tm_hour) && take_char(&at, ":") &&
         take_digits(&at, 2, 59, &tm.tm_min) && take_char(&at, ":") && take_digits(&at, 2, 60, &tm.tm_sec);
    ms = ok ? take_fraction_ms(&at) : 0;
    ok = ok && take_zone(&at, &zone) && !*at;
  }
  if (!ok) return false;
  tm.tm_year = year - 1900;
  tm.tm_mon = month - 1;
  int day = tm.tm_mday;
  bool leaps = tm.tm_sec == 60; /* a leap second is the first moment of the next minute here */
  int64_t seconds = timegm(&tm);
  if (tm.tm_mday != day && !leaps) return false; /* 30 February */
  *ret_wall_ms = (seconds - zone * 60) * 1000 + ms;
  return true;
}
