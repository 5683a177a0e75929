/*
 * trouble.c - the kinds of trouble and when they come. A kind strikes an instrument, or the whole world; what lasts is
 * over later. All that it makes uncertain is marked, so that the truth checks know where a bill has no lower bound.
 * Owns nothing.
 */
#include "sim/trouble.h"

#include <string.h>

#include "common/fmt.h"
#include "sim/world.h"

#define SECOND 1000
#define MINUTE 60000
#define HOUR (60 * MINUTE)
#define CREEPS 30
#define DOUBT_POLLS 10          /* a level that no clock explains is not believed for so long */

/* The ticket of an event: it comes, also again later; it comes this once; it is over. */
enum { TROUBLE_STRIKES, TROUBLE_ONCE, TROUBLE_OVER };

/* Chance of this kind alone. */
static struct rng *chance_of(struct world *w, enum trouble kind)
{
	return &w->trouble_rng[kind];
}

/* Controllers --------------------------------------------------------------------------------------------- */

/* Several troubles may have silenced it: it speaks again when the last is over. */
static void silence(struct world *w, int i, int by, struct rng *r)
{
	struct world_device *d = &w->devices[i];
	bool was = d->silenced > 0;

	d->silenced += by;
	d->d.down = d->silenced > 0;
	if (d->d.down != was) {
		if (d->d.down) {
			d->away = (enum away)rng_in(r, AWAY_SILENT, i == 0 ? AWAY_HANGING : AWAY_EXCEPTION);
			reach_away(w, i);
		} else {
			reach_again(w, i);
			people_wait_for(w, i, r);
		}
		(d->d.down ? spans_begin : spans_end)(&d->silent, w->true_ms);
		world_trace(w, "%s %s", d->d.down ? "silent" : "speaks", d->d.id);
	}
}

static int64_t begin_silence(struct world *w, int i)
{
	silence(w, i, 1, chance_of(w, TROUBLE_SILENCE));
	return rng_in(chance_of(w, TROUBLE_SILENCE), 5 * SECOND, 40 * MINUTE);
}

static void end_silence(struct world *w, int i)
{
	silence(w, i, -1, chance_of(w, TROUBLE_SILENCE));
}

/* Shorter than a poll, equal to a lease, longer than a lease and a backoff, an hour, and much longer. */
static const int64_t outages_ms[] = { SECOND / 2, 2 * SECOND, 10 * SECOND, 30 * SECOND, 59 * SECOND, 61 * SECOND,
	90 * SECOND, 4 * MINUTE, 12 * MINUTE, HOUR, 5 * HOUR };
#define OUTAGES ((int64_t)(sizeof(outages_ms) / sizeof(*outages_ms)))

static int64_t begin_outage(struct world *w, int i)
{
	struct rng *r = chance_of(w, TROUBLE_OUTAGE);
	int64_t lasts = outages_ms[rng_in(r, 0, OUTAGES - 1)];

	silence(w, i, 1, r);
	if (rng_chance(r, 400)) /* twice, with a moment in between */
		world_at(w, w->true_ms + lasts + rng_in(r, SECOND, 3 * MINUTE), EV_TROUBLE, TROUBLE_OUTAGE, TROUBLE_ONCE, i);
	return lasts;
}

/* All but the first instrument are behind one gateway. */
static int64_t begin_gateway(struct world *w, int i)
{
	struct rng *r = chance_of(w, TROUBLE_GATEWAY);

	w->lines[1].away = (enum away)rng_in(r, AWAY_SILENT, AWAY_HANGING);
	for (i = 1; i < WORLD_UNITS; i++) {
		silence(w, i, 1, r);
		world_mark(w, i);
	}
	return rng_chance(r, 300) ? 2 * SECOND : outages_ms[rng_in(r, 0, OUTAGES - 2)];
}

/* The last of them lives on: among units of which none answers nobody can be found fast. */
static int64_t begin_unit(struct world *w, int i)
{
	struct rng *r = chance_of(w, TROUBLE_UNITS);

	if (i == WORLD_UNITS - 1)
		return -1;
	silence(w, i, 1, r);
	return rng_chance(r, 500) ? outages_ms[rng_in(r, 0, OUTAGES - 1)] : rng_in(r, 10 * MINUTE, 6 * HOUR);
}

