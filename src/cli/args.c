/* From argv to checked arguments. The rules come from the row of the command: which flags there are, what values they
 * take, how many words may stand besides them. Owns nothing but what it hangs on the command's context. Never touches
 * the store. A wrong flag ends in one sentence that names it and, where something similar exists, names that too. */
#include "cli/args.h"

#include "base/mem.h"
#include "base/text.h"
#include "cli/term.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_flag data_flags[] = {
    {"data", "DIR", "The data folder; without it the environment variable GUICHET_DATA"},
    {0},
};
static const struct cli_flag instance_flags[] = {
    {"instance", "NAME", "The instance meant, where there are several; default: the first"},
    {0},
};
static const struct cli_flag json_flags[] = {
    {"json", NULL, "Print JSON, and nothing else, on standard output", CLI_SWITCH},
    {0},
};
static const struct cli_flag api_flags[] = {
    {"url", "URL", "Where Guichet is served; default http://127.0.0.1:8080"},
    {"token", "TOKEN", "API token (guichet token create)", .required = true},
    {0},
};

#define VALUE_TEXT    "TEXT"
#define VALUE_INT     "N"
#define VALUE_SIZE    "SIZE"
#define VALUE_TIME    "TIME"
#define VALUE_BOOL    "BOOL"
#define VALUE_CIDRS   "NETWORKS"
#define VALUE_LEVEL   "LEVEL"
#define FLAG_NAME_MAX 40

/* The settings as flags; their values are checked by conf/. The first row is no setting. */
static struct cli_flag conf_flags[] = {
    {"config", "FILE", "Settings file; variables of the environment and flags win over it"},
#define CONF(name, type, default_, min, max, reload, help) {#name, VALUE_##type, help},
#include "conf/conf.def"
#undef CONF
    {0},
};

static const struct {
  unsigned uses;
  const struct cli_flag *flags;
} groups[] = {
    {CLI_USES_DATA, data_flags}, {CLI_USES_INSTANCE, instance_flags}, {CLI_USES_API, api_flags},
    {CLI_USES_JSON, json_flags}, {CLI_USES_CONF, conf_flags},
};

static const char *data_of_environment, *store_of_environment;

void args_take_environment(void *ctx) {
  static char names[ARRAY_LEN(conf_flags)][FLAG_NAME_MAX];
  for (size_t i = 0; conf_flags[i].name; i++) {
    snprintf(names[i], FLAG_NAME_MAX, "%s", conf_flags[i].name);
    for (char *c = names[i]; *c; c++) {
      if (*c == '_') *c = '-';
    }
    conf_flags[i].name = names[i];
  }
  data_of_environment = mem_strdup(ctx, getenv("GUICHET_DATA"));
  unsetenv("GUICHET_DATA");
  store_of_environment = mem_strdup(ctx, getenv("GUICHET_STORE")); /* a setting too: it stays */
}

static const struct cli_flag *flag_at(const struct cli_command *command, int index, unsigned without) {
  for (const struct cli_flag *f = command->flags; f && f->name; f++) {
    if (index-- == 0) return f;
  }
  for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
    if (!(command->uses & groups[g].uses & ~without)) continue;
    for (const struct cli_flag *f = groups[g].flags; f->name; f++) {
      if (index-- == 0) return f;
    }
  }
  return NULL;
}

const struct cli_flag *args_flag(const struct cli_command *command, int index) {
  return flag_at(command, index, 0);
}

const struct cli_flag *args_flag_plain(const struct cli_command *command, int index) {
  return flag_at(command, index, CLI_USES_CONF);
}

/* Edits from a to b, a swap of neighbours counting as one; both at most NEAR_MAX long. */
#define NEAR_MAX 40
static int distance(const char *a, const char *b) {
  int d[NEAR_MAX + 1][NEAR_MAX + 1];
  int la = (int)strlen(a);
  int lb = (int)strlen(b);
  for (int i = 0; i <= la; i++) {
    for (int j = 0; j <= lb; j++) {
      if (!i || !j) {
        d[i][j] = i + j;
        continue;
      }
      int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
      if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
      if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped && d[i - 2][j - 2] + 1 < best) best = d[i - 2][j - 2] + 1;
      d[i][j] = best;
    }
  }
  return d[la][lb];
}

