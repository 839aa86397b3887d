/* PostgreSQL as the engine: one connection with its prepared statements, used by one thread at a time, in libpq's
 * pipeline mode: BEGIN travels with the first statement, a reader's end without waiting for its answer.
 * Owns the connection. A reader that lost it while idle makes another at its next first statement. Else nothing is run
 * twice here: a lost connection is TROUBLE_LOST until postgres_reopen, and whether a commit under way took place is
 * then unknown. */
#include "store/postgres.h"

#include "base/log.h"
#include "base/mem.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAMETERS_MAX  24
#define QUEUE_MAX       200 /* commands sent without reading an answer */
#define VERSION_MIN     150000
#define LOCK_WAIT_MS    10000
#define NAME_LEN        24
#define WITHOUT_RESULTS 0
#define BINARY          1

/* PostgreSQL's numbers of types, fixed for all versions. */
enum { OID_BOOL = 16, OID_BYTES = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25, OID_NUMERIC = 1700 };

struct prepared {
  bool is;
  uint32_t generation; /* in its name: what a pipeline that failed may have left is not met again */
};

struct postgres {
  struct db base; /* first: a connection is what it begins with */
  PGconn *handle;
  char *url;
  enum postgres_role role;
  struct prepared prepared[Q_COUNT];
  enum query fresh[QUEUE_MAX + 8]; /* prepared in this pipeline, not known to have worked */
  int fresh_count;
  bool in_transaction, begun; /* begun: the server knows, or will */
  bool careful, gathering;
  int64_t lock_wait_ms;
  int queued; /* commands since the last end of a pipeline */
  int owed;   /* ends of pipelines not yet read */
  int64_t changes;
};

/* One open cursor: all its rows are here. */
struct cursor {
  PGresult *result;
  int row;
};

static struct postgres *own(const struct db *db) {
  return (struct postgres *)(uintptr_t)db;
}

/* ---- trouble ---- */

/* By the longest beginning of the SQLSTATE. */
static enum engine_trouble trouble_of(const char *state) {
  static const struct {
    const char *prefix;
    enum engine_trouble trouble;
  } table[] = {
      {"40001", TROUBLE_AGAIN}, /* serialization failure */
      {"40P01", TROUBLE_AGAIN}, /* deadlock */
      {"55P03", TROUBLE_AGAIN}, /* lock_timeout */
      {"57014", TROUBLE_BUSY},  /* statement_timeout */
      {"53", TROUBLE_FULL},     /* disk, memory, connections */
      {"58030", TROUBLE_FULL},  /* it could not write */
      {"23", TROUBLE_APART},    /* a rule was broken */
      {"25006", TROUBLE_LOST},  /* read only: a standby, after a failover */
      {"25P03", TROUBLE_LOST},  /* idle in transaction for too long */
      {"57P", TROUBLE_LOST},    /* shut down, or starting */
      {"08", TROUBLE_LOST},
  };
  for (size_t i = 0; i < ARRAY_LEN(table); i++)
    if (strncmp(state, table[i].prefix, strlen(table[i].prefix)) == 0) return table[i].trouble;
  return TROUBLE_JOB;
}

static void one_line(char *text) {
  for (char *c = text; *c; c++)
    if (*c == '\n' || *c == '\r' || *c == '\t') *c = ' ';
  size_t len = strlen(text);
  while (len && text[len - 1] == ' ') text[--len] = 0;
}

static void note(struct postgres *db, enum engine_trouble trouble, const char *message) {
  if (db->base.trouble == TROUBLE_LOST || db->base.trouble == TROUBLE_FATAL) return;
  /* The first error of a transaction is the cause of those behind it; only a lost connection is worse. */
  if (db->base.trouble != TROUBLE_NONE && trouble != TROUBLE_LOST) return;
  db->base.trouble = trouble;
  snprintf(db->base.error, sizeof db->base.error, "%s", message && *message ? message : "the connection was lost");
  one_line(db->base.error);
}

static void note_lost(struct postgres *db) {
  note(db, TROUBLE_LOST, PQerrorMessage(db->handle));
}

/* ---- the pipeline ---- */

struct failure {
  char state[6];
  char message[160];
};