static void end_unit(struct world *w, int i)
{
	silence(w, i, -1, chance_of(w, TROUBLE_UNITS));
}

static void end_gateway(struct world *w, int i)
{
	w->lines[1].away = AWAY_NOT;
	for (i = 1; i < WORLD_UNITS; i++) {
		silence(w, i, -1, chance_of(w, TROUBLE_GATEWAY));
		world_mark(w, i);
	}
}

/* Counters ------------------------------------------------------------------------------------------------ */

static int64_t restart(struct world *w, int i)
{
	device_reset(&w->devices[i].d, w->true_ms);
	w->stats.resets++;
	world_trace(w, "reset %s", w->devices[i].d.id);
	return 0;
}

/* In every second seed one instrument starts anew each day at the same time. */
static int64_t restart_daily(struct world *w, int i)
{
	return w->seed % 2 == 0 && (int)(w->seed / 2 % WORLD_INSTRUMENTS) == i ? restart(w, i) : -1;
}

static int64_t show(struct world *w, int i, enum device_display display, int64_t lasts)
{
	struct device *d = &w->devices[i].d;

	if (d->display != DISPLAY_TRUE)
		return -1;
	d->display = display;
	if (display == DISPLAY_LESS)
		d->lacked_ms += (int64_t)d->less * d->count_ms;
	world_trace(w, "%s shows %s", d->id, display == DISPLAY_LESS ? "less" : display == DISPLAY_ZERO ? "zero" : "all ones");
	return lasts;
}

/* Longer and shorter than it takes to confirm a new level. */
static int64_t begin_flicker(struct world *w, int i)
{
	struct rng *r = chance_of(w, TROUBLE_FLICKER);

	w->devices[i].d.less = (uint64_t)rng_in(r, 1, 3);
	return show(w, i, DISPLAY_LESS, rng_chance(r, 300) ? rng_in(r, SECOND, 20 * SECOND)
		: rng_in(r, MINUTE, 15 * MINUTE));
}

static int64_t show_none(struct world *w, int i, struct rng *r, int64_t lasts)
{
	struct device *d = &w->devices[i].d;

	/* where a run in a gap explains the little that lies between what it shows and the truth, nobody can tell */
	if (device_turns_in_ms(d, w->true_ms) < 3 * HOUR || device_level_ms(d, w->true_ms) < 3 * HOUR)
		return -1;
	lasts = show(w, i, rng_chance(r, 500) ? DISPLAY_ZERO : DISPLAY_ONES, lasts);
	if (lasts > 0 && rng_chance(r, 500)) { /* its controller has just started, and the meter behind it has not */
		d->boots++;
		d->booted_at = w->true_ms;
	}
	return lasts;
}

static int64_t begin_zero(struct world *w, int i)
{
	struct rng *r = chance_of(w, TROUBLE_ZERO);

	return show_none(w, i, r, rng_chance(r, 500) ? rng_in(r, SECOND, 20 * SECOND) : rng_in(r, MINUTE, 10 * MINUTE));
}

/* One false level after the other while people run it, and the daemon may die on each. */
static int64_t begin_levels(struct world *w, int i)
{
	struct rng *r = chance_of(w, TROUBLE_LEVELS);
	int64_t lasts = show_none(w, i, r, rng_in(r, 3 * MINUTE, 30 * MINUTE));

	if (lasts < 0)
		return lasts;
	if (rng_chance(r, 600))
		world_at(w, w->true_ms + lasts + 1, EV_TROUBLE, TROUBLE_LEVELS, TROUBLE_ONCE, i);
	if (trouble_chance(w, TROUBLE_CRASH, 400))
		world_at(w, w->true_ms + rng_in(r, SECOND, lasts), EV_TROUBLE, TROUBLE_CRASH, TROUBLE_ONCE, -1);
	return lasts;
}

static void end_show(struct world *w, int i)
{
	w->devices[i].d.display = DISPLAY_TRUE;
	world_trace(w, "%s shows the truth", w->devices[i].d.id);
}

static int64_t begin_stall(struct world *w, int i)
{
	device_stall(&w->devices[i].d, w->true_ms, true);
	world_trace(w, "the counter of %s stands still", w->devices[i].d.id);
	return rng_in(chance_of(w, TROUBLE_STALL), 10 * MINUTE, 10 * HOUR);
}

