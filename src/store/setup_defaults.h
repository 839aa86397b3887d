/* What a new instance begins with. Inside the transaction that makes it. */
#pragma once

#include "store/db.h"

enum db_result setup_defaults_insert(struct db *tx, int64_t instance_id);
