-- The first schema. @ID@ is the engine's 64-bit integer primary key, @BYTES@ its byte string.
-- Times are milliseconds since 1970 UTC unless a column says seconds. Ids come from base/id.h.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

-- One contact centre. Every other row belongs to exactly one.
CREATE TABLE instance (
  id         @ID@,
  name       TEXT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL
);

-- A queue that agents serve.
CREATE TABLE service (
  id          @ID@,
  instance_id BIGINT NOT NULL REFERENCES instance (id),
  name        TEXT NOT NULL,
  priority    BIGINT NOT NULL,
  created_at  BIGINT NOT NULL,
  UNIQUE (instance_id, name)
);

-- A partner's way in and out. kind: core/surface.h. Secrets are sealed with the master key; their SHA-256 serves comparison.
-- old_*: the secret before the last rotation, live until old_until. generation rises when tokens must die.
CREATE TABLE channel (
  id            @ID@,
  instance_id   BIGINT NOT NULL REFERENCES instance (id),
  kind          BIGINT NOT NULL,
  name          TEXT NOT NULL,
  enabled       BIGINT NOT NULL,
  service_id    BIGINT NOT NULL REFERENCES service (id),
  webhook_url   TEXT NOT NULL,
  show_agent    BIGINT NOT NULL,
  client_id     TEXT NOT NULL UNIQUE,
  secret_sealed @BYTES@ NOT NULL,
  secret_hash   @BYTES@ NOT NULL,
  old_sealed    @BYTES@,
  old_hash      @BYTES@,
  old_until     BIGINT NOT NULL,
  generation    BIGINT NOT NULL,
  created_at    BIGINT NOT NULL,
  UNIQUE (instance_id, name)
);

-- profile: 0 agent, 1 supervisor, 2 administrator.
CREATE TABLE agent (
  id            @ID@,
  instance_id   BIGINT NOT NULL REFERENCES instance (id),
  login         TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  first_name    TEXT NOT NULL,
  last_name     TEXT NOT NULL,
  profile       BIGINT NOT NULL,
  enabled       BIGINT NOT NULL,
  created_at    BIGINT NOT NULL,
  UNIQUE (instance_id, login)
);

-- A browser's login; hash is SHA-256 of the cookie.
CREATE TABLE session (
  hash        @BYTES@ PRIMARY KEY,
  instance_id BIGINT NOT NULL,
  agent_id    BIGINT NOT NULL REFERENCES agent (id),
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL
);
CREATE INDEX session_agent ON session (agent_id);

-- hash is SHA-256 of the token; rights are bits, see core/rights.h.
CREATE TABLE api_token (
  id           @ID@,
  instance_id  BIGINT NOT NULL REFERENCES instance (id),
  label        TEXT NOT NULL,
  hash         @BYTES@ NOT NULL UNIQUE,
  rights       BIGINT NOT NULL,
  enabled      BIGINT NOT NULL,
  created_at   BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL
);

-- An end customer as one channel knows them. open_interaction_id: 0 when none is open.
CREATE TABLE customer (
  id                  @ID@,
  instance_id         BIGINT NOT NULL,
  channel_id          BIGINT NOT NULL,
  ext_id              TEXT NOT NULL,
  name                TEXT NOT NULL,
  open_interaction_id BIGINT NOT NULL,
  created_at          BIGINT NOT NULL
);
CREATE UNIQUE INDEX customer_ext ON customer (channel_id, ext_id);

-- state: core/interaction.def. previous_id: the same customer's interaction before this one, 0 when none.
CREATE TABLE interaction (
  id           @ID@,
  instance_id  BIGINT NOT NULL,
  channel_id   BIGINT NOT NULL,
  customer_id  BIGINT NOT NULL,
  service_id   BIGINT NOT NULL,
  state        BIGINT NOT NULL,
  agent_id     BIGINT NOT NULL,
  previous_id  BIGINT NOT NULL,
  version      BIGINT NOT NULL,
  opened_at    BIGINT NOT NULL,
  state_at     BIGINT NOT NULL,
  closed_at    BIGINT NOT NULL,
  close_reason TEXT
);
CREATE INDEX interaction_state ON interaction (instance_id, state, id);
CREATE INDEX interaction_customer ON interaction (customer_id, id);

