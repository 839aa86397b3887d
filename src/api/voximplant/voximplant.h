/* Voximplant Kit's custom channel: the connector's side. Handlers of the route table, and who may send events. */
#pragma once

#include "api/caller.h"

void kit_login(struct request *req);
void kit_refresh(struct request *req);
void kit_event(struct request *req);
void kit_file(struct request *req);

/* The Bearer token of an event, for the channel that the path names. */
void kit_admit(struct request *req, struct caller *c);

/* {"success":true,"result":{"access_token":…,"refresh_token":…}} for a login or refresh that was in order. */
void kit_reply_pair(struct request *req, const struct channel *channel, const struct account_token *token);
/* The channel and account token behind the claims, if both are as they were when the token was issued; else NULL. */
struct access_claims;
const struct channel *kit_still_good(const struct registry *r, const struct access_claims *claims,
                                     const struct account_token **ret_token);
/* The named parameters from the query and the body, which may be a form of either kind or JSON. False with the reply
 * set. Missing and empty ones are NULL. */
bool kit_params(struct request *req, const char *const *names, const char **values, int count);
