/* Help, out of the table of commands: the overview, one command, all of them as a Markdown page. Says nothing that is
 * not in the table, so that it cannot differ from what is accepted. Owns nothing. */
#include "cli/help.h"

#include "base/mem.h"
#include "cli/args.h"
#include "cli/run.h"
#include "cli/term.h"

#include <string.h>

#define WIDTH       100
#define FLAG_COLUMN 28

static const char exit_codes[] = "0 done, 1 it did not work, 2 called wrongly, 3 there is no such thing, 4 refused (a "
                                 "conflict, a bad value, no right).";

/* "connector create", padded to `width` by the caller's format. */
static void full_name(const struct cli_command *c, char out[static 48]) {
  snprintf(out, 48, "%s%s%s", c->name, c->sub ? " " : "", c->sub ? c->sub : "");
}

static void print_line(FILE *out, const struct cli_command *c) {
  char name[48];
  full_name(c, name);
  fprintf(out, "  %s%-24s%s ", term_style(out, TERM_BOLD), name, term_style(out, TERM_PLAIN));
  term_wrap(out, c->summary, 27, WIDTH);
}

void help_overview(FILE *out) {
  fputs("Guichet: a contact centre's messaging server.\n\nUsage: guichet COMMAND [flags]\n\n", out);
  for (size_t i = 0; i < cli_command_count; i++) print_line(out, &cli_commands[i]);
  fputs("\nguichet COMMAND --help says more about one. Begin with: guichet init --data DIR --demo\n", out);
}

void help_group(FILE *out, const char *name) {
  fprintf(out, "Usage: guichet %s COMMAND [flags]\n\n", name);
  for (size_t i = 0; i < cli_command_count; i++) {
    if (!strcmp(cli_commands[i].name, name)) print_line(out, &cli_commands[i]);
  }
  fprintf(out, "\nguichet %s COMMAND --help says more about one.\n", name);
}

static void usage(FILE *out, const struct cli_command *c) {
  char name[48];
  full_name(c, name);
  fprintf(out, "guichet %s%s%s", name, c->words ? " " : "", c->words ? c->words : "");
  const struct cli_flag *f;
  for (int i = 0; (f = args_flag(c, i)); i++) {
    if (f->required) fprintf(out, " --%s %s", f->name, f->value);
  }
  fputs(" [flags]", out);
}

static void print_flag(FILE *out, const struct cli_flag *f) {
  char left[64];
  int n = snprintf(left, sizeof left, "--%s%s%s", f->name, f->value ? " " : "", f->value ? f->value : "");
  fprintf(out, "  %s", left);
  /* A long flag has its text on the next line. */
  if (n >= FLAG_COLUMN) fprintf(out, "\n  %*s", FLAG_COLUMN, "");
  if (n < FLAG_COLUMN) fprintf(out, "%*s", FLAG_COLUMN - n, "");
  const char *more = f->required ? " (required)" : f->many ? " (may be given several times)" : "";
  char *text = mem_printf(NULL, "%s%s", f->help, more);
  term_wrap(out, text, FLAG_COLUMN + 2, WIDTH);
  mem_free(text);
}

void help_command(FILE *out, const struct cli_command *c) {
  fprintf(out, "%s.\n\nUsage: ", c->summary);
  usage(out, c);
  fputc('\n', out);
  if (c->detail) {
    fputc('\n', out);
    term_wrap(out, c->detail, 0, WIDTH);
  }
  fputs("\nFlags:\n", out);
  const struct cli_flag *f;
  for (int i = 0; (f = args_flag(c, i)); i++) print_flag(out, f);
  print_flag(out, &(struct cli_flag){"help", NULL, "This text"});
  fputs("\nExit codes: ", out);
  term_wrap(out, exit_codes, 12, WIDTH);
}

/* ---- doc/COMMANDS.md ---- */

/* In a cell of a table a bar would end it. */
static void put_cell(FILE *out, const char *text) {
  for (; *text; text++) {
    if (*text == '|') fputc('\\', out);
    fputc(*text, out);
  }
}

static void markdown_command(FILE *out, const struct cli_command *c) {
  char name[48];
  full_name(c, name);
  fprintf(out, "\n## guichet %s\n%s.\n\n```\n", name, c->summary);
  usage(out, c);
  fputs("\n```\n", out);
  if (c->detail) fprintf(out, "%s\n", c->detail);
  const struct cli_flag *f;
  if (args_flag_plain(c, 0)) fputs("\n| Flag | Meaning |\n|---|---|\n", out);
  for (int i = 0; (f = args_flag_plain(c, i)); i++) {
    fprintf(out, "| `--%s%s%s` | ", f->name, f->value ? " " : "", f->value ? f->value : "");
    put_cell(out, f->help);
    fprintf(out, "%s%s |\n", f->required ? " (required)" : "", f->many ? " (may be given several times)" : "");
  }
  if (c->uses & CLI_USES_CONF) {
    fputs("\nAlso `--config FILE` and every setting as a flag, `--listen ADDR:PORT` for example: "
          "[SETTINGS.md](SETTINGS.md).\n",
          out);
  }
}

static void markdown(FILE *out) {
  fputs("# Commands\n\n"
        "This page is what `guichet help --markdown` prints. Every command has `--help`. A flag's value follows it or "
        "an equals "
        "sign\n(`--name=value`); behind `--` nothing is a flag. Where there is `--json`, standard output is JSON and "
        "nothing else. "
        "Errors are\none sentence on standard error. Texts are coloured on a terminal only, and never when `NO_COLOR` "
        "is set.\n\n"
        "Exit codes: ",
        out);
  fprintf(out, "%s\n\n| Command | |\n|---|---|\n", exit_codes);
  for (size_t i = 0; i < cli_command_count; i++) {
    char name[48];
    full_name(&cli_commands[i], name);
    fprintf(out, "| `guichet %s` | %s |\n", name, cli_commands[i].summary);
  }
  for (size_t i = 0; i < cli_command_count; i++) markdown_command(out, &cli_commands[i]);
}

int cli_help(const struct cli_args *args) {
  const char *name = cli_word(args, 0);
  const char *sub = cli_word(args, 1);
  if (cli_has(args, "markdown")) {
    markdown(stdout);
    return CLI_OK;
  }
  if (cli_has(args, "settings")) {
    conf_print_doc(stdout);
    return CLI_OK;
  }
  if (!name) {
    help_overview(stdout);
    return CLI_OK;
  }
  const char *names[64];
  size_t count = 0;
  bool grouped = false;
  for (size_t i = 0; i < cli_command_count && count < ARRAY_LEN(names); i++) {
    const struct cli_command *c = &cli_commands[i];
    names[count++] = c->name;
    if (strcmp(c->name, name) != 0) continue;
    grouped = true;
    if (!c->sub || (sub && !strcmp(c->sub, sub))) {
      help_command(stdout, c);
      return CLI_OK;
    }
  }
  if (grouped && !sub) {
    help_group(stdout, name);
    return CLI_OK;
  }
  const char *nearest = args_nearest(name, names, count);
  if (nearest && !grouped)
    return cli_fail(CLI_USAGE, "there is no command \"%s\"; did you mean \"%s\"?", name, nearest);
  return cli_fail(CLI_USAGE, "there is no command \"%s%s%s\"; guichet help lists them", name, sub ? " " : "",
                  sub ? sub : "");
}
