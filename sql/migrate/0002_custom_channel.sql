-- Custom channels (Voximplant Kit) beside connectors.

-- API tokens of an account (an instance). Sealed, because a token's value signs what goes out; hash is SHA-256 of it.
-- generation rises when what was issued for it must die.
CREATE TABLE account_token (
  id          @ID@,
  instance_id BIGINT NOT NULL REFERENCES instance (id),
  name        TEXT NOT NULL,
  sealed      @BYTES@ NOT NULL,
  hash        @BYTES@ NOT NULL UNIQUE,
  enabled     BIGINT NOT NULL,
  generation  BIGINT NOT NULL,
  created_at  BIGINT NOT NULL,
  UNIQUE (instance_id, name)
);

-- What a custom channel has beyond its row in channel, where client_id is its UUID and the secret its salt.
-- token_id: the API token that signs. *_close_ms: 0 never.
CREATE TABLE custom_channel (
  channel_id    BIGINT PRIMARY KEY REFERENCES channel (id),
  token_id      BIGINT NOT NULL REFERENCES account_token (id),
  access_ms     BIGINT NOT NULL,
  refresh_ms    BIGINT NOT NULL,
  idle_close_ms BIGINT NOT NULL,
  bot_close_ms  BIGINT NOT NULL
);

-- What partners told of a customer besides the name, the latest of each: "email", "utm.source", "location.city" …
CREATE TABLE customer_field (
  customer_id BIGINT NOT NULL,
  name        TEXT NOT NULL,
  value       TEXT NOT NULL,
  updated_at  BIGINT NOT NULL,
  PRIMARY KEY (customer_id, name)
);

-- Events of partners whose retry key is (channel, event id).
CREATE TABLE inbound_event (
  channel_id BIGINT NOT NULL,
  ext_id     TEXT NOT NULL,
  stored_at  BIGINT NOT NULL,
  PRIMARY KEY (channel_id, ext_id)
);
-- Their messages are told apart by that alone: two events may carry one message id in one second.
ALTER TABLE message ADD COLUMN event_id TEXT;
DROP INDEX message_key;
CREATE UNIQUE INDEX message_key ON message (created_at, customer_id, ext_id) WHERE event_id IS NULL;

-- Open interactions of channels that close what falls silent: when and by whom it was moved last. by_bot: 0 customer or agent, 1 bot.
CREATE TABLE activity (
  interaction_id @ID@,
  instance_id    BIGINT NOT NULL,
  channel_id     BIGINT NOT NULL,
  by_bot         BIGINT NOT NULL,
  active_at      BIGINT NOT NULL
);
CREATE INDEX activity_age ON activity (channel_id, by_bot, active_at);
