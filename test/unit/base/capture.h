/* For tests: what a piece of code writes to stderr, and how a child process ends. Brings cmocka with it. */
#pragma once

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct capture {
  int saved;
  FILE *file;
  char text[65536];
};

static inline void capture_start(struct capture *c) {
  fflush(stderr);
  c->file = tmpfile();
  assert_non_null(c->file);
  c->saved = dup(STDERR_FILENO);
  assert_true(dup2(fileno(c->file), STDERR_FILENO) >= 0);
}

static inline const char *capture_end(struct capture *c) {
  fflush(stderr);
  dup2(c->saved, STDERR_FILENO);
  close(c->saved);
  rewind(c->file);
  size_t n = fread(c->text, 1, sizeof c->text - 1, c->file);
  c->text[n] = '\0';
  fclose(c->file);
  return c->text;
}

/* Runs fn in a child whose stderr is captured; returns the wait status. */
static inline int run_in_child(struct capture *c, void (*fn)(void)) {
  capture_start(c);
  pid_t child = fork();
  if (child == 0) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL); /* cmocka and sanitizers would turn it into a report of their own */
    fn();
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  capture_end(c);
  return status;
}