static void end_stall(struct world *w, int i)
{
	device_stall(&w->devices[i].d, w->true_ms, false);
	world_trace(w, "the counter of %s counts again", w->devices[i].d.id);
}

/* Relays and faults --------------------------------------------------------------------------------------- */

static void stick(struct world *w, int i, int by)
{
	struct world_device *d = &w->devices[i];
	bool was = d->stuck;

	d->sticking += by;
	d->stuck = d->sticking > 0;
	if (d->stuck != was) {
		w->devices[i].ill_at = w->true_ms;
		if (d->stuck)
			d->stuck_shut = d->d.locked;
		if (d->stuck_shut)
			(d->stuck ? spans_begin : spans_end)(&d->shut, w->true_ms);
		world_trace(w, "relay of %s %s", d->d.id, d->stuck ? "sticks" : "moves");
	}
}

static int64_t begin_relay(struct world *w, int i)
{
	stick(w, i, 1);
	return rng_in(chance_of(w, TROUBLE_RELAY), 5 * SECOND, 40 * MINUTE);
}

static void end_relay(struct world *w, int i)
{
	stick(w, i, -1);
}

/* The instrument reports a fault, and for a while later none; it runs on as people want it to. */
static int64_t begin_fault(struct world *w, int i)
{
	struct device *d = &w->devices[i].d;

	if (d->faulty)
		return -1;
	device_fault(d, w->true_ms);
	world_trace(w, "%s at fault", d->id);
	return rng_in(chance_of(w, TROUBLE_FAULT), 30 * SECOND, 90 * MINUTE);
}

static void end_fault(struct world *w, int i)
{
	struct device *d = &w->devices[i].d;

	d->broken = false;
	device_fault(d, w->true_ms);
	world_trace(w, "%s well again", d->id);
}

/* It stops, and cannot be started until it is well again. */
static int64_t begin_breakdown(struct world *w, int i)
{
	struct device *d = &w->devices[i].d;

	if (d->faulty)
		return -1;
	device_stop(d, w->true_ms);
	d->broken = true;
	device_fault(d, w->true_ms);
	world_trace(w, "%s breaks down", d->id);
	return rng_in(chance_of(w, TROUBLE_BREAKDOWN), 2 * MINUTE, 3 * HOUR);
}

/* The daemon's machine ------------------------------------------------------------------------------------ */

static int64_t crash(struct world *w, int i)
{
	life_crash(w);
	return 0;
}

static void set_clock(struct world *w, int64_t skew_ms)
{
	world_skew(w, skew_ms);
	world_trace(w, "clock step to %lld", (long long)w->wall_skew_ms);
}

static int64_t skew(struct world *w, int i)
{
	if (w->stepped)
		return -1;
	set_clock(w, rng_in(chance_of(w, TROUBLE_SKEW), -2000, 2000));
	return 0;
}

/* BOOTTIME goes on as before. */
static int64_t begin_step(struct world *w, int i)
{
	static const int64_t steps_ms[] = { SECOND, 5 * SECOND, 59 * SECOND, 61 * SECOND, 5 * MINUTE, HOUR, 6 * HOUR,
		24 * HOUR };
	struct rng *r = chance_of(w, TROUBLE_STEP);
	int64_t by = steps_ms[rng_in(r, 0, (int64_t)(sizeof(steps_ms) / sizeof(*steps_ms)) - 1)];

	if (w->stepped)
		return -1;
	w->stepped = true;
	set_clock(w, w->wall_skew_ms + (rng_chance(r, 500) ? by : -by));
	return rng_chance(r, 300) ? rng_in(r, SECOND, 3 * MINUTE) : rng_in(r, 3 * MINUTE, 6 * HOUR);
}

static void end_step(struct world *w, int i)
{
	w->stepped = false;
	set_clock(w, 0);
}

/* Forward where people are about to do something (aim()), seldom back; set right after minutes or hours. */
static int64_t begin_jump(struct world *w, int i)
{
	static const int64_t jumps_ms[] = { MINUTE + SECOND, 5 * MINUTE, 20 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR };
	struct rng *r = chance_of(w, TROUBLE_JUMP);
	int64_t by = jumps_ms[rng_in(r, 0, (int64_t)(sizeof(jumps_ms) / sizeof(*jumps_ms)) - 1)];

	if (w->stepped)
		return -1;
	w->stepped = true;
	set_clock(w, w->wall_skew_ms + (rng_chance(r, 150) ? -by : by));
	return rng_chance(r, 300) ? rng_in(r, 5 * SECOND, 3 * MINUTE) : rng_in(r, 3 * MINUTE, 3 * HOUR);
}

