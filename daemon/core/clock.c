/*
 * clock.c - steps of the wall clock (clock.h). Owns nothing; an unknown boot begins anew and is no step.
 */
#include "core/clock.h"

#include <string.h>

#include "common/fmt.h"

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

static bool same_boot(const struct clock *c, const char *boot_id)
{
	return strncmp(c->boot_id, boot_id, sizeof(c->boot_id) - 1) == 0;
}

int64_t clock_stepped(const struct clock *c, const char *boot_id, int64_t boot_ms, int64_t wall_ms)
{
	int64_t step = wall_ms - boot_ms - c->offset_ms;

	if (!c->boot_id[0])
		return 0;
	if (!same_boot(c, boot_id)) /* how long the machine was off nobody knows; it was not less than nothing */
		step = wall_ms < c->wall_ms ? wall_ms - c->wall_ms : 0;
	return step > CLOCK_STEP_MS || step < -CLOCK_STEP_MS ? step : 0;
}

bool clock_waits(const struct clock *c, int64_t boot_ms)
{
	return c->waits_until > boot_ms;
}

/* Timers that take something wait from a jump on, and longer with each step until the clock keeps its pace. */
static void wait_on(struct clock *c, const struct clock_step *s, bool restarted)
{
	bool waited = c->waits_until > (restarted ? c->boot_ms : s->boot_ms);

	if (s->jump || (waited && (s->step_ms != 0 || restarted)))
		c->waits_until = s->boot_ms + CLOCK_STEADY_MS;
	else if (!waited)
		c->waits_until = 0;
}

bool clock_look(struct clock *c, const char *boot_id, int64_t boot_ms, int64_t wall_ms, int64_t recent_ms,
	struct clock_step *ret)
{
	struct clock_step s = { .boot_ms = boot_ms, .wall_ms = wall_ms,
		.step_ms = clock_stepped(c, boot_id, boot_ms, wall_ms) };
	bool restarted = c->boot_id[0] && !same_boot(c, boot_id);

	s.lost = (struct interval){ wall_ms, wall_ms };
	if (s.step_ms > 0) {
		/* a clock that comes back to where it was brings labels that were lived through */
		s.lost.from = max64(wall_ms - s.step_ms, c->high_ms);
		if (s.lost.from > wall_ms)
			s.lost.from = wall_ms;
		s.jump = recent_ms + s.step_ms > CLOCK_JUMP_MS;
	}
	wait_on(c, &s, restarted);
	if (!same_boot(c, boot_id) || s.step_ms != 0) {
		lt_fmt(c->boot_id, sizeof(c->boot_id), "%s", boot_id);
		c->offset_ms = wall_ms - boot_ms;
	}
	c->boot_ms = boot_ms;
	c->wall_ms = wall_ms;
	c->high_ms = max64(c->high_ms, wall_ms);
	if (s.step_ms != 0)
		*ret = s;
	return s.step_ms != 0;
}

void clock_due(const struct clock_step *s, int64_t boot_ms, int64_t wall_ms, int64_t due, int64_t *ret_boot,
	int64_t *ret_wall)
{
	*ret_boot = boot_ms - (wall_ms - due);
	*ret_wall = due;
	if (!s || s->step_ms <= 0 || due >= s->lost.to)
		return;
	*ret_boot = due < s->lost.from ? s->boot_ms - (s->lost.from - due) : s->boot_ms;
	*ret_wall = due < s->lost.from ? due : s->lost.to;
}
