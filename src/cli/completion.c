/* Completion for bash, out of the table of commands: first words, second words, flags. Prints a script to be sourced;
 * it never runs the program while the user types. */
#include "cli/args.h"
#include "cli/run.h"

#include <string.h>

static bool is_first_of_name(size_t index) {
  for (size_t i = 0; i < index; i++) {
    if (!strcmp(cli_commands[i].name, cli_commands[index].name)) return false;
  }
  return true;
}

static void print_words(void) {
  fputs("  local words='", stdout);
  for (size_t i = 0; i < cli_command_count; i++) {
    if (is_first_of_name(i)) printf("%s%s", i ? " " : "", cli_commands[i].name);
  }
  fputs("' flags='--help'\n  case \"${COMP_WORDS[1]}\" in\n", stdout);
  for (size_t i = 0; i < cli_command_count; i++) {
    if (!cli_commands[i].sub || !is_first_of_name(i)) continue;
    printf("    %s) [ \"$COMP_CWORD\" -eq 2 ] && words='", cli_commands[i].name);
    for (size_t j = i; j < cli_command_count; j++) {
      if (!strcmp(cli_commands[j].name, cli_commands[i].name)) printf("%s%s", j > i ? " " : "", cli_commands[j].sub);
    }
    fputs("' ;;\n", stdout);
  }
  fputs("  esac\n", stdout);
}

static void print_flags(void) {
  fputs("  case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n", stdout);
  for (size_t i = 0; i < cli_command_count; i++) {
    const struct cli_command *c = &cli_commands[i];
    printf("    \"%s %s\"%s) flags='--help", c->name, c->sub ? c->sub : "", c->sub ? "" : "*");
    const struct cli_flag *f;
    for (int n = 0; (f = args_flag(c, n)); n++) printf(" --%s", f->name);
    fputs("' ;;\n", stdout);
  }
  fputs("  esac\n", stdout);
}

int cli_completion(const struct cli_args *args) {
  (void)args;
  fputs("# Completion of guichet in bash: source <(guichet completion), or put this into\n"
        "# /usr/share/bash-completion/completions/guichet.\n"
        "_guichet() {\n"
        "  local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\"\n",
        stdout);
  print_words();
  print_flags();
  fputs("  case \"$before\" in\n"
        "    --data) COMPREPLY=($(compgen -d -- \"$word\")); return ;;\n"
        "    --file | --history | --config | --key | --tls-cert | --tls-key) COMPREPLY=($(compgen -f -- \"$word\")); "
        "return ;;\n"
        "  esac\n"
        "  case \"$word\" in\n"
        "    -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$word\")) ;;\n"
        "    *) [ \"$COMP_CWORD\" -le 2 ] && COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ;;\n"
        "  esac\n"
        "}\n"
        "complete -o default -F _guichet guichet\n",
        stdout);
  return CLI_OK;
}