/* Steps that are none alone, within an hour, and then the clock is set right. */
static int64_t creep(struct world *w, int i)
{
	struct rng *r = chance_of(w, TROUBLE_CREEP);

	if (w->creeps == 0 && w->stepped)
		return -1;
	if (w->creeps == 0)
		w->creeps = CREEPS;
	w->stepped = true;
	set_clock(w, w->wall_skew_ms + rng_in(r, -SECOND, 30 * SECOND));
	if (--w->creeps == 0)
		return rng_in(r, MINUTE, HOUR);
	world_at(w, w->true_ms + rng_in(r, 10 * SECOND, 2 * HOUR / CREEPS), EV_TROUBLE, TROUBLE_CREEP, TROUBLE_ONCE, i);
	return 0;
}

/* Nothing of the daemon's machine runs, instruments do. */
static int64_t away(struct world *w, enum trouble kind)
{
	struct rng *r = chance_of(w, kind);
	int64_t lasts = rng_chance(r, 300) ? rng_in(r, 2 * SECOND, 2 * MINUTE) : rng_in(r, 2 * MINUTE, 3 * HOUR);

	world_away(w, lasts);
	return lasts;
}

/* A virtual machine that is stopped: both clocks stand still, and somebody sets the wall clock right later. */
static int64_t begin_pause(struct world *w, int i)
{
	int64_t lasts, from = w->true_ms;

	if (w->stepped)
		return -1;
	world_trace(w, "paused");
	for (int k = 0; k < WORLD_INSTRUMENTS; k++) /* what a silence before it hid comes in the same impossible rise */
		w->devices[k].d.forgotten_ms += device_unread_ms(&w->devices[k].d, w->true_ms);
	lasts = away(w, TROUBLE_PAUSE);
	world_boot(w, w->boot_base_ms + lasts);
	spans_begin(&w->paused, from);
	spans_end(&w->paused, w->true_ms + DOUBT_POLLS * w->poll_ms);
	w->stepped = true;
	set_clock(w, w->wall_skew_ms - lasts);
	return rng_in(chance_of(w, TROUBLE_PAUSE), 2 * SECOND, 10 * MINUTE);
}

/* A machine that sleeps: both clocks go on. */
static int64_t asleep(struct world *w, int i)
{
	world_trace(w, "asleep");
	away(w, TROUBLE_SLEEP);
	return 0;
}

/* People -------------------------------------------------------------------------------------------------- */

static int64_t lists(struct world *w, int i)
{
	staff_lists(w, (int)rng_in(chance_of(w, TROUBLE_LISTS), 2, 12));
	return 0;
}

/* Somebody runs an instrument around the start of another's booking, with the interlock got around. */
static int64_t begin_bypass(struct world *w, int i)
{
	struct device *d = &w->devices[i].d;

	if (!device_bypass(d, w->true_ms, WORLD_STRANGER))
		return -1;
	world_trace(w, "%s runs behind its interlock", d->id);
	return rng_in(chance_of(w, TROUBLE_BYPASS), 30 * SECOND, 40 * MINUTE);
}

static void end_bypass(struct world *w, int i)
{
	struct device *d = &w->devices[i].d;

	if (d->running && d->runs[d->n_runs - 1].by == WORLD_STRANGER)
		device_stop(d, w->true_ms);
}

/* The table ----------------------------------------------------------------------------------------------- */

/*
 * first_ms, again_ms: bounds of the time until the first comes, and between the end of one and the next. 0: it comes at
 * readings, or at a check-in. strike returns how long it lasts, 0 when it is over at once, and less when nothing
 * happened.
 */
struct trouble_kind {
	const char *name, *about;
	bool on;
	bool each;                                /* of every instrument, or unit; else of the whole world  */
	bool sure;                                /* it makes no reading uncertain                          */
	int64_t first_ms[2], again_ms[2];
	int64_t (*strike)(struct world *w, int i);
	void (*over)(struct world *w, int i);
};

