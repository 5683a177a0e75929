/*
 * session.c - the one table of a session's transitions, and the names of its enums. Owns nothing.
 */
#include "core/session.h"

#include <assert.h>

#define TO(state) ((state) + 1)

/* 0: no such edge; otherwise the target + 1. */
static const unsigned char edges[SESSION_STATES][SESSION_EVENTS] = {
	[SESSION_OPEN] = { [SESSION_RUN_ON] = TO(SESSION_RUNNING), [SESSION_LOST] = TO(SESSION_UNKNOWN),
		[SESSION_CLOSE] = TO(SESSION_CLOSED) },
	[SESSION_RUNNING] = { [SESSION_RUN_OFF] = TO(SESSION_IDLE), [SESSION_LOST] = TO(SESSION_UNKNOWN),
		[SESSION_CLOSE] = TO(SESSION_CLOSED) },
	[SESSION_IDLE] = { [SESSION_RUN_ON] = TO(SESSION_RUNNING), [SESSION_LOST] = TO(SESSION_UNKNOWN),
	[SESSION_CLOSE] = TO(SESSION_CLOSED) },
	[SESSION_UNKNOWN] = { [SESSION_FOUND_ON] = TO(SESSION_RUNNING), [SESSION_FOUND_OFF] = TO(SESSION_IDLE),
		[SESSION_CLOSE] = TO(SESSION_CLOSED) },
	[SESSION_CLOSED] = { [SESSION_REVIEW] = TO(SESSION_REVIEWED), [SESSION_CHARGE] = TO(SESSION_CHARGED) },
	[SESSION_REVIEWED] = { [SESSION_REVIEW] = TO(SESSION_REVIEWED), [SESSION_CHARGE] = TO(SESSION_CHARGED) },
};

bool session_next(enum session_state from, enum session_event event, enum session_state *ret)
{
	assert(from < SESSION_STATES && event < SESSION_EVENTS);
	if (!edges[from][event])
		return false;
	*ret = (enum session_state)(edges[from][event] - 1);
	return true;
}

const char *session_state_name(enum session_state s)
{
	static const char *const names[SESSION_STATES] = { "open", "running", "idle", "unknown", "closed", "reviewed",
		"charged" };

	assert(s < SESSION_STATES);
	return names[s];
}

const char *session_kind_name(enum session_kind k)
{
	static const char *const names[SESSION_KINDS] = { "booked", "unattributed", "internal" };

	assert(k < SESSION_KINDS);
	return names[k];
}

const char *session_outcome_name(enum session_outcome o)
{
	static const char *const names[OUTCOMES] = { "", "open_gap", "awaiting_review", "settling", "charged", "waived",
		"internal", "unattributed" };

	assert(o < OUTCOMES);
	return names[o];
}
