/*
 * words.c - the one place that makes sentences of kinds and facts. Owns nothing and cannot fail: an unknown kind is "".
 *
 * In a sentence these stand for the members of struct facts:
 *   {at} {from} {to}     instants             {ms} {most}   durations, as "1h30m"
 *   {minor} {was}        money with currency  {n}           a number
 *   {B} {S} {C}          a booking, session or charge, as B-7, S-7, C-7
 *   {instrument}         its id
 * A translation is another set of these tables.
 */
#include "api/words.h"

#include <string.h>

#include "common/fmt.h"
#include "common/money.h"
#include "core/terms.h"

struct words { const char *kind, *sentence; };

static const struct words events[] = {
	{ "meter_back", "the hour meter is back at the level that it left at {from}: {ms} above it are measured" },
	{ "meter_held_measured", "{ms} that the hour meter showed on a level of unknown cause since {from} are measured" },
	{ "measured_late", "{ms} of {S} were measured late: the hour meter had left its level at {from}" },
	{ "measured_less", "{ms} of {S} were taken back: the hour meter is at the level again that it left at {from}" },
	{ "booking.hidden_run", "the instrument ran for {ms} in your booking, somewhere from {from} to {to}, while nobody could read "
		"its meter: it is not charged to you; claim it if it was you" },
	{ "booking.run_continues", "a run of your organisation goes on into your booking, and is yours from {at}; disown it if you did "
		"not go on with it" },
	{ "booking.unattributed_run", "a run is on in your booking, since {at}, that may be another's: it is not charged to you; "
		"check in, and what follows is yours" },
	{ "run_hidden", "{instrument} ran for {ms}, somewhere from {from} to {to}, while nobody could read its meter, and no session "
		"owns it: {S} is to be reviewed" },
	{ "price_withdrawn", "price list {n} of {instrument}, announced for {at}, was withdrawn" },
	{ "quote_changed", "{B} on {instrument} will cost {minor}, not {was}: price list {n} was announced or withdrawn" },
	{ "clock_forward", "the wall clock was set forward by {ms}, from {from} to {to}; nothing is billed for it" },
	{ "clock_back", "the wall clock was set back by {ms}, from {from} to {to}; nothing is billed twice" },
	{ "clock_jumped", "the wall clock jumped forward by {ms}, from {from} to {to}: it counts neither as usable nor as idle nor "
		"as overrun, and what a meter counted meanwhile is charged at the base price; fees, no-shows and releases wait until "
		"{at}, or until `labtime clock accept`" },
	{ "clock_accepted", "a manager said that the wall clock is right: fees, no-shows and releases go on" },
	{ "clock_end", "the wall clock jumped over the booked end of {B}, {from}: finish, or `labtime extend {B}`; overrun begins "
		"at {at}" },
	{ "session_opened", "{S} has begun" },
	{ "session_opened user", "{S} has begun: its user checked in" },
	{ "session_opened run_continues", "{S} has begun: a run goes on from the booking before" },
	{ "session_presumed", "a run began in your booking without a check-in; disown it if it is not yours" },
	{ "session_unattributed", "a run that nobody booked has begun: {S} is to be reviewed" },
	{ "session_internal", "{S} has begun in a block: it is not billed" },
	{ "session_closed", "{S} is over" },
	{ "session_closed user", "{S} is over: its user checked out, or another has checked in" },
	{ "session_closed meter", "{S} is over: its last run has ended" },
	{ "session_closed timer", "{S} is over: its time has ended" },
	{ "session_closed manager", "{S} is over: a manager closed it" },
	{ "session_closed run_continues", "{S} is over: its run goes on in the next booking" },
	{ "block.create block", "K-{n} keeps {instrument} free from {from} to {to}" },
	{ "supplement_proposed", "later data would raise {C} from {was} to {minor}; nothing is charged unless a manager agrees" },
	{ "interlock_stuck", "the interlock of {instrument} was asked to open at {at} and still reads locked: from then on until it "
		"opens it cannot be used, and none of it costs a fee" },
	{ "interlock_open", "the interlock of {instrument} was asked to lock and still reads unlocked: whoever comes to it can run "
		"it" },
	{ NULL, NULL },
};

