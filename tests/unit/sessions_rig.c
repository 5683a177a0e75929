/*
 * sessions_rig.c - see sessions_rig.h. After each stretch of time and each act the invariants are asked; what they find
 * fails the test.
 */
#include "sessions_rig.h"

struct world *w;
struct devices d;
struct invariants inv;

void check(void)
{
	const char *broken = invariants_check(&inv, w->db, &w->site, w->now);

	if (broken)
		fail_msg("%s", broken);
}

void run(int64_t ms)
{
	devices_run(&d, ms);
	check();
}

void run_until(int64_t at) { run(at - w->now.wall_ms); }

int setup(void **state)
{
	(void)state;
	memset(&inv, 0, sizeof(inv));
	w = world_new();
	devices_init(&d, w);
	return 0;
}

int teardown(void **state)
{
	(void)state;
	check();
	w = world_free(w);
	return 0;
}

int64_t book(const char *user, const char *instrument, int64_t from, int64_t to)
{
	struct booking_request rq = { .from = from, .to = to };
	struct booking b;
	struct act *a = world_act(w, user);
	int rc;

	lt_fmt(rq.instrument, sizeof(rq.instrument), "%s", instrument);
	rc = booking_create(a, &rq, &b);
	if (rc != 0)
		fail_msg("booking refused: %s %s", a->refusal.err.code, a->refusal.err.text);
	world_end(w, rc);
	return b.id;
}

int do_checkin(struct act *a, void *arg) { struct booking b; return booking_checkin(a, ((struct by_id *)arg)->id, &b); }

int do_checkout(struct act *a, void *arg)
{
	struct booking b;

	return booking_checkout(a, ((struct by_id *)arg)->id, &b);
}

int do_cancel(struct act *a, void *arg)
{
	struct by_id *b = arg;
	struct booking ret;

	return booking_cancel(a, b->id, "", &ret);
}

int do_close(struct act *a, void *arg)
{
	struct session s;

	return session_close(a, ((struct by_id *)arg)->id, "stuck", &s);
}

int do_disown(struct act *a, void *arg)
{
	struct session s;

	return session_disown(a, ((struct by_id *)arg)->id, 0, "not me", &s);
}

int do_waive(struct act *a, void *arg)
{
	struct review r;

	return review_waive(a, ((struct by_id *)arg)->id, "why", &r);
}

int do_accept(struct act *a, void *arg)
{
	struct review r;

	return review_accept(a, ((struct by_id *)arg)->id, "why", &r);
}

int do_recover(struct act *a, void *arg) { (void)arg; return metering_recover(a); }

int do_attribute(struct act *a, void *arg)
{
	struct by_id *x = arg;
	struct review r;

	return review_attribute(a, x->id, x->org, x->user, "why", &r);
}

int act(const char *user, int (*use_case)(struct act *, void *), int64_t id)
{
	struct by_id x = { .id = id };
	int r = devices_act(&d, user, use_case, &x);

	check();
	return r;
}

void must(const char *user, int (*use_case)(struct act *, void *), int64_t id)
{
	int r = act(user, use_case, id);

	if (r != 0)
		fail_msg("refused: %s %s (%d)", w->act.refusal.err.code, w->act.refusal.err.text, r);
}

struct session latest(void)
{
	struct session s;
	struct act *a = world_read(w, NULL);

	assert_int_equal(session_load(a, world_int(w, "SELECT MAX(id) FROM session"), &s), 0);
	return s;
}

struct session of_booking(int64_t booking)
{
	struct session s;

	assert_int_equal(session_of_booking(world_read(w, NULL), booking, &s), 0);
	return s;
}

struct session by_id(int64_t id)
{
	struct session s;

	assert_int_equal(session_load(world_read(w, NULL), id, &s), 0);
	return s;
}

enum lt_lock desired(const char *instrument)
{
	enum lt_lock l = LT_LOCK_UNKNOWN;

	assert_int_equal(metering_desired(world_read(w, NULL), instrument, &l), 0);
	return l;
}

int64_t reviews(const char *kind)
{
	return db_one_int(w->db, 0, "SELECT COUNT(*) FROM review WHERE kind = ?1 AND state <> 'done'", "t", kind);
}
