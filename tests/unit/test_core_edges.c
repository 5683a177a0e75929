/*
 * test_core_edges.c - the corners of core: every single-byte change of every value, every cut of a text of terms, every
 * edge of the state machines, inputs of the rating that make no sense, random lives of a meter that says little.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/fmt.h"
#include "common/money.h"
#include "core/booking.h"
#include "core/calendar.h"
#include "core/meter.h"
#include "core/role.h"
#include "core/session.h"
#include "core/tariff.h"

#define ROWS(a) (sizeof(a) / sizeof((a)[0]))
#define NOON INT64_C(1796097600000)

/* ---- values ---- */

static const struct { bool price; const char *key, *value; } values[] = {
	{ false, "grid", "15m" }, { false, "max", "1d12h" }, { false, "horizon", "30d" }, { false, "gap", "auto" },
	{ false, "attended", "yes" }, { false, "overrun", "lock_after" }, { false, "horizon_opens", "07:30" },
	{ false, "opening", "Mon..Fri 08:00-18:00, Sat 22:00-02:00" }, { false, "opening", "Sun 00:00-24:00" },
	{ false, "holidays", "2026-10-01, 2028-02-29" }, { false, "org_hours_week", "40h" }, { false, "idle_release", "off" },
	{ true, "rate", "100.50" }, { true, "step", "15m" }, { true, "overrun_factor", "1.5" }, { true, "no_show_fee", "12.5%" },
	{ true, "late_cancel", "48h 0%, 24h 25%, 0s 50%" }, { true, "usage", "80%" }, { true, "price_change", "split" },
};

struct terms { struct policy p; struct price q; };

static int set(struct terms *t, bool price, const char *key, const char *value, struct lt_err *err)
{
	return price ? price_set(&t->q, key, value, 2, err) : policy_set(&t->p, key, value, err);
}

/* Dates and times of day have one spelling: what was taken is written with the same bytes, blanks and order apart. */
static void same_bytes(const char *key, const char *value, const char *text)
{
	char start[40];
	const char *line;
	int counts[256] = { 0 };

	if (strcmp(key, "holidays") != 0 && strcmp(key, "horizon_opens") != 0)
		return;
	lt_fmt(start, sizeof(start), "\n%s = ", key);
	line = strstr(text, start);
	assert_non_null(line);
	for (line += strlen(start); *line != '\n'; line++)
		counts[(unsigned char)*line]++;
	for (const char *c = value; *c; c++)
		counts[(unsigned char)*c]--;
	counts[' '] = 0;
	for (int i = 0; i < 256; i++)
		if (counts[i] != 0)
			fail_msg("%s = \"%s\" was taken for another text", key, value);
}

/* What was taken can be written and read again; what was refused changed nothing and says why. */
static void judge(bool price, const char *key, const char *value)
{
	struct terms t, again;
	struct lt_err err = { 0 };
	char text[TERMS_TEXT];

	memset(&t, 0, sizeof(t));
	policy_defaults(&t.p);
	price_defaults(&t.q);
	again = t;
	if (set(&t, price, key, value, &err) < 0) {
		assert_memory_equal(&t, &again, sizeof(t));
		assert_string_equal(err.field, key);
		assert_true(err.text[0] != '\0');
		return;
	}
	if (price && price_check(&t.q, &err) == 0) {
		price_text(&t.q, 2, text);
		if (price_from_text(&again.q, text, 2, &err) < 0 || memcmp(&again.q, &t.q, sizeof(t.q)) != 0)
			fail_msg("%s = \"%s\" is not read again: %s", key, value, err.text);
	} else if (!price && policy_check(&t.p, &err) == 0) {
		policy_text(&t.p, text);
		if (policy_from_text(&again.p, text, &err) < 0 || memcmp(&again.p, &t.p, sizeof(t.p)) != 0)
			fail_msg("%s = \"%s\" is not read again: %s", key, value, err.text);
		same_bytes(key, value, text);
	}
}

