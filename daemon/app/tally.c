/*
 * tally.c - adds up, slice by slice, charges, and the metered time that no charge stands for. Owns its sums
 * and a copy of what it needs of the site, which a reload may replace between slices; fails with the store's classes.
 */
#include "app/tally.h"

#include <stdlib.h>
#include <string.h>

#include "common/fmt.h"

#define SLICE_ROWS 8192
#define REST_ROWS 1024          /* a slice of the time that no charge stands for */

struct kind_of { char instrument[LT_ID], kind[LT_ID]; };

struct tally {
	struct tally_want want;
	struct charge_scan at;
	bool charges_done;
	struct usage_scan rest_at;
	struct { int64_t measured_ms, estimated_ms, sessions; } rest[USAGE_CLASSES];
	struct tally_sum rest_sums[USAGE_CLASSES];
	struct lt_zone zone;
	int n, cap, last;               /* last: where the latest row went                                */
	struct tally_sum *sums;         /* ascending by key                                               */
	int n_kinds;
	struct kind_of kinds[];
};

struct tally *tally_new(struct act *a, const struct tally_want *want)
{
	int n = want->by == TALLY_KIND ? a->site->n_instruments : 0;
	struct tally *t = calloc(1, sizeof(*t) + (size_t)n * sizeof(t->kinds[0]));

	if (!t)
		return NULL;
	t->want = *want;
	t->zone = a->site->zone;
	t->at = (struct charge_scan){ .org = t->want.org, .period = t->want.period, .by_service = want->by_service,
		.from = want->from, .to = want->to ? want->to : INT64_MAX, .to_seq = charge_last_seq(a->db) };
	t->rest_at = (struct usage_scan){ .only = t->want.instrument, .from = want->from, .to = t->at.to,
		.to_seq = t->at.to_seq };
	t->n_kinds = n;
	for (int i = 0; i < n; i++) {
		lt_fmt(t->kinds[i].instrument, LT_ID, "%s", a->site->instruments[i].id);
		lt_fmt(t->kinds[i].kind, LT_ID, "%s", a->site->instruments[i].kind);
	}
	return t;
}

struct tally *tally_free(struct tally *t)
{
	if (t)
		free(t->sums);
	free(t);
	return NULL;
}

/* An instrument's kind; "" when the site has it no more. */
static const char *kind_of(const struct tally *t, const char *instrument)
{
	for (int i = 0; i < t->n_kinds; i++)
		if (strcmp(t->kinds[i].instrument, instrument) == 0)
			return t->kinds[i].kind;
	return "";
}

static void key_of(const struct tally *t, const struct charge_brief *c, char key[LT_ID])
{
	int year, month, mday;

	key[0] = '\0';
	switch (t->want.by) {
	case TALLY_DAY:
		lt_civil_from_days(lt_zone_day(&t->zone, c->service_from), &year, &month, &mday);
		lt_fmt(key, LT_ID, "%04d-%02d-%02d", year, month, mday);
		break;
	case TALLY_KIND:
		lt_fmt(key, LT_ID, "%s", kind_of(t, c->instrument));
		break;
	case TALLY_INSTRUMENT:
		memcpy(key, c->instrument, LT_ID);
		break;
	case TALLY_ORG:
		memcpy(key, c->org, LT_ID);
		break;
	case TALLY_PROJECT:
		memcpy(key, c->project, LT_ID);
		break;
	case TALLY_USER:
		memcpy(key, c->user, LT_ID);
		break;
	case TALLY_NOTHING:
		break;
	}
}