static const struct words refusals[] = {
	{ "not-a-level", "V-{n} is not about a level of the hour meter (meter_manual)" },
	{ "still-held", "V-{n} is about what the hour meter of {instrument} holds since {from}, and that is somebody's time: say "
		"\"new meter\", or wait; it is measured when the register is back, or a day has passed" },
	{ "nothing-held", "V-{n} holds nothing any more: accept what was measured, or waive it" },
	{ "after-checkin", "{S} has a check-in at {at}; what follows it cannot be disowned: dispute its charge instead" },
	{ "attributed", "{S} was given to you by a review; dispute its charge instead" },
	{ "booking-waits", "{S} lies in {B} of the same user, which still waits for them: decide when that has ended, by {to} at the "
		"latest" },
	{ "not-booked", "{S} is nobody's or the lab's: there is nothing to disown" },
	{ "nothing-to-disown", "no second of {S} is from before the check-in, or from before the instant you name; "
		"dispute its charge instead" },
	{ "settled", "{S} has settled; dispute its charge instead" },
	{ "no-price-list", "{instrument} has no price list {n}; labtime rate ls {instrument} shows those it has" },
	{ "price-in-force", "price list {n} of {instrument} came into force at {at}: what it priced stays so; set another one "
		"(labtime rate set)" },
	{ "cannot-be-priced", "{S} has no price: too many price lists were in force in it, or its price is beyond what one "
		"charge may be; waive it (two people), and charge by hand what is due" },
	{ "clock-steady", "no timer waits for the wall clock: there is nothing to accept" },
	{ NULL, NULL },
};

/* Why a booking that nobody used costs nothing: the same, whether it ended by itself or was cancelled. */
#define HIDDEN_RUN "a run was hidden from the meter's readings"
#define TOO_SHORT "less than ten minutes of it were left when it was made or the unit came free: free of charge"
#define SILENT "its meter could not be read, so nobody knows whether it ran: free of charge"
#define NOT_USABLE "it could not be used for long enough: free of charge"

