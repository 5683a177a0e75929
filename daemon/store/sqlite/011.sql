-- 011.sql - outages are found by when they ended.

-- Whether time could be used is asked of the last hours or days; by when they began, every outage of an instrument's life
-- was looked at. An open one has no end yet.
CREATE INDEX outage_ended ON outage (instrument, COALESCE(to_at, 9223372036854775807));

-- No reason was ever given.
ALTER TABLE price_withdrawn DROP COLUMN reason;
