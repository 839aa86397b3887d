@SQLITE_ONLY@
-- The two indexes whose rows belong all over the place, one page a message, become tables of their own that are filled in bulk, some
-- ten thousand rows in their order at a time (store/late.h). PostgreSQL keeps the indexes.

-- Events by interaction, as far as index_mark says; rows above it may be there or not.
CREATE TABLE timeline (
  interaction_id BIGINT NOT NULL,
  seq            BIGINT NOT NULL,
  PRIMARY KEY (interaction_id, seq)
) WITHOUT ROWID;

-- What makes a partner's retry harmless: the partner's clock, a hash of customer and id (store/retry.h), the message they may be those of.
CREATE TABLE retry_key (
  created_at BIGINT NOT NULL,
  hash       BIGINT NOT NULL,
  message_id BIGINT NOT NULL,
  PRIMARY KEY (created_at, hash, message_id)
) WITHOUT ROWID;

-- Up to which event of an instance the two hold all there is; no row: nothing.
CREATE TABLE index_mark (
  instance_id  @ID@,
  timeline_seq BIGINT NOT NULL,
  retry_seq    BIGINT NOT NULL
);

INSERT INTO timeline SELECT interaction_id, seq FROM event WHERE interaction_id <> 0 ORDER BY interaction_id, seq;
INSERT INTO retry_key SELECT created_at, retry_hash(customer_id, ext_id), id FROM message WHERE event_id IS NULL ORDER BY created_at;
INSERT INTO index_mark SELECT seq / 1099511627776, max(seq), max(seq) FROM event GROUP BY seq / 1099511627776;
DROP INDEX event_interaction;
DROP INDEX message_key;
