/* Writing for people on a terminal. Texts of partners pass through term_clean() before they get here or in the table,
 * so that no message can move the cursor, change the title or reorder what stands around it. Owns nothing; one thread.
 * Never writes colour where the output is no terminal or NO_COLOR is set. */
#include "cli/term.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROWS_MAX  1000000
#define CLEAN_MAX (64 << 20)

const char *term_style(FILE *out, enum term_style style) {
  static const char *const codes[] = {
      [TERM_PLAIN] = "\033[0m", [TERM_BOLD] = "\033[1m",  [TERM_DIM] = "\033[2m",
      [TERM_GOOD] = "\033[32m", [TERM_POOR] = "\033[33m", [TERM_BAD] = "\033[31m",
  };
  const char *no_colour = getenv("NO_COLOR");
  if ((no_colour && *no_colour) || !isatty(fileno(out))) return "";
  return codes[style];
}

/* Length of the UTF-8 sequence that begins with c. */
static size_t sequence_len(unsigned char c) {
  return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* C1 controls and the marks that turn the direction of text. */
static bool is_harmful(const unsigned char *c, size_t len) {
  if (len == 1) return *c < 0x20 || *c == 0x7f;
  if (len == 2) return (c[0] == 0xc2 && c[1] < 0xa0) || (c[0] == 0xd8 && c[1] == 0x9c);
  if (len != 3 || c[0] != 0xe2) return false;
  return (c[1] == 0x80 && ((c[2] >= 0xa8 && c[2] <= 0xae) || c[2] == 0x8e || c[2] == 0x8f)) ||
         (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9);
}

char *term_clean_lines(void *ctx, const char *text, const char *indent) {
  struct buf b;
  size_t len = strlen(text);
  buf_init(&b, ctx, len + 16, CLEAN_MAX);
  for (size_t i = 0; i < len;) {
    const unsigned char *c = (const unsigned char *)text + i;
    size_t n = sequence_len(*c);
    if (n > len - i || !utf8_valid(text + i, n)) {
      buf_putc(&b, '?');
      i++;
      continue;
    }
    if (indent && *c == '\n') {
      buf_putc(&b, '\n');
      buf_puts(&b, indent);
    } else if (!(indent && *c == '\r' && text[i + 1] == '\n')) {
      if (is_harmful(c, n)) {
        buf_putc(&b, *c == '\t' ? ' ' : '?');
      } else {
        buf_put(&b, c, n);
      }
    }
    i += n;
  }
  return b.failed ? mem_strdup(ctx, "(too long)") : b.data;
}

char *term_clean(void *ctx, const char *text) {
  return term_clean_lines(ctx, text, NULL);
}

/* ---- tables ---- */

struct term_row {
  char *cells[TERM_COLUMNS_MAX];
  enum term_style style;
  struct term_row *next;
};
struct term_table {
  void *ctx;
  const char *headers[TERM_COLUMNS_MAX];
  size_t widths[TERM_COLUMNS_MAX];
  int columns;
  int rows;
  struct term_row *first;
  struct term_row *newest;
};

struct term_table *term_table_new(void *ctx, const char *const *headers) {
  struct term_table *t = mem_new(ctx, struct term_table);
  t->ctx = ctx;
  for (; headers[t->columns] && t->columns < TERM_COLUMNS_MAX; t->columns++) {
    t->headers[t->columns] = headers[t->columns];
    t->widths[t->columns] = strlen(headers[t->columns]);
  }
  return t;
}

void term_table_add(struct term_table *t, const char *const *cells) {
  if (t->rows == ROWS_MAX) return;
  struct term_row *row = mem_new(t, struct term_row);
  for (int i = 0; i < t->columns; i++) {
    row->cells[i] = term_clean(row, cells[i] ? cells[i] : "");
    size_t width = utf8_count(row->cells[i], strlen(row->cells[i]));
    if (width > t->widths[i]) t->widths[i] = width;
  }
  *(t->newest ? &t->newest->next : &t->first) = row;
  t->newest = row;
  t->rows++;
}

void term_table_style(struct term_table *t, enum term_style style) {
  if (t->newest) t->newest->style = style;
}

static void print_row(const struct term_table *t, FILE *out, const char *const *cells, enum term_style style) {
  for (int i = 0; i < t->columns; i++) {
    bool styled = style != TERM_PLAIN && i == 0;
    bool last = i == t->columns - 1;
    size_t width = utf8_count(cells[i], strlen(cells[i]));
    fprintf(out, "%s%s%s%*s", styled ? term_style(out, style) : "", cells[i], styled ? term_style(out, TERM_PLAIN) : "",
            last ? 0 : (int)(t->widths[i] - width + 2), "");
  }
  fputc('\n', out);
}

void term_table_print(const struct term_table *t, FILE *out, const char *when_empty) {
  if (!t->first) {
    fprintf(out, "%s\n", when_empty);
    return;
  }
  fputs(term_style(out, TERM_DIM), out);
  print_row(t, out, t->headers, TERM_PLAIN);
  fputs(term_style(out, TERM_PLAIN), out);
  for (const struct term_row *row = t->first; row; row = row->next) {
    print_row(t, out, (const char *const *)row->cells, row->style);
  }
}

/* ---- small things ---- */

const char *term_time(void *ctx, int64_t wall_ms) {
  if (wall_ms <= 0) return "-";
  time_t seconds = (time_t)(wall_ms / 1000);
  struct tm parts;
  char text[32];
  if (!localtime_r(&seconds, &parts) || !strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts)) return "-";
  return mem_strdup(ctx, text);
}

const char *term_size(void *ctx, int64_t bytes) {
  static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double n = (double)bytes;
  size_t unit = 0;
  while (n >= 1024 && unit + 1 < sizeof units / sizeof *units) {
    n /= 1024;
    unit++;
  }
  return unit ? mem_printf(ctx, "%.1f %s", n, units[unit]) : mem_printf(ctx, "%lld bytes", (long long)bytes);
}

void term_wrap(FILE *out, const char *text, int indent, int width) {
  int column = indent;
  for (bool first = true; *text; first = false) {
    int len = (int)strcspn(text, " ");
    if (!first && column + 1 + len > width) {
      fprintf(out, "\n%*s", indent, "");
      column = indent;
    } else if (!first) {
      fputc(' ', out);
      column++;
    }
    fwrite(text, 1, (size_t)len, out);
    column += len;
    text += len + (text[len] == ' ');
  }
  fputc('\n', out);
}

void term_progress(const char *what, int64_t done, int64_t total) {
  enum { WIDTH = 40 };
  if (!isatty(fileno(stderr)) || total <= 0) return;
  int filled = (int)(done * WIDTH / total);
  char bar[WIDTH + 1];
  memset(bar, '.', WIDTH);
  memset(bar, '#', (size_t)(filled > WIDTH ? WIDTH : filled));
  bar[WIDTH] = '\0';
  fprintf(stderr, "\r%s [%s] %3d%%%s", what, bar, (int)(done * 100 / total), done >= total ? "\n" : "");
  fflush(stderr);
}