static void every_byte_of_every_value(void **state)
{
	static const char bytes[] = " ,.-:%0159MaSxhmsd\x01\xff";
	char text[256];

	for (size_t i = 0; i < ROWS(values); i++) {
		size_t n = strlen(values[i].value);

		for (size_t at = 0; at <= n; at++) {
			for (size_t b = 0; b + 1 < sizeof(bytes); b++) {
				memcpy(text, values[i].value, n + 1);
				if (at < n) {
					text[at] = bytes[b];
					judge(values[i].price, values[i].key, text);
				}
				memcpy(text + at + 1, values[i].value + at, n - at + 1);
				text[at] = bytes[b];                  /* one more */
				judge(values[i].price, values[i].key, text);
			}
			if (at < n) {
				memcpy(text, values[i].value, n + 1);
				memmove(text + at, text + at + 1, n - at);  /* one less */
				judge(values[i].price, values[i].key, text);
				text[at] = '\0';                      /* cut */
				judge(values[i].price, values[i].key, text);
			}
		}
	}
}

static void too_much_of_a_value(void **state)
{
	struct terms t;
	struct lt_err err = { 0 };
	char text[4096];
	size_t n = 0;

	policy_defaults(&t.p);
	for (int i = 0; i < 65; i++) {
		n += lt_fmt(text + n, sizeof(text) - n, "%s20%02d-%02d-01", i ? "," : "", 30 + i / 12, i % 12 + 1);
		assert_int_equal(policy_set(&t.p, "holidays", text, &err), i < 64 ? 0 : -1);
	}
	assert_non_null(strstr(err.text, "64 dates"));
	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(policy_set(&t.p, "grid", text, &err), -1);
	assert_non_null(strstr(err.text, "longer"));
}

/* Terms are whole lines: any other cut, and any line that lost its key or its middle, is refused. */
static void every_cut_of_a_text(void **state)
{
	struct terms t;
	struct policy p;
	struct price q;
	struct lt_err err;
	char policy[TERMS_TEXT], price[TERMS_TEXT], text[TERMS_TEXT];

	policy_defaults(&t.p);
	price_defaults(&t.q);
	policy_text(&t.p, policy);
	price_text(&t.q, 2, price);
	for (size_t i = 1; i <= strlen(policy); i++) {
		lt_fmt(text, sizeof(text), "%.*s", (int)i, policy);
		assert_int_equal(policy_from_text(&p, text, &err), text[i - 1] == '\n' ? 0 : -1);
	}
	for (size_t i = 1; i <= strlen(price); i++) {
		lt_fmt(text, sizeof(text), "%.*s", (int)i, price);
		assert_int_equal(price_from_text(&q, text, 2, &err), text[i - 1] == '\n' ? 0 : -1);
	}
	assert_int_equal(policy_from_text(&p, "a key of more than thirty-two characters = 1\n", &err), -1);
	assert_int_equal(policy_from_text(&p, "grid\n = 15m\n", &err), -1);
	assert_int_equal(policy_from_text(&p, "grid = 15m\nunheard = 1\n", &err), -1);
	assert_int_equal(price_from_text(&q, "late_cancel = 24h 50%, 48h 0%\n", 2, &err), -1);
	assert_int_equal(policy_from_text(&p, "min = 2h\nmax = 1h\n", &err), -1);
}

/* ---- state machines and names ---- */