/* By verb, or by verb and why. The event of the same verb, "booking.<verb>", says the same. */
static const struct words histories[] = {
	{ "create", "booked from {from} to {to}, by price list {n}" },
	{ "create walk_up", "a walk-up: booked from {from} to {to}, by price list {n}" },
	{ "move", "now from {from} to {to}, by price list {n}" },
	{ "extend", "now from {from} to {to}; what was added is by price list {n}" },
	{ "shorten", "now from {from} to {to}" },
	{ "checkin", "checked in" },
	{ "use", "in use without a check-in" },
	{ "use run_continues", "in use: a run goes on from the booking before" },
	{ "complete", "it is over" },
	{ "complete user", "checked out" },
	{ "complete meter", "it is over: its last run has ended" },
	{ "complete timer", "it is over: its time has ended" },
	{ "complete manager", "a manager closed its session" },
	{ "complete run_continues", "it is over: its run goes on in the next booking" },
	{ "displace block", "displaced by K-{n}, free of charge: choose another time (`labtime free`)" },
	{ "idle_release_soon", "nothing runs: the rest is released in {ms}; `labtime start` keeps it" },
	{ "end_soon", "{B} ends at {at}: finish, or `labtime extend {B}` while the unit is free" },
	{ "in_use_before", "{instrument} is in use before your booking, until {at} as booked; a run is never cut" },
	{ "held_up", "{instrument} is still in use past the booked end of those before you; check in at your start and your time "
		"moves by the delay" },
	{ "overrun_over", "the use of {instrument} ended {ms} after the booked end" },
	{ "unit_free", "{instrument} is free for you: the use before your booking ended {ms} after its booked end" },
	{ "delay", "another's session delayed it by {ms}: its end for overrun is {to}" },
	{ "clock_delay", "the wall clock jumped over its end, {from}: overrun begins at {to}" },
	{ "cut", "a block begins at the end of the held time; it waits for the session" },
	{ "uncut", "the block was removed: the time up to the booked end is held again, as far as it is free" },
	{ "release", "nothing ran: the rest is free for others; a run or `labtime start` takes it back until somebody else has it" },
	{ "resume", "used again: the released time is held again" },
	{ "edit", "note or project" },
	{ "waiting", "checked in while another's session still holds the unit" },
	{ "undo_no_show", "a run that was found later was in it: there was use after all" },
	{ "late_cancel cancelled", "the instrument can be used at the booked start: the fee of the cancellation is due" },
	{ "late_cancel given_up", "the instrument can be used at the start it had: the fee of the time that was given up is due" },
	{ "no_show nobody_came", "nobody checked in and nothing ran" },
	{ "no_show checked_in", "checked in, but nothing ran: neither the run bit nor the counter showed a run" },
	{ "no_show nobodys_run", "no run was seen to be its user's; one that was on in it is nobody's yet: who ran it claims it "
		"(labtime claim)" },
	{ "lapse not_approved", "nobody approved it" },
	{ "lapse held_up", "another's session held the unit all the time" },
	{ "lapse hidden_run", HIDDEN_RUN },
	{ "lapse too_short", TOO_SHORT },
	{ "lapse silent", SILENT },
	{ "lapse not_usable", NOT_USABLE },
	{ "cancel free", "free of charge" },
	{ "cancel no_fee", "no fee" },
	{ "cancel fee", "fee {minor}" },
	{ "cancel undecided", "it cannot be used now: whether there is a fee is decided at the booked start" },
	{ "cancel checked_out", "checked out before its start without use" },
	{ "cancel after_start", "cancelled after its start; no fee" },
	{ "cancel after_start_fee", "cancelled after its start; fee {minor}" },
	{ "cancel held_up", "another's session still held the unit; no fee" },
	{ "cancel hidden_run", HIDDEN_RUN "; no fee" },
	{ "cancel too_short", TOO_SHORT },
	{ "cancel silent", SILENT },
	{ "cancel not_usable", NOT_USABLE },
	{ "hold_over taken", "taken by B-{n}" },
	{ "hold_over expired", "the time to take the held slot is over: it is free for others" },
	{ "hold_over block", "a block lies over the held slot; choose another time (`labtime free`)" },
	{ "hold_over deactivated", "the user was deactivated" },
	{ NULL, NULL },
};

static const struct words reviews[] = {
	{ "meter_manual", "the hour meter left its level after {from} in a way that no run explains; {ms} that it showed since "
		"are held until it is back, you say \"new meter\", or a day has passed" },
	{ "meter_manual session", "the hour meter left its level after {from} in a way that no run explains; {ms} that it showed "
		"since in {S} are held until it is back, you say \"new meter\", or a day has passed; accepting charges the rest" },
	{ "meter_manual over", "the hour meter left its level after {from} in a way that no run explains; {ms} that it showed "
		"since were held until {to}" },
	{ "meter_redefined", "between {from} and {to} the configuration of {instrument} changed what its meter counts, what a "
		"count is worth or where it turns over: it is counted anew from {to}, and what it counted between the two is on "
		"nobody's bill" },
	{ "unattributed", "a run that nobody saw and no session owns: the meter could not be read from {from} to {to}" },
	{ "price_lists", "more price lists were in force in {S} than one charge is made of; it cannot be priced: waive it "
		"(two people), and charge by hand what is due" },
	{ "supplement", "by later data {S} costs {minor} in all; nothing more is charged unless a manager agrees" },
	{ "meter_disagrees", "from {from} to {to} the run bit and the counter do not agree: the meter did not count as the run bit "
		"was on, or the other way round; two people may charge at most {most} more as estimated" },
	{ NULL, NULL },
};

