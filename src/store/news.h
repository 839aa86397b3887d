/* What this node tells the others after its commits, gathered until the keeper sends it: events of an instance up to a
 * number, something to deliver, a changed setup. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define NEWS_INSTANCES_MAX 256 /* beyond these the others' own look at the log finds them, within a second */
#define NEWS_LEN           64

struct news {
  pthread_mutex_t lock;
  struct {
    int64_t instance_id, last_number;
  } instances[NEWS_INSTANCES_MAX];
  int count;
  bool delivery, setup;
  struct {
    int64_t instance_id, last_number;
  } known[NEWS_INSTANCES_MAX]; /* what our own listeners have been told */
  int known_count;
};

void news_init(struct news *n);
void news_events(struct news *n, int64_t instance_id, int64_t last_number);
void news_delivery(struct news *n);
void news_setup(struct news *n);
/* The next as a line to send; false when there is nothing more. */
bool news_take(struct news *n, char out[static NEWS_LEN]);

/* Notes that our own listeners are told of it. False when they were already. */
bool news_is_new(struct news *n, int64_t instance_id, int64_t last_number);

/* What another node has sent. */
enum news_kind { NEWS_EVENTS, NEWS_DELIVERY, NEWS_SETUP };
bool news_parse(const char *line, enum news_kind *ret_kind, int64_t *ret_instance_id, int64_t *ret_last_number);