static const struct trouble_kind kinds[TROUBLES] = {
	[TROUBLE_LOSS] = { "loss", "a poll is not answered", true, false, false, { 0, 0 }, { 0, 0 }, NULL, NULL },
	[TROUBLE_LATE] = { "late", "an answer is late", true, false, false, { 0, 0 }, { 0, 0 }, NULL, NULL },
	[TROUBLE_TWICE] = { "twice", "a reading comes twice", true, false, false, { 0, 0 }, { 0, 0 }, NULL, NULL },
	[TROUBLE_LIE] = { "lie", "one wild value", true, false, false, { 0, 0 }, { 0, 0 }, NULL, NULL },
	[TROUBLE_SILENCE] = { "silence", "a controller is silent for seconds to 40 minutes", true, true, false, { HOUR, 40 * HOUR },
		{ HOUR, 40 * HOUR }, begin_silence, end_silence },
	[TROUBLE_OUTAGE] = { "outage", "a controller is away for 10 s to 5 h, some twice", true, true, false, { HOUR, 60 * HOUR },
		{ 10 * HOUR, 80 * HOUR }, begin_outage, end_silence },
	[TROUBLE_GATEWAY] = { "gateway", "all but the first go away together", true, false, false, { HOUR, 60 * HOUR },
		{ 10 * HOUR, 60 * HOUR }, begin_gateway, end_gateway },
	[TROUBLE_RESTART] = { "restart", "a counter begins at zero", true, true, false, { HOUR, 120 * HOUR }, { 10 * HOUR, 200 * HOUR },
		restart, NULL },
	[TROUBLE_DAILY] = { "daily", "a counter begins at zero each day", true, true, false, { 9 * HOUR, 9 * HOUR },
		{ 24 * HOUR, 24 * HOUR }, restart_daily, NULL },
	[TROUBLE_FLICKER] = { "flicker", "a counter drops by 1 to 3 and returns", true, true, false, { HOUR, 30 * HOUR },
		{ 2 * HOUR, 30 * HOUR }, begin_flicker, end_show },
	[TROUBLE_ZERO] = { "zero", "a counter shows zero or all ones, and then the truth", true, true, false, { HOUR, 60 * HOUR },
		{ 5 * HOUR, 60 * HOUR }, begin_zero, end_show },
	[TROUBLE_STALL] = { "stall", "a counter stands still while the run bit is on", true, true, false, { HOUR, 100 * HOUR },
		{ 20 * HOUR, 150 * HOUR }, begin_stall, end_stall },
	[TROUBLE_RELAY] = { "relay", "a relay sticks", true, true, true, { HOUR, 120 * HOUR }, { 5 * HOUR, 120 * HOUR }, begin_relay,
		end_relay },
	[TROUBLE_STUCK] = { "stuck", "a relay sticks at a check-in", true, true, true, { 0, 0 }, { 0, 0 }, begin_relay, end_relay },
	[TROUBLE_FAULT] = { "fault", "an instrument says that it is at fault, and runs on", true, true, true, { HOUR, 10 * HOUR },
		{ 10 * MINUTE, 10 * HOUR }, begin_fault, end_fault },
	[TROUBLE_BREAKDOWN] = { "breakdown", "an instrument breaks down after a check-in", true, true, true, { 0, 0 }, { 0, 0 },
		begin_breakdown, end_fault },
	[TROUBLE_CRASH] = { "crash", "the daemon dies", true, false, false, { HOUR, 20 * HOUR }, { HOUR, 20 * HOUR }, crash, NULL },
	[TROUBLE_SKEW] = { "skew", "the wall clock steps by up to two seconds", true, false, false, { HOUR, 40 * HOUR },
		{ 10 * HOUR, 40 * HOUR }, skew, NULL },
	[TROUBLE_STEP] = { "step", "the wall clock steps by a second to a day, and back", true, false, false, { HOUR, 60 * HOUR },
		{ 20 * HOUR, 80 * HOUR }, begin_step, end_step },
	[TROUBLE_PAUSE] = { "pause", "both clocks stand still, and the wall clock is set right", true, false, false, { HOUR, 60 * HOUR },
		{ 20 * HOUR, 80 * HOUR }, begin_pause, end_step },
	[TROUBLE_SLEEP] = { "sleep", "nothing runs while both clocks go on", true, false, false, { HOUR, 60 * HOUR },
		{ 20 * HOUR, 80 * HOUR }, asleep, NULL },
	[TROUBLE_LISTS] = { "lists", "many price lists, announced ahead and set out of order", true, false, true, { HOUR, 10 * HOUR },
		{ 4 * HOUR, 30 * HOUR }, lists, NULL },
	[TROUBLE_BYPASS] = { "bypass", "a stranger runs it around the start of a booking", true, true, true, { 0, 0 }, { 0, 0 },
		begin_bypass, end_bypass },
	[TROUBLE_JUMP] = { "jump", "the wall clock jumps where a booking starts, rests, runs or ends", true, false, false, { 0, 0 },
		{ 0, 0 }, begin_jump, end_step },
	[TROUBLE_LEVELS] = { "levels", "a counter leaves its level for false ones while people run it", true, true, false, { 0, 0 },
		{ 0, 0 }, begin_levels, end_show },
	[TROUBLE_REPAIR] = { "repair", "staff block an instrument where a booking was called off", true, true, true, { 0, 0 }, { 0, 0 },
		NULL, NULL },
	[TROUBLE_UNITS] = { "units", "units behind the gateway that nobody books die and come back", true, true, true,
		{ 10 * MINUTE, 6 * HOUR }, { 10 * MINUTE, 5 * HOUR }, begin_unit, end_unit },
	[TROUBLE_CREEP] = { "creep", "thirty small steps of the wall clock within an hour", true, false, false, { HOUR, 60 * HOUR },
		{ 40 * HOUR, 90 * HOUR }, creep, end_step },
};

