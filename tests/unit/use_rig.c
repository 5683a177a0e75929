/*
 * use_rig.c - use_rig.h: time passes from poll to poll and from timer to timer, as the turn lets it.
 */
#include "use_rig.h"

struct world *w;
struct device device[3];

void poll(int k)
{
	struct msg_reading m = { .head.at = w->now, .flags = READING_FORCED };

	if (device[k].silent)
		return;
	lt_fmt(m.instrument, sizeof(m.instrument), "%s", w->instruments[k].id);
	m.obs.have = LT_HAVE_HOURMETER | LT_HAVE_STATE | LT_HAVE_FAULT | LT_HAVE_INTERLOCK;
	m.obs.interlock = LT_LOCK_UNLOCKED;
	m.obs.hourmeter = (uint64_t)(5000 + device[k].run_ms / (device[k].count_ms ? device[k].count_ms : 1000));
	m.obs.running = device[k].on;
	m.obs.fault = device[k].fault;
	assert_int_equal(world_end(w, metering_reading(world_act(w, NULL), &m)), 0);
}

static int of(const char *instrument)
{
	for (int k = 0; k < 3; k++)
		if (strcmp(w->instruments[k].id, instrument) == 0)
			return k;
	fail();
	return 0;
}

void pass(int64_t to)
{
	int64_t by = to - w->now.wall_ms;

	assert_true(by >= 0);
	for (int k = 0; k < 3; k++)
		device[k].run_ms += device[k].on && !device[k].stalled ? by : 0;
	world_sleep(w, by);
}

/* The earliest due timer, once; as the turn does it, with a forced poll where it asks for one. */
void fire(int64_t due)
{
	struct stmt *s = db_query(w->db, "SELECT kind, ref FROM timer WHERE due_at <= ?1 ORDER BY due_at, kind, ref LIMIT "
		"1", "i", due);
	const struct timer_kind *kind;
	char name[40], park[LT_ID];
	int64_t ref;
	int rc;

	assert_int_equal(db_step(s), DB_ROW);
	db_copy_text(s, 0, name, sizeof(name));
	ref = db_int(s, 1);
	db_end(s);
	kind = timer_kind_find(name);
	assert_non_null(kind);
	for (int again = 0; again < 2; again++) {
		struct act *a = world_act(w, NULL);

		if (again) {
			a->polled = !device[of(park)].silent;
			a->unread = device[of(park)].silent;
		}
		act_timer_clear(a, name, ref);
		rc = world_end(w, kind->fire(a, ref, w->now.wall_ms));
		if (rc != ACT_PARKED)
			break;
		lt_fmt(park, sizeof(park), "%s", w->effects.park);
		poll(of(park));
	}
	assert_int_equal(rc, 0);
}

void run_to(int64_t to)
{
	while (w->now.wall_ms < to) {
		int64_t due = world_int(w, "SELECT COALESCE(MIN(due_at), 253402300799000) FROM timer");
		int64_t poll_at = w->now.wall_ms - w->now.wall_ms % POLL + POLL, next = poll_at < to ? poll_at : to;

		if (due < next || due <= w->now.wall_ms) {   /* a reading of the same instant goes first */
			if (due > w->now.wall_ms)
				pass(due);
			fire(w->now.wall_ms);
			continue;
		}
		pass(next);
		for (int k = 0; k < 3; k++)
			poll(k);
	}
	while (world_int(w, "SELECT COALESCE(MIN(due_at), 253402300799000) FROM timer") <= w->now.wall_ms)
		fire(w->now.wall_ms);
}

int open_world(void **state)
{
	struct act *a;
	int rc = 0;

	w = world_new();
	memset(device, 0, sizeof(device));
	for (int i = 0; i < 3; i++) {
		w->instruments[i].price.no_show_bp = 5000;
		w->instruments[i].price.n_tiers = 1;
		w->instruments[i].price.tiers[0] = (struct tier){ 0, 2500 };
	}
	a = world_act(w, NULL);
	for (int i = 0; i < 3 && rc == 0; i++)
		rc = terms_adopt(a, &w->instruments[i]);
	assert_int_equal(world_end(w, rc), 0);
	for (int k = 0; k < 3; k++)
		poll(k);
	return 0;
}

int close_world(void **state)
{
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM occupancy a JOIN occupancy b ON a.unit = b.unit AND a.id < "
		"b.id AND a.active = 1 AND b.active = 1 AND a.busy_from < b.busy_to AND b.busy_from < a.busy_to"), 0);
	w = world_free(w);
	return 0;
}

int book(const char *user, int64_t from, int64_t to, struct booking *ret)
{
	struct booking_request r = { .from = from, .to = to, .instrument = "krios-1" };

	return world_end(w, booking_create(world_act(w, user), &r, ret));
}

int use(const char *user, int64_t id, int (*verb)(struct act *, int64_t, struct booking *), struct booking *ret)
{
	struct act *a = world_act(w, user);
	int rc = world_end(w, verb(a, id, ret));

	if (rc != ACT_PARKED)
		return rc;
	poll(0);
	a = world_act(w, user);
	a->polled = !device[0].silent;
	a->unread = device[0].silent;
	return world_end(w, verb(a, id, ret));
}

int cancel(const char *user, int64_t id, struct booking *ret)
{
	return world_end(w, booking_cancel(world_act(w, user), id, "", ret));
}

struct booking now_is(int64_t id)
{
	struct booking b;

	assert_int_equal(booking_load(world_read(w, NULL), id, &b), 0);
	return b;
}

const char *code(void)
{
	return w->act.refusal.err.code;
}

void link_up(bool up)
{
	struct msg_link m = { .head.at = w->now, .up = up };

	lt_fmt(m.instrument, sizeof(m.instrument), "krios-1");
	device[0].silent = !up;
	assert_int_equal(world_end(w, metering_link(world_act(w, NULL), &m)), 0);
}

void lock_reads(enum lt_lock lock)
{
	struct msg_interlock m = { .head.at = w->now, .lock = (uint8_t)lock };

	lt_fmt(m.instrument, sizeof(m.instrument), "krios-1");
	assert_int_equal(world_end(w, metering_interlock(world_act(w, NULL), &m)), 0);
}