static void take_failure(const PGresult *r, struct failure *f) {
  const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
  const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
  if (f->state[0]) return;
  snprintf(f->state, sizeof f->state, "%s", state ? state : "08006");
  snprintf(f->message, sizeof f->message, "%s", message ? message : PQresultErrorMessage(r));
}

/* Reads answers until the next end of a pipeline. The answer to command number `wanted` (from 0) is given back, when it
 * came; the caller clears it. False when the connection is gone. */
static bool read_answers(struct postgres *db, int wanted, PGresult **ret, struct failure *failure) {
  for (int command = 0, idle = 0; idle < 3;) {
    PGresult *r = PQgetResult(db->handle);
    if (!r) { /* the end of one command's answers; twice only when the connection is gone */
      if (PQstatus(db->handle) != CONNECTION_OK) return false;
      idle++;
      command++;
      continue;
    }
    idle = 0;
    ExecStatusType status = PQresultStatus(r);
    if (status == PGRES_PIPELINE_SYNC) {
      PQclear(r);
      return true;
    }
    if (status == PGRES_FATAL_ERROR) take_failure(r, failure);
    if (command == wanted && ret && !*ret && status != PGRES_PIPELINE_ABORTED)
      *ret = r;
    else
      PQclear(r);
  }
  return false;
}

/* Of statements prepared in a pipeline that failed nobody knows whether they are there: they get new names. */
static void end_fresh(struct postgres *db, bool failed) {
  for (int i = 0; failed && i < db->fresh_count; i++) {
    db->prepared[db->fresh[i]].is = false;
    db->prepared[db->fresh[i]].generation++;
  }
  db->fresh_count = 0;
}

/* Sends what was queued and reads the answers. */
static PGresult *finish(struct postgres *db, int wanted, struct failure *failure) {
  PGresult *result = NULL;
  struct failure ignored = {.state = ""};
  failure->state[0] = 0;
  bool alive = PQpipelineSync(db->handle) == 1;
  for (; alive && db->owed > 0; db->owed--) alive = read_answers(db, -1, NULL, &ignored);
  alive = alive && read_answers(db, wanted, &result, failure);
  db->queued = 0;
  end_fresh(db, !alive || failure->state[0]);
  if (alive) return result;
  PQclear(result);
  note_lost(db);
  return NULL;
}

static bool queue(struct postgres *db, const char *sql) {
  if (PQsendQueryParams(db->handle, sql, 0, NULL, NULL, NULL, NULL, WITHOUT_RESULTS) != 1) {
    note_lost(db);
    return false;
  }
  db->queued++;
  return true;
}