/* Rows: from; columns: events in their order; the letter is the target's, '.' no edge. */
static void every_edge_of_a_session(void **state)
{
	static const char letters[] = "orIucvp";   /* open running idle unknown closed reviewed charged */
	static const struct { enum session_state from; enum session_event event; char to; } edges[] = {
		{ SESSION_OPEN, SESSION_RUN_ON, 'r' }, { SESSION_OPEN, SESSION_LOST, 'u' }, { SESSION_OPEN, SESSION_CLOSE, 'c' },
		{ SESSION_RUNNING, SESSION_RUN_OFF, 'I' }, { SESSION_RUNNING, SESSION_LOST, 'u' },
		{ SESSION_RUNNING, SESSION_CLOSE, 'c' }, { SESSION_IDLE, SESSION_RUN_ON, 'r' }, { SESSION_IDLE, SESSION_LOST, 'u' },
		{ SESSION_IDLE, SESSION_CLOSE, 'c' }, { SESSION_UNKNOWN, SESSION_FOUND_ON, 'r' },
		{ SESSION_UNKNOWN, SESSION_FOUND_OFF, 'I' }, { SESSION_UNKNOWN, SESSION_CLOSE, 'c' },
		{ SESSION_CLOSED, SESSION_REVIEW, 'v' }, { SESSION_CLOSED, SESSION_CHARGE, 'p' },
		{ SESSION_REVIEWED, SESSION_REVIEW, 'v' }, { SESSION_REVIEWED, SESSION_CHARGE, 'p' },
	};

	for (int s = 0; s < SESSION_STATES; s++)
		for (int e = 0; e < SESSION_EVENTS; e++) {
			enum session_state to = SESSION_STATES;
			char wanted = '.';

			for (size_t i = 0; i < ROWS(edges); i++)
				if ((int)edges[i].from == s && (int)edges[i].event == e)
					wanted = edges[i].to;
			if (session_next((enum session_state)s, (enum session_event)e, &to) != (wanted != '.'))
				fail_msg("state %d, event %d", s, e);
			assert_true(wanted == '.' ? to == SESSION_STATES : letters[to] == wanted);
		}
}

static void what_is_outside_an_enum(void **state)
{
	static const struct { const char *text; bool valid; } ids[] = { { "krios-1", true }, { "0", true }, { "a.b_c-d", true },
		{ "12345678901234567890123456789012", true }, { "123456789012345678901234567890123", false }, { "", false },
		{ ".a", false }, { "_a", false }, { "-a", false }, { "Krios", false }, { "a b", false }, { "a/b", false } };
	enum booking_state b = BOOKING_STATES;
	enum component c;
	enum role r;

	for (int i = -1; i <= BOOKING_STATES; i += BOOKING_STATES + 1)
		assert_false(booking_next((enum booking_state)i, (enum booking_event)0, &b));
	for (int i = -1; i <= BOOKING_EVENTS; i += BOOKING_EVENTS + 1)
		assert_false(booking_next((enum booking_state)0, (enum booking_event)i, &b));
	assert_int_equal(b, BOOKING_STATES);
	assert_string_equal(booking_state_name((enum booking_state)99), "?");
	assert_false(booking_state_from_name("?", &b));
	for (size_t i = 0; i < ROWS(ids); i++)
		if (site_id_valid(ids[i].text) != ids[i].valid)
			fail_msg("\"%s\"", ids[i].text);
	assert_null(site_instrument(&(struct site){ 0 }, "krios-1"));
	assert_string_equal(role_name((enum role)99), "");
	assert_false(role_from_name("", &r));
	assert_false(role_from_name("root", &r));
	assert_false(component_from_name("", &c));
	for (int i = 0; i < COMPONENTS; i++) {
		assert_true(component_from_name(component_name((enum component)i), &c));
		assert_int_equal(c, i);
	}
}

/* ---- the calendar ---- */

