/* The program behind main(): finds the command's row, parses its arguments by it, runs it, returns its exit code. Also
 * what commands have in common: the sentence for a failure, opening the store, whether all output got out. Owns the
 * context that everything of a command hangs on. One thread; commands that need more start and join them themselves. */
#include "cli/cli.h"

#include "base/log.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/help.h"
#include "cli/term.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Stands before every error: "guichet connector create". */
static char said_by[64] = "guichet";

int cli_fail(enum cli_exit code, const char *format, ...) {
  char text[1024];
  va_list values;
  va_start(values, format);
  vsnprintf(text, sizeof text, format, values);
  va_end(values);
  fflush(stdout);
  const char *bad = term_style(stderr, TERM_BAD);
  const char *plain = term_style(stderr, TERM_PLAIN);
  char *clean = term_clean(NULL, text);
  fprintf(stderr, "%s%s:%s %s\n", bad, said_by, plain, clean);
  mem_free(clean);
  return code;
}

/* ---- the store ---- */

int cli_store_begin(const struct cli_args *args, struct cli_store *ret) {
  const char *dir = cli_data(args);
  if (!dir) return CLI_USAGE;
  char err[256];
  struct store_options options = {.dir = dir, .url = cli_store_url(args), .mode = STORE_TOOL};
  struct cli_store s = {.store = store_open(cli_ctx(args), &options, err)};
  if (!s.store) {
    bool there = options.url || store_is_there(dir);
    return cli_fail(there ? CLI_FAILED : CLI_NOT_FOUND, "%s", err);
  }
  s.registry = registry_get(s.store);
  if (!s.registry) {
    store_close(s.store);
    return cli_fail(CLI_FAILED, "the setup in %s cannot be read; guichet doctor --data %s says more", dir, dir);
  }
  const char *name = cli_text(args, "instance", NULL);
  s.instance = registry_instance_named(s.registry, name);
  if (!s.instance) {
    cli_store_end(&s);
    return cli_fail(CLI_NOT_FOUND, "--instance: there is no instance \"%s\"; guichet instance list shows them",
                    name ? name : "");
  }
  *ret = s;
  return CLI_OK;
}

void cli_store_end(struct cli_store *s) {
  registry_put(s->registry);
  store_close(s->store);
  *s = (struct cli_store){0};
}

int cli_with_store(const struct cli_args *args, int (*fn)(const struct cli_args *args, const struct cli_store *s)) {
  struct cli_store s;
  int code = cli_store_begin(args, &s);
  if (code != CLI_OK) return code;
  code = fn(args, &s);
  cli_store_end(&s);
  return code;
}

bool cli_enables(const struct cli_args *args) {
  return strcmp(cli_args_command(args)->sub, "enable") == 0;
}

/* ---- which command ---- */

static bool is_name(const char *name) {
  for (size_t i = 0; i < cli_command_count; i++) {
    if (!strcmp(cli_commands[i].name, name)) return true;
  }
  return false;
}

static const struct cli_command *find(const char *name, const char *sub) {
  for (size_t i = 0; i < cli_command_count; i++) {
    const struct cli_command *c = &cli_commands[i];
    if (!strcmp(c->name, name) && (!c->sub || (sub && !strcmp(c->sub, sub)))) return c;
  }
  return NULL;
}

#define NAMES_MAX 64
static int unknown_command(void *ctx, const char *name) {
  const char *names[NAMES_MAX];
  size_t count = 0;
  for (size_t i = 0; i < cli_command_count && count < NAMES_MAX; i++) names[count++] = cli_commands[i].name;
  const char *nearest = args_nearest(name, names, count);
  const char *shown = term_clean(ctx, name);
  if (nearest) return cli_fail(CLI_USAGE, "there is no command \"%s\"; did you mean \"%s\"?", shown, nearest);
  return cli_fail(CLI_USAGE, "there is no command \"%s\"; guichet help lists them", shown);
}

/* `name` needs a second word and did not get one that is known. */
static int unknown_sub(void *ctx, const char *name, const char *sub) {
  const char *subs[NAMES_MAX];
  size_t count = 0;
  char *list = mem_strdup(ctx, "");
  for (size_t i = 0; i < cli_command_count && count < NAMES_MAX; i++) {
    if (strcmp(cli_commands[i].name, name) != 0) continue;
    list = mem_printf(ctx, "%s%s%s", list, count ? ", " : "", cli_commands[i].sub);
    subs[count++] = cli_commands[i].sub;
  }
  snprintf(said_by, sizeof said_by, "guichet %s", name);
  if (!sub) return cli_fail(CLI_USAGE, "say what to do: %s", list);
  const char *nearest = args_nearest(sub, subs, count);
  const char *shown = term_clean(ctx, sub);
  if (nearest) return cli_fail(CLI_USAGE, "there is no \"%s\"; did you mean \"%s\"?", shown, nearest);
  return cli_fail(CLI_USAGE, "there is no \"%s\"; there is %s", shown, list);
}

/* What was printed may still be on its way: a full disk is told, not swallowed. */
static int end_output(int code) {
  if (!fflush(stdout) && !ferror(stdout)) return code;
  if (errno == EPIPE) return code == CLI_OK ? CLI_FAILED : code;
  return cli_fail(CLI_FAILED, "cannot write to standard output: %s", strerror(errno));
}

static int run(void *ctx, const struct cli_command *command, int argc, char **argv) {
  struct cli_args args = {.ctx = ctx, .command = command};
  snprintf(said_by, sizeof said_by, "guichet %s%s%s", command->name, command->sub ? " " : "",
           command->sub ? command->sub : "");
  int code = args_parse(&args, argc, argv);
  if (code != CLI_OK) return code;
  if (args.help) {
    help_command(stdout, command);
    return CLI_OK;
  }
  return command->run(&args);
}

static bool is_help(const char *word) {
  return word && (!strcmp(word, "--help") || !strcmp(word, "-h"));
}

static int dispatch(void *ctx, int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : NULL;
  const char *sub = argc > 2 ? argv[2] : NULL;
  if (!name) {
    help_overview(stderr);
    return CLI_USAGE;
  }
  if (is_help(name)) {
    help_overview(stdout);
    return CLI_OK;
  }
  if (!strcmp(name, "--version")) name = "version";
  if (name[0] == '-') {
    return cli_fail(CLI_USAGE, "the command comes first, then its flags: guichet COMMAND %s …; guichet help lists them",
                    term_clean(ctx, name));
  }
  if (!is_name(name)) return unknown_command(ctx, name);
  const struct cli_command *command = find(name, sub);
  if (command) {
    int used = command->sub ? 3 : 2;
    return run(ctx, command, argc - used, argv + used);
  }
  if (!sub) return unknown_sub(ctx, name, NULL);
  if (!is_help(sub)) return unknown_sub(ctx, name, sub);
  help_group(stdout, name);
  return CLI_OK;
}

/* A connection is an open file: serve and listen take as many as the system lets them have. */
static void raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit)) log_at(LOG_WARN, "cli.file_limit", log_t("error", strerror(errno)));
}

int cli_main(int argc, char **argv) {
  setlocale(LC_TIME, "");
  /* Files of a store are for its owner; a reader that goes away must not kill a server. */
  umask(077);
  signal(SIGPIPE, SIG_IGN);
  log_set_level(LOG_WARN);
  raise_file_limit();
  void *ctx = mem_pool(NULL, 65536);
  args_take_environment(ctx);
  int code = end_output(dispatch(ctx, argc, argv));
  mem_free(ctx);
  return code;
}
