/* booking_step.h - what the files of booking share; no other part of the tree includes it. */
#ifndef APP_BOOKING_STEP_H
#define APP_BOOKING_STEP_H

#include "app/booking.h"
#include "app/booking_acts.h"
#include "app/money.h"
#include "core/policy.h"
#include "core/use.h"

/* The transition, its row of history, its event; ends timers and the wish for the interlock when it is the last. The
 * verb and the facts say what happened (their sentences are in daemon/api/words.c); detail: what a person wrote, or
 * "". */
int booking_step(struct act *a, struct booking *b, enum booking_event event, const char *verb, const char *detail,
	const struct facts *f);
/* Writes b and a row of history without a transition. */
int booking_note(struct act *a, struct booking *b, const char *verb, const struct facts *f);
/* A row of history and its event alone: b stays as it is. */
int booking_log(struct act *a, const struct booking *b, const char *verb, const char *detail, const struct facts *f);
/* An event "booking.<what>" for its owner; no row of history. */
void booking_tell(struct act *a, const struct booking *b, const char *what, const struct facts *f);
/* R28: arms the warning before the end of a booking in use; at once when that is nearer. */
int booking_warn_later(struct act *a, const struct booking *b, const struct policy *p);
/* Tells its owner, and who comes directly after, that the end is near. */
int booking_warn(struct act *a, const struct booking *b);
/* It was in use past its booked end until `at`: both are told. continues: the run goes on in the next booking. */
int booking_overran(struct act *a, const struct booking *b, int64_t at, bool continues);
/* R21: holds the displaced booking's owner their next slot from `after` on, if there is one; they are told. */
int first_refusal_offer(struct act *a, const struct booking *b, int64_t after, int budget);
/* The slot held for the owner of that displaced booking is free again. f: why, for the history and its owner. */
int first_refusal_end(struct act *a, int64_t booking, const struct facts *f);
int first_refusal_over(struct act *a, int64_t ref, int64_t due_at);
/* R01, R02: its place with turnover; makes room in the turnover of the same org's neighbours. 0, 1 taken, < 0. */
int booking_place(struct act *a, const struct booking *b, const struct policy *p);
/* Frees what it held and gives the turnover back to the one before it. */
int booking_unplace(struct act *a, const struct booking *b);
/* The booking before `at` gets back the turnover that its neighbour had spared it. */
int booking_refit(struct act *a, const char *instrument, int64_t at);
/* Ends the held time at `at` with turnover after it. */
int booking_release(struct act *a, struct booking *b, const struct policy *p, int64_t at);
/* R26: the rest of an idle session's slot is free for others from `at` on; both stay open. */
int booking_let_go(struct act *a, struct booking *b, const struct policy *p, int64_t at);
/* A run or a check-in takes it back. Nothing when nothing was released. */
int booking_resume(struct act *a, struct booking *b);
/* Somebody else has this time now (by: that booking, or 0): an idle session that had let it go ends with its
 * booking. */
int booking_taken(struct act *a, const char *instrument, struct interval in, int64_t by);
/* The end for overrun pricing is about to move: what is overrun between it and `until` stays so. 0, 1: too often,
 * < 0. */
int booking_keep_overrun(struct act *a, const struct booking *b, int64_t until);
/* b->quote_minor, as what it is made of stands now; not written. 0 or < 0. */
int booking_requote(struct act *a, struct booking *b);
/* Live bookings that reach past `from`, where the list of that version was announced or withdrawn: those whose quote
 * changes are written and their owners told. 0 or < 0. */
int booking_requote_all(struct act *a, const char *instrument, int64_t from, int64_t version);
/* The same without writing: all that is kept, with what would be. */
int booking_kept(struct act *a, const struct booking *b, int64_t until, struct kept_spans *ret);
int booking_arm(struct act *a, const struct booking *b, const struct policy *p);
/* R25: f->at and f->left are given, f->silent where the meter cannot be read; the rest of f is filled. 0 or < 0. */
int booking_judge(struct act *a, const struct booking *b, const struct policy *p, struct use_facts *f,
	enum use_verdict *ret);
/* Carries the verdict on a booking that was not used out: cancelled, missed or lapsed at `at`. seen: what it rests
 * on. */
