-- 006.sql - time of nobody's whose place is not known.
--
-- unplaced 1: what a gap hid and no session owns. It lies somewhere in [opened_at, closed_at), overlaps nothing and holds
-- no unit, and is never open. disowned 1: the one it was presumed to be said that it is not theirs.

ALTER TABLE session ADD COLUMN unplaced INTEGER NOT NULL DEFAULT 0 CHECK (unplaced = 0 OR (unplaced = 1 AND closed_at IS NOT NULL));
ALTER TABLE session ADD COLUMN disowned INTEGER NOT NULL DEFAULT 0 CHECK (disowned IN (0, 1));
