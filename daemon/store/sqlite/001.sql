-- 001.sql - labtime's first schema.
--
-- Instants: INTEGER, milliseconds UTC. Money: INTEGER minor units. Durations: INTEGER milliseconds.
-- Ids come from counter rows. Intervals are half-open. Texts are UTF-8. Tables are STRICT.

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE counter (name TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- People ------------------------------------------------------------------------------------------------

CREATE TABLE org (
	id TEXT PRIMARY KEY, name TEXT NOT NULL, host INTEGER NOT NULL DEFAULT 0, tax_id TEXT,
	active INTEGER NOT NULL DEFAULT 1, created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

CREATE TABLE user (
	id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES org(id), name TEXT NOT NULL,
	role TEXT NOT NULL CHECK (role IN ('member','org_admin','manager','finance','admin')),
	active INTEGER NOT NULL DEFAULT 1, created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;
CREATE INDEX user_org ON user(org);

CREATE TABLE token (
	public_id TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES user(id), kind TEXT NOT NULL,
	secret_sha256 BLOB NOT NULL CHECK (length(secret_sha256) = 32), note TEXT NOT NULL DEFAULT '',
	created_at INTEGER NOT NULL, created_by TEXT NOT NULL, expires_at INTEGER NOT NULL,
	revoked_at INTEGER, last_used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX token_user ON token(user);

-- One row for each answer the ledger decided. scope: 't:' || token public id, or 'u:' || uid.
CREATE TABLE idem (
	scope TEXT NOT NULL, key TEXT NOT NULL, request_sha256 BLOB NOT NULL, status INTEGER NOT NULL,
	content_type TEXT NOT NULL, etag TEXT NOT NULL, location TEXT NOT NULL, body BLOB NOT NULL, at INTEGER NOT NULL,
	PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idem_at ON idem(at);

-- Instruments, their terms -------------------------------------------------------------------------------

-- The files own an instrument's identity; the row holds what the API may change and what time leaves behind.
CREATE TABLE instrument (
	id TEXT PRIMARY KEY, unit INTEGER NOT NULL UNIQUE, retired INTEGER NOT NULL DEFAULT 0,
	out_of_service INTEGER NOT NULL DEFAULT 0, notes TEXT NOT NULL DEFAULT '',
	link TEXT NOT NULL DEFAULT 'unknown' CHECK (link IN ('unknown','up','down')), link_since INTEGER NOT NULL DEFAULT 0,
	link_why TEXT NOT NULL DEFAULT '',
	lock TEXT NOT NULL DEFAULT 'unknown' CHECK (lock IN ('unknown','locked','unlocked')), lock_since INTEGER NOT NULL DEFAULT 0,
	version INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

-- Append-only versions; text is core/terms.h's canonical text. source: 'config' or the user who set it.
CREATE TABLE policy_version (
	instrument TEXT NOT NULL REFERENCES instrument(id), version INTEGER NOT NULL, effective_at INTEGER NOT NULL,
	text TEXT NOT NULL, source TEXT NOT NULL, created_at INTEGER NOT NULL, file_text TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (instrument, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX policy_effective ON policy_version(instrument, effective_at, version);
CREATE TABLE price_version (
	instrument TEXT NOT NULL REFERENCES instrument(id), version INTEGER NOT NULL, effective_at INTEGER NOT NULL,
	text TEXT NOT NULL, source TEXT NOT NULL, created_at INTEGER NOT NULL, file_text TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (instrument, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX price_effective ON price_version(instrument, effective_at, version);

-- Booking -----------------------------------------------------------------------------------------------

-- Every R01 object of every unit: bookings, blocks, holds, open sessions. busy_to includes turnover.
-- An open session without an end yet is busy to 253402300799000 (year 9999).
CREATE TABLE occupancy (
	id INTEGER PRIMARY KEY, unit INTEGER NOT NULL REFERENCES instrument(unit),
	busy_from INTEGER NOT NULL, busy_to INTEGER NOT NULL CHECK (busy_to > busy_from),
	kind TEXT NOT NULL CHECK (kind IN ('booking','block','hold','session')), ref INTEGER NOT NULL,
	active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
	UNIQUE (kind, ref)
) STRICT;
CREATE INDEX occupancy_busy ON occupancy(unit, busy_from) WHERE active = 1;

-- R01, whoever writes: among active rows of a unit nothing overlaps, so looking at the one predecessor and the one
-- successor by busy_from is enough.
CREATE TRIGGER occupancy_r01_insert BEFORE INSERT ON occupancy WHEN NEW.active = 1 AND (
	COALESCE((SELECT busy_to FROM occupancy WHERE unit = NEW.unit AND active = 1 AND busy_from < NEW.busy_to
		ORDER BY busy_from DESC LIMIT 1), 0) > NEW.busy_from)
BEGIN SELECT RAISE(ABORT, 'r01_overlap'); END;
CREATE TRIGGER occupancy_r01_update BEFORE UPDATE OF id, unit, busy_from, busy_to, active ON occupancy WHEN NEW.active = 1 AND (
	COALESCE((SELECT busy_to FROM occupancy WHERE unit = NEW.unit AND active = 1 AND busy_from < NEW.busy_to AND id <> OLD.id
		ORDER BY busy_from DESC LIMIT 1), 0) > NEW.busy_from)
BEGIN SELECT RAISE(ABORT, 'r01_overlap'); END;
-- INSERT OR REPLACE must not slip past by deleting what it collides with.
CREATE TRIGGER occupancy_exists BEFORE INSERT ON occupancy
	WHEN EXISTS (SELECT 1 FROM occupancy WHERE id = NEW.id OR (kind = NEW.kind AND ref = NEW.ref))
BEGIN SELECT RAISE(ABORT, 'occupancy_exists'); END;
-- A row keeps its name: UPDATE OR REPLACE of kind and ref (or id) would delete the row it collides with.
CREATE TRIGGER occupancy_named BEFORE UPDATE OF id, kind, ref ON occupancy
	WHEN NEW.id <> OLD.id OR NEW.kind <> OLD.kind OR NEW.ref <> OLD.ref
BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER occupancy_no_delete BEFORE DELETE ON occupancy BEGIN SELECT RAISE(ABORT, 'append_only'); END;

CREATE TABLE booking (
	id INTEGER PRIMARY KEY, instrument TEXT NOT NULL REFERENCES instrument(id),
	org TEXT NOT NULL REFERENCES org(id), user TEXT NOT NULL REFERENCES user(id),
	state TEXT NOT NULL CHECK (state IN ('pending','confirmed','active','completed','cancelled','no_show','displaced','lapsed','replaced')),
	booked_from INTEGER NOT NULL, booked_to INTEGER NOT NULL CHECK (booked_to > booked_from), -- what prices use
	held_to INTEGER NOT NULL,                   -- what R01 uses; a release changes only this
	priced_to INTEGER NOT NULL,                 -- end for overrun pricing (R28 moves it by a delay)
	policy_version INTEGER NOT NULL, price_version INTEGER NOT NULL,
	quote_minor INTEGER NOT NULL,               -- price of the booked interval at its price version
	fee_minor INTEGER NOT NULL DEFAULT 0,       -- late cancel or no-show fee due
	walk_up INTEGER NOT NULL DEFAULT 0,         -- booked for the current grid cell ('now')
	displaced_by TEXT, note TEXT NOT NULL DEFAULT '', project TEXT NOT NULL DEFAULT '',
	created_at INTEGER NOT NULL, created_by TEXT NOT NULL, ended_at INTEGER,
	checkin_at INTEGER,                         -- R25: a check-in extends the wait
	released_at INTEGER,                        -- R26: idle, the rest is free for others since
	waiting INTEGER NOT NULL DEFAULT 0,         -- R28: checked in while another's session holds the unit
	version INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX booking_user ON booking(user, booked_from);
CREATE INDEX booking_org ON booking(org, booked_from);
CREATE INDEX booking_instrument ON booking(instrument, booked_from);
CREATE INDEX booking_live ON booking(instrument, booked_from) WHERE state IN ('pending','confirmed','active');
CREATE INDEX booking_held ON booking(instrument, held_to) WHERE state IN ('pending','confirmed','active');
CREATE INDEX booking_user_held ON booking(user, held_to) WHERE state IN ('pending','confirmed','active');
CREATE INDEX booking_active ON booking(instrument) WHERE state = 'active';

-- What happened to a booking, in order. Append-only. detail: one line for people.
CREATE TABLE booking_event (
	booking INTEGER NOT NULL REFERENCES booking(id), n INTEGER NOT NULL, at INTEGER NOT NULL, actor TEXT NOT NULL,
	verb TEXT NOT NULL, from_state TEXT NOT NULL, to_state TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (booking, n)
) STRICT, WITHOUT ROWID;
-- R27: overrun that an extension left behind; free of charge up to grace_to. Append-only.
CREATE TABLE overrun_kept (
	booking INTEGER NOT NULL REFERENCES booking(id), n INTEGER NOT NULL, from_at INTEGER NOT NULL,
	grace_to INTEGER NOT NULL CHECK (grace_to >= from_at), to_at INTEGER NOT NULL CHECK (to_at >= grace_to),
	PRIMARY KEY (booking, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE override (
	booking INTEGER NOT NULL REFERENCES booking(id), n INTEGER NOT NULL, rule TEXT NOT NULL, value TEXT NOT NULL,
	bound TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL,
	PRIMARY KEY (booking, n)
) STRICT, WITHOUT ROWID;

-- R21: the slot held for the owner of a displaced booking; its place is the occupancy ('hold', booking).
CREATE TABLE first_refusal (
	booking INTEGER PRIMARY KEY REFERENCES booking(id), from_at INTEGER NOT NULL,
	to_at INTEGER NOT NULL CHECK (to_at > from_at), expires_at INTEGER NOT NULL CHECK (expires_at < from_at),
	created_at INTEGER NOT NULL, ended_at INTEGER -- NULL: it is held
) STRICT;
CREATE INDEX first_refusal_held ON first_refusal(booking) WHERE ended_at IS NULL;

CREATE TABLE block (
	id INTEGER PRIMARY KEY, instrument TEXT NOT NULL REFERENCES instrument(id), from_at INTEGER NOT NULL, to_at INTEGER NOT NULL,
	reason TEXT NOT NULL, actor TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('planned','waiting','removed')),
	created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
	cut_booking INTEGER REFERENCES booking(id), -- in use when the block was made: its held end was cut
	cut_priced_to INTEGER NOT NULL DEFAULT 0    -- and its end for overrun pricing was this
) STRICT;
CREATE INDEX block_instrument ON block(instrument, from_at);

-- Metering ----------------------------------------------------------------------------------------------

-- The classifier's state of each meter (core/meter.h). phase: 'new','live','suspect'.
CREATE TABLE meter (
	instrument TEXT PRIMARY KEY REFERENCES instrument(id),
	state BLOB NOT NULL,                        -- core/meter.h's canonical encoding, versioned
	raw INTEGER NOT NULL, ext_ms INTEGER NOT NULL, ext_first_ms INTEGER NOT NULL,
	boot_id TEXT NOT NULL, boot_ms INTEGER NOT NULL, wall_at INTEGER NOT NULL, running INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Evidence: a row every few minutes and at each change. Append-only. id orders readings of all instruments.
CREATE TABLE reading (
	id INTEGER PRIMARY KEY, instrument TEXT NOT NULL, at INTEGER NOT NULL, boot_ms INTEGER NOT NULL,
	raw INTEGER NOT NULL, ext_ms INTEGER NOT NULL, running INTEGER NOT NULL, class TEXT NOT NULL, cause TEXT NOT NULL,
	detail TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX reading_instrument ON reading(instrument, at);

CREATE TABLE session (
	id INTEGER PRIMARY KEY, instrument TEXT NOT NULL REFERENCES instrument(id),
	booking INTEGER REFERENCES booking(id), org TEXT REFERENCES org(id), user TEXT REFERENCES user(id),
	kind TEXT NOT NULL CHECK (kind IN ('booked','unattributed','internal')),
	state TEXT NOT NULL CHECK (state IN ('open','running','idle','unknown','closed','reviewed','charged')),
	-- exactly one of these for each closed session; NULL while it is not closed
	outcome TEXT CHECK (outcome IN ('open_gap','awaiting_review','settling','charged','waived','internal','unattributed')),
	presumed INTEGER NOT NULL DEFAULT 0, bypassed INTEGER NOT NULL DEFAULT 0,
	opened_at INTEGER NOT NULL, opened_cause TEXT NOT NULL,   -- 'user','meter','run_continues','recovery'
	checkin_at INTEGER, checkout_wish_at INTEGER,
	first_run_at INTEGER, last_run_end_at INTEGER,
	unknown_since INTEGER, closed_at INTEGER, close_cause TEXT,
	measured_ms INTEGER NOT NULL DEFAULT 0, estimated_ms INTEGER NOT NULL DEFAULT 0,
	end_reading INTEGER NOT NULL DEFAULT 0,     -- 1: the reading at the closing edge arrived
	gap_ms INTEGER NOT NULL DEFAULT 0,          -- nobody read the meter for so long, until a reading came or the session was given up
	review_reason TEXT NOT NULL DEFAULT '', version INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX session_booking ON session(booking);
CREATE INDEX session_loose ON session(end_reading, instrument, opened_at) WHERE end_reading = 0 AND closed_at IS NOT NULL AND state <> 'charged';
CREATE INDEX session_outcome ON session(outcome, closed_at);
CREATE INDEX session_org ON session(org, opened_at);
CREATE INDEX session_instrument ON session(instrument, opened_at);
CREATE UNIQUE INDEX session_one_open ON session(instrument) WHERE state IN ('open','running','idle','unknown');

CREATE TABLE session_event (
	session INTEGER NOT NULL REFERENCES session(id), n INTEGER NOT NULL, at INTEGER NOT NULL, from_state TEXT NOT NULL,
	to_state TEXT NOT NULL, cause TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '', PRIMARY KEY (session, n)
) STRICT, WITHOUT ROWID;

-- Where each metered millisecond went: every increase of the meter's E is in exactly one row (I1).
-- placed = 1: a run, on from from_at to to_at. placed = 0: measured_ms lie somewhere in [from_at, to_at).
-- session NULL: nobody's (reason: 'gap','quantisation','reset'). open = 1: the run is still on and grows.
CREATE TABLE usage (
	id INTEGER PRIMARY KEY, instrument TEXT NOT NULL REFERENCES instrument(id), session INTEGER REFERENCES session(id),
	from_at INTEGER NOT NULL, to_at INTEGER NOT NULL, measured_ms INTEGER NOT NULL CHECK (measured_ms >= 0),
	estimated_ms INTEGER NOT NULL DEFAULT 0 CHECK (estimated_ms >= 0),
	placed INTEGER NOT NULL, open INTEGER NOT NULL, reason TEXT NOT NULL,
	raw_from INTEGER NOT NULL, raw_to INTEGER NOT NULL,
	fault INTEGER NOT NULL DEFAULT 0            -- 1: metered after a reading that said the instrument has a fault
) STRICT;
CREATE INDEX usage_session ON usage(session, from_at);
CREATE INDEX usage_instrument ON usage(instrument, from_at);
CREATE UNIQUE INDEX usage_open ON usage(instrument) WHERE open = 1;

-- When an instrument could not be used: its controller did not answer, it said it has a fault, or nobody looked
-- (labtimed was down). to_at NULL: still so.
CREATE TABLE outage (
	id INTEGER PRIMARY KEY, instrument TEXT NOT NULL REFERENCES instrument(id),
	kind TEXT NOT NULL CHECK (kind IN ('down','fault','unwatched')), from_at INTEGER NOT NULL, to_at INTEGER
) STRICT;
CREATE INDEX outage_instrument ON outage(instrument, from_at);
CREATE UNIQUE INDEX outage_open ON outage(instrument, kind) WHERE to_at IS NULL;

CREATE TABLE review (
	id INTEGER PRIMARY KEY, kind TEXT NOT NULL, instrument TEXT NOT NULL, session INTEGER REFERENCES session(id),
	org TEXT, state TEXT NOT NULL CHECK (state IN ('open','proposed','done')), detail TEXT NOT NULL,
	from_at INTEGER NOT NULL DEFAULT 0, to_at INTEGER NOT NULL DEFAULT 0, -- meter_lost: the gap
	bound_ms INTEGER NOT NULL DEFAULT 0,        -- meter_lost: at most so much may be charged as estimated
	total_minor INTEGER NOT NULL DEFAULT 0,     -- supplement: what the session costs by later data
	opened_at INTEGER NOT NULL, due_at INTEGER,
	proposal TEXT NOT NULL DEFAULT '', proposed_by TEXT, proposed_at INTEGER,
	decision TEXT NOT NULL DEFAULT '', decided_by TEXT, decided_at INTEGER, version INTEGER NOT NULL DEFAULT 1,
	CHECK (decided_by IS NULL OR proposed_by IS NULL OR decided_by <> proposed_by)  -- maker and checker differ
) STRICT;
CREATE INDEX review_open ON review(state, opened_at) WHERE state <> 'done';
CREATE INDEX review_session ON review(session);
-- Two people: a waiver, estimated time, and an attribution to an org that has not claimed are never one person's.
CREATE TRIGGER review_two_people BEFORE UPDATE ON review WHEN NEW.decided_by IS NOT NULL AND NEW.proposed_by IS NULL AND (
	NEW.decision = 'waive' OR NEW.decision LIKE 'charge % as estimated' OR (NEW.decision LIKE 'attribute to %'
		AND NOT EXISTS (SELECT 1 FROM claim WHERE session = NEW.session AND org = NEW.org)))
BEGIN SELECT RAISE(ABORT, 'second_person'); END;
CREATE TRIGGER review_born_open BEFORE INSERT ON review WHEN NEW.state <> 'open' OR NEW.proposed_by IS NOT NULL OR NEW.decided_by IS NOT NULL
	OR EXISTS (SELECT 1 FROM review WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER review_no_delete BEFORE DELETE ON review BEGIN SELECT RAISE(ABORT, 'append_only'); END;
-- Estimated time is charged only as two people agreed, and at most what the gap allows.
CREATE TRIGGER usage_approved BEFORE INSERT ON usage WHEN NEW.reason = 'approved' AND NOT EXISTS (SELECT 1 FROM review
	WHERE session = NEW.session AND kind = 'meter_lost' AND state = 'done' AND proposed_by <> decided_by AND bound_ms >= NEW.estimated_ms
	AND from_at = NEW.from_at AND to_at = NEW.to_at AND decision = 'charge ' || (NEW.estimated_ms / 1000) || ' s as estimated')
BEGIN SELECT RAISE(ABORT, 'second_person'); END;
CREATE TRIGGER usage_approved_stays BEFORE UPDATE ON usage WHEN OLD.reason = 'approved' OR NEW.reason = 'approved'
BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER session_waived BEFORE UPDATE OF outcome ON session WHEN NEW.outcome = 'waived' AND OLD.outcome IS NOT 'waived' AND NOT EXISTS (
	SELECT 1 FROM review WHERE session = NEW.id AND decision = 'waive' AND proposed_by <> decided_by)
BEGIN SELECT RAISE(ABORT, 'second_person'); END;

-- A member's claim: "instrument X at time T was me". Matched when attribution looks for it.
CREATE TABLE claim (
	id INTEGER PRIMARY KEY, instrument TEXT NOT NULL, at INTEGER NOT NULL, org TEXT NOT NULL, user TEXT NOT NULL,
	created_at INTEGER NOT NULL, session INTEGER REFERENCES session(id), note TEXT NOT NULL DEFAULT '',
	state TEXT NOT NULL CHECK (state IN ('open','matched','granted','refused')), version INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX claim_instrument ON claim(instrument, at);
CREATE INDEX claim_session ON claim(session);

-- Money -------------------------------------------------------------------------------------------------

CREATE TABLE period (id TEXT PRIMARY KEY, state TEXT NOT NULL CHECK (state IN ('open','closing','closed'))) STRICT, WITHOUT ROWID;

-- A sealed charge: never edited. seq is the order of posting and the export's key. record: canonical JSON with
-- copies of tariff, terms, org, instrument and readings, enough to recompute it; sha256 is over record.
CREATE TABLE charge (
	id INTEGER PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, session INTEGER REFERENCES session(id), booking INTEGER REFERENCES booking(id),
	kind TEXT NOT NULL CHECK (kind IN ('usage','fee','credit','supplement')), corrects INTEGER REFERENCES charge(id),
	org TEXT NOT NULL, user TEXT NOT NULL, instrument TEXT NOT NULL, project TEXT NOT NULL DEFAULT '',
	posted_at INTEGER NOT NULL, period TEXT NOT NULL, service_from INTEGER NOT NULL, service_to INTEGER NOT NULL,
	used_s INTEGER NOT NULL, idle_s INTEGER NOT NULL, fault_s INTEGER NOT NULL DEFAULT 0, overrun_s INTEGER NOT NULL, billed_s INTEGER NOT NULL, estimated_s INTEGER NOT NULL,
	gap_s INTEGER NOT NULL DEFAULT 0, amount_minor INTEGER NOT NULL, currency TEXT NOT NULL, flags TEXT NOT NULL DEFAULT '',
	lines INTEGER NOT NULL CHECK (lines >= 0),  -- so many charge_lines, that add up to amount_minor; it is whole with the last
	record TEXT NOT NULL, sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
	CHECK ((kind IN ('credit','supplement')) = (corrects IS NOT NULL)),
	CHECK (CASE kind WHEN 'credit' THEN amount_minor < 0 WHEN 'supplement' THEN amount_minor > 0 ELSE 1 END)
) STRICT;
CREATE INDEX charge_org ON charge(org, seq);
CREATE INDEX charge_user ON charge(user, seq);
CREATE INDEX charge_instrument ON charge(instrument, seq);
CREATE INDEX charge_period ON charge(period, seq);
CREATE INDEX charge_booking ON charge(booking);
CREATE INDEX charge_service ON charge(service_from);
CREATE INDEX charge_corrects ON charge(corrects) WHERE corrects IS NOT NULL;
-- Nothing is posted into a period that is not open.
CREATE TRIGGER charge_period_open BEFORE INSERT ON charge WHEN (SELECT state FROM period WHERE id = NEW.period) IS NOT 'open'
BEGIN SELECT RAISE(ABORT, 'period_closed'); END;
-- Later data raises a charge only through a review that somebody decided.
CREATE TRIGGER charge_supplement BEFORE INSERT ON charge WHEN NEW.kind = 'supplement' AND NOT EXISTS (SELECT 1 FROM review
	WHERE session = NEW.session AND kind = 'supplement' AND state = 'done' AND decided_by IS NOT NULL AND decision <> 'waive')
BEGIN SELECT RAISE(ABORT, 'supplement_unreviewed'); END;
-- Counts and sums of what was posted, by period, org and currency, kept by the insert.
CREATE TABLE charge_total (
	period TEXT NOT NULL, org TEXT NOT NULL, currency TEXT NOT NULL, rows INTEGER NOT NULL, minor INTEGER NOT NULL,
	PRIMARY KEY (period, org, currency)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER charge_counted AFTER INSERT ON charge
BEGIN
	INSERT INTO charge_total(period, org, currency, rows, minor) VALUES (NEW.period, NEW.org, NEW.currency, 1, NEW.amount_minor)
		ON CONFLICT(period, org, currency) DO UPDATE SET rows = rows + 1, minor = minor + excluded.minor;
END;
CREATE UNIQUE INDEX charge_one_a_session ON charge(session) WHERE kind = 'usage' AND session IS NOT NULL;

CREATE TABLE charge_line (
	charge INTEGER NOT NULL REFERENCES charge(id), n INTEGER NOT NULL, component TEXT NOT NULL,
	from_at INTEGER NOT NULL, to_at INTEGER NOT NULL, seconds INTEGER NOT NULL, rate_minor INTEGER NOT NULL,
	factor_pm INTEGER NOT NULL, amount_minor INTEGER NOT NULL, detail TEXT NOT NULL DEFAULT '', PRIMARY KEY (charge, n)
) STRICT, WITHOUT ROWID;
-- Lines come in order, no more than the charge has, and the last one makes them add up: then nobody can add to them.
CREATE TRIGGER charge_line_in_order BEFORE INSERT ON charge_line WHEN NEW.n > COALESCE((SELECT lines FROM charge WHERE id = NEW.charge), 0)
	OR NEW.n <> 1 + (SELECT COUNT(*) FROM charge_line WHERE charge = NEW.charge)
BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER charge_line_total BEFORE INSERT ON charge_line WHEN NEW.n = 1 + (SELECT COUNT(*) FROM charge_line WHERE charge = NEW.charge)
	AND EXISTS (SELECT 1 FROM charge WHERE id = NEW.charge AND lines = NEW.n
	AND amount_minor <> NEW.amount_minor + (SELECT COALESCE(SUM(amount_minor), 0) FROM charge_line WHERE charge = NEW.charge))
BEGIN SELECT RAISE(ABORT, 'charge_lines_total'); END;

-- Double entry. An entry belongs to a txn that is not yet sealed; sealing checks that it sums to zero per currency.
CREATE TABLE txn (
	id INTEGER PRIMARY KEY, kind TEXT NOT NULL, idem_key TEXT NOT NULL UNIQUE, content_sha256 BLOB NOT NULL,
	reverses INTEGER REFERENCES txn(id), at INTEGER NOT NULL, period TEXT NOT NULL, sealed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE entry (
	txn INTEGER NOT NULL REFERENCES txn(id), n INTEGER NOT NULL, account TEXT NOT NULL, minor INTEGER NOT NULL,
	currency TEXT NOT NULL, PRIMARY KEY (txn, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_account ON entry(account, currency);
-- Sums by period and account, kept in the statement that seals a transaction.
CREATE TABLE balance (
	period TEXT NOT NULL, account TEXT NOT NULL, currency TEXT NOT NULL, minor INTEGER NOT NULL,
	PRIMARY KEY (period, account, currency)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER txn_balance AFTER UPDATE OF sealed ON txn WHEN NEW.sealed = 1
BEGIN
	INSERT INTO balance(period, account, currency, minor)
		SELECT NEW.period, account, currency, SUM(minor) FROM entry WHERE txn = NEW.id GROUP BY account, currency
		ON CONFLICT(period, account, currency) DO UPDATE SET minor = minor + excluded.minor;
END;
CREATE TRIGGER txn_period_open BEFORE INSERT ON txn WHEN (SELECT state FROM period WHERE id = NEW.period) IS NOT 'open'
BEGIN SELECT RAISE(ABORT, 'period_closed'); END;

CREATE TRIGGER txn_seal BEFORE UPDATE ON txn WHEN NOT (OLD.sealed = 0 AND NEW.sealed = 1 AND NEW.id = OLD.id AND NEW.kind = OLD.kind
	AND NEW.idem_key = OLD.idem_key AND NEW.content_sha256 = OLD.content_sha256 AND NEW.at = OLD.at AND NEW.period = OLD.period
	AND NEW.reverses IS OLD.reverses)
BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER txn_balanced BEFORE UPDATE OF sealed ON txn WHEN NEW.sealed = 1 AND (
	NOT EXISTS (SELECT 1 FROM entry WHERE txn = NEW.id)
	OR EXISTS (SELECT 1 FROM entry WHERE txn = NEW.id GROUP BY currency HAVING SUM(minor) <> 0))
BEGIN SELECT RAISE(ABORT, 'txn_unbalanced'); END;
CREATE TRIGGER txn_born_unsealed BEFORE INSERT ON txn WHEN NEW.sealed <> 0 BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER txn_exists BEFORE INSERT ON txn WHEN EXISTS (SELECT 1 FROM txn WHERE id = NEW.id OR idem_key = NEW.idem_key)
BEGIN SELECT RAISE(ABORT, 'txn_exists'); END;
CREATE TRIGGER txn_no_delete BEFORE DELETE ON txn BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER entry_open BEFORE INSERT ON entry WHEN (SELECT sealed FROM txn WHERE id = NEW.txn) IS NOT 0
	OR EXISTS (SELECT 1 FROM entry WHERE txn = NEW.txn AND n = NEW.n)
BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'append_only'); END;

CREATE TABLE export (
	id INTEGER PRIMARY KEY, format TEXT NOT NULL, org TEXT, period TEXT NOT NULL, from_seq INTEGER NOT NULL, to_seq INTEGER NOT NULL,
	actor TEXT NOT NULL, created_at INTEGER NOT NULL, state TEXT NOT NULL CHECK (state IN ('ready','done','failed')),
	ledger_minor INTEGER, manifest TEXT NOT NULL DEFAULT ''
) STRICT;

-- Time and record ---------------------------------------------------------------------------------------

-- Due times. kind names the handler (app/timers.h); ref is its object. Done timers are deleted in the turn that
-- acted on them; (kind, ref) is unique so that re-arming moves a timer.
CREATE TABLE timer (
	kind TEXT NOT NULL, ref INTEGER NOT NULL, due_at INTEGER NOT NULL, PRIMARY KEY (kind, ref)
) STRICT, WITHOUT ROWID;
CREATE INDEX timer_due ON timer(due_at, kind, ref);

-- What happened, for people and later for webhooks. org NULL: staff only.
CREATE TABLE event (
	id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, instrument TEXT, org TEXT, user TEXT,
	booking INTEGER, session INTEGER, charge INTEGER, detail TEXT NOT NULL
) STRICT;
CREATE INDEX event_org ON event(org, id);

-- Who did what. Append-only.
CREATE TABLE audit (
	id INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, act TEXT NOT NULL, object TEXT NOT NULL,
	before TEXT NOT NULL DEFAULT '', after TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT ''
) STRICT;

-- Append-only, against UPDATE, DELETE and INSERT OR REPLACE, on every connection.
CREATE TRIGGER policy_version_exists BEFORE INSERT ON policy_version WHEN EXISTS (SELECT 1 FROM policy_version WHERE instrument = NEW.instrument AND version = NEW.version) BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER policy_version_no_update BEFORE UPDATE ON policy_version BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER policy_version_no_delete BEFORE DELETE ON policy_version BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER price_version_exists BEFORE INSERT ON price_version WHEN EXISTS (SELECT 1 FROM price_version WHERE instrument = NEW.instrument AND version = NEW.version) BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER price_version_no_update BEFORE UPDATE ON price_version BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER price_version_no_delete BEFORE DELETE ON price_version BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER booking_event_exists BEFORE INSERT ON booking_event WHEN EXISTS (SELECT 1 FROM booking_event WHERE booking = NEW.booking AND n = NEW.n) BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER booking_event_no_update BEFORE UPDATE ON booking_event BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER booking_event_no_delete BEFORE DELETE ON booking_event BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER override_exists BEFORE INSERT ON override WHEN EXISTS (SELECT 1 FROM override WHERE booking = NEW.booking AND n = NEW.n) BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER override_no_update BEFORE UPDATE ON override BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER override_no_delete BEFORE DELETE ON override BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER reading_exists BEFORE INSERT ON reading WHEN EXISTS (SELECT 1 FROM reading WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER reading_no_update BEFORE UPDATE ON reading BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER reading_no_delete BEFORE DELETE ON reading BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER session_event_exists BEFORE INSERT ON session_event WHEN EXISTS (SELECT 1 FROM session_event WHERE session = NEW.session AND n = NEW.n) BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER session_event_no_update BEFORE UPDATE ON session_event BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER session_event_no_delete BEFORE DELETE ON session_event BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER charge_exists BEFORE INSERT ON charge WHEN EXISTS (SELECT 1 FROM charge WHERE id = NEW.id OR seq = NEW.seq
	OR (NEW.kind = 'usage' AND kind = 'usage' AND session = NEW.session)) BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER charge_no_update BEFORE UPDATE ON charge BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER charge_no_delete BEFORE DELETE ON charge BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER charge_line_no_update BEFORE UPDATE ON charge_line BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER charge_line_no_delete BEFORE DELETE ON charge_line BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER event_exists BEFORE INSERT ON event WHEN EXISTS (SELECT 1 FROM event WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER audit_exists BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'append_only'); END;
