/* News between nodes. Any thread adds, the keeper takes. Bounded: what does not fit is found by others without us. */
#include "store/news.h"

#include <stdio.h>
#include <string.h>

void news_init(struct news *n) {
  *n = (struct news){.count = 0};
  pthread_mutex_init(&n->lock, NULL);
}

void news_events(struct news *n, int64_t instance_id, int64_t last_number) {
  pthread_mutex_lock(&n->lock);
  int i = 0;
  while (i < n->count && n->instances[i].instance_id != instance_id) i++;
  if (i == n->count && i < NEWS_INSTANCES_MAX) {
    n->instances[n->count].instance_id = instance_id;
    n->instances[n->count++].last_number = 0;
  }
  if (i < n->count && n->instances[i].last_number < last_number) n->instances[i].last_number = last_number;
  pthread_mutex_unlock(&n->lock);
}

void news_delivery(struct news *n) {
  pthread_mutex_lock(&n->lock);
  n->delivery = true;
  pthread_mutex_unlock(&n->lock);
}

void news_setup(struct news *n) {
  pthread_mutex_lock(&n->lock);
  n->setup = true;
  pthread_mutex_unlock(&n->lock);
}

bool news_take(struct news *n, char out[static NEWS_LEN]) {
  bool any = true;
  pthread_mutex_lock(&n->lock);
  if (n->setup) {
    n->setup = false;
    snprintf(out, NEWS_LEN, "setup");
  } else if (n->delivery) {
    n->delivery = false;
    snprintf(out, NEWS_LEN, "delivery");
  } else if (n->count) {
    n->count--;
    snprintf(out, NEWS_LEN, "events %lld %lld", (long long)n->instances[n->count].instance_id,
             (long long)n->instances[n->count].last_number);
  } else {
    any = false;
  }
  pthread_mutex_unlock(&n->lock);
  return any;
}

bool news_is_new(struct news *n, int64_t instance_id, int64_t last_number) {
  pthread_mutex_lock(&n->lock);
  int i = 0;
  while (i < n->known_count && n->known[i].instance_id != instance_id) i++;
  if (i == n->known_count && i < NEWS_INSTANCES_MAX) {
    n->known[n->known_count].instance_id = instance_id;
    n->known[n->known_count++].last_number = 0;
  }
  bool is_new = i == n->known_count || n->known[i].last_number < last_number;
  if (is_new && i < n->known_count) n->known[i].last_number = last_number;
  pthread_mutex_unlock(&n->lock);
  return is_new;
}

bool news_parse(const char *line, enum news_kind *ret_kind, int64_t *ret_instance_id, int64_t *ret_last_number) {
  long long instance_id = 0, last_number = 0;
  char word[16];
  int got = sscanf(line, "%15s %lld %lld", word, &instance_id, &last_number);
  static const struct {
    const char *word;
    int fields;
  } kinds[] = {[NEWS_EVENTS] = {"events", 3}, [NEWS_DELIVERY] = {"delivery", 1}, [NEWS_SETUP] = {"setup", 1}};
  for (int i = 0; i <= NEWS_SETUP; i++) {
    if (got != kinds[i].fields || strcmp(word, kinds[i].word) != 0) continue;
    *ret_kind = (enum news_kind)i;
    *ret_instance_id = instance_id;
    *ret_last_number = last_number;
    return true;
  }
  return false;
}