static void corners_of_the_calendar(void **state)
{
	static const struct interval empty = { NOON, NOON };
	struct lt_zone utc = { .name = "UTC" };
	struct interval span = { 0, 0 }, same[] = { { 5, 9 }, { 5, 7 }, { 5, 9 } };
	struct window w[2];
	struct policy p;
	struct lt_err err;
	int64_t midnight = NOON - NOON % LT_DAY;
	int n = 7;

	policy_defaults(&p);
	assert_int_equal(calendar_outside_ms(&p, &utc, empty), 0);
	assert_int_equal(calendar_outside_ms(&p, &utc, (struct interval){ NOON, NOON + LT_DAY }), 0);
	assert_true(calendar_open_span(&p, &utc, NOON, NOON + 1, &span));
	assert_true(span.from == NOON && span.to == NOON + 1);
	assert_false(calendar_open_span(&p, &utc, NOON, NOON, &span));
	assert_true(calendar_windows(&p, &utc, NOON, empty, w, 2, &n) && n == 0);
	assert_int_equal(policy_set(&p, "opening", "Mon..Sun 08:00-18:00", &err), 0);
	assert_true(calendar_open_span(&p, &utc, midnight, midnight + 9 * LT_HOUR, &span));
	assert_true(span.from == midnight + 8 * LT_HOUR && span.to == midnight + 9 * LT_HOUR);    /* cut at the limit */
	assert_false(calendar_open_span(&p, &utc, midnight, midnight + 8 * LT_HOUR, &span));
	assert_int_equal(calendar_outside_ms(&p, &utc, empty), 0);
	assert_int_equal(policy_set(&p, "org_hours_week", "40h", &err), 0);
	assert_int_equal(policy_set(&p, "org_hours_month", "80h", &err), 0);
	assert_int_equal(policy_set(&p, "org_hours_open", "10h", &err), 0);
	for (int cap = 0; cap < 3; cap++)         /* never beyond the array, and said */
		assert_false(calendar_windows(&p, &utc, NOON, (struct interval){ NOON, NOON + LT_HOUR }, w,
			cap < 2 ? cap : 2, &n));
	assert_int_equal(interval_merge(same, 3), 1);
	assert_true(same[0].from == 5 && same[0].to == 9);
	assert_false(interval_overlaps(empty, (struct interval){ NOON - 1, NOON + 1 }));
	assert_false(interval_overlaps((struct interval){ NOON - 1, NOON + 1 }, empty));
}

/* ---- rating ---- */

struct sane {
	struct price_list lists[2];
	struct rate_piece pieces[2];
	struct rate_span kept[2];
	struct interval unusable[2];
	struct rate_input in;
};

static void make_sane(struct sane *s)
{
	memset(s, 0, sizeof(*s));
	for (int i = 0; i < 2; i++) {
		price_defaults(&s->lists[i].price);
		s->lists[i].price.rate_minor = 10000;
		s->lists[i].version = i + 1;
		s->lists[i].effective_at = i * NOON;
		s->pieces[i] = (struct rate_piece){ .from_at = NOON + i * LT_HOUR, .to_at = NOON + (i + 1) * LT_HOUR,
			.measured_ms = LT_HOUR, .placed = true };
		s->kept[i] = (struct rate_span){ NOON + i * LT_HOUR, NOON + i * LT_HOUR + 60000,
			NOON + i * LT_HOUR + 120000 };
		s->unusable[i] = (struct interval){ NOON + i * LT_HOUR, NOON + i * LT_HOUR + 60000 };
	}
	s->in = (struct rate_input){ .lists = s->lists, .n_lists = 2, .booked = true, .booked_from = NOON,
		.booked_to = NOON + 2 * LT_HOUR, .priced_to = NOON + 2 * LT_HOUR, .grace_ms = 60000, .kept = s->kept,
		.n_kept = 2, .unusable = s->unusable, .n_unusable = 2, .pieces = s->pieces, .n_pieces = 2 };
}