uint32_t trouble_defaults(void)
{
	uint32_t bits = 0;

	for (int k = 0; k < TROUBLES; k++)
		bits |= (uint32_t)kinds[k].on << k;
	return bits;
}

uint32_t trouble_of_seed(uint32_t troubles, uint64_t seed)
{
	const uint32_t clocks = UINT32_C(1) << TROUBLE_STEP | UINT32_C(1) << TROUBLE_JUMP | UINT32_C(1) << TROUBLE_CREEP;
	struct rng toss = { seed };

	if (troubles & WORLD_TROUBLES_GIVEN)
		return troubles;
	if (seed % 2 == 0)
		troubles &= ~clocks;
	return seed && seed % 3 == 0 ? troubles & (uint32_t)rng_next(&toss) : troubles;
}

bool trouble_parse(const char *names, uint32_t *ret)
{
	*ret = 0;
	while (*names) {
		size_t n = strcspn(names, ",");
		int k = 0;

		while (k < TROUBLES && (strlen(kinds[k].name) != n || strncmp(kinds[k].name, names, n) != 0))
			k++;
		if (k == TROUBLES)
			return false;
		*ret |= UINT32_C(1) << k;
		names += n + (names[n] == ',');
	}
	return true;
}

void trouble_list(FILE *to)
{
	for (int k = 0; k < TROUBLES; k++)
		fprintf(to, "# %-10s %s%s\n", kinds[k].name, kinds[k].about, kinds[k].on ? "" : " (off)");
}

bool trouble_on(const struct world *w, enum trouble kind)
{
	return w->troubles >> kind & 1;
}

bool trouble_chance(struct world *w, enum trouble kind, int per_mille)
{
	return trouble_on(w, kind) && rng_chance(chance_of(w, kind), per_mille);
}

static void come(struct world *w, int kind, int i, const int64_t bounds[2])
{
	world_at(w, w->true_ms + rng_in(&w->trouble_rng[kind], bounds[0], bounds[1]) / w->haste, EV_TROUBLE, kind,
		TROUBLE_STRIKES, i);
}

/* Whom it strikes; -1: nobody alone. */
static int first_of(enum trouble kind)
{
	return kind == TROUBLE_UNITS ? WORLD_INSTRUMENTS : kinds[kind].each ? 0 : -1;
}

static int end_of(enum trouble kind)
{
	return kind == TROUBLE_UNITS ? WORLD_UNITS : kinds[kind].each ? WORLD_INSTRUMENTS : 0;
}

void trouble_begin(struct world *w)
{
	for (int k = 0; k < TROUBLES; k++) {
		w->trouble_rng[k].state = w->seed * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)k;
		if (!trouble_on(w, k) || !kinds[k].first_ms[1])
			continue;
		for (int i = first_of(k), end = end_of(k); i < end; i++)
			come(w, k, i, kinds[k].first_ms);
	}
}

