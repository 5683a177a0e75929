/*
 * attribution.h - who owns the milliseconds between two readings (METERING.md, Gaps and Sessions). Pure.
 *
 * Every function splits what it is given exactly: the measured times of the pieces sum to the increase of the meter.
 */
#ifndef CORE_ATTRIBUTION_H
#define CORE_ATTRIBUTION_H

#include <stdbool.h>
#include <stdint.h>

#define ATTR_WINDOWS 16
#define ATTR_PIECES (2 * ATTR_WINDOWS + 2)

/* A session that competes for an interval, from this instant on until the next window begins, or until an end of its
 * own before that. to 0: none. */
struct attr_window { int64_t session, from, to; };

/* A piece of metered time. session 0: nobody's. placed: a run, on all through [from, to). */
struct attr_piece {
	int64_t session, from, to, measured_ms;
	bool placed;
};

/*
 * What a meter added over an interval in which nobody read it. on_at_start: a run was on at `from` and belongs to the
 * first window, which then begins there. on_at_end: one is on at `to`, whoever's. slack_ms: a window filled up to this
 * is filled.
 */
struct attr_gap { int64_t from, to, delta; bool on_at_start, on_at_end; int64_t slack_ms; };

/*
 * Splits a gap's difference. windows are ordered by from; n may be 0; only those that compete are passed. The run that
 * was on at the start keeps the difference as one continuous run up to the next window. When a run is on at both ends
 * and the difference is short of the gap by more than the slack, the run has ended in between, nobody knows where: then
 * its session, like all others, has what the rest of the gap could not hold. What is left is nobody's (session 0).
 * Returns the number of pieces; their sum is the difference, and at most one of them, the last, is nobody's.
 */
int attr_split(const struct attr_gap *g, const struct attr_window *windows, int n, struct attr_piece ret[ATTR_PIECES]);

/* Where a run lies that added `delta` between two readings without a gap. */
void attr_run(int64_t from, int64_t to, int64_t delta, bool was_on, bool is_on, int64_t *ret_from, int64_t *ret_to);

/* The part of a piece's time that lies at or after `at`, for a cut: of a placed piece by the clock, of another what the
 * time before `at` could not hold. */
int64_t attr_after(int64_t from, int64_t to, int64_t measured_ms, bool placed, int64_t at);

#endif
