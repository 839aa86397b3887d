/* The helper of box_postgres.h. A connection for each statement, so that nothing is carried over. */
#include "box_postgres.h"

#include "base/mem.h"

#include <libpq-fe.h>
#include <unistd.h>

bool box_is_remote(void) {
  const char *store = getenv("GUICHET_TEST_STORE");
  return store && strcmp(store, "postgres") == 0;
}

static const char *cluster(void) {
  const char *url = getenv("GUICHET_TEST_POSTGRES");
  if (url) return url;
  /* As Meson has it: not failed, skipped. */
  fprintf(stderr, "no PostgreSQL: test/lib/with-postgres meson test …\n");
  exit(77);
}

static char *run(struct box *b, const char *url, const char *sql) {
  PGconn *c = PQconnectdb(url);
  if (PQstatus(c) != CONNECTION_OK) fail_msg("%s", PQerrorMessage(c));
  PGresult *r = PQexec(c, sql);
  ExecStatusType status = PQresultStatus(r);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail_msg("%s: %s", sql, PQerrorMessage(c));
  bool found = status == PGRES_TUPLES_OK && PQntuples(r) > 0 && !PQgetisnull(r, 0, 0);
  char *text = found ? mem_strdup(b->ctx, PQgetvalue(r, 0, 0)) : NULL;
  PQclear(r);
  PQfinish(c);
  return text;
}

void box_remote_new(struct box *b) {
  static int number;
  char name[40], sql[100];
  snprintf(name, sizeof name, "t%d_%d", (int)getpid(), ++number);
  snprintf(sql, sizeof sql, "CREATE DATABASE %s", name);
  (void)run(b, cluster(), sql);
  /* …//postgres?host=…: the name stands between the last slash before the parameters and them. */
  const char *base = cluster(), *query = strchr(base, '?');
  b->url = mem_printf(b, "postgresql:///%s%s", name, query);
}

void box_remote_free(struct box *b) {
  char sql[120];
  const char *name = b->url + strlen("postgresql:///");
  snprintf(sql, sizeof sql, "DROP DATABASE %.*s WITH (FORCE)", (int)strcspn(name, "?"), name);
  (void)run(b, cluster(), sql);
}

char *box_remote_sql(struct box *b, const char *sql) {
  return run(b, b->url, sql);
}
