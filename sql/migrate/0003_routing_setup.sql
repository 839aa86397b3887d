-- Which agent gets which conversation: services as queues, what agents can do and serve, states, calendars; and what agents choose from.
-- Ids that may be absent are 0. Times of day are minutes after midnight in the calendar's zone.

-- medium: core/setup.h. weight: what one interaction takes of an agent's capacity. *_ms: 0 never or none.
ALTER TABLE service ADD COLUMN medium BIGINT NOT NULL DEFAULT 0;
ALTER TABLE service ADD COLUMN weight BIGINT NOT NULL DEFAULT 1;
ALTER TABLE service ADD COLUMN strategy BIGINT NOT NULL DEFAULT 0;
ALTER TABLE service ADD COLUMN sticky_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE service ADD COLUMN max_wait_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE service ADD COLUMN overflow_service_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE service ADD COLUMN overflow_after_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE service ADD COLUMN offer_ms BIGINT NOT NULL DEFAULT 30000;
ALTER TABLE service ADD COLUMN wrapup_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE service ADD COLUMN idle_close_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE service ADD COLUMN calendar_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE service ADD COLUMN closed_policy BIGINT NOT NULL DEFAULT 0;
ALTER TABLE service ADD COLUMN closed_reply TEXT NOT NULL DEFAULT '';
ALTER TABLE service ADD COLUMN level_s BIGINT NOT NULL DEFAULT 60;
ALTER TABLE service ADD COLUMN enabled BIGINT NOT NULL DEFAULT 1;

ALTER TABLE agent ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE agent ADD COLUMN extension TEXT NOT NULL DEFAULT '';
ALTER TABLE agent ADD COLUMN avatar_url TEXT NOT NULL DEFAULT '';
ALTER TABLE agent ADD COLUMN group_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN team_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN capacity BIGINT NOT NULL DEFAULT 3;

CREATE TABLE skill (
  id          @ID@,
  instance_id BIGINT NOT NULL REFERENCES instance (id),
  name        TEXT NOT NULL,
  UNIQUE (instance_id, name)
);
CREATE TABLE agent_group (
  id          @ID@,
  instance_id BIGINT NOT NULL REFERENCES instance (id),
  name        TEXT NOT NULL,
  UNIQUE (instance_id, name)
);
CREATE TABLE team (
  id          @ID@,
  instance_id BIGINT NOT NULL REFERENCES instance (id),
  name        TEXT NOT NULL,
  UNIQUE (instance_id, name)
);

-- Levels are 1 to 5. Of a service: the least that is asked.
CREATE TABLE service_skill (
  service_id BIGINT NOT NULL REFERENCES service (id),
  skill_id   BIGINT NOT NULL REFERENCES skill (id),
  level      BIGINT NOT NULL,
  PRIMARY KEY (service_id, skill_id)
);
CREATE INDEX service_skill_skill ON service_skill (skill_id);
CREATE TABLE agent_skill (
  agent_id BIGINT NOT NULL REFERENCES agent (id),
  skill_id BIGINT NOT NULL REFERENCES skill (id),
  level    BIGINT NOT NULL,
  PRIMARY KEY (agent_id, skill_id)
);
CREATE INDEX agent_skill_skill ON agent_skill (skill_id);
CREATE TABLE agent_service (
  agent_id   BIGINT NOT NULL REFERENCES agent (id),
  service_id BIGINT NOT NULL REFERENCES service (id),
  level      BIGINT NOT NULL,
  PRIMARY KEY (agent_id, service_id)
);
CREATE INDEX agent_service_service ON agent_service (service_id, agent_id);
-- The most interactions of one medium at once; no row: as many as the capacity lets in.
CREATE TABLE agent_medium (
  agent_id BIGINT NOT NULL REFERENCES agent (id),
  medium   BIGINT NOT NULL,
  most     BIGINT NOT NULL,
  PRIMARY KEY (agent_id, medium)
);

-- kind: 0 logged out, 1 ready, 2 busy, 3 pause.
CREATE TABLE agent_state (
  id          @ID@,
  instance_id BIGINT NOT NULL REFERENCES instance (id),
  label       TEXT NOT NULL,
  kind        BIGINT NOT NULL,
  color       TEXT NOT NULL,
  position    BIGINT NOT NULL,
  enabled     BIGINT NOT NULL,
  UNIQUE (instance_id, label)
);

-- service_id: 0 for all.
CREATE TABLE qualification (
  id          @ID@,
  instance_id BIGINT NOT NULL REFERENCES instance (id),
  category    TEXT NOT NULL,
  label       TEXT NOT NULL,
  service_id  BIGINT NOT NULL,
  enabled     BIGINT NOT NULL,
  UNIQUE (instance_id, service_id, category, label)
);
CREATE TABLE canned_reply (
  id          @ID@,
  instance_id BIGINT NOT NULL REFERENCES instance (id),
  service_id  BIGINT NOT NULL,
  shortcut    TEXT NOT NULL,
  title       TEXT NOT NULL,
  text        TEXT NOT NULL,
  UNIQUE (instance_id, service_id, shortcut)
);

-- zone: a name of the IANA time zone database. weekday: 1 Monday to 7 Sunday. end_min <= start_min: past midnight, into the next day.
CREATE TABLE calendar (
  id          @ID@,
  instance_id BIGINT NOT NULL REFERENCES instance (id),
  name        TEXT NOT NULL,
  zone        TEXT NOT NULL,
  UNIQUE (instance_id, name)
);
CREATE TABLE calendar_interval (
  calendar_id BIGINT NOT NULL REFERENCES calendar (id),
  weekday     BIGINT NOT NULL,
  start_min   BIGINT NOT NULL,
  end_min     BIGINT NOT NULL,
  PRIMARY KEY (calendar_id, weekday, start_min)
);
-- Instead of the weekday's intervals on that day (YYYY-MM-DD). start_min -1: closed all day.
CREATE TABLE calendar_exception (
  calendar_id BIGINT NOT NULL REFERENCES calendar (id),
  day         TEXT NOT NULL,
  start_min   BIGINT NOT NULL,
  end_min     BIGINT NOT NULL,
  label       TEXT NOT NULL,
  PRIMARY KEY (calendar_id, day, start_min)
);

-- What a new instance gets too (store/setup_defaults.c). Everybody could take everything so far, so everybody serves everything.
INSERT INTO agent_state (id, instance_id, label, kind, color, position, enabled)
SELECT (id - 1) * 6 + 1, id, 'Ready', 1, '#1a7f37', 1, 1 FROM instance
UNION ALL SELECT (id - 1) * 6 + 2, id, 'Busy', 2, '#bf3989', 2, 1 FROM instance
UNION ALL SELECT (id - 1) * 6 + 3, id, 'Break', 3, '#9a6700', 3, 1 FROM instance
UNION ALL SELECT (id - 1) * 6 + 4, id, 'Lunch', 3, '#bc4c00', 4, 1 FROM instance
UNION ALL SELECT (id - 1) * 6 + 5, id, 'Training', 2, '#0969da', 5, 1 FROM instance
UNION ALL SELECT (id - 1) * 6 + 6, id, 'Logged out', 0, '#6e7781', 6, 1 FROM instance;
INSERT INTO agent_service (agent_id, service_id, level)
SELECT agent.id, service.id, 1 FROM agent JOIN service ON service.instance_id = agent.instance_id;
