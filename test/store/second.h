/* A second process beside the test's: forked before the test opens its store (SQLite must not be carried over a fork),
 * it waits for each step it is told to take. Its failures end it with 1, which second_step tells. */
#pragma once

#include "box.h"

#include <sys/wait.h>
#include <unistd.h>

struct second {
  pid_t pid;
  int go[2], done[2];
};

/* steps are functions of the box, by number; run in the child with the store opened as a tool. */
static inline void second_start(struct second *s, struct box *b, void (*const *steps)(struct box *b)) {
  assert_int_equal(pipe(s->go), 0);
  assert_int_equal(pipe(s->done), 0);
  s->pid = fork();
  if (s->pid != 0) {
    close(s->go[0]);
    close(s->done[1]);
    return;
  }
  close(s->go[1]);
  close(s->done[0]);
  char step;
  while (read(s->go[0], &step, 1) == 1) {
    b->store = box_try(b, STORE_TOOL, 0);
    if (!b->store) {
      fprintf(stderr, "second: %s\n", b->err);
      _exit(1);
    }
    steps[(int)step](b);
    registry_forget();
    store_close(b->store);
    b->store = NULL;
    if (write(s->done[1], &step, 1) != 1) _exit(1);
  }
  _exit(0);
}

static inline void second_begin(struct second *s, char step) {
  assert_int_equal(write(s->go[1], &step, 1), 1);
}
static inline void second_finished(struct second *s, char step) {
  char told = -1;
  assert_int_equal(read(s->done[0], &told, 1), 1);
  assert_int_equal(told, step);
}
static inline void second_step(struct second *s, char step) {
  second_begin(s, step);
  second_finished(s, step);
}
static inline void second_end(struct second *s) {
  int status = -1;
  close(s->go[1]);
  close(s->done[0]);
  assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
  assert_int_equal(status, 0);
}
