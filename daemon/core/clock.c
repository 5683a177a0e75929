/*
 * clock.c - steps of the wall clock (clock.h). Owns nothing; an unknown boot begins anew and is no step.
 */
#include "core/clock.h"

#include <string.h>

#include "common/fmt.h"

static bool same_boot(const struct clock *c, const char *boot_id)
{
	return strncmp(c->boot_id, boot_id, sizeof(c->boot_id) - 1) == 0;
}

int64_t clock_stepped(const struct clock *c, const char *boot_id, int64_t boot_ms, int64_t wall_ms)
{
	int64_t step = wall_ms - boot_ms - c->offset_ms;

	if (!c->boot_id[0])
		return 0;
	/* Nobody knows how long the machine was off, so after a start only a label before the last one is a step. */
	if (!same_boot(c, boot_id))
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

	s.skipped = (struct interval){ wall_ms - (s.step_ms > 0 ? s.step_ms : 0), wall_ms };
	s.jump = s.step_ms > 0 && recent_ms + s.step_ms > CLOCK_JUMP_MS;
	wait_on(c, &s, restarted);
	if (!same_boot(c, boot_id) || s.step_ms != 0) {
		lt_fmt(c->boot_id, sizeof(c->boot_id), "%s", boot_id);
		c->offset_ms = wall_ms - boot_ms;
	}
	c->boot_ms = boot_ms;
	c->wall_ms = wall_ms;
	if (s.step_ms != 0)
		*ret = s;
	return s.step_ms != 0;
}

struct clock_stamp clock_due(const struct clock_step *s, int n, struct clock_stamp now, int64_t due)
{
	/* from the last step back, to the step at or after which the clock showed `due` */
	for (; n > 0; n--) {
		const struct clock_step *last = &s[n - 1];

		if (due >= last->wall_ms)
			break;
		if (due >= last->skipped.from)
			return (struct clock_stamp){ last->boot_ms, last->wall_ms };
		now = (struct clock_stamp){ last->boot_ms, last->wall_ms - last->step_ms };
	}
	return (struct clock_stamp){ now.boot_ms - (now.wall_ms - due), due };
}