/* Where the key is, or belongs. */
static int place_of(const struct tally *t, const char *key)
{
	int low = 0, high = t->n;

	while (low < high) {
		int mid = low + (high - low) / 2;

		if (strcmp(t->sums[mid].key, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int grow(struct tally *t)
{
	int cap = t->cap ? 2 * t->cap : 64;
	struct tally_sum *sums = realloc(t->sums, (size_t)cap * sizeof(*sums));

	if (!sums)
		return DB_NOMEM;
	t->sums = sums;
	t->cap = cap;
	return 0;
}

/* The sum of a key; NULL: memory ran out. */
static struct tally_sum *sum_of(struct tally *t, char key[LT_ID])
{
	int i = t->last;

	if (i < t->n && strcmp(t->sums[i].key, key) == 0)
		return &t->sums[i];
	i = place_of(t, key);
	if (t->n >= TALLY_KEYS && (i == t->n || strcmp(t->sums[i].key, key) != 0)) {
		lt_fmt(key, LT_ID, "(others)");
		i = place_of(t, key);
	}
	if (i == t->n || strcmp(t->sums[i].key, key) != 0) {
		if (t->n == t->cap && grow(t) < 0)
			return NULL;
		memmove(&t->sums[i + 1], &t->sums[i], sizeof(t->sums[0]) * (size_t)(t->n - i));
		memset(&t->sums[i], 0, sizeof(t->sums[0]));
		memcpy(t->sums[i].key, key, LT_ID);
		t->n++;
	}
	t->last = i;
	return &t->sums[i];
}

static bool wanted(const struct tally *t, const struct charge_brief *c)
{
	const struct tally_want *w = &t->want;
	int64_t at = w->by_service ? c->service_from : c->posted_at;

	return at >= w->from && at < t->at.to && (!*w->instrument || strcmp(w->instrument, c->instrument) == 0) &&
	       (!*w->user || strcmp(w->user, c->user) == 0) &&
	       (!*w->org || strcmp(w->org, c->org) == 0) && (!*w->period || strcmp(w->period, c->period) == 0);
}

static int add(void *user, const struct charge_brief *c)
{
	struct tally *t = user;
	struct tally_sum *sum;
	char key[LT_ID];

	if (!wanted(t, c))
		return 0;
	key_of(t, c, key);
	sum = sum_of(t, key);
	if (!sum)
		return DB_NOMEM;
	sum->rows++;
	sum->sessions += c->usage;
	sum->used_s += c->used_s;
	sum->idle_s += c->idle_s;
	sum->estimated_s += c->estimated_s;
	sum->gap_s += c->gap_s;
	sum->minor += c->amount_minor;
	return 0;
}

static void add_rest(void *user, const struct usage_brief *b)
{
	struct tally *t = user;

	t->rest[b->class].measured_ms += b->measured_ms;
	t->rest[b->class].estimated_ms += b->estimated_ms;
	t->rest[b->class].sessions += b->first;
}

int tally_step(struct tally *t, struct db *db)
{
	int rc = t->charges_done ? 0 : charge_scan(db, &t->at, SLICE_ROWS, add, t);

	if (rc != 0)
		return rc;
	t->charges_done = true;
	return t->want.rest ? usage_scan(db, &t->rest_at, REST_ROWS, add_rest, t) : 0;
}

const struct tally_sum *tally_rest(struct tally *t, int *ret_n)
{
	static const char *const keys[USAGE_CLASSES] = { "unattributed", "internal", "uncharged", "held" };

	*ret_n = 0;
	for (int i = 0; i < USAGE_CLASSES; i++) {
		struct tally_sum *sum = &t->rest_sums[*ret_n];

		if (t->rest[i].measured_ms == 0 && t->rest[i].estimated_ms == 0)
			continue;
		memset(sum, 0, sizeof(*sum));
		lt_fmt(sum->key, sizeof(sum->key), "%s", keys[i]);
		sum->sessions = t->rest[i].sessions;
		sum->used_s = t->rest[i].measured_ms / 1000;
		sum->estimated_s = t->rest[i].estimated_ms / 1000;
		(*ret_n)++;
	}
	return t->rest_sums;
}

const struct tally_sum *tally_sums(const struct tally *t, int *ret_n)
{
	*ret_n = t->n;
	return t->sums;
}