static void nonsense_is_not_rated(void **state)
{
	static const struct price_span bad_index[] = { { 0, 2 } }, descending[] = { { NOON + 1, 0 }, { NOON, 1 } };
	static struct sane s;
	struct rate_result r;
	int spoilt = 0;

#define SPOIL(statement) do { \
		make_sane(&s); \
		statement; \
		if (tariff_rate(&s.in, &r) != 1) \
			fail_msg("rated: %s", #statement); \
		spoilt++; \
	} while (0)
	make_sane(&s);
	assert_int_equal(tariff_rate(&s.in, &r), 0);
	SPOIL(s.in.n_lists = 0);
	SPOIL(s.in.n_lists = RATE_LISTS_MAX + 1);
	SPOIL(s.in.locked = -1);
	SPOIL(s.in.locked = 2);
	SPOIL((s.in.spans = bad_index, s.in.n_spans = 1));
	SPOIL((s.in.spans = descending, s.in.n_spans = 2));
	SPOIL(s.in.n_spans = -1);
	SPOIL(s.lists[0].effective_at = NOON + 1);
	SPOIL(s.in.booked_to = s.in.booked_from);
	SPOIL((s.in.n_kept = 0, s.in.priced_to = s.in.booked_from - 1));
	SPOIL(s.in.n_kept = -1);
	SPOIL(s.in.n_kept = RATE_KEPT_MAX + 1);
	SPOIL(s.in.booked = false);
	SPOIL(s.kept[0].from_at = NOON - 1);
	SPOIL(s.kept[0].grace_to = NOON - 1);
	SPOIL(s.kept[1].to_at = s.kept[1].grace_to - 1);
	SPOIL(s.kept[1].from_at = NOON);
	SPOIL(s.in.priced_to = s.kept[1].to_at - 1);
	SPOIL(s.in.n_unusable = -1);
	SPOIL(s.in.n_unusable = RATE_UNUSABLE_MAX + 1);
	SPOIL(s.unusable[0].from = -1);
	SPOIL(s.unusable[0].to = NOON - 1);
	SPOIL(s.unusable[1].from = NOON + 1);
	SPOIL(s.pieces[1].from_at = NOON - 1);
	SPOIL(s.pieces[0].from_at = -1);
	SPOIL(s.pieces[0].to_at = NOON - 1);
	SPOIL(s.pieces[0].measured_ms = -1);
	SPOIL(s.pieces[0].estimated_ms = -1);
	SPOIL((s.pieces[0].measured_ms = INT64_MAX, s.pieces[1].measured_ms = INT64_MAX));
	SPOIL((s.lists[0].price.rate_minor = LT_MONEY_MAX, s.lists[1].price.rate_minor = LT_MONEY_MAX));
	SPOIL(s.lists[0].price.minimum_minor = LT_MONEY_MAX + 1);
	assert_int_equal(spoilt, 31);
#undef SPOIL
	assert_int_equal(tariff_fee(&(struct fee_input){ .list = s.lists, .kind = COMP_NO_SHOW, .booked_from = NOON,
		.booked_to = NOON }, &r), 1);
	assert_int_equal(tariff_fee(&(struct fee_input){ .list = s.lists, .kind = COMP_NO_SHOW, .booked_from = NOON,
		.booked_to = NOON + LT_HOUR, .resold_ms = -1 }, &r), 1);
	for (int i = -1; i <= 1; i += 2)          /* a part given up that was not booked */
		assert_int_equal(tariff_fee(&(struct fee_input){ .list = s.lists, .kind = COMP_LATE_CANCEL, .booked_from = NOON,
			.booked_to = NOON + LT_HOUR, .given = { NOON + (i < 0 ? -1 : 1), NOON + LT_HOUR + (i > 0) } }, &r), 1);
	assert_int_equal(money_round((money_wide)INT64_MAX * 4, 2), INT64_MAX);
	assert_int_equal(money_round((money_wide)INT64_MAX * -4, 2), -INT64_MAX);
}

/* Noon to one, estimated and agreed on; from one o'clock on an hour costs less. The hour lies before one o'clock. */
static void an_estimate_is_priced_by_the_list_before_its_end(void **state)
{
	static struct sane s;
	struct rate_result r;

	make_sane(&s);
	s.in.n_unusable = s.in.n_kept = 0;
	s.in.n_pieces = 1;
	s.lists[0].price.change = CHANGE_SPLIT;
	s.lists[0].price.rate_minor = 10000;
	s.lists[1].price.rate_minor = 5000;
	s.lists[1].effective_at = NOON + LT_HOUR;
	s.pieces[0] = (struct rate_piece){ .from_at = NOON, .to_at = NOON + LT_HOUR, .estimated_ms = LT_HOUR,
		.approved = true };
	assert_int_equal(tariff_rate(&s.in, &r), 0);
	assert_int_equal(r.total_minor, 10000);
	s.pieces[0] = (struct rate_piece){ .from_at = NOON + LT_HOUR, .to_at = NOON + LT_HOUR, .measured_ms = 60000,
		.placed = true }; /* a counter's tick that is known by its end only */
	assert_int_equal(tariff_rate(&s.in, &r), 0);
	assert_int_equal(r.line[0].rate_minor, 10000);
}

