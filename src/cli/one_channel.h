/* What commands on one connector or one custom channel have in common: both are rows of the channels. */
#pragma once

#include "cli/listing.h"

typedef const struct channel *find_channel_fn(const struct cli_store *s, const char *word);
typedef void put_channel_fn(struct output *o, const struct registry *r, const struct channel *c);
typedef int channel_fn(const struct cli_args *args, const struct cli_store *s, const struct channel *c);

/* Opens the store, finds what the first word names, does it, closes. CLI_NOT_FOUND after `find` said why. */
int with_channel(const struct cli_args *args, find_channel_fn *find, channel_fn *fn);
/* `enable` and `disable` of both: which, and the word for people, are the command's own row. */
channel_fn channel_set_enabled;

/* The id of the service that --service names; *ret_id stays as it is when it was not given. */
int channel_service(const struct cli_args *args, const struct cli_store *s, int64_t *ret_id);
const char *service_name(const struct registry *r, int64_t id); /* "" for none */
/* "key":{"id":…,"name":…} */
void put_named(struct output *o, const char *key, int64_t id, const char *name);
/* Those of one kind: as JSON by `put`, and id, name, enabled, service, what the partner is called by, address. */
void list_channels(struct listing *l, enum channel_kind kind, put_channel_fn *put);
