/*
 * attribution.c - splits metered time between sessions. Owns nothing; what is not certain is nobody's.
 */
#include "core/attribution.h"

#include <assert.h>

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

struct out { struct attr_piece *p; int n; int64_t slack; };

static void add(struct out *o, int64_t session, int64_t from, int64_t to, int64_t ms)
{
	if (ms <= 0)
		return;
	assert(o->n < ATTR_PIECES);
	o->p[o->n++] = (struct attr_piece){ session, from, to, ms, ms + o->slack >= to - from };
}

/*
 * What each of the windows [edge[i], edge[i + 1]) must have had of `left`: the rest of the time could not hold more.
 * session 0 is a window of nobody's.
 */
static int64_t certain(struct out *o, const struct attr_window *w, int n, int64_t to, int64_t left, bool alone)
{
	int64_t given = 0, total = n ? to - w[0].from : 0;

	for (int i = 0; i < n; i++) {
		int64_t end = i + 1 < n ? w[i + 1].from : to, length = end - w[i].from;
		int64_t sure = alone ? left : max64(0, left - (total - length));

		if (!w[i].session)
			continue;
		sure = min64(sure, left - given);
		add(o, w[i].session, w[i].from, end, sure);
		given += max64(0, sure);
	}
	return given;
}

/* A session that ends before the next begins leaves a window of nobody's behind it. One that ran at the start has no
 * such end. */
static int lay_out(const struct attr_gap *g, const struct attr_window *in, int n, struct attr_window *w)
{
	int64_t end = max64(g->to, g->from);
	int count = 0;

	if (n == 0 || in[0].from > g->from)
		w[count++] = (struct attr_window){ 0, g->from, 0 };
	for (int i = 0; i < n; i++) {
		int64_t next = i + 1 < n ? min64(max64(in[i + 1].from, g->from), end) : end;
		int64_t from = min64(max64(in[i].from, g->from), end), to = max64(in[i].to, from);

		w[count++] = (struct attr_window){ in[i].session, from, 0 };
		if (in[i].to && to < next && !(i == 0 && g->on_at_start))
			w[count++] = (struct attr_window){ 0, to, 0 };
	}
	return count;
}

int attr_split(const struct attr_gap *g, const struct attr_window *windows, int n, struct attr_piece ret[ATTR_PIECES])
{
	struct attr_window w[2 * ATTR_WINDOWS + 1];
	struct out o = { ret, 0, g->slack_ms };
	int64_t to = max64(g->to, g->from), left = g->delta, own = 0;
	bool stopped = g->on_at_start && g->on_at_end && g->delta + g->slack_ms < to - g->from;
	int count, first = 0;

	assert(n <= ATTR_WINDOWS && g->delta >= 0);
	count = lay_out(g, windows, n, w);
	if (g->on_at_start && w[0].session && !stopped) {
		int64_t end = count > 1 ? w[1].from : to;

		own = count > 1 ? min64(left, end - g->from) : left;
		add(&o, w[0].session, g->from, end, own);
		first = 1;
	}
	left -= own;
	left -= certain(&o, w + first, count - first, to, left, count - first == 1);
	add(&o, 0, g->from, to, left);
	return o.n;
}

void attr_run(int64_t from, int64_t to, int64_t delta, bool was_on, bool is_on, int64_t *ret_from, int64_t *ret_to)
{
	*ret_from = was_on ? from : max64(from, to - delta);
	*ret_to = was_on && !is_on ? min64(to, from + delta) : to;
}

int64_t attr_after(int64_t from, int64_t to, int64_t measured_ms, bool placed, int64_t at)
{
	if (at <= from)
		return measured_ms;
	if (!placed)
		return max64(0, measured_ms - (at - from));
	return at >= to ? 0 : min64(measured_ms, to - at);
}
