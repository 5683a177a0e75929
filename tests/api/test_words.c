/* test_words.c - sentences made of kinds and facts: what stands in braces is replaced, whatever the rest says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "api/words.h"
#include "common/fmt.h"
#include "support/world.h"

static void test_members(void **state)
{
	struct world *w = world_new();
	struct facts f = { .at = WORLD_NOW, .ms = 5400000, .most_ms = 1500, .minor = -1250, .n = -3, .booking = 7,
		.session = 8, .instrument = "krios-1" };
	char text[WORDS_MAX];

	assert_string_equal(words_fill(&w->site, "{instrument} {B} {S} at {at}: {ms}, most {most}; {minor}, {n}", &f, text),
		"krios-1 B-7 S-8 at 2026-12-01T08:00:00+08:00: 1h30m, most 1s; -12.50 USD, -3");
	assert_string_equal(words_fill(&w->site, "{unknown} stays, {", &f, text), "{unknown} stays, {");
	assert_string_equal(words_fill(&w->site, "", &f, text), "");
	world_free(w);
}

static void test_too_long(void **state)
{
	struct world *w = world_new();
	struct facts f = { .at = WORLD_NOW };
	char text[WORDS_MAX], sentence[2 * WORDS_MAX];

	memset(sentence, 'x', sizeof(sentence));
	memcpy(sentence + WORDS_MAX - 10, "{at}", 4);
	sentence[sizeof(sentence) - 1] = '\0';
	words_fill(&w->site, sentence, &f, text);
	assert_true(strlen(text) < WORDS_MAX);
	assert_int_equal(strspn(text, "x"), WORDS_MAX - 10);
	world_free(w);
}

/* A kind that nobody wrote a sentence for says nothing, and breaks nothing. */
static void test_unknown(void **state)
{
	struct world *w = world_new();
	struct event_seen e = { .kind = "no_such_kind" };
	struct review r = { .kind = "no_such_kind" };
	struct facts f = { 0 };
	char text[WORDS_MAX];

	assert_string_equal(words_event(&w->site, &e, text), "");
	assert_string_equal(words_refusal(&w->site, "no-such-code", &f, text), "");
	assert_string_equal(words_review(&w->site, &r, text), "");
	world_free(w);
}

/* The event of a review item says what the item says; one that has words of its own keeps them. */
static void test_the_event_of_a_review_item_says_why(void **state)
{
	static const struct { const char *detail, *said; } of[] = {
		{ "V-12 price_lists", "V-12 price_lists: more price lists were in force in S-8 than one charge is made of" },
		{ "V-13 meter_manual", "that it showed since are held until it is back" },
		{ "V-14 unattributed", "from 2026-12-01T08:00:00+08:00 to 2026-12-01T09:00:00+08:00" },
		{ "V-15 implausible: more seconds were metered than the clock has", "V-15 implausible: more seconds were metered" },
	};
	struct world *w = world_new();
	char text[WORDS_MAX];

	for (size_t k = 0; k < sizeof(of) / sizeof(of[0]); k++) {
		struct event_seen e = { .kind = "review_opened", .session = 8,
			.facts = { .from_at = WORLD_NOW, .to_at = WORLD_NOW + LT_HOUR } };

		lt_fmt(e.detail, sizeof(e.detail), "%s", of[k].detail);
		if (!strstr(words_event(&w->site, &e, text), of[k].said))
			fail_msg("%s", text);
	}
	world_free(w);
}

/* A row of a booking's history has words of its own, or says what its instants are. */
static void test_the_history_of_a_booking_says_what_moved_its_end(void **state)
{
	static const struct { const char *verb, *why, *detail, *said; } of[] = {
		{ "clock_delay", "", "", "the wall clock jumped over its end, 2026-12-01T08:00:00+08:00: overrun begins at "
			"2026-12-01T09:00:00+08:00" },
		{ "delay", "", "", "another's session delayed it by 1h: its end for overrun is 2026-12-01T09:00:00+08:00" },
		{ "delay", "", "as an older one wrote it", "as an older one wrote it" },
		{ "lapse", "", "nobody approved it", "nobody approved it" },        /* an older one's, and a row of today */
		{ "lapse", "not_approved", "", "nobody approved it" },
		{ "edit", "", "", "note or project" },
		{ "cancel", "after_start_fee", "ill", "ill; cancelled after its start; fee 50.00 USD" },
		{ "hold_over", "taken", "", "taken by B-9" },
		{ "lapse", "no_such_cause", "", "" }, { "create", "", "krios-1 ...", "krios-1 ..." },
		{ "create", "walk_up", "", "a walk-up: booked from 2026-12-01T08:00:00+08:00 to 2026-12-01T09:00:00+08:00, by price list 9" },
		{ "checkin", "user", "", "checked in" }, { "complete", "user", "", "checked out" },
		{ "displace", "block", "service", "service; displaced by K-9, free of charge: choose another time (`labtime free`)" },
	};
	struct world *w = world_new();
	char text[WORDS_MAX];

	for (size_t k = 0; k < sizeof(of) / sizeof(of[0]); k++) {
		struct booking_history h = { .facts = { .from_at = WORLD_NOW, .to_at = WORLD_NOW + LT_HOUR, .minor = 5000,
			.n = 9 } };

		lt_fmt(h.verb, sizeof(h.verb), "%s", of[k].verb);
		lt_fmt(h.detail, sizeof(h.detail), "%s", of[k].detail);
		lt_fmt(h.facts.why, sizeof(h.facts.why), "%s", of[k].why);
		assert_string_equal(words_history(&w->site, &h, text), of[k].said);
	}
	world_free(w);
}

