/*
 * claim.c - "instrument X at time T was me": a member names, and sees no list (R29). A claim finds its session when it
 * is made, or when one turns out to be nobody's. Owns nothing.
 */
#include <string.h>

#include "app/review.h"
#include "app/session_step.h"
#include "common/fmt.h"

int claim_make(struct act *a, const char *instrument, int64_t at, const char *note, struct claim *ret)
{
	struct session s;
	int rc;

	memset(ret, 0, sizeof(*ret));
	if (!site_instrument(a->site, instrument))
		return act_refuse(a, 404, "not-found", "instrument", "there is no instrument %s", instrument);
	if (!a->who.user[0])
		return act_refuse(a, 422, "no-user", "", "a claim needs a user; log in with a user's token");
	if (at > a->now.wall_ms)
		return act_refuse(a, 422, "future", "at", "a claim names a time that is past");
	if (store_claim_waiting(a->db, a->who.user) >= CLAIMS_WAITING)
		return act_refuse(a, 409, "too-many-claims", "", "%d of your claims wait for a decision", CLAIMS_WAITING);
	ret->id = act_id(a, "claim");
	ret->at = at;
	ret->created_at = a->now.wall_ms;
	ret->version = 1;
	lt_fmt(ret->instrument, sizeof(ret->instrument), "%s", instrument);
	lt_fmt(ret->org, sizeof(ret->org), "%s", a->who.org);
	lt_fmt(ret->user, sizeof(ret->user), "%s", a->who.user);
	lt_fmt(ret->note, sizeof(ret->note), "%s", note);
	rc = store_session_unattributed_at(a->db, instrument, at, &s);
	if (rc < 0)
		return rc;
	if (rc == 0)
		ret->session = s.id;
	lt_fmt(ret->state, sizeof(ret->state), rc == 0 ? "matched" : "open");
	rc = store_claim_insert(a->db, ret);
	return rc != 0 ? rc : act_end(a);
}
