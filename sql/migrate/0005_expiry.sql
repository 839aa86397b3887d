-- What housekeeping removes when it is old enough, found without looking at the rest.

CREATE INDEX inbound_event_age ON inbound_event (stored_at);
CREATE INDEX delivery_settled ON delivery (settled_at) WHERE state = 1;
-- Files uploaded for an answer that was never sent. "< 1" as in the query: by "= 0" SQLite would take attachment_message.
CREATE INDEX attachment_unclaimed ON attachment (created_at, id) WHERE message_id < 1;