/* Nobody came to a booking whose second hour was added at another price: the least charge asks for each hour's own. */
static void time_without_use_is_paid_by_its_own_list(void **state)
{
	static const struct price_span rows[] = { { NOON, 0 }, { NOON + LT_HOUR, 1 } };
	static struct sane s;
	struct rate_result r;

	make_sane(&s);
	s.in.n_unusable = s.in.n_kept = 0;
	s.in.spans = rows;
	s.in.n_spans = 2;
	s.in.n_pieces = 1;
	s.lists[0].price.usage = USAGE_MAX;
	s.lists[1].price.rate_minor = 14400;
	s.pieces[0].to_at = NOON + LT_HOUR / 2;
	s.pieces[0].measured_ms = LT_HOUR / 2;
	assert_int_equal(tariff_rate(&s.in, &r), 0);
	assert_int_equal(r.total_minor, 10000 + 14400);
	assert_int_equal(tariff_quote_terms(&s.in, &r), 0);
	assert_int_equal(r.total_minor, 10000 + 14400);
}

/* The added hour has its own price and its own share. */
static void a_fee_is_the_sum_over_its_terms(void **state)
{
	static const struct price_span rows[] = { { NOON, 0 }, { NOON + LT_HOUR, 1 } };
	static struct sane s;
	struct rate_result r;
	struct fee_input in = { .list = s.lists, .n_lists = 2, .prices = rows, .n_prices = 2, .rows = rows, .n_rows = 2,
		.kind = COMP_NO_SHOW, .booked_from = NOON, .booked_to = NOON + 2 * LT_HOUR, .at = NOON };

	make_sane(&s);
	s.lists[0].price.no_show_bp = 5000;
	s.lists[1].price.no_show_bp = 10000;
	s.lists[1].price.rate_minor = 14400;
	assert_int_equal(tariff_fee(&in, &r), 0);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.total_minor, 5000 + 14400);
	in.given = (struct interval){ NOON + LT_HOUR + LT_HOUR / 2, NOON + 2 * LT_HOUR };
	assert_int_equal(tariff_fee(&in, &r), 0);
	assert_int_equal(r.total_minor, 7200);
	in.resold_ms = LT_HOUR / 4;
	assert_int_equal(tariff_fee(&in, &r), 0);
	assert_int_equal(r.total_minor, 3600);
}

/* A minute of use in two booked hours, one of which the instrument was down: half the minimum, half the fill. */
static void what_could_not_be_used_is_not_asked_for(void **state)
{
	static struct sane s;
	struct rate_result r;

	make_sane(&s);
	s.in.n_kept = 0;
	s.in.n_pieces = s.in.n_unusable = 1;
	s.lists[0].price.minimum_minor = 12001;
	s.pieces[0].to_at = NOON + LT_MINUTE;
	s.pieces[0].measured_ms = LT_MINUTE;
	s.unusable[0] = (struct interval){ NOON + LT_HOUR / 2, NOON + LT_HOUR + LT_HOUR / 2 };
	assert_int_equal(tariff_rate(&s.in, &r), 0);
	assert_int_equal(r.total_minor, 6001);
	s.in.format = 2;
	assert_int_equal(tariff_rate(&s.in, &r), 0);
	assert_int_equal(r.total_minor, 12001);
	s.lists[0].price.usage = USAGE_MAX;
	assert_int_equal(tariff_rate(&s.in, &r), 0);
	assert_int_equal(r.billed_s, 3600);
	s.unusable[0] = (struct interval){ NOON - LT_HOUR, NOON + 3 * LT_HOUR };
	s.in.format = 0;
	assert_int_equal(tariff_rate(&s.in, &r), 0);
	assert_int_equal(r.total_minor, 167);
}

