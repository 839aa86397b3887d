/* How long a server takes from its start to its first answer.
 *   bench-start TIMES COMMAND…     prints one line of JSON: milliseconds of each start
 * The command must print a line that ends in :PORT; its /health is asked. It is then stopped by SIGTERM. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static pid_t start(char **command, int *ret_out) {
  int ends[2];
  pid_t pid;
  posix_spawn_file_actions_t actions;
  if (pipe(ends)) fail("pipe");
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  if (posix_spawnp(&pid, command[0], &actions, NULL, command, environ)) fail(command[0]);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  *ret_out = ends[0];
  return pid;
}

static int read_port(int fd) {
  char line[256];
  size_t len = 0;
  while (len < sizeof line - 1) {
    ssize_t n = read(fd, line + len, sizeof line - 1 - len);
    if (n <= 0) fail("the command ended");
    len += (size_t)n;
    line[len] = '\0';
    if (strchr(line, '\n')) break;
  }
  const char *colon = strrchr(line, ':');
  return colon ? atoi(colon + 1) : 0;
}

static void ask(int port) {
  static const char request[] = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  char answer[4096];
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) fail("connect");
  if (write(fd, request, sizeof request - 1) < 0) fail("write");
  ssize_t n = read(fd, answer, sizeof answer - 1);
  if (n < 12 || strncmp(answer + 9, "200", 3) != 0) fail("no good answer");
  close(fd);
}

int main(int argc, char **argv) {
  int times = argc > 2 ? atoi(argv[1]) : 0;
  if (times < 1) {
    fprintf(stderr, "usage: bench-start TIMES COMMAND…\n");
    return 2;
  }
  for (int i = 0; i < times; i++) {
    int out, status;
    double begun = now_ms();
    pid_t pid = start(argv + 2, &out);
    int port = read_port(out);
    ask(port);
    printf("%s%.3f", i ? "," : "{\"ms\":[", now_ms() - begun);
    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    close(out);
  }
  printf("]}\n");
  return 0;
}
