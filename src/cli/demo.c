/* The demo's setup, taken over as any setup that was exported: two services, what agents can do and serve, replies,
 * qualifications, and a calendar that is always open. In one transaction, on the command's thread. */
#include "cli/demo.h"

#include "api/kiamo_v3/setup_carry.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static const char demo_setup[] =
    "{\"groups\":[{\"id\":1,\"name\":\"Head office\"}],"
    "\"teams\":[{\"id\":1,\"name\":\"Care\"},{\"id\":2,\"name\":\"Accounts\"}],"
    "\"skills\":[{\"id\":1,\"name\":\"English\"},{\"id\":2,\"name\":\"French\"},{\"id\":3,\"name\":\"Billing\"}],"
    "\"calendars\":[{\"id\":1,\"name\":\"Always open\",\"zone\":\"Europe/Paris\",\"intervals\":["
    "{\"weekday\":1,\"start\":\"00:00\",\"end\":\"24:00\"},{\"weekday\":2,\"start\":\"00:00\",\"end\":\"24:00\"},"
    "{\"weekday\":3,\"start\":\"00:00\",\"end\":\"24:00\"},{\"weekday\":4,\"start\":\"00:00\",\"end\":\"24:00\"},"
    "{\"weekday\":5,\"start\":\"00:00\",\"end\":\"24:00\"},{\"weekday\":6,\"start\":\"00:00\",\"end\":\"24:00\"},"
    "{\"weekday\":7,\"start\":\"00:00\",\"end\":\"24:00\"}]}],"
    "\"services\":[{\"id\":1,\"name\":\"Customer care\",\"calendarId\":1,\"stickySeconds\":86400},"
    "{\"id\":2,\"name\":\"Billing\",\"priority\":3,\"calendarId\":1,\"strategy\":\"best_skill\","
    "\"overflow\":{\"serviceId\":1,\"afterSeconds\":120},\"skills\":[{\"id\":3,\"level\":2}]}],"
    "\"qualifications\":[{\"category\":\"Order\",\"label\":\"Where is my order?\"},"
    "{\"category\":\"Order\",\"label\":\"Return\"},{\"category\":\"Order\",\"label\":\"Exchange\"},"
    "{\"category\":\"Account\",\"label\":\"Cannot log in\"},{\"category\":\"Account\",\"label\":\"Change of address\"},"
    "{\"category\":\"Invoice\",\"label\":\"Question\",\"serviceId\":2},"
    "{\"category\":\"Invoice\",\"label\":\"Refund\",\"serviceId\":2},{\"category\":\"Other\",\"label\":\"Other\"}],"
    "\"canned-replies\":[{\"shortcut\":\"hello\",\"title\":\"Greeting\","
    "\"text\":\"Hello {customer.name}, this is {agent.name}. How can I help you?\"},"
    "{\"shortcut\":\"wait\",\"title\":\"One moment\",\"text\":\"One moment please, I am looking into it.\"},"
    "{\"shortcut\":\"bye\",\"title\":\"Goodbye\",\"text\":\"Thank you for writing to us. Have a good day!\"},"
    "{\"shortcut\":\"bonjour\",\"title\":\"Greeting, in French\","
    "\"text\":\"Bonjour {customer.name}, comment puis-je vous aider ?\"},"
    "{\"shortcut\":\"refund\",\"title\":\"Refund on its way\",\"serviceId\":2,"
    "\"text\":\"Your refund is on its way. It takes three to five working days.\"}],"
    "\"agents\":[{\"login\":\"demo\",\"email\":\"demo@example.com\",\"extension\":\"101\",\"group\":1,\"team\":1,"
    "\"skills\":[{\"id\":1,\"level\":4},{\"id\":2,\"level\":3}],\"services\":[{\"id\":1,\"level\":3}]},"
    "{\"login\":\"sam\",\"email\":\"sam@example.com\",\"extension\":\"102\",\"group\":1,\"team\":2,"
    "\"skills\":[{\"id\":1,\"level\":5},{\"id\":3,\"level\":4}],"
    "\"services\":[{\"id\":1,\"level\":2},{\"id\":2,\"level\":5}]}]}";

struct filling {
  void *ctx;
  int64_t instance_id;
  const struct jval *setup;
  struct decoder d;
};

static enum job_result fill_run(struct db *tx, void *arg) {
  static const struct setup_author author = {.label = "command"};
  struct filling *f = arg;
  struct setup_carried carried;
  decode_init(&f->d, f->ctx, PATH_POINTER);
  return setup_import(tx, &f->d, f->instance_id, f->setup, &author, &carried) ? JOB_COMMIT : JOB_REJECT;
}

bool demo_fill(struct store *s, int64_t instance_id, char err[static 256]) {
  struct filling f = {.ctx = mem_pool(NULL, 65536), .instance_id = instance_id};
  struct jerror wrong;
  f.setup = json_parse(f.ctx, demo_setup, sizeof demo_setup - 1, &wrong);
  if (!f.setup) panic("the demo's setup: %s", wrong.text);
  bool ok = store_run_now(s, fill_run, &f) == STORE_OK;
  if (ok)
    store_epoch_raise(s);
  else if (f.d.problem_count)
    snprintf(err, 256, "%.100s: %.140s", f.d.problems[0].path, f.d.problems[0].text);
  else
    snprintf(err, 256, "the store failed");
  mem_free(f.ctx);
  return ok;
}
