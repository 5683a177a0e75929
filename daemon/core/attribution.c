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

int attr_gap(int64_t from, int64_t to, int64_t delta, bool on_at_start, int64_t slack_ms,
	const struct attr_window *windows, int n,
	     struct attr_piece ret[ATTR_PIECES])
{
	struct attr_window w[ATTR_WINDOWS + 1];
	struct out o = { ret, 0, slack_ms };
	int64_t left = delta;
	int count = 0;

	assert(n <= ATTR_WINDOWS && delta >= 0);
	to = max64(to, from);
	if (n == 0 || windows[0].from > from)
		w[count++] = (struct attr_window){ 0, from };
	for (int i = 0; i < n; i++)
		w[count++] = (struct attr_window){ windows[i].session, min64(max64(windows[i].from, from), to) };
	if (on_at_start && w[0].session) {
		int64_t end = count > 1 ? w[1].from : to;
		int64_t own = count > 1 ? min64(left, end - from) : left;

		add(&o, w[0].session, from, end, own);
		left -= own;
		left -= certain(&o, w + 1, count - 1, to, left, count == 2);
	} else {
		left -= certain(&o, w, count, to, left, count == 1);
	}
	add(&o, 0, from, to, left);
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
