-- 007.sql - what the wall clock did against CLOCK_BOOTTIME.

-- The one row of what the ledger knows of the clock (core/clock.h). offset_ms: wall clock less BOOTTIME at the last step
-- or start; high_at: the latest label that was ever given; waits_until: BOOTTIME until which timers that take something
-- wait, 0: they do not.
CREATE TABLE clock (
	id INTEGER PRIMARY KEY CHECK (id = 1), boot_id TEXT NOT NULL, boot_ms INTEGER NOT NULL, wall_ms INTEGER NOT NULL,
	offset_ms INTEGER NOT NULL, high_at INTEGER NOT NULL, waits_until INTEGER NOT NULL
) STRICT;

-- Each step of more than a second. [from_at, to_at) are labels that nobody lived through; empty after a backward step.
CREATE TABLE clock_step (
	id INTEGER PRIMARY KEY, boot_id TEXT NOT NULL, boot_ms INTEGER NOT NULL, wall_ms INTEGER NOT NULL,
	step_ms INTEGER NOT NULL, jump INTEGER NOT NULL CHECK (jump IN (0, 1)),
	from_at INTEGER NOT NULL, to_at INTEGER NOT NULL CHECK (to_at >= from_at)
) STRICT;
CREATE TRIGGER clock_step_exists BEFORE INSERT ON clock_step WHEN EXISTS (SELECT 1 FROM clock_step WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER clock_step_no_update BEFORE UPDATE ON clock_step BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER clock_step_no_delete BEFORE DELETE ON clock_step BEGIN SELECT RAISE(ABORT, 'append_only'); END;
