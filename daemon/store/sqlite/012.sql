-- 012.sql - a line of a booking's history, and its event, say why in a code, not in words.

-- Which of the causes that the verb or kind knows it was; the sentence is made where it is shown (daemon/api/words.c).
-- '': it knows one only, or an older labtimed wrote its words into detail; these stay.
ALTER TABLE booking_event ADD COLUMN why TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN why TEXT NOT NULL DEFAULT '';

-- What it costs, of a cancellation: what it adds to what was due before.
ALTER TABLE booking_event ADD COLUMN minor INTEGER NOT NULL DEFAULT 0;
-- A number, as the verb says: of a held slot that was taken, the booking that took it.
ALTER TABLE booking_event ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
