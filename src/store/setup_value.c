/* Is a value within its field's bounds? Pure, any thread; what the value refers to is looked up elsewhere. */
#include "store/setup_table.h"

#include "base/text.h"
#include "base/zone.h"
#include "core/calendar.h"
#include "core/rights.h"
#include "store/setup_impl.h"

#include <stdio.h>
#include <string.h>

static bool says(char why[static 160], const char *text) {
  snprintf(why, 160, "%s", text);
  return false;
}

static bool color_ok(const char *text, char why[static 160]) {
  bool ok = text[0] == '#' && strlen(text) == 7 && strspn(text + 1, "0123456789abcdefABCDEF") == 6;
  return ok || says(why, "must be a colour such as #1a7f37");
}

static bool email_ok(const char *text, char why[static 160]) {
  const char *at = strchr(text, '@');
  bool ok = at && at > text && at[1] && !strchr(at + 1, '@') && !strpbrk(text, " <>,;");
  return ok || says(why, "must be an e-mail address");
}

static bool url_ok(const char *text, char why[static 160]) {
  char err[256];
  return setup_url_ok("", text, err) ||
         says(why, "must be an http:// or https:// address of at most 2000 characters, without user and password");
}

static bool zone_ok(const char *text, char why[static 160]) {
  return zone_known(text) || says(why, "must be a time zone such as Europe/Paris");
}

static bool format_ok(enum setup_format format, const char *text, char why[static 160]) {
  static bool (*const check[])(const char *text, char why[static 160]) = {
      [SETUP_ANY] = NULL,       [SETUP_URL] = url_ok,   [SETUP_EMAIL] = email_ok,
      [SETUP_COLOR] = color_ok, [SETUP_ZONE] = zone_ok,
  };
  return !*text || !check[format] || check[format](text, why);
}

static bool has_control_but_lines(const char *text) {
  for (; *text; text++)
    if (((unsigned char)*text < 0x20 && !strchr("\t\r\n", *text)) || *text == 0x7f) return true;
  return false;
}

static bool text_ok(const struct setup_field *f, const char *text, char why[static 160]) {
  size_t len = text ? strlen(text) : 0;
  if (!text || !utf8_valid(text, len)) return says(why, "must be text");
  if (f->type == SETUP_LINES ? has_control_but_lines(text) : text_has_control(text, len))
    return says(why, "must not have control characters");
  int64_t count = (int64_t)utf8_count(text, len);
  if (count == 0 && f->min == 0) return true;
  if (count < f->min) return says(why, "must not be empty");
  if (count > f->max) {
    snprintf(why, 160, "must be at most %lld characters long, not %lld", (long long)f->max, (long long)count);
    return false;
  }
  return format_ok(f->format, text, why);
}

static bool range_ok(const struct setup_field *f, int64_t number, int64_t unit, char why[static 160]) {
  if (number >= f->min * unit && number <= f->max * unit && number % unit == 0) return true;
  snprintf(why, 160, "must be from %lld to %lld", (long long)f->min, (long long)f->max);
  return false;
}

static bool day_ok(const char *text, char why[static 160]) {
  int64_t day;
  return (text && calendar_day_parse(text, &day)) || says(why, "must be a day such as 2026-12-25");
}

bool setup_value_ok(const struct setup_field *f, const struct setup_value *v, char why[static 160]) {
  switch (f->type) {
  case SETUP_TEXT:
  case SETUP_LINES: return text_ok(f, v->text, why);
  case SETUP_INT:
  case SETUP_CLOCK: return range_ok(f, v->number, 1, why);
  case SETUP_SECONDS: return range_ok(f, v->number, 1000, why);
  case SETUP_DAY: return day_ok(v->text, why);
  case SETUP_BOOL: return v->number == 0 || v->number == 1 || says(why, "must be true or false");
  case SETUP_WORD: return (v->number >= 0 && v->number < f->max) || says(why, "is not one of the words");
  case SETUP_REF: return v->number > 0 || (v->number == 0 && !f->required) || says(why, "is required");
  case SETUP_RIGHTS:
    return (v->number > 0 && !(v->number >> (API_COUNT * VERB_COUNT))) || says(why, "must hold at least one right");
  case SETUP_MOMENT: break;
  }
  return true;
}
