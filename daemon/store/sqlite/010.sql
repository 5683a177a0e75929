-- 010.sql - by which rows a part that was given up is paid for, also where the wall clock was set back since they were made.

-- terms_at: the rows of booking_term that held just before this label did when the part was given up. Labels of one booking's
-- rows never go back, though the wall clock may, so that it may lie ahead of `at`. Until now it was `at` itself.
ALTER TABLE given_up ADD COLUMN terms_at INTEGER NOT NULL DEFAULT 0;
UPDATE given_up SET terms_at = at;
