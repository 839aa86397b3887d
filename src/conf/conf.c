/* Settings: the table conf.def turned into reading, checking and printing. A loaded struct conf is the head of a
 * struct that also remembers the text and the origin of every row; it never changes and may be read by any thread.
 * Reads the file and the environment only in conf_load(). A wrong setting is never repaired: the load fails. */
#include "conf/conf.h"

#include "base/buf.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <string.h>

#define ERR_LEN       256
#define FILE_LINE_MAX 65536
#define SHOWN_MAX     60 /* bytes of a wrong value that are quoted in a message */

extern char **environ;

enum row_type { ROW_TEXT, ROW_INT, ROW_SIZE, ROW_TIME, ROW_BOOL, ROW_CIDRS, ROW_LEVEL };

struct row {
  const char *name;
  enum row_type type;
  const char *default_;
  int64_t min, max;
  bool reloadable;
  const char *help;
  size_t offset;
};

static const struct row rows[] = {
#define CONF(name, type, default_, min, max, reload, help)                                                             \
  {#name, ROW_##type, default_, min, max, reload, help, offsetof(struct conf, name)},
#include "conf/conf.def"
#undef CONF
};
#define ROW_COUNT ARRAY_LEN(rows)

struct loaded {
  struct conf conf; /* first: a struct conf * is a struct loaded * */
  const char *text[ROW_COUNT];
  const char *origin[ROW_COUNT];
};

static const struct loaded *loaded_of(const struct conf *c) {
  return (const struct loaded *)(const void *)c;
}

/* Index of a row, or ROW_COUNT. Dashes count as underscores. */
static size_t row_find(const char *name) {
  for (size_t i = 0; i < ROW_COUNT; i++) {
    const char *a = rows[i].name;
    const char *b = name;
    for (; *a && (*a == *b || (*a == '_' && *b == '-')); a++, b++) {
    }
    if (!*a && !*b) return i;
  }
  return ROW_COUNT;
}

bool conf_is_name(const char *name) {
  return row_find(name) < ROW_COUNT;
}

/* Numbers as people write them, in the largest unit that divides them. */
struct unit {
  int64_t factor;
  const char *name;
};
static const struct unit time_units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
static const struct unit size_units[] = {{1 << 30, "G"}, {1 << 20, "M"}, {1 << 10, "k"}, {1, ""}};

static const char *in_units(int64_t n, const struct unit *units, char out[static 32]) {
  while (units->factor > 1 && (n == 0 || n % units->factor)) units++;
  if (n == 0) {
    snprintf(out, 32, "0");
  } else {
    snprintf(out, 32, "%lld%s", (long long)(n / units->factor), units->name);
  }
  return out;
}

/* What a row accepts, for messages and documentation: "a whole number from 2 to 256". */
static void row_range(const struct row *row, char *out, size_t room) {
  char min[32];
  char max[32];
  switch (row->type) {
  case ROW_INT:
    snprintf(out, room, "a whole number from %lld to %lld", (long long)row->min, (long long)row->max);
    break;
  case ROW_SIZE:
    snprintf(out, room, "a size from %s to %s (such as 64k or 25M)", in_units(row->min, size_units, min),
             in_units(row->max, size_units, max));
    break;
  case ROW_TIME:
    snprintf(out, room, "a duration from %s to %s (such as 250ms, 15s or 2h)", in_units(row->min, time_units, min),
             in_units(row->max, time_units, max));
    break;
  case ROW_BOOL: snprintf(out, room, "true or false"); break;
  case ROW_CIDRS: snprintf(out, room, "a list of networks (such as 10.0.0.0/8, ::1)"); break;
  case ROW_LEVEL: snprintf(out, room, "error, warn, info or debug"); break;
  case ROW_TEXT: snprintf(out, room, "UTF-8 text without control characters"); break;
  }
}

static bool in_range(const struct row *row, int64_t n) {
  return n >= row->min && n <= row->max;
}

/* text into the field of a row. why: filled when more can be said than "is not a …". */
static bool row_parse(struct loaded *l, const struct row *row, const char *text, char why[static 120]) {
  void *field = (char *)&l->conf + row->offset;
  int64_t n;
  switch (row->type) {
  case ROW_INT: return parse_int(text, row->min, row->max, field);
  case ROW_SIZE:
    if (!parse_size(text, &n) || !in_range(row, n)) return false;
    *(int64_t *)field = n;
    return true;
  case ROW_TIME:
    if (!parse_duration_ms(text, &n) || !in_range(row, n)) return false;
    *(int64_t *)field = n;
    return true;
  case ROW_BOOL: return parse_bool(text, field);
  case ROW_CIDRS: return cidr_list_parse(l, text, field, why);
  case ROW_LEVEL: return log_level_parse(text, field);
  case ROW_TEXT: *(const char **)field = text; return true;
  }
  return false;
}

/* A wrong value made fit for a message: short, and nothing in it that a terminal would act on. */
static void shown(const char *text, char out[static SHOWN_MAX + 4]) {
  size_t n = 0;
  for (; text[n] && n < SHOWN_MAX; n++)
    out[n] = (char)((unsigned char)text[n] < 0x20 || text[n] == 0x7f ? '?' : text[n]);
  snprintf(out + n, 4, "%s", text[n] ? "..." : "");
  if (!utf8_valid(out, strlen(out))) {
    for (char *c = out; *c; c++) *c = (char)((unsigned char)*c < 0x80 ? *c : '?');
  }
}

static bool set(struct loaded *l, size_t i, const char *text, const char *origin, char err[static ERR_LEN]) {
  const struct row *row = &rows[i];
  char why[120] = "";
  const char *kept = mem_strdup(l, text);
  bool ok = !text_has_control(kept, strlen(kept)) && utf8_valid(kept, strlen(kept)) && row_parse(l, row, kept, why);
  if (ok) {
    l->text[i] = kept;
    l->origin[i] = mem_strdup(l, origin);
    return true;
  }
  char value[SHOWN_MAX + 4];
  char range[120];
  shown(text, value);
  row_range(row, range, sizeof range);
  if (*why) {
    snprintf(err, ERR_LEN, "%s: %s (from %s)", row->name, why, origin);
  } else {
    snprintf(err, ERR_LEN, "%s: \"%s\" is not %s (from %s)", row->name, value, range, origin);
  }
  return false;
}

/* The settings file */

struct file_reader {
  struct loaded *loaded;
  FILE *in;
  const char *path;
  int line;
  int set_at[ROW_COUNT]; /* line of the file, 0: not set there */
  bool failed;
  int error; /* errno of a failed read */
  char *err;
};

static char *read_line(char *out, int room, void *arg) {
  struct file_reader *r = arg;
  if (r->failed) return NULL;
  if (!fgets(out, room, r->in)) {
    r->error = ferror(r->in) ? errno : 0;
    return NULL;
  }
  r->line++;
  size_t len = strlen(out);
  if (len && out[len - 1] != '\n' && !feof(r->in)) {
    snprintf(r->err, ERR_LEN, "%.100s:%d: the line is too long or holds a NUL byte", r->path, r->line);
    r->failed = true;
    return NULL;
  }
  return out;
}

static int read_pair(void *arg, const char *section, const char *name, const char *value) {
  struct file_reader *r = arg;
  if (r->failed) return 1;
  char origin[140];
  snprintf(origin, sizeof origin, "%.100s:%d", r->path, r->line);
  size_t i = row_find(name);
  r->failed = true;
  if (*section) {
    snprintf(r->err, ERR_LEN, "%.40s: sections such as [%.30s] are not used here (from %.110s)", name, section, origin);
  } else if (i == ROW_COUNT) {
    snprintf(r->err, ERR_LEN, "%.60s: there is no such setting (from %s)", name, origin);
  } else if (r->set_at[i]) {
    snprintf(r->err, ERR_LEN, "%s: set twice, in lines %d and %d (from %s)", rows[i].name, r->set_at[i], r->line,
             origin);
  } else if (set(r->loaded, i, value, origin, r->err)) {
    r->set_at[i] = r->line;
    r->failed = false;
  }
  return 1;
}

static bool load_file(struct loaded *l, const char *path, char err[static ERR_LEN]) {
  FILE *in = fopen(path, "re");
  if (!in) {
    snprintf(err, ERR_LEN, "cannot read the settings file %.120s: %s", path, strerror(errno));
    return false;
  }
  struct file_reader r = {.loaded = l, .in = in, .path = path, .err = err};
  /* The library's defaults cut lines at 200 bytes and take everything behind " ;" for a comment. */
  ini_use_stack = false;
  ini_max_line = FILE_LINE_MAX;
  ini_initial_alloc = FILE_LINE_MAX;
  ini_allow_inline_comments = false;
  ini_allow_multiline = false;
  int bad_line = ini_parse_stream(read_line, &r, read_pair, &r);
  fclose(in);
  if (r.failed) return false;
  if (r.error || bad_line < 0) {
    snprintf(err, ERR_LEN, "cannot read the settings file %.120s: %s", path, strerror(r.error ? r.error : ENOMEM));
    return false;
  }
  if (bad_line) snprintf(err, ERR_LEN, "%.120s:%d: not a line such as \"threads = 2\"", path, bad_line);
  return !bad_line;
}

static bool load_environment(struct loaded *l, char err[static ERR_LEN]) {
  static const char prefix[] = "GUICHET_";
  for (char **entry = environ; *entry; entry++) {
    if (strncmp(*entry, prefix, sizeof prefix - 1) != 0) continue;
    const char *equals = strchr(*entry, '=');
    if (!equals || !strncmp(*entry, "GUICHET_TEST_", 13)) continue;
    char origin[80];
    snprintf(origin, sizeof origin, "%.*s", (int)(equals - *entry), *entry);
    char name[64];
    size_t n = 0;
    for (const char *c = *entry + sizeof prefix - 1; c < equals && n < sizeof name - 1; c++) {
      name[n++] = (char)tolower((unsigned char)*c);
    }
    name[n] = '\0';
    size_t i = row_find(name);
    if (i == ROW_COUNT) {
      snprintf(err, ERR_LEN, "%s: there is no such setting (from the environment)", origin);
      return false;
    }
    if (!set(l, i, equals + 1, origin, err)) return false;
  }
  return true;
}

static bool load_flags(struct loaded *l, const struct conf_flag *flags, int count, char err[static ERR_LEN]) {
  for (int f = 0; f < count; f++) {
    size_t i = row_find(flags[f].name);
    char origin[80];
    int n = snprintf(origin, sizeof origin, "--%.70s", flags[f].name);
    for (int c = 2; c < n; c++) {
      if (origin[c] == '_') origin[c] = '-';
    }
    if (i == ROW_COUNT) {
      snprintf(err, ERR_LEN, "%s: there is no such setting", origin);
      return false;
    }
    if (!set(l, i, flags[f].value, origin, err)) return false;
  }
  return true;
}

/* Rows that must fit each other. */
static bool check_together(const struct loaded *l, char err[static ERR_LEN]) {
  const struct conf *c = &l->conf;
  if (!*c->tls_cert != !*c->tls_key) {
    const char *given = *c->tls_cert ? "tls_cert" : "tls_key";
    const char *lacking = *c->tls_cert ? "tls_key" : "tls_cert";
    snprintf(err, ERR_LEN, "%s: needs %s too (from %.100s)", given, lacking, l->origin[row_find(given)]);
    return false;
  }
  if (c->delivery_backoff_first > c->delivery_backoff_max) {
    snprintf(err, ERR_LEN, "delivery_backoff_first: is longer than delivery_backoff_max (from %.100s)",
             l->origin[row_find("delivery_backoff_first")]);
    return false;
  }
  return true;
}

const struct conf *conf_load(void *ctx, const char *file, const struct conf_flag *flags, int flag_count,
                             char err[static ERR_LEN]) {
  struct loaded *l = mem_new(ctx, struct loaded);
  for (size_t i = 0; i < ROW_COUNT; i++) {
    if (!set(l, i, rows[i].default_, "default", err)) panic("settings table: %s", err);
  }
  bool ok = (!file || load_file(l, file, err)) && load_environment(l, err) && load_flags(l, flags, flag_count, err) &&
            check_together(l, err);
  if (!ok) {
    mem_free(l);
    return NULL;
  }
  return &l->conf;
}

static bool same_value(const struct conf *a, const struct conf *b, const struct row *row) {
  const char *x = (const char *)a + row->offset;
  const char *y = (const char *)b + row->offset;
  size_t i = (size_t)(row - rows);
  switch (row->type) {
  case ROW_INT:
  case ROW_SIZE:
  case ROW_TIME: return !memcmp(x, y, sizeof(int64_t));
  case ROW_BOOL: return !memcmp(x, y, sizeof(bool));
  case ROW_LEVEL: return !memcmp(x, y, sizeof(enum log_level));
  case ROW_TEXT:
  case ROW_CIDRS: break;
  }
  return !strcmp(loaded_of(a)->text[i], loaded_of(b)->text[i]);
}

const struct conf *conf_reload(void *ctx, const struct conf *now, const struct conf *next) {
  struct loaded *l = mem_new(ctx, struct loaded);
  char err[ERR_LEN];
  for (size_t i = 0; i < ROW_COUNT; i++) {
    bool keep = !rows[i].reloadable;
    const struct loaded *from = loaded_of(keep ? now : next);
    /* Read again from its text, so that nothing of the new conf lives in an old one. */
    if (!set(l, i, from->text[i], from->origin[i], err)) panic("settings: %s", err);
    if (keep && !same_value(now, next, &rows[i])) {
      log_at(LOG_WARN, "setting_needs_restart", log_t("setting", rows[i].name), log_t("now", loaded_of(now)->text[i]),
             log_t("wanted", loaded_of(next)->text[i]));
    }
  }
  return &l->conf;
}

/* Printing */

void conf_print(const struct conf *c, FILE *out) {
  const struct loaded *l = loaded_of(c);
  for (size_t i = 0; i < ROW_COUNT; i++) {
    fprintf(out, "%s# %s\n# from %s\n%s = %s\n", i ? "\n" : "", rows[i].help, l->origin[i], rows[i].name, l->text[i]);
  }
}

static void write_value(struct jw *w, const struct loaded *l, size_t i) {
  const void *field = (const char *)&l->conf + rows[i].offset;
  switch (rows[i].type) {
  case ROW_INT:
  case ROW_SIZE:
  case ROW_TIME: jw_int(w, *(const int64_t *)field); break;
  case ROW_BOOL: jw_bool(w, *(const bool *)field); break;
  case ROW_TEXT:
  case ROW_CIDRS:
  case ROW_LEVEL: jw_str(w, l->text[i]); break;
  }
}

void conf_print_json(const struct conf *c, FILE *out) {
  const struct loaded *l = loaded_of(c);
  void *ctx = mem_pool(NULL, 16384);
  struct buf b;
  buf_init(&b, ctx, 8192, 4 * ROW_COUNT * FILE_LINE_MAX);
  struct jw w = jw_into(&b);
  jw_object(&w);
  for (size_t i = 0; i < ROW_COUNT; i++) {
    jw_key(&w, rows[i].name);
    jw_object(&w);
    jw_key(&w, "value");
    write_value(&w, l, i);
    jw_kstr(&w, "text", l->text[i]);
    jw_kstr(&w, "from", l->origin[i]);
    jw_kbool(&w, "reloadable", rows[i].reloadable);
    jw_kstr(&w, "help", rows[i].help);
    jw_object_end(&w);
  }
  jw_object_end(&w);
  fprintf(out, "%s\n", b.data);
  mem_free(ctx);
}

void conf_print_doc(FILE *out) {
  fputs("# Settings\n\n"
        "Every setting can be written in the settings file (`threads = 2`), given as an environment variable\n"
        "(`GUICHET_THREADS=2`) or as a flag (`--threads=2`); flags win over variables, variables over the file.\n"
        "Settings marked \"reload\" change while the server runs when it gets SIGHUP; the others at the next start.\n\n"
        "| Setting | Default | Accepts | Changes at | Meaning |\n|---|---|---|---|---|\n",
        out);
  for (size_t i = 0; i < ROW_COUNT; i++) {
    char range[120];
    row_range(&rows[i], range, sizeof range);
    char value[64] = "(empty)";
    if (*rows[i].default_) snprintf(value, sizeof value, "`%s`", rows[i].default_);
    fprintf(out, "| `%s` | %s | %s | %s | %s |\n", rows[i].name, value, range, rows[i].reloadable ? "reload" : "start",
            rows[i].help);
  }
}