static const char *find(const struct words *list, const char *kind)
{
	for (; list->kind; list++)
		if (strcmp(list->kind, kind) == 0)
			return list->sentence;
	return "";
}

/* "no_show checked_in": a kind that knows several causes has a sentence for each, or one for all others. */
static const char *find_why(const struct words *list, const char *kind, const char *why)
{
	const char *sentence;
	char key[80];

	lt_fmt(key, sizeof(key), "%s %s", kind, why);
	sentence = find(list, key);
	return sentence[0] ? sentence : find(list, kind);
}

/* What each name in braces says. */
enum member_kind { MEMBER_INSTANT, MEMBER_SPAN, MEMBER_MONEY, MEMBER_NUMBER, MEMBER_BOOKING, MEMBER_SESSION,
	MEMBER_CHARGE, MEMBER_TEXT };

static const struct member { const char *name; enum member_kind kind; size_t offset; } members[] = {
	{ "{at}", MEMBER_INSTANT, offsetof(struct facts, at) },
	{ "{from}", MEMBER_INSTANT, offsetof(struct facts, from_at) },
	{ "{to}", MEMBER_INSTANT, offsetof(struct facts, to_at) },
	{ "{ms}", MEMBER_SPAN, offsetof(struct facts, ms) },
	{ "{most}", MEMBER_SPAN, offsetof(struct facts, most_ms) },
	{ "{minor}", MEMBER_MONEY, offsetof(struct facts, minor) },
	{ "{was}", MEMBER_MONEY, offsetof(struct facts, was_minor) },
	{ "{n}", MEMBER_NUMBER, offsetof(struct facts, n) },
	{ "{B}", MEMBER_BOOKING, offsetof(struct facts, booking) },
	{ "{S}", MEMBER_SESSION, offsetof(struct facts, session) },
	{ "{C}", MEMBER_CHARGE, offsetof(struct facts, charge) },
	{ "{instrument}", MEMBER_TEXT, offsetof(struct facts, instrument) },
};

#define MEMBERS (sizeof(members) / sizeof(members[0]))

static void say_money(const struct site *s, int64_t minor, char *dst, size_t cap)
{
	char amount[40];

	lt_money_text(amount, sizeof(amount), minor, s->exponent);
	lt_fmt(dst, cap, "%s %s", amount, s->currency);
}

static void say(const struct site *s, const struct member *m, const struct facts *f, char *dst, size_t cap)
{
	const char *text = (const char *)f + m->offset;
	int64_t v = 0;

	if (m->kind != MEMBER_TEXT)
		memcpy(&v, text, sizeof(v));
	switch (m->kind) {
	case MEMBER_INSTANT:
		lt_rfc3339(dst, cap, v, lt_zone_offset(&s->zone, v));
		return;
	case MEMBER_SPAN: /* people are told whole seconds, and less than one as it is */
		terms_duration_text(dst, cap, v < LT_SECOND ? v : v - v % LT_SECOND);
		return;
	case MEMBER_MONEY:
		say_money(s, v, dst, cap);
		return;
	case MEMBER_NUMBER:
		lt_fmt(dst, cap, "%lld", (long long)v);
		return;
	case MEMBER_BOOKING: case MEMBER_SESSION: case MEMBER_CHARGE:
		lt_fmt(dst, cap, "%c-%lld", m->name[1], (long long)v);
		return;
	case MEMBER_TEXT:
		lt_fmt(dst, cap, "%s", text);
		return;
	}
}

static const struct member *member_at(const char *p)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (strncmp(p, members[i].name, strlen(members[i].name)) == 0)
			return &members[i];
	return NULL;
}

