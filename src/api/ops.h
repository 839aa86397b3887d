/* For operators: /health and /metrics. */
#pragma once

#include "http/request.h"

void ops_health(struct request *req);
void ops_metrics(struct request *req);
