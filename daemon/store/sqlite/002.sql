-- 002.sql - events say what happened in typed columns, and an outage has more causes.
--
-- Which columns an event uses follows from its kind (core/facts.h); 0: not said. detail holds the words of rows that
-- were written before this schema and of kinds that still make theirs when they are written.

ALTER TABLE event ADD COLUMN fact_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN from_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN to_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN most_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN minor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN was_minor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN n INTEGER NOT NULL DEFAULT 0;

-- When an instrument could not be used: its controller did not answer ('down'), it said it has a fault ('fault'),
-- labtimed did not look ('unwatched'), its relay did not open though it was asked to ('locked'), it was out of service
-- ('service'), or the wall clock jumped over the time ('clock'). to_at NULL: still so.
CREATE TABLE outage_new (
	id INTEGER PRIMARY KEY, instrument TEXT NOT NULL REFERENCES instrument(id),
	kind TEXT NOT NULL CHECK (kind IN ('down','fault','unwatched','locked','service','clock')),
	from_at INTEGER NOT NULL, to_at INTEGER
) STRICT;
INSERT INTO outage_new (id, instrument, kind, from_at, to_at) SELECT id, instrument, kind, from_at, to_at FROM outage;
DROP TABLE outage;
ALTER TABLE outage_new RENAME TO outage;
CREATE INDEX outage_instrument ON outage(instrument, from_at);
CREATE UNIQUE INDEX outage_open ON outage(instrument, kind) WHERE to_at IS NULL;
