/* Any bytes as a file of holidays. What comes out are days of the window, sorted, each once, with labels that may be
 * shown and stored. */
#include "base/fail.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/calendar.h"
#include "core/ical.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  void *ctx = talloc_new(NULL);
  struct ical out;
  char err[128] = "";
  char *copy = mem_strndup(ctx, (const char *)data, size); /* not past its end: ASan watches */
  int64_t first = calendar_day(2025, 1, 1), last = calendar_day(2036, 12, 31);
  if (ical_read(ctx, copy, size, first, last, &out, err)) {
    invariant(out.count <= ICAL_DAYS_MAX && out.skipped <= out.events);
    for (int i = 0; i < out.count; i++) {
      const struct ical_day *d = &out.days[i];
      size_t len = strlen(d->label);
      invariant(d->day >= first && d->day <= last && (i == 0 || d->day > out.days[i - 1].day));
      invariant(utf8_valid(d->label, len) && utf8_count(d->label, len) <= ICAL_LABEL_MAX &&
                !text_has_control(d->label, len));
    }
  } else {
    invariant(*err);
  }
  talloc_free(ctx);
  return 0;
}