static bool queue_begin(struct postgres *db) {
  if (!db->in_transaction || db->begun) return true;
  db->begun = true;
  if (db->role == POSTGRES_READER) return queue(db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  if (!queue(db, "BEGIN ISOLATION LEVEL READ COMMITTED")) return false;
  if (db->lock_wait_ms == LOCK_WAIT_MS) return true;
  char set[64];
  snprintf(set, sizeof set, "SET LOCAL lock_timeout = %lld", (long long)db->lock_wait_ms);
  return queue(db, set);
}

/* ---- values ---- */

struct parameters {
  Oid types[PARAMETERS_MAX];
  const char *values[PARAMETERS_MAX];
  int lengths[PARAMETERS_MAX], formats[PARAMETERS_MAX];
  uint8_t numbers[PARAMETERS_MAX][8];
};

static void put_number(uint8_t out[static 8], int64_t number) {
  for (int i = 0; i < 8; i++) out[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
}

static void fill(struct parameters *p, const struct db_value *values, size_t count) {
  static const Oid types[] = {[DBV_NULL] = 0, [DBV_INT] = OID_INT8, [DBV_TEXT] = OID_TEXT, [DBV_BYTES] = OID_BYTES};
  invariant(count <= PARAMETERS_MAX);
  for (size_t i = 0; i < count; i++) {
    const struct db_value *v = &values[i];
    p->types[i] = types[v->kind];
    p->formats[i] = BINARY;
    put_number(p->numbers[i], v->number);
    bool is_int = v->kind == DBV_INT;
    p->values[i] = v->kind == DBV_NULL ? NULL : is_int ? (const char *)p->numbers[i] : v->len ? v->bytes : "";
    p->lengths[i] = is_int ? 8 : (int)v->len;
  }
}

/* ---- statements ---- */

static void name_of(const struct postgres *db, enum query query, char name[static NAME_LEN]) {
  snprintf(name, NAME_LEN, "q%d_%u", (int)query, db->prepared[query].generation);
}

/* Statements are prepared with the kinds of their first values: what is compared with a plain number would be a 32-bit
 * one otherwise. */
static bool queue_prepare(struct postgres *db, enum query query, const Oid *types, size_t count) {
  struct prepared *p = &db->prepared[query];
  const struct query_text *text = &query_texts[query];
  char name[NAME_LEN], sql[4096];
  if (p->is) return true;
  name_of(db, query, name);
  bool locks = text->locks && db->role == POSTGRES_WRITER;
  int len = snprintf(sql, sizeof sql, "%s%s%s", text->postgres, locks ? " FOR NO KEY UPDATE OF " : "",
                     locks ? text->locks : "");
  invariant(len < (int)sizeof sql);
  if (PQsendPrepare(db->handle, name, sql, (int)count, types) != 1) {
    note_lost(db);
    return false;
  }
  db->queued++;
  db->fresh[db->fresh_count++] = query;
  p->is = true;
  return true;
}

static bool queue_statement(struct postgres *db, enum query query, const struct db_value *values, size_t count) {
  struct parameters p;
  char name[NAME_LEN];
  fill(&p, values, count);
  if (!queue_prepare(db, query, p.types, count)) return false;
  name_of(db, query, name);
  if (PQsendQueryPrepared(db->handle, name, (int)count, p.values, p.lengths, p.formats, BINARY) != 1) {
    note_lost(db);
    return false;
  }
  db->queued++;
  return true;
}

static void note_failure(struct postgres *db, const char *what, const struct failure *f) {
  char message[400];
  snprintf(message, sizeof message, "%s: %s (%s)", what, f->message, f->state);
  enum engine_trouble trouble = trouble_of(f->state);
  /* A reader is read only because we want it so. */
  if (db->role == POSTGRES_READER && trouble == TROUBLE_LOST && strcmp(f->state, "25006") == 0) trouble = TROUBLE_JOB;
  note(db, trouble, message);
}

static PGresult *run_once(struct postgres *db, enum query query, const struct db_value *values, size_t count) {
  struct failure failure;
  if (!queue_begin(db) || !queue_statement(db, query, values, count)) return NULL;
  PGresult *r = finish(db, db->queued - 1, &failure);
  if (!failure.state[0]) return r;
  PQclear(r);
  note_failure(db, query_texts[query].name, &failure);
  return NULL;
}

/* A reader may have lost its connection while it lay idle: its first statement may as well be asked of a new one. */
static PGresult *run(struct postgres *db, enum query query, const struct db_value *values, size_t count) {
  bool first = db->role == POSTGRES_READER && db->in_transaction && !db->begun;
  PGresult *r = run_once(db, query, values, count);
  if (r || !first || db->base.trouble != TROUBLE_LOST || !postgres_reopen(&db->base)) return r;
  db->in_transaction = true;
  return run_once(db, query, values, count);
}

/* Undoes one statement alone, inside the transaction. */
static bool undo_statement(struct postgres *db) {
  struct failure failure;
  if (!queue(db, "ROLLBACK TO SAVEPOINT statement") || !queue(db, "RELEASE SAVEPOINT statement")) return false;
  PQclear(finish(db, -1, &failure));
  if (failure.state[0]) note_failure(db, "savepoint", &failure);
  return db->base.trouble == TROUBLE_NONE;
}

static PGresult *run_careful(struct postgres *db, enum query query, const struct db_value *values, size_t count,
                             enum db_result *ret_broken) {
  struct failure failure;
  if (!queue_begin(db) || !queue(db, "SAVEPOINT statement") || !queue_statement(db, query, values, count)) return NULL;
  int wanted = db->queued - 1;
  if (!queue(db, "RELEASE SAVEPOINT statement")) return NULL;
  PGresult *r = finish(db, wanted, &failure);
  if (!failure.state[0]) return r;
  PQclear(r);
  if (trouble_of(failure.state) != TROUBLE_APART) {
    note_failure(db, query_texts[query].name, &failure);
    return NULL;
  }
  bool foreign_key = strcmp(failure.state, "23503") == 0;
  if (undo_statement(db)) *ret_broken = foreign_key ? DB_NONE : DB_CONFLICT;
  return NULL;
}

static enum db_result exec(struct db *base, enum query query, const struct db_value *values, size_t count) {
  struct postgres *db = own(base);
  enum db_result broken = DB_FAILED;
  if (db->gathering) {
    struct failure failure = {.state = ""};
    if (!queue_begin(db) || !queue_statement(db, query, values, count)) return DB_FAILED;
    if (db->queued > QUEUE_MAX) PQclear(finish(db, -1, &failure));
    if (failure.state[0]) note_failure(db, query_texts[query].name, &failure);
    db->changes++;
    return base->trouble == TROUBLE_NONE ? DB_OK : DB_FAILED;
  }
  bool careful = db->careful && db->in_transaction;
  PGresult *r = careful ? run_careful(db, query, values, count, &broken) : run(db, query, values, count);
  if (!r) return broken;
  int64_t rows = PQresultStatus(r) == PGRES_TUPLES_OK ? PQntuples(r) : strtoll(PQcmdTuples(r), NULL, 10);
  PQclear(r);
  db->changes += rows;
  return rows > 0 ? DB_OK : DB_NONE;
}

static int cursor_destroy(struct cursor *c) {
  PQclear(c->result);
  return 0;
}

static void open_rows(struct db_rows *rows, enum query query, const struct db_value *values, size_t count) {
  struct postgres *db = own(rows->db);
  PGresult *r = run(db, query, values, count);
  if (!r) return;
  struct cursor *c = mem_new(db, struct cursor);
  c->result = r;
  c->row = -1;
  talloc_set_destructor(c, cursor_destroy);
  rows->statement = c;
}

static bool next_row(struct db_rows *rows) {
  struct cursor *c = rows->statement;
  if (c->row < PQntuples(c->result)) c->row++;
  return c->row < PQntuples(c->result);
}

static void close_rows(struct db_rows *rows) {
  mem_free(rows->statement);
}

static bool column_is_null(const struct db_rows *rows, int column) {
  const struct cursor *c = rows->statement;
  return PQgetisnull(c->result, c->row, column);
}

static int64_t big_endian(const uint8_t *bytes, int len) {
  uint64_t n = len > 1 && bytes[0] & 0x80 ? UINT64_MAX : 0;
  for (int i = 0; i < len; i++) n = n << 8 | bytes[i];
  return (int64_t)n;
}

/* What a sum of integers is: digits of base 10000 after their count, the weight of the first, sign and scale. */
static int64_t numeric(const uint8_t *bytes) {
  int64_t digits = big_endian(bytes, 2), weight = big_endian(bytes + 2, 2), n = 0;
  bool negative = bytes[4] == 0x40;
  for (int64_t i = 0; i <= weight; i++) n = n * 10000 + (i < digits ? big_endian(bytes + 8 + 2 * i, 2) : 0);
  return negative ? -n : n;
}

static int64_t column_int(const struct db_rows *rows, int column) {
  const struct cursor *c = rows->statement;
  if (PQgetisnull(c->result, c->row, column)) return 0;
  const uint8_t *bytes = (const uint8_t *)PQgetvalue(c->result, c->row, column);
  int len = PQgetlength(c->result, c->row, column);
  Oid type = PQftype(c->result, column);
  if (type == OID_NUMERIC) return numeric(bytes);
  invariant(type == OID_INT8 || type == OID_INT4 || type == OID_INT2 || type == OID_BOOL);
  return big_endian(bytes, len);
}

static const void *column_bytes(const struct db_rows *rows, int column, bool as_text, size_t *ret_len) {
  const struct cursor *c = rows->statement;
  (void)as_text;
  bool null = PQgetisnull(c->result, c->row, column);
  if (ret_len) *ret_len = null ? 0 : (size_t)PQgetlength(c->result, c->row, column);
  return null ? NULL : PQgetvalue(c->result, c->row, column);
}

/* ---- transactions ---- */

static bool begin(struct db *base) {
  struct postgres *db = own(base);
  if (base->trouble != TROUBLE_NONE) return false;
  db->in_transaction = true;
  db->begun = false;
  return true;
}

static void rollback(struct db *base) {
  struct postgres *db = own(base);
  struct failure failure;
  bool undo = db->begun && base->trouble != TROUBLE_LOST;
  db->in_transaction = db->begun = false;
  if (!undo || !queue(db, "ROLLBACK")) return;
  if (db->role == POSTGRES_READER) {
    /* Sent at once, so that no snapshot is held; the answer is read with the next one. */
    if (PQpipelineSync(db->handle) != 1 || PQflush(db->handle) < 0)
      note_lost(db);
    else
      db->owed++;
    db->queued = 0;
    return;
  }
  PQclear(finish(db, -1, &failure));
}

static enum engine_trouble commit(struct db *base) {
  struct postgres *db = own(base);
  struct failure failure;
  if (base->trouble == TROUBLE_NONE && db->begun) {
    if (queue(db, "COMMIT")) {
      PGresult *r = finish(db, db->queued - 1, &failure);
      bool done = r && !failure.state[0] && strcmp(PQcmdStatus(r), "COMMIT") == 0;
      PQclear(r);
      if (done) {
        db->in_transaction = db->begun = false;
        return TROUBLE_NONE;
      }
      if (failure.state[0]) note_failure(db, "commit", &failure);
      note(db, TROUBLE_AGAIN, "the transaction had failed before its commit");
    }
  }
  rollback(base);
  return base->trouble;
}

static bool simple(struct postgres *db, const char *sql) {
  struct failure failure;
  if (!queue_begin(db) || !queue(db, sql)) return false;
  PQclear(finish(db, -1, &failure));
  if (failure.state[0]) note_failure(db, sql, &failure);
  return db->base.trouble == TROUBLE_NONE;
}

static bool savepoint(struct db *base) {
  struct postgres *db = own(base);
  return queue_begin(db) && queue(db, "SAVEPOINT job");
}

static void savepoint_end(struct db *base, bool keep) {
  struct postgres *db = own(base);
  if (!keep && (!queue(db, "ROLLBACK TO SAVEPOINT job"))) return;
  simple(db, "RELEASE SAVEPOINT job");
}

static int64_t changes(const struct db *base) {
  return own(base)->changes;
}

/* Scripts have several statements, which a pipeline does not take. */
static bool script(struct db *base, const char *sql, char err[static 256]) {
  struct postgres *db = own(base);
  struct failure failure;
  if (!queue_begin(db)) return false;
  PQclear(finish(db, -1, &failure));
  if (PQexitPipelineMode(db->handle) != 1) {
    note_lost(db);
    snprintf(err, 256, "%.240s", base->error);
    return false;
  }
  PGresult *r = PQexec(db->handle, sql);
  bool ok = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;
  if (!ok) {
    struct failure f = {.state = ""};
    take_failure(r, &f);
    note_failure(db, "script", &f);
    snprintf(err, 256, "%.240s", base->error);
  }
  PQclear(r);
  PQenterPipelineMode(db->handle);
  return ok;
}

static bool prepare_one(struct db *base, enum query query) {
  struct postgres *db = own(base);
  struct failure failure;
  if (!*query_texts[query].postgres) return true;
  if (!queue_prepare(db, query, NULL, 0)) return false;
  PQclear(finish(db, -1, &failure));
  if (failure.state[0]) note_failure(db, query_texts[query].name, &failure);
  bool ok = base->trouble == TROUBLE_NONE;
  /* Its first values say more about their kinds. */
  db->prepared[query].is = false;
  db->prepared[query].generation++;
  return ok;
}

/* ---- connecting ---- */

static void on_notice(void *arg, const char *message) {
  (void)arg;
  char text[200];
  snprintf(text, sizeof text, "%s", message);
  one_line(text);
  log_at(LOG_DEBUG, "postgres.notice", log_t("text", text));
}

/* What holds for the session. A pooler that hands connections around by transaction needs these of the role or the
 * database instead; see doc/SCALING.md. */
static const char session_settings[] =
    "SET client_encoding = 'UTF8'; SET client_min_messages = warning; SET bytea_output = 'hex';"
    "SET statement_timeout = '30s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '60s'";

static bool connect_once(struct postgres *db) {
  /* The address stands last: what it says goes before these. */
  const char *words[] = {"application_name", "connect_timeout",      "keepalives_idle", "tcp_user_timeout",
                         "sslmode",          "target_session_attrs", "dbname",          NULL};
  const char *values[] = {"guichet", "5", "30", "20000", "prefer", "read-write", db->url, NULL};
  db->handle = PQconnectdbParams(words, values, 1);
  if (PQstatus(db->handle) != CONNECTION_OK) return false;
  PQsetNoticeProcessor(db->handle, on_notice, NULL);
  PGresult *r = PQexec(db->handle, session_settings);
  bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;
  PQclear(r);
  return ok && PQenterPipelineMode(db->handle) == 1;
}

static bool connected(struct postgres *db) {
  bool ok = connect_once(db);
  db->base.trouble = TROUBLE_NONE;
  if (ok && PQserverVersion(db->handle) >= VERSION_MIN) return true;
  if (ok)
    note(db, TROUBLE_LOST, "PostgreSQL 15 or later is needed");
  else
    note_lost(db);
  return false;
}

static int destroy(struct postgres *db) {
  PQfinish(db->handle);
  db->handle = NULL;
  return 0;
}

static void close_connection(struct db *db) {
  destroy(own(db));
}

bool postgres_reopen(struct db *base) {
  struct postgres *db = own(base);
  PQfinish(db->handle);
  memset(db->prepared, 0, sizeof db->prepared);
  db->in_transaction = db->begun = db->gathering = false;
  db->queued = db->owed = db->fresh_count = 0;
  return connected(db);
}

static void set_careful(struct db *db, bool careful) {
  own(db)->careful = careful;
}
static void set_gathering(struct db *db, bool gathering) {
  own(db)->gathering = gathering;
}
static void set_lock_wait(struct db *db, int64_t ms) {
  own(db)->lock_wait_ms = ms > 0 ? ms : LOCK_WAIT_MS;
}

/* ---- news ---- */

bool postgres_listen(struct db *db) {
  return simple(own(db), "LISTEN guichet");
}

void postgres_wait(struct db *base, int wake_fd, int timeout_ms) {
  struct postgres *db = own(base);
  struct pollfd fds[] = {{.fd = PQsocket(db->handle), .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
  if (base->trouble == TROUBLE_LOST || poll(fds, 2, timeout_ms) <= 0 || !fds[0].revents) return;
  if (PQconsumeInput(db->handle) != 1) note_lost(db);
}

bool postgres_heard(struct db *base, char *out, size_t room) {
  struct postgres *db = own(base);
  PGnotify *n;
  while (base->trouble != TROUBLE_LOST && (n = PQnotifies(db->handle))) {
    bool others = n->be_pid != PQbackendPID(db->handle);
    if (others) snprintf(out, room, "%s", n->extra);
    PQfreemem(n);
    if (others) return true;
  }
  return false;
}

bool postgres_is_url(const char *url) {
  return strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0;
}

static const struct db_engine engine = {
    .name = "PostgreSQL",
    .id_type = "BIGINT PRIMARY KEY",
    .bytes_type = "BYTEA",
    .concurrent = true,
    .set_careful = set_careful,
    .set_gathering = set_gathering,
    .set_lock_wait = set_lock_wait,
    .close = close_connection,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .savepoint = savepoint,
    .savepoint_end = savepoint_end,
    .changes = changes,
    .script = script,
    .prepare = prepare_one,
    .exec = exec,
    .open_rows = open_rows,
    .next_row = next_row,
    .close_rows = close_rows,
    .column_int = column_int,
    .column_bytes = column_bytes,
    .column_is_null = column_is_null,
};

struct db *postgres_open(void *ctx, const char *url, enum postgres_role role, char err[static 256]) {
  struct postgres *db = mem_new(ctx, struct postgres);
  db->base.engine = &engine;
  db->url = mem_strdup(db, url);
  db->role = role;
  db->lock_wait_ms = LOCK_WAIT_MS;
  talloc_set_destructor(db, destroy);
  if (connected(db)) return &db->base;
  snprintf(err, 256, "cannot connect to PostgreSQL: %.200s", db->base.error);
  mem_free(db);
  return NULL;
}
