/*
 * session.h - sessions, runs and pieces of usage, and the one function for all transitions of a session.
 * Pure. Instants: wall ms; durations: ms.
 */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include "core/site.h"

enum session_state { SESSION_OPEN, SESSION_RUNNING, SESSION_IDLE, SESSION_UNKNOWN, SESSION_CLOSED, SESSION_REVIEWED,
	SESSION_CHARGED, SESSION_STATES };
enum session_kind { SESSION_BOOKED, SESSION_UNATTRIBUTED, SESSION_INTERNAL, SESSION_KINDS };
/* Promise 4: a closed session is in exactly one of these; NONE while it is not closed. SETTLING waits for its last
 * reading or its timer and is counted as an open gap. */
enum session_outcome { OUTCOME_NONE, OUTCOME_OPEN_GAP, OUTCOME_REVIEW, OUTCOME_SETTLING, OUTCOME_CHARGED,
	OUTCOME_WAIVED, OUTCOME_INTERNAL, OUTCOME_UNATTRIBUTED, OUTCOMES };

struct session {
	int64_t id;
	char instrument[LT_ID];
	int64_t booking;                 /* 0: none */
	char org[LT_ID], user[LT_ID];    /* "": nobody's */
	enum session_kind kind;
	enum session_state state;
	enum session_outcome outcome;
	bool presumed, bypassed, end_reading;
	bool unplaced;                   /* its time lies somewhere in [opened_at, closed_at): it overlaps nothing */
	bool disowned;                   /* the one it was presumed to be said that it is not theirs */
	/* 0: not */
	int64_t opened_at, checkin_at, checkout_wish_at, first_run_at, last_run_end_at, unknown_since, closed_at;
	char opened_cause[24], close_cause[24];
	int64_t measured_ms, estimated_ms;
	int64_t on_ms, counted_ms;       /* while both were read: the run bit was on; the counter counted */
	int64_t gap_ms;                  /* nobody read the meter for so long, until a reading came or it was given up */
	char review_reason[64];  /* the kind of a review item that it waits for; "": of none. Not written   */
	int64_t version;
};

/* A piece of metered time; see table usage in store/sqlite/001.sql. */
struct usage {
	int64_t id, session;             /* session 0: nobody's */
	char instrument[LT_ID];
	int64_t from_at, to_at, measured_ms, estimated_ms;
	int64_t held_ms;                 /* shown on a level that nobody knows: not measured, not in E */
	bool placed, open;
	bool fault;                      /* metered while the instrument said that it has a fault: not priced */
	char reason[24];                 /* 'run', 'gap', 'quantisation', 'reset', 'adjustment', 'approved', 'several' */
	int64_t raw_from, raw_to;
};

enum session_event { SESSION_RUN_ON, SESSION_RUN_OFF, SESSION_LOST, SESSION_FOUND_ON, SESSION_FOUND_OFF, SESSION_CLOSE,
	SESSION_REVIEW, SESSION_CHARGE, SESSION_EVENTS };

/* The only place that knows which edge leads where. True and *ret, or false: no such edge. */
bool session_next(enum session_state from, enum session_event event, enum session_state *ret);
const char *session_state_name(enum session_state s);
const char *session_kind_name(enum session_kind k);
const char *session_outcome_name(enum session_outcome o);

#endif