const char *args_nearest(const char *word, const char *const *words, size_t count) {
  size_t len = strlen(word);
  if (!len || len > NEAR_MAX) return NULL;
  const char *nearest = NULL;
  int least = len < 4 ? 2 : len < 9 ? 3 : 4; /* this far is no resemblance */
  for (size_t i = 0; i < count; i++) {
    if (!words[i] || strlen(words[i]) > NEAR_MAX) continue;
    int far = distance(word, words[i]);
    /* What was begun right is meant, however much is missing. */
    if (len >= 3 && far && !strncmp(words[i], word, len)) far = 1;
    if (far < least) {
      least = far;
      nearest = words[i];
    }
  }
  return nearest;
}

static const struct cli_flag *find_flag(const struct cli_command *command, const char *name) {
  const struct cli_flag *f;
  for (int i = 0; (f = args_flag(command, i)); i++) {
    const char *a = f->name;
    const char *b = name;
    for (; *a && (*a == *b || (*a == '-' && *b == '_')); a++, b++) {
    }
    if (!*a && !*b) return f;
  }
  return NULL;
}

#define FLAGS_MAX 64
static int unknown_flag(const struct cli_args *args, const char *given, const char *name) {
  const char *names[FLAGS_MAX];
  size_t count = 0;
  const struct cli_flag *f;
  while (count < FLAGS_MAX - 1 && (f = args_flag(args->command, (int)count))) names[count++] = f->name;
  names[count++] = "help";
  const char *nearest = args_nearest(name, names, count);
  const char *shown = term_clean(args->ctx, given);
  if (nearest) return cli_fail(CLI_USAGE, "there is no flag %s; did you mean --%s?", shown, nearest);
  return cli_fail(CLI_USAGE, "there is no flag %s; --help lists those that there are", shown);
}

static bool parse_real(const char *text, double *ret) {
  char *end;
  errno = 0;
  double d = strtod(text, &end);
  if (errno || end == text || *end || !isfinite(d) || d < 0 || d > 1) return false;
  *ret = d;
  return true;
}

static int parse_value(const struct cli_args *args, struct given *g) {
  const struct cli_flag *f = g->flag;
  const char *value = g->value ? g->value : "";
  const char *shown = term_clean(args->ctx, value);
  bool flag = false;
  switch (f->kind) {
  case CLI_SWITCH: return CLI_OK;
  case CLI_TEXT:
    if (utf8_valid(value, strlen(value))) return CLI_OK;
    return cli_fail(CLI_USAGE, "--%s is not UTF-8 text", f->name);
  case CLI_INT:
    if (parse_int(value, f->min, f->max, &g->number)) return CLI_OK;
    return cli_fail(CLI_USAGE, "--%s takes a whole number from %lld to %lld, not \"%s\"", f->name, (long long)f->min,
                    (long long)f->max, shown);
  case CLI_REAL:
    if (parse_real(value, &g->real)) return CLI_OK;
    return cli_fail(CLI_USAGE, "--%s takes a share from 0 to 1, such as 0.3, not \"%s\"", f->name, shown);
  case CLI_TIME:
    if (parse_duration_ms(value, &g->number) && g->number >= f->min && g->number <= f->max) return CLI_OK;
    return cli_fail(CLI_USAGE, "--%s takes a time such as 250ms, 15s or 72h, not \"%s\"", f->name, shown);
  case CLI_BOOL:
    if (!parse_bool(value, &flag)) {
      return cli_fail(CLI_USAGE, "--%s takes true or false, not \"%s\"", f->name, shown);
    }
    g->number = flag;
    return CLI_OK;
  }
  return CLI_OK;
}

/* argv[*at] is a flag; *at moves on when its value is the next argument. */
static int parse_flag(struct cli_args *args, int argc, char **argv, int *at) {
  const char *text = argv[*at];
  if (text[1] != '-') return unknown_flag(args, text, text + 1);
  const char *equals = strchr(text, '=');
  const char *name = mem_strndup(args->ctx, text + 2, equals ? (size_t)(equals - text) - 2 : strlen(text + 2));
  struct given g = {.flag = find_flag(args->command, name), .value = equals ? equals + 1 : NULL};
  if (!g.flag) return unknown_flag(args, mem_printf(args->ctx, "--%s", name), name);
  if (g.flag->kind == CLI_SWITCH && g.value) {
    return cli_fail(CLI_USAGE, "--%s takes no value", g.flag->name);
  }
  if (g.flag->kind != CLI_SWITCH && !g.value) {
    if (*at + 1 >= argc) return cli_fail(CLI_USAGE, "--%s needs its %s", g.flag->name, g.flag->value);
    g.value = argv[++*at];
  }
  int code = parse_value(args, &g);
  if (code == CLI_OK) args->given[args->given_count++] = g;
  return code;
}

