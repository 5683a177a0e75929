-- 004.sql - levels that a meter left.
--
-- A review item meter_manual says since when the register stands on a level that no run explains (from_at), what it
-- has added since and nobody was given (held_ms), and when that was over (to_at; 0: it is held).
-- A piece of usage keeps what it showed on such a level apart (held_ms), until that is measured or dropped. A piece of
-- nobody's with reason 'adjustment' holds what a level that proved false had given to others: it was counted, is part of
-- E, and nobody ran it. What it holds is what they lost, so that all pieces of a meter add up to E as ever.
ALTER TABLE usage ADD COLUMN held_ms INTEGER NOT NULL DEFAULT 0 CHECK (held_ms >= 0);
ALTER TABLE review ADD COLUMN held_ms INTEGER NOT NULL DEFAULT 0;
-- Those that are open were never held: what came after them was measured.
UPDATE review SET to_at = opened_at WHERE kind = 'meter_manual' AND to_at = 0;
