-- Nodes that serve from one PostgreSQL. On SQLite, which has one server, these stay empty. Times are of the database's clock.

-- The numbers that nodes put into their ids; owner: random, tells one life of a node from the next.
CREATE TABLE node (
  number @ID@,
  owner  TEXT NOT NULL,
  until  BIGINT NOT NULL
);

-- Which node delivers for a channel, and fetches its files.
CREATE TABLE channel_lease (
  channel_id @ID@,
  node       BIGINT NOT NULL,
  until      BIGINT NOT NULL
);
