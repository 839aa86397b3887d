/* How statements that meet large tables are answered: by the index made for them, without sorting. */
#include "box.h"

#include "base/mem.h"

static const struct {
  enum query query;
  const char *by; /* must stand in the plan */
} rows[] = {
    {Q_INTERACTION_LIST_STATE, "INDEX interaction_state"},
    {Q_INTERACTION_LIST_CLOSED_SERVICE, "INDEX interaction_closed_service"},
    {Q_INTERACTION_LIST_CLOSED_AGENT, "INDEX interaction_closed_agent"},
    {Q_INBOUND_EVENT_EXPIRE, "INDEX inbound_event_age"},
    {Q_DELIVERY_EXPIRE, "INDEX delivery_settled"},
    {Q_ATTACHMENT_UNCLAIMED, "INDEX attachment_unclaimed"},
};

static void plans(void **state) {
  struct box *b = *state;
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    const char *plan = box_plan(b, rows[i].query), *name = query_texts[rows[i].query].name;
    if (!strstr(plan, rows[i].by)) fail_msg("%s does not use %s: %s", name, rows[i].by, plan);
    if (strstr(plan, "SCAN") || strstr(plan, "TEMP B-TREE"))
      fail_msg("%s reads or sorts more than it must: %s", name, plan);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(plans, box_setup, box_teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
