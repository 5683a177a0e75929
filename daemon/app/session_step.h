/* session_step.h - what the files of metering share; no other part of the tree includes it. */
#ifndef APP_SESSION_STEP_H
#define APP_SESSION_STEP_H

#include "app/booking.h"
#include "app/metering.h"
#include "core/attribution.h"
#include "core/meter.h"
#include "store/meter.h"
#include "store/review.h"
#include "store/session.h"

#define QUIET_MS (5 * LT_MINUTE)       /* a session of nobody closes after so much quiet               */
#define BYPASS_MS (30 * LT_MINUTE)     /* after another org's session a run without check-in is nobody's */
#define LOST_MS (5 * LT_MINUTE)        /* a gap longer than this, or than 5 % of the session, is reviewed */
#define EVIDENCE_MS (5 * LT_MINUTE)

/* One reading and what the meter makes of it. */
struct reading_now {
	const struct instrument *i;
	struct meter m;
	struct meter_verdict v;
	bool has_bit;
	enum lt_lock lock;      /* as this reading says; unknown: it does not */
	int64_t read_at;        /* when the one before it was (metering_read_at) */
};

/* What the wall clock shows for a label of this reading. Labels never go back: where the clock was set back they stand
 * still, ahead of it, while bookings, check-ins and sessions go by the clock. */
int64_t reading_instant(const struct reading_now *r, int64_t label);

/* session.c */
/* Inserts s as OPEN, its history, its place among R01 objects, its timers and events. */
int session_begin(struct act *a, struct session *s);
/* The transition and its row of history; writes s. False edges are our bug. */
int session_step(struct act *a, struct session *s, enum session_event event, const char *cause, const char *detail);
/* Closes at `at`. read: the reading at this edge was taken. Tells booking and money; the next in line begins. */
int session_end(struct act *a, struct session *s, int64_t at, const char *cause, bool read);
/* No run is on at or after the booked end: ends at `at`. A session without use may cost a fee: it is left to the timer
 * booking_end, which waits while the clock is not trusted. */
int session_past_end(struct act *a, struct session *s, const struct booking *b, int64_t at, const char *cause);
/* Marks what happened to the session without a transition. */
int session_note(struct act *a, struct session *s, const char *cause, const char *detail);
/* Nobody's or inside a block: holds the unit to the end of the current cell; a booked one that overruns likewise. */
int session_hold(struct act *a, const struct session *s, int64_t now);
/* The state that the run bit asks for; run_from, run_to: the run's edges. at: of the reading. May close the session. */
int session_follow(struct act *a, struct session *s, bool running, int64_t run_from, int64_t run_to, int64_t at);
bool session_is_open(const struct session *s);
/* When a closed session was over: its last run may have ended after it closed. */
int64_t session_over_at(const struct session *s);
/* Inserts a session that is past already, of nobody's or internal, with its history. It holds no unit. */
int session_record(struct act *a, struct session *s, const char *detail);
/* Adds usage: a new piece of s (NULL: nobody's), measured, or held where the verdict says so. */
int session_piece(struct act *a, struct session *s, const char *instrument, const struct attr_piece *p,
	const char *reason, bool open,
		  const struct meter_verdict *v);

/* metering_open.c */
/* A run edge without an open session that wants it: opens one by the rules (METERING.md, Sessions). r: the reading that
 * shows the run. */
int session_open_by_run(struct act *a, const struct reading_now *r, int64_t from, struct session *ret);
/* What kind of session a run that begins at `from` would open, and for which booking (ret_booking->id 0: none). */
int session_kind_at(struct act *a, const struct reading_now *r, int64_t from, enum session_kind *ret,
	bool *ret_bypassed, struct booking *ret_booking);
/* May a run that begins at `from` be of the last session on the unit, and that of another org than this one? It may
 * where nobody saw that session's end, or where it ended less than within_ms before. */
int session_of_another(struct act *a, const char *instrument, int64_t from, const char *org, int64_t within_ms,
	bool *ret);
/* A session of this booking begins at `at`. */
int session_open_booked(struct act *a, const struct booking *b, int64_t at, const char *cause, bool presumed,
	int64_t checkin_at,
			struct session *ret);
/* A run of nobody's is on in the booking, since `from`: its owner is told, and not whose it may be. */
void session_tell_owner(struct act *a, const struct booking *b, int64_t from);

/* metering_take.c */
/* The session that closed leaves the unit to who waits for it. */
int session_next_waiting(struct act *a, const char *instrument, int64_t at);
/* What a session has before the cut becomes *ret_part, a closed session of nobody's, without a review item yet. The
 * session begins at the cut; one whose run was not seen since is unknown. Opened before the cut, cut not after now. */
int metering_give_back(struct act *a, struct session *s, int64_t cut, struct session *ret_part);

/* metering_run.c */
/* Gives every millisecond of the verdict an owner and the sessions their states. */
int metering_attribute(struct act *a, struct reading_now *r);

/* metering_hidden.c */
/* A piece of a gap that no session owns. From a minute on it is a session of unplaced time, with a review item and an
 * event, so that it does not go by unseen. */
int metering_hidden(struct act *a, const char *instrument, const struct attr_piece *p, const struct meter_verdict *v);

/* metering_level.c */
/* After a reading: the register is back at an old level, or a hold is over, or it goes on. open: the session that the
 * caller holds and saves; NULL. */
int metering_level(struct act *a, const struct reading_now *r, struct session *open);
/* A person says that the level is the meter's own: what was held is measured. 0 and *ret_ms; 1: nothing is held. */
int metering_new_meter(struct act *a, const struct instrument *i, int64_t *ret_ms);

/* metering.c */
int64_t metering_gap_limit(struct act *a, const struct instrument *i);
/* For how long no good reading came, by BOOTTIME where it is of this boot; jumps: by the wall clock where that says
 * more. */
int64_t metering_silent_ms(struct act *a, const struct meter *m, bool jumps);
/* When its last reading was, where labels stand ahead of a clock that was set back: by the clock as it is now, or as it
 * was before it went forward since, whichever is earlier. */
int64_t metering_read_at(struct act *a, const struct meter *m);
/* The session's budget begins at the meter's state now. */
int metering_session_starts(struct act *a, const struct instrument *i);

/* metering_lock.c: timer, ref: unit */
int metering_lock_stuck(struct act *a, int64_t ref, int64_t due_at);

/* witness.c */
/* What the reading says of both witnesses, added to the session. */
void witness_saw(struct session *s, const struct reading_now *r);
/* At its end: do the run bit and the counter agree? If not, a review item. read: the reading at the end was taken. */
int witness_compare(struct act *a, const struct session *s, bool read);

/* metering_timers.c */
/* Sees to it that polls are forced at what comes next on the instrument. */
int metering_arm(struct act *a, const char *instrument);
/* The open session is lost sight of since its last reading. */
int metering_lost(struct act *a, struct session *s, int64_t since);
/* When a session in unknown is given up: a booked one by its booking; what is nobody's after some dark minutes. */
int session_given_up(struct act *a, const struct session *s, int64_t *ret);
/* Opens meter_lost when the gap was long for this session, whatever the counter says of it: over LOST_MS, or over 5 %
 * of the time from its opening to its booked end, or to the gap's end where that is later. Without a booking nobody
 * knows how long it will be: LOST_MS alone. */
int metering_lost_review(struct act *a, const struct session *s, int64_t from, int64_t to, int64_t measured_ms);

#endif