/* Only the run bit saw it: there is nothing to price, but the session had use. */
static void use_that_was_only_seen_owes_the_minimum(void **state)
{
	static struct sane s;
	struct rate_result r;

	make_sane(&s);
	s.in.n_kept = s.in.n_unusable = s.in.n_pieces = 0;
	s.lists[0].price.minimum_minor = 500;
	assert_int_equal(tariff_rate(&s.in, &r), 0);
	assert_int_equal(r.total_minor, 0);
	s.in.used = true;
	assert_int_equal(tariff_rate(&s.in, &r), 0);
	assert_int_equal(r.total_minor, 500);
}

/* A counter a little ahead of the clock: its second more than its window is not lost. */
static void more_measured_than_its_window(void **state)
{
	static struct sane s;
	struct rate_result r;
	int64_t seconds = 0;

	make_sane(&s);
	s.in.n_unusable = s.in.n_kept = 0;
	s.in.n_pieces = 1;
	s.pieces[0].placed = false;
	s.pieces[0].measured_ms = LT_HOUR + 2000;
	assert_int_equal(tariff_rate(&s.in, &r), 0);
	for (int i = 0; i < r.n; i++)
		seconds += r.line[i].component == COMP_TIME ? r.line[i].seconds : 0;
	assert_int_equal(seconds, 3602);
	assert_int_equal(r.used_s, 3602);
}

/* ---- the meter ---- */

static uint64_t seed;

static int64_t below(int64_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int64_t)((seed >> 33) % (uint64_t)n);
}

static void random_reading(struct meter_sample *s, const struct meter *m)
{
	static const char *const serials[] = { "", "SN-1", "SN-1", "SN-1", "SN-2" };
	static const char *const boots[] = { "one", "one", "one", "two" };
	static const int64_t ages[] = { 0, 1, 60, 100000, INT64_C(1) << 39, INT64_C(1) << 41, INT64_MAX };
	int64_t step = below(20) ? below(3000) : below(2000000);

	s->obs.have = (uint32_t)below(8) ? s->obs.have : 0;
	s->obs.have ^= below(4) ? 0 : LT_HAVE_BOOTS;
	s->obs.have ^= below(4) ? 0 : LT_HAVE_UPTIME;
	s->obs.have ^= below(4) ? 0 : LT_HAVE_SERIAL;
	s->obs.have |= LT_HAVE_HOURMETER | LT_HAVE_STATE;
	s->obs.have = below(30) ? s->obs.have : s->obs.have & ~(uint32_t)LT_HAVE_HOURMETER;
	s->obs.have = below(30) ? s->obs.have : s->obs.have & ~(uint32_t)LT_HAVE_STATE;
	s->boot_ms += below(40) ? step : -step;
	s->wall_ms += below(40) ? step : below(100000) - 50000;
	s->boot_id = boots[below(4)];
	s->obs.boots += (uint64_t)!below(20);
	s->obs.uptime_s = (uint64_t)ages[below(7)];
	lt_fmt(s->obs.serial, sizeof(s->obs.serial), "%s", serials[below(5)]);
	s->obs.running = (uint8_t)below(2);
	s->obs.fault = (uint32_t)below(2);
	switch (below(12)) {
	case 0: s->obs.hourmeter = 0; break;
	case 1: s->obs.hourmeter = (uint64_t)below(INT64_C(1) << 30); break;
	case 2: s->obs.hourmeter = m->raw; break;
	case 3: s->obs.hourmeter += (uint64_t)(step / 1000 + step / 200000); break;   /* it runs fast */
	default: s->obs.hourmeter += (uint64_t)(step / 1000);
	}
}

