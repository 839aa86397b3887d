-- Changes of the setup are few among millions of events: found by themselves, at no cost to the others.
CREATE INDEX event_audit ON event (seq) WHERE kind = 90;
