/* The program begins here; what it can do is the table in cli/commands.c. */
#include "base/mem.h"
#include "base/secret.h"
#include "cli/cli.h"

int main(int argc, char **argv) {
  mem_init();
  secret_init();
  return cli_main(argc, argv);
}