/* Whatever it says: E never decreases nor outruns the clock by more than one slack, and survives its bytes. */
static void random_lives_of_a_meter(void **state)
{
	static const uint8_t bits[] = { 16, 32, 64 };

	for (int life = 0; life < 4000; life++) {
		struct meter_def def = { .kind = life % 4 ? METER_COUNTER : METER_STATE, .has_state = true, .poll_ms = 1000,
			.rate_ppm = 1000, .counter = { .bits = bits[life % 3], .count_ms = life % 5 ? 1000 : 0,
			.refresh_ms = 1000 } };
		struct meter_sample s = { .boot_ms = LT_DAY, .wall_ms = NOON, .rtt_ms = 5, .boot_id = "one" };
		struct meter_verdict v;
		struct meter m, again;
		uint8_t blob[METER_BLOB];

		seed = (uint64_t)life;
		meter_init(&m);
		for (int i = 0; i < 60; i++) {
			int64_t before = m.ext_ms;
			size_t n;

			random_reading(&s, &m);
			meter_read(&m, &def, meter_gap_ms(&def, below(2) * 30 * LT_SECOND), &s, &v);
			if (m.ext_ms < before || v.added_ms != (v.accepted ? m.ext_ms - before : 0))
				fail_msg("life %d, reading %d: E went from %lld to %lld", life, i, (long long)before,
					(long long)m.ext_ms);
			if (m.ext_ms > m.t + m.t / 1000 + 2 * 1000 + 10)
				fail_msg("life %d, reading %d: E is %lld after %lld", life, i, (long long)m.ext_ms, (long long)m.t);
			n = meter_encode(&m, blob);
			memset(&again, 0, sizeof(again));
			assert_true(meter_decode(&again, blob, n));
			assert_int_equal(meter_encode(&again, blob), n);
		}
	}
}

static void a_meter_without_its_value(void **state)
{
	static const uint32_t wanted[] = { [METER_COUNTER] = LT_HAVE_HOURMETER, [METER_STATE] = LT_HAVE_STATE };
	struct meter m;
	struct meter_verdict v;

	for (int kind = METER_COUNTER; kind <= METER_STATE; kind++) {
		struct meter_def def = { .kind = (enum meter_kind)kind, .counter = { .bits = 32, .count_ms = 1000 },
			.poll_ms = 5000 };
		struct meter_sample s = { .boot_ms = 1, .wall_ms = NOON, .boot_id = "one" };

		meter_init(&m);
		meter_read(&m, &def, 30000, &s, &v);
		assert_true(v.class == METER_STALE && m.phase == METER_NEW && !v.accepted);
		s.obs.have = wanted[kind];
		meter_read(&m, &def, 30000, &s, &v);
		assert_int_equal(v.class, METER_FIRST);
		s.obs.have = 0;
		s.boot_ms += 1000;
		meter_read(&m, &def, 30000, &s, &v);
		assert_true(v.class == METER_STALE && !v.accepted && m.ext_ms == 0);
		assert_int_equal(meter_gap_ms(&def, 0), 50000);
		assert_int_equal(meter_gap_ms(&def, 7000), 7000);
		assert_false(meter_decode(&m, NULL, 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_of_every_value), cmocka_unit_test(too_much_of_a_value),
		cmocka_unit_test(every_cut_of_a_text), cmocka_unit_test(every_edge_of_a_session),
		cmocka_unit_test(what_is_outside_an_enum), cmocka_unit_test(corners_of_the_calendar),
		cmocka_unit_test(nonsense_is_not_rated), cmocka_unit_test(what_could_not_be_used_is_not_asked_for),
		cmocka_unit_test(use_that_was_only_seen_owes_the_minimum),
		cmocka_unit_test(more_measured_than_its_window),
		cmocka_unit_test(an_estimate_is_priced_by_the_list_before_its_end),
		cmocka_unit_test(time_without_use_is_paid_by_its_own_list), cmocka_unit_test(a_fee_is_the_sum_over_its_terms),
		cmocka_unit_test(random_lives_of_a_meter), cmocka_unit_test(a_meter_without_its_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