const char *words_fill(const struct site *s, const char *sentence, const struct facts *f, char dst[WORDS_MAX])
{
	size_t n = 0;

	for (const char *p = sentence; *p && n < WORDS_MAX - 1;) {
		const struct member *m = *p == '{' ? member_at(p) : NULL;

		if (!m) {
			dst[n++] = *p++;
			continue;
		}
		dst[n] = '\0';
		say(s, m, f, dst + n, WORDS_MAX - n);
		n += strlen(dst + n);
		p += strlen(m->name);
	}
	dst[n] = '\0';
	return dst;
}

/* How long the interval is; 0 while it has no end. */
static int64_t span_of(int64_t from_at, int64_t to_at)
{
	return to_at > from_at ? to_at - from_at : 0;
}

/* "V-12 price_lists" names a review item and its kind: what the item says follows. */
static const char *review_sentence(const struct event_seen *e)
{
	const char *kind = strchr(e->detail, ' ');

	return strcmp(e->kind, "review_opened") == 0 && kind ? find(reviews, kind + 1) : "";
}

/* "booking.lapse" is told to the booking's owner in the words of its history. */
static const char *event_sentence(const struct event_seen *e)
{
	static const char booking[] = "booking.";
	const char *sentence = find_why(events, e->kind, e->facts.why);

	if (sentence[0] || strncmp(e->kind, booking, sizeof(booking) - 1) != 0)
		return sentence;
	return find_why(histories, e->kind + sizeof(booking) - 1, e->facts.why);
}

/* What a person or an older labtimed wrote, and the sentence after it. Fills dst and returns it. */
static const char *after(const char *written, const char *between, const char *sentence, char dst[WORDS_MAX])
{
	lt_fmt(dst, WORDS_MAX, "%s%s%s", written, written[0] && sentence[0] ? between : "", sentence);
	return dst;
}

const char *words_event(const struct site *s, const struct event_seen *e, char dst[WORDS_MAX])
{
	const char *review = review_sentence(e);
	char sentence[WORDS_MAX];
	struct facts f = e->facts;

	f.booking = e->booking;
	f.session = e->session;
	f.charge = e->charge;
	lt_fmt(f.instrument, sizeof(f.instrument), "%s", e->instrument);
	if (!e->detail[0] || f.why[0])
		return after(e->detail, "; ", words_fill(s, event_sentence(e), &f, sentence), dst);
	if (review[0] && !f.ms) /* a span is what it holds, or how long it is */
		f.ms = span_of(f.from_at, f.to_at);
	return after(e->detail, ": ", words_fill(s, review, &f, sentence), dst);
}

const char *words_history(const struct site *s, const struct booking_history *h, char dst[WORDS_MAX])
{
	char sentence[WORDS_MAX] = "";
	struct facts f = h->facts;

	f.ms = span_of(f.from_at, f.to_at);
	if (!h->detail[0] || f.why[0])
		words_fill(s, find_why(histories, h->verb, f.why), &f, sentence);
	return after(h->detail, "; ", sentence, dst);
}

const char *words_refusal(const struct site *s, const char *code, const struct facts *f, char dst[WORDS_MAX])
{
	return words_fill(s, find(refusals, code), f, dst);
}

const char *words_review(const struct site *s, const struct review *r, char dst[WORDS_MAX])
{
	struct facts f = { .from_at = r->from_at, .to_at = r->to_at, .ms = span_of(r->from_at, r->to_at),
		.most_ms = r->bound_ms, .minor = r->total_minor, .session = r->session };

	lt_fmt(f.instrument, sizeof(f.instrument), "%s", r->instrument);
	if (strcmp(r->kind, "meter_manual") == 0) {
		f.ms = r->held_ms;
		return words_fill(s, find(reviews, r->to_at ? "meter_manual over" : r->session ? "meter_manual session" : r->kind), &f,
			dst);
	}
	return words_fill(s, find(reviews, r->kind), &f, dst);
}
