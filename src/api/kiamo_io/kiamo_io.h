/* Kiamo.io Messaging / Bot: the partner's side. Handlers of the route table. */
#pragma once

#include "http/request.h"

void kiamo_io_token(struct request *req);
void kiamo_io_messages(struct request *req);
void kiamo_io_attachment(struct request *req);