/* Whoever reads the event of a booking is told what its history says. */
static void test_the_event_of_a_booking_says_what_its_history_says(void **state)
{
	static const struct { const char *kind, *why, *detail, *said; } of[] = {
		{ "booking.lapse", "silent", "", "its meter could not be read, so nobody knows whether it ran: free of charge" },
		{ "booking.cancel", "fee", "ill", "ill; fee 50.00 USD" }, { "booking.cut", "", "as it was said", "as it was said" },
		{ "booking.checkin", "user", "", "checked in" }, { "session_closed", "user", "", "S-8 is over: its user checked out, or "
			"another has checked in" }, { "session_closed", "", "user", "user" },
		{ "booking.delay", "", "", "another's session delayed it by 1h: its end for overrun is 2026-12-01T09:00:00+08:00" },
	};
	struct world *w = world_new();
	char text[WORDS_MAX];

	for (size_t k = 0; k < sizeof(of) / sizeof(of[0]); k++) {
		struct event_seen e = { .session = 8, .facts = { .to_at = WORLD_NOW + LT_HOUR, .ms = LT_HOUR, .minor = 5000 } };

		lt_fmt(e.kind, sizeof(e.kind), "%s", of[k].kind);
		lt_fmt(e.detail, sizeof(e.detail), "%s", of[k].detail);
		lt_fmt(e.facts.why, sizeof(e.facts.why), "%s", of[k].why);
		assert_string_equal(words_event(&w->site, &e, text), of[k].said);
	}
	world_free(w);
}

/* Later data would raise a charge: the org is told from what to what, and so is who decides. */
static void test_a_supplement_says_what_it_would_cost(void **state)
{
	struct event_seen e = { .kind = "supplement_proposed", .charge = 3, .facts = { .minor = 18333, .was_minor = 16667 } };
	struct event_seen opened = { .kind = "review_opened", .detail = "V-9 supplement", .session = 8, .facts.minor = 18333 };
	struct review r = { .kind = "supplement", .session = 8, .total_minor = 18333 };
	struct world *w = world_new();
	char text[WORDS_MAX];

	assert_string_equal(words_event(&w->site, &e, text), "later data would raise C-3 from 166.67 USD to 183.33 USD; nothing is "
		"charged unless a manager agrees");
	assert_string_equal(words_review(&w->site, &r, text), "by later data S-8 costs 183.33 USD in all; nothing more is charged "
		"unless a manager agrees");
	assert_string_equal(words_event(&w->site, &opened, text), "V-9 supplement: by later data S-8 costs 183.33 USD in all; nothing "
		"more is charged unless a manager agrees");
	world_free(w);
}

/* What the counter showed over a jump is charged at the base price: nobody is told that nothing is. */
static void test_the_event_of_a_jump_says_what_is_charged(void **state)
{
	struct event_seen e = { .kind = "clock_jumped", .facts = { .ms = LT_HOUR, .from_at = WORLD_NOW, .to_at = WORLD_NOW } };
	struct world *w = world_new();
	char text[WORDS_MAX];

	words_event(&w->site, &e, text);
	assert_null(strstr(text, "nothing in it is billed"));
	assert_non_null(strstr(text, "what a meter counted meanwhile is charged at the base price"));
	world_free(w);
}

/* The meter_manual item has no end while the register is away: nothing is held yet, and no span is known. */
static void test_an_item_without_an_end_has_no_span(void **state)
{
	struct world *w = world_new();
	struct event_seen e = { .kind = "review_opened", .detail = "V-13 meter_manual", .session = 8,
		.facts = { .from_at = WORLD_NOW } };
	struct review r = { .kind = "meter_manual", .from_at = WORLD_NOW };
	char text[WORDS_MAX];

	if (!strstr(words_event(&w->site, &e, text), "; 0s that it showed since"))
		fail_msg("%s", text);
	if (!strstr(words_review(&w->site, &r, text), "; 0s that it showed since"))
		fail_msg("%s", text);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_item_without_an_end_has_no_span),
		cmocka_unit_test(test_members), cmocka_unit_test(test_too_long), cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_the_history_of_a_booking_says_what_moved_its_end),
		cmocka_unit_test(test_the_event_of_a_jump_says_what_is_charged),
		cmocka_unit_test(test_a_supplement_says_what_it_would_cost),
		cmocka_unit_test(test_the_event_of_a_booking_says_what_its_history_says),
		cmocka_unit_test(test_the_event_of_a_review_item_says_why),
	};

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