static bool asks_for_help(int argc, char **argv) {
  for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
    if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) return true;
  }
  return false;
}

static int check_complete(const struct cli_args *args) {
  const struct cli_command *c = args->command;
  const struct cli_flag *f;
  for (int i = 0; (f = args_flag(c, i)); i++) {
    if (f->required && !cli_has(args, f->name)) {
      return cli_fail(CLI_USAGE, "--%s %s is missing: %s", f->name, f->value, f->help);
    }
  }
  if (args->word_count < c->words_min) {
    return cli_fail(CLI_USAGE, "%s is missing; --help shows what is expected", c->words);
  }
  if (args->word_count > c->words_max) {
    const char *odd = term_clean(args->ctx, args->words[c->words_max]);
    return cli_fail(CLI_USAGE, "\"%s\" is one word too many; text with spaces needs quotes, flags begin with --", odd);
  }
  return CLI_OK;
}

int args_parse(struct cli_args *args, int argc, char **argv) {
  args->help = asks_for_help(argc, argv);
  args->given = mem_array(args->ctx, struct given, (size_t)argc + 1);
  args->words = mem_array(args->ctx, const char *, (size_t)argc + 1);
  if (args->help) return CLI_OK;
  bool only_words = false;
  for (int i = 0; i < argc; i++) {
    if (only_words || argv[i][0] != '-' || !argv[i][1]) {
      args->words[args->word_count++] = argv[i];
      if (!utf8_valid(argv[i], strlen(argv[i]))) return cli_fail(CLI_USAGE, "a word is not UTF-8 text");
    } else if (!strcmp(argv[i], "--")) {
      only_words = true;
    } else {
      int code = parse_flag(args, argc, argv, &i);
      if (code != CLI_OK) return code;
    }
  }
  return check_complete(args);
}

/* ---- what a command asks ---- */

static const struct given *find(const struct cli_args *args, const char *flag) {
  for (int i = args->given_count; i-- > 0;) {
    if (!strcmp(args->given[i].flag->name, flag)) return &args->given[i];
  }
  return NULL;
}

void *cli_ctx(const struct cli_args *args) {
  return args->ctx;
}

const struct cli_command *cli_args_command(const struct cli_args *args) {
  return args->command;
}

bool cli_has(const struct cli_args *args, const char *flag) {
  return find(args, flag);
}

const char *cli_text(const struct cli_args *args, const char *flag, const char *otherwise) {
  const struct given *g = find(args, flag);
  return g && g->value ? g->value : otherwise;
}

int64_t cli_int(const struct cli_args *args, const char *flag, int64_t otherwise) {
  const struct given *g = find(args, flag);
  return g ? g->number : otherwise;
}

double cli_real(const struct cli_args *args, const char *flag, double otherwise) {
  const struct given *g = find(args, flag);
  return g ? g->real : otherwise;
}

int cli_count(const struct cli_args *args, const char *flag) {
  int count = 0;
  for (int i = 0; i < args->given_count; i++) count += !strcmp(args->given[i].flag->name, flag);
  return count;
}

const char *cli_text_at(const struct cli_args *args, const char *flag, int index) {
  for (int i = 0; i < args->given_count; i++) {
    if (!strcmp(args->given[i].flag->name, flag) && index-- == 0) return args->given[i].value;
  }
  return NULL;
}

const char *cli_word(const struct cli_args *args, int index) {
  return index < args->word_count ? args->words[index] : NULL;
}

bool cli_json(const struct cli_args *args) {
  return cli_has(args, "json");
}

const struct conf *cli_conf(const struct cli_args *args) {
  struct conf_flag *flags = mem_array(args->ctx, struct conf_flag, (size_t)args->given_count + 1);
  int count = 0;
  for (int i = 0; i < args->given_count; i++) {
    const struct given *g = &args->given[i];
    if (conf_is_name(g->flag->name)) flags[count++] = (struct conf_flag){g->flag->name, g->value};
  }
  char err[256];
  const struct conf *conf = conf_load(args->ctx, cli_text(args, "config", NULL), flags, count, err);
  if (!conf) cli_fail(CLI_USAGE, "%s", err);
  return conf;
}

const char *cli_data(const struct cli_args *args) {
  const char *dir = cli_text(args, "data", data_of_environment);
  if (dir && *dir) return dir;
  cli_fail(CLI_USAGE, "--data DIR is missing: name the data folder, or set GUICHET_DATA");
  return NULL;
}

const char *cli_store_url(const struct cli_args *args) {
  const char *given = cli_text(args, "store", store_of_environment);
  return given && *given ? given : NULL;
}
