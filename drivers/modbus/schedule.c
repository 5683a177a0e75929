/*
 * schedule.c - see schedule.h. Owns nothing, remembers nothing, cannot fail.
 */
#include "drivers/modbus/schedule.h"

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t schedule_next(const struct deadlines *at, const struct gates *g)
{
	int64_t next = at->poll;

	if (g->silent)
		next = later(next, earlier(g->share, g->asked + SCHEDULE_SILENT_MOST_MS));
	if (g->up)
		next = earlier(next, earlier(at->verify, at->lapse));
	return earlier(later(next, g->line), at->forced);
}

int64_t schedule_tick(int64_t phase, int64_t period, int64_t now)
{
	int64_t since = (now - phase) % period;

	return now - (since < 0 ? since + period : since) + period;
}

int64_t schedule_backoff(int failures, uint64_t random)
{
	int64_t ms = SCHEDULE_BACKOFF_FIRST_MS;

	for (int i = 2; i < failures && ms < SCHEDULE_BACKOFF_MOST_MS; i += 2)
		ms *= 2;
	ms = earlier(ms, SCHEDULE_BACKOFF_MOST_MS);
	return ms - (int64_t)(random % (uint64_t)(ms / 4 + 1));
}

int64_t schedule_share(int64_t cost, int64_t now)
{
	int64_t cheap = earlier(later(cost, 0), SCHEDULE_CHEAP_MS), dear = later(cost, 0) - cheap;

	return now + (SCHEDULE_CHEAP_SHARE - 1) * cheap + (SCHEDULE_DEAR_SHARE - 1) * dear;
}
