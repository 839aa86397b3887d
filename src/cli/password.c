/* People's passwords. A password never stands among the arguments, where every user of the machine could read it.
 * The caller wipes what it was given. */
#include "cli/password.h"

#include "base/secret.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define GROUPS    4
#define GROUP_LEN 5

void password_make(char out[static PASSWORD_MADE_LEN]) {
  static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
  uint8_t bytes[GROUPS * GROUP_LEN];
  random_bytes(bytes, sizeof bytes);
  char *at = out;
  for (size_t i = 0; i < sizeof bytes; i++) {
    if (i && i % GROUP_LEN == 0) *at++ = '-';
    /* 32 letters: no modulo bias. */
    *at++ = letters[bytes[i] % (sizeof letters - 1)];
  }
  *at = '\0';
  secret_wipe(bytes, sizeof bytes);
}

int password_read(char out[static PASSWORD_MAX + 1]) {
  struct termios before;
  bool terminal = isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &before);
  if (terminal) {
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    fputs("Password: ", stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  char line[PASSWORD_MAX + 3];
  bool read = fgets(line, sizeof line, stdin);
  if (terminal) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
  }
  if (!read) return cli_fail(CLI_USAGE, "--password-stdin: there is no password on standard input");
  size_t len = strcspn(line, "\r\n");
  bool fits = len <= PASSWORD_MAX;
  line[len] = '\0';
  if (fits) memcpy(out, line, len + 1);
  secret_wipe(line, sizeof line);
  if (!fits) return cli_fail(CLI_USAGE, "--password-stdin: the password is longer than %d bytes", PASSWORD_MAX);
  return CLI_OK;
}
