/* A client with a small receive buffer: connects to 127.0.0.1:PORT, sends what stands on standard input, reads BYTES
 * bytes of the answer and resets the connection. Prints the first line of the answer and how much it read. What its
 * kernel has taken beyond that is a few kilobytes, which a client in Node cannot have. A test's tool. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static _Noreturn void die(const char *what) {
  perror(what);
  exit(1);
}

static int connect_to(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  const int small = 8192;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small)) die("socket");
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&a, sizeof a)) die("connect");
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  char request[8192];
  size_t len = fread(request, 1, sizeof request, stdin);
  int fd = connect_to(atoi(argv[1]));
  if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len) die("send");
  long long want = atoll(argv[2]), got = 0;
  char answer[4096];
  while (got < want) {
    ssize_t n = recv(fd, answer, sizeof answer, 0);
    if (n <= 0) break;
    if (!got) printf("%.*s\n", (int)strcspn(answer, "\r\n"), answer);
    got += n;
  }
  printf("%lld\n", got);
  const struct linger reset = {.l_onoff = 1};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(fd);
  return 0;
}