-- direction: 0 from the customer's side for the agent, 1 from the agent to the partner, 2 history (both parties outside).
-- created_at is the partner's clock in seconds and is only shown; order is that of id. rich_content and metadata are kept as they came.
CREATE TABLE message (
  id             @ID@,
  instance_id    BIGINT NOT NULL,
  interaction_id BIGINT NOT NULL,
  customer_id    BIGINT NOT NULL,
  direction      BIGINT NOT NULL,
  ext_id         TEXT NOT NULL,
  created_at     BIGINT NOT NULL,
  stored_at      BIGINT NOT NULL,
  sender_type    BIGINT NOT NULL,
  sender_id      TEXT NOT NULL,
  sender_name    TEXT,
  recipient_type BIGINT,
  recipient_id   TEXT,
  recipient_name TEXT,
  agent_id       BIGINT NOT NULL,
  text           TEXT NOT NULL,
  rich_content   TEXT,
  metadata       TEXT,
  attachments    BIGINT NOT NULL
);
-- The key that makes a partner's retry harmless. The partner's clock comes first because it mostly is now: then new keys lie together
-- at the index's end, however many customers write.
CREATE UNIQUE INDEX message_key ON message (created_at, customer_id, ext_id);

-- The event log: what happened, in order. seq = instance_id * 2^40 + number within the instance.
-- ref_id: the message, note or attachment meant; data: small JSON for what is not in another row.
CREATE TABLE event (
  seq            @ID@,
  at             BIGINT NOT NULL,
  kind           BIGINT NOT NULL,
  interaction_id BIGINT NOT NULL,
  ref_id         BIGINT NOT NULL,
  agent_id       BIGINT NOT NULL,
  data           TEXT
);
CREATE INDEX event_interaction ON event (interaction_id, seq);

-- The outbox. id is the message's id when it carries one. state: 0 pending, 1 delivered, 2 parked. payload: the bytes to send, frozen.
CREATE TABLE delivery (
  id             @ID@,
  instance_id    BIGINT NOT NULL,
  channel_id     BIGINT NOT NULL,
  customer_id    BIGINT NOT NULL,
  interaction_id BIGINT NOT NULL,
  state          BIGINT NOT NULL,
  attempts       BIGINT NOT NULL,
  created_at     BIGINT NOT NULL,
  next_at        BIGINT NOT NULL,
  deadline_at    BIGINT NOT NULL,
  settled_at     BIGINT NOT NULL,
  last_status    BIGINT NOT NULL,
  last_error     TEXT,
  payload        @BYTES@ NOT NULL
);
CREATE INDEX delivery_pending ON delivery (channel_id, id) WHERE state = 0;
CREATE INDEX delivery_state ON delivery (instance_id, state, id);

-- direction as in message. state: 0 stored, 1 to be fetched from url, 2 could not be fetched.
-- uid: unguessable name in the partner's download address; retrieved_at: first complete download, 0 when none.
CREATE TABLE attachment (
  id             @ID@,
  instance_id    BIGINT NOT NULL,
  channel_id     BIGINT NOT NULL,
  interaction_id BIGINT NOT NULL,
  message_id     BIGINT NOT NULL,
  direction      BIGINT NOT NULL,
  uid            TEXT NOT NULL UNIQUE,
  ext_id         TEXT NOT NULL,
  name           TEXT NOT NULL,
  mime_type      TEXT NOT NULL,
  found_type     TEXT NOT NULL,
  size           BIGINT NOT NULL,
  state          BIGINT NOT NULL,
  url            TEXT,
  attempts       BIGINT NOT NULL,
  next_at        BIGINT NOT NULL,
  last_error     TEXT,
  created_at     BIGINT NOT NULL,
  retrieved_at   BIGINT NOT NULL
);
CREATE INDEX attachment_message ON attachment (message_id, id);
CREATE INDEX attachment_fetch ON attachment (next_at) WHERE state = 1;

CREATE TABLE attachment_chunk (
  attachment_id BIGINT NOT NULL,
  n             BIGINT NOT NULL,
  bytes         @BYTES@ NOT NULL,
  PRIMARY KEY (attachment_id, n)
);

CREATE TABLE note (
  id             @ID@,
  instance_id    BIGINT NOT NULL,
  interaction_id BIGINT NOT NULL,
  agent_id       BIGINT NOT NULL,
  author         TEXT NOT NULL,
  content        TEXT NOT NULL,
  created_at     BIGINT NOT NULL
);

-- Answers to remember for Idempotency-Key. caller: "agent:12" or "token:7"; fingerprint: SHA-256 of route and body.
CREATE TABLE idempotency (
  instance_id BIGINT NOT NULL,
  caller      TEXT NOT NULL,
  key         TEXT NOT NULL,
  fingerprint @BYTES@ NOT NULL,
  status      BIGINT NOT NULL,
  body        TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (instance_id, caller, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);