/* What the wall clock makes uncertain is kept apart: readings and lengths by BOOTTIME are as sure as before. */
static void mark(struct world *w, enum trouble kind, int i)
{
	if (kinds[kind].sure)
		return;
	if (kind == TROUBLE_STEP || kind == TROUBLE_SKEW || kind == TROUBLE_JUMP || kind == TROUBLE_CREEP)
		marks_add(&w->clock_marks, w->true_ms);
	else
		world_mark(w, i);
	if (kind == TROUBLE_PAUSE)
		marks_add(&w->clock_marks, w->true_ms);
}

static void strike(struct world *w, enum trouble kind, int i)
{
	int64_t lasts = kinds[kind].strike(w, i);

	if (lasts < 0)
		return;
	mark(w, kind, i);
	if (lasts == 0)
		return;
	if (i >= 0 && !kinds[kind].sure)
		w->devices[i].afflicted++;
	world_at(w, w->true_ms + lasts, EV_TROUBLE, kind, TROUBLE_OVER, i);
}

void trouble_event(struct world *w, const struct world_event *e)
{
	const struct trouble_kind *k = &kinds[e->index];
	int i = (int)e->deadline;

	if (e->ticket == TROUBLE_OVER) {
		k->over(w, i);
		if (i >= 0 && !k->sure)
			w->devices[i].afflicted--;
		mark(w, e->index, i);
		return;
	}
	if (w->true_ms >= w->end_ms) /* at the end nothing new begins */
		return;
	strike(w, e->index, i);
	if (e->ticket == TROUBLE_STRIKES && k->again_ms[1])
		come(w, e->index, i, k->again_ms);
}

/* Within a minute and a half before an instant the wall clock jumps, or the machine is paused or sleeps. */
static void aim(struct world *w, int64_t at)
{
	static const struct { enum trouble kind; int per_mille; } aimed[] = { { TROUBLE_JUMP, 40 }, { TROUBLE_PAUSE, 10 },
		{ TROUBLE_SLEEP, 10 } };

	for (size_t k = 0; trouble_on(w, TROUBLE_JUMP) && k < sizeof(aimed) / sizeof(*aimed); k++)
		if (trouble_chance(w, aimed[k].kind, aimed[k].per_mille))
			world_at(w, at - rng_in(chance_of(w, aimed[k].kind), SECOND, 90 * SECOND), EV_TROUBLE,
				(int)aimed[k].kind, TROUBLE_ONCE, -1);
}

void trouble_after_booking(struct world *w, const struct person *p)
{
	aim(w, p->from);
}

bool trouble_at_start(struct world *w, const struct person *p)
{
	if (!trouble_chance(w, TROUBLE_BYPASS, 80))
		return false;
	strike(w, TROUBLE_BYPASS, p->instrument);
	return true;
}

void trouble_after_cancel(struct world *w, const struct person *p)
{
	if (p->from > world_stamp(w).wall_ms && trouble_chance(w, TROUBLE_REPAIR, 400))
		staff_repair(w, p->instrument, p->from, p->to);
}

void trouble_after_checkin(struct world *w, const struct person *p)
{
	struct rng *r = chance_of(w, TROUBLE_BREAKDOWN);

	if (w->devices[p->instrument].gated && trouble_chance(w, TROUBLE_STUCK, 60))
		strike(w, TROUBLE_STUCK, p->instrument);
	if (trouble_chance(w, TROUBLE_BREAKDOWN, 80))
		world_at(w, w->true_ms + rng_in(r, 2 * SECOND, 3 * MINUTE), EV_TROUBLE, TROUBLE_BREAKDOWN,
			TROUBLE_ONCE, p->instrument);
	if (trouble_chance(w, TROUBLE_LEVELS, 150))
		world_at(w, w->true_ms + rng_in(chance_of(w, TROUBLE_LEVELS), MINUTE, 30 * MINUTE), EV_TROUBLE,
			TROUBLE_LEVELS, TROUBLE_ONCE, p->instrument);
	aim(w, w->true_ms + 2 * MINUTE); /* it is idle as yet, or has just been started */
	aim(w, p->to);
}