int booking_unused(struct act *a, struct booking *b, enum use_verdict v, const struct use_facts *seen, int64_t at);
/* The code for the history of a booking that lapsed: which rule of R25 made it free. Static text. */
const char *booking_why_lapsed(const struct booking *b, const struct use_facts *seen);
/* R23: the fee of a cancellation at `at`, to b->fee_minor. While the instrument cannot be used it is decided at the
 * booked start. */
int booking_late_cancel(struct act *a, struct booking *b, int64_t at);
int booking_late_cancel_due(struct act *a, int64_t ref, int64_t due_at);
/* R23: what of the parts that were given up is decided later, if the instrument can be used then. */
int booking_given_up_later(struct act *a, const struct booking *b, int64_t *ret_minor);
/* R23: adds to b->fee_minor what the parts cost that were booked before and are not any more. While the instrument
 * cannot be used that is decided at the start it had. */
int booking_give_up(struct act *a, const struct booking *was, struct booking *b);
int booking_given_up_due(struct act *a, int64_t ref, int64_t due_at);
/* Missed at `at`: fee, release, history. why: a code of the verb no_show. */
int booking_miss(struct act *a, struct booking *b, const struct use_facts *seen, int64_t at, const char *why);
/* Nobody's fault: free. why: a code of the verb lapse. */
int booking_lapse(struct act *a, struct booking *b, int64_t at, const char *why);
/* The booking for a use case: 404 when there is none, 412 when `version` is not 0 and not its. */
int booking_open(struct act *a, int64_t id, int64_t version, struct booking *ret);
/* Times as a person reads them: "2026-11-24T09:00:00+08:00 to ...", for the audit. */
void booking_span_text(const struct site *s, char *dst, size_t cap, int64_t from, int64_t to);

/* Who and where for whom the rules are asked. except: the booking itself (0: none yet). org, user "": nobody's. */
struct facts_for {
	enum booking_verb verb;
	const char *instrument, *org, *user;
	int64_t except;
	const struct policy *policy;
	int64_t now;
	struct interval at, was;
	int64_t was_since;                       /* since when what there is already counts; 0: from its start   */
	int64_t now_from;                        /* R03: where `now` begins; 0: not asked                        */
	int64_t asked_ms;                        /* R04: the length of `now for D`; 0: as the times say          */
	bool holds_bind;                         /* R21: also the user's own; nor is turnover spared */
};
/* R03: makes w->at what `now` means, where it begins within a grid cell of now; a stated end on the grid stays, else it
 * becomes the first line at or after now and the length that was asked for. w->policy and w->now are set. 0 or < 0. */
int booking_now(struct act *a, struct facts_for *w);
/* Gives b its place w->at, made or moved now. */
void booking_put(struct act *a, struct booking *b, const struct facts_for *w);
/* R01, R21: fills f->conflicts. */
int booking_conflicts(struct act *a, const struct facts_for *w, struct rule_facts *f);
int booking_facts(struct act *a, const struct facts_for *w, struct rule_facts *ret);
/* Asks the engine; a manager's reason takes STAFF violations to *ret_overridden. 0 or < 0; what is left is in *v. */
int booking_ask(struct act *a, const struct rule_facts *f, const char *reason, struct verdict *v,
	struct verdict *ret_overridden);
/* Turns what is left into a->refusal with conflicts and suggestions; ACT_REFUSED or < 0. kind "": only the
 * instrument. */
int booking_refuse(struct act *a, const struct facts_for *w, const struct rule_facts *f, const struct verdict *v,
	const char *kind);
int booking_record_overrides(struct act *a, int64_t id, const struct verdict *overridden, const char *reason);

struct slot_search {
	const char *org, *user;
	int64_t except;
	int64_t duration_ms, after, before;
	const struct policy *within;             /* NULL: no such wish */
	bool holds_bind, priced;                 /* priced: slots say their price, and have one      */
	int limit, budget;                       /* budget: rule evaluations */
	int n;
	struct free_slot slots[FREE_MAX];        /* by start */
};
/* Adds the instrument's slots that are among the earliest `limit`. 0 or < 0. */
int booking_search(struct act *a, struct slot_search *s, const char *instrument);

#endif
