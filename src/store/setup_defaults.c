/* What a new instance begins with: its agents' states. On the thread of the transaction that makes the instance. */
#include "store/setup_defaults.h"

#include "core/setup.h"

enum db_result setup_defaults_insert(struct db *tx, int64_t instance_id) {
  int64_t id = db_int(tx, Q_STATE_MAX, 0);
  enum db_result r = DB_OK;
  for (int i = 0; i < STATE_DEFAULT_COUNT && r == DB_OK; i++) {
    const struct state_default *s = &state_defaults[i];
    id++;
    r = db_exec(tx, Q_STATE_ADD, v_int(id), v_int(instance_id), v_text(s->label), v_int((int64_t)s->kind),
                v_text(s->color), v_int(i + 1), v_int(1));
  }
  return r;
}
