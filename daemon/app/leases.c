/*
 * leases.c - publishes, between turns, what each interlock shall do and until when. Owns nothing: the wish is asked
 * from the store each time. A wish that cannot be asked is asked again soon; what is never answered lapses into the
 * fail mode.
 */
#include <stdlib.h>

#include "app/parts.h"
#include "common/fmt.h"

static bool ask(struct ledger *l, int i, struct stamp now, struct lease *ret)
{
	struct unit *u = &l->units[i];
	const char *id = l->site->instruments[i].id;
	enum lt_lock desired = LT_LOCK_UNKNOWN;
	struct effects e;
	struct act a;
	int r;

	turn_act(l, &a, &e, now);
	r = l->o.ports->desired(&a, id, &desired);
	if (r < 0 || db_failed(l->o.db)) {
		db_rollback(l->o.db);
		u->lease_dirty = true;
		l->leases_again_at = now.boot_ms + RETRY_MS;
		return false;
	}
	u->lease_dirty = false;
	if (desired == LT_LOCK_UNKNOWN)
		return false;
	if (u->epoch == 0 || u->desired != (uint8_t)desired) {
		u->desired = (uint8_t)desired;
		u->epoch = ++l->epoch;
	}
	lt_fmt(ret->instrument, sizeof(ret->instrument), "%s", id);
	ret->desired = u->desired;
	ret->epoch = u->epoch;
	ret->valid_until_boot_ms = u->lease_until = now.boot_ms + LEASE_MS;
	return true;
}

void leases_publish(struct ledger *l, struct stamp now)
{
	bool all = now.boot_ms - l->leases_at >= LEASE_RENEW_MS, any = all;
	struct msg_leases *m;

	for (int i = 0; !any && now.boot_ms >= l->leases_again_at && i < l->site->n_instruments; i++)
		any = l->units[i].lease_dirty;
	if (!any || l->site->n_instruments == 0)
		return;
	m = msg_new(MSG_LEASES, sizeof(*m));
	if (m)
		m->leases = calloc((size_t)l->site->n_instruments, sizeof(*m->leases));
	if (!m || !m->leases) {
		msg_free(m ? &m->head : NULL);
		l->out_of_memory = true;
		return;
	}
	db_reads_only(l->o.db, true);
	for (int i = 0; i < l->site->n_instruments; i++)
		if (l->site->instruments[i].interlock.mode != INTERLOCK_NONE && (all || l->units[i].lease_dirty))
			m->n += ask(l, i, now, &m->leases[m->n]);
		else
			l->units[i].lease_dirty = false;
	db_reads_only(l->o.db, false);
	if (all)
		l->leases_at = now.boot_ms;
	if (m->n > 0)
		queue_push(l->o.out, &m->head);
	else
		msg_free(&m->head);
}

int64_t lease_valid_until(const struct act *a, const char *instrument)
{
	const struct unit *u = a->ledger ? inbox_unit(a->ledger, instrument) : NULL;

	if (!u || u->lease_until <= a->now.boot_ms)
		return 0;
	return a->now.wall_ms + u->lease_until - a->now.boot_ms;
}
