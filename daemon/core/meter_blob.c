/*
 * meter_blob.c - the bytes in which the store keeps a struct meter: version, fixed order, big-endian, no padding.
 * One list of fields drives both directions. Owns nothing; a blob that is not exactly ours is refused.
 */
#include "core/meter.h"

#include <string.h>

#define BLOB_VERSION 3 /* 1 had no levels that were left, 2 did not say what the raw value means */

/* Walks the fields once: writing (m -> p) or reading (p -> m). */
struct walk { uint8_t *p; const uint8_t *q; size_t left; bool ok; };

static void u64(struct walk *w, uint64_t *v)
{
	uint64_t x = 0;

	if (w->left < 8) {
		w->ok = false;
		return;
	}
	for (int i = 0; i < 8; i++) {
		if (w->p)
			w->p[i] = (uint8_t)(*v >> (56 - 8 * i));
		else
			x = x << 8 | w->q[i];
	}
	if (w->p)
		w->p += 8;
	else
		w->q += 8, *v = x;
	w->left -= 8;
}

static void i64(struct walk *w, int64_t *v)
{
	uint64_t x = (uint64_t)*v;

	u64(w, &x);
	if (!w->p && w->ok)
		*v = (int64_t)x;
}

static void i32(struct walk *w, int32_t *v)
{
	int64_t x = *v;

	i64(w, &x);
	if (x < INT32_MIN || x > INT32_MAX)
		w->ok = false;
	else
		*v = (int32_t)x;
}

static void flag(struct walk *w, bool *v)
{
	uint64_t x = *v;

	u64(w, &x);
	if (x > 1)
		w->ok = false;
	else
		*v = x == 1;
}

static void text(struct walk *w, char *s, size_t cap)
{
	if (w->left < cap) {
		w->ok = false;
		return;
	}
	if (w->p) {
		size_t n = strlen(s);

		memset(w->p, 0, cap);
		memcpy(w->p, s, n < cap ? n : cap - 1);
		w->p += cap;
	} else {
		memcpy(s, w->q, cap);
		if (s[cap - 1])
			w->ok = false;
		w->q += cap;
	}
	w->left -= cap;
}

static void track(struct walk *w, struct meter_track *k)
{
	u64(w, &k->raw);
	i64(w, &k->since_t);
	i64(w, &k->t);
	i32(w, &k->reads);
}

static void level(struct walk *w, struct meter_left *l)
{
	uint64_t by = l->by;

	u64(w, &by);
	if (by >= METER_CLASSES)
		w->ok = false;
	else
		l->by = (enum meter_class)by;
	flag(w, &l->down);
	flag(w, &l->near);
	flag(w, &l->held);
	flag(w, &l->running);
	u64(w, &l->raw);
	u64(w, &l->next);
	i64(w, &l->sum_ms);
	i64(w, &l->t);
	i64(w, &l->wall_ms);
	i32(w, &l->rtt_ms);
}

static void levels(struct walk *w, struct meter *m)
{
	i32(w, &m->n_left);
	if (m->n_left < 0 || m->n_left > METER_LEVELS)
		w->ok = false;
	for (int i = 0; i < m->n_left && w->ok; i++)
		level(w, &m->left[i]);
	flag(w, &m->holding);
	i64(w, &m->held_ms);
	i64(w, &m->held_t);
	i64(w, &m->held_wall_ms);
	if (m->held_ms < 0)
		w->ok = false;
}

static void unit(struct walk *w, struct meter_unit *u)
{
	uint64_t kind = u->kind, count_ms = u->count_ms;

	u64(w, &kind);
	u64(w, &count_ms);
	u64(w, &u->modulus);
	if (kind > METER_STATE || count_ms > UINT32_MAX)
		w->ok = false;
	u->kind = w->ok ? (enum meter_kind)kind : METER_NONE;
	u->count_ms = (uint32_t)count_ms;
}

static void fields(struct walk *w, struct meter *m)
{
	uint64_t version = BLOB_VERSION, phase = m->phase, last = m->last;

	u64(w, &version);
	u64(w, &phase);
	u64(w, &last);
	if (!w->ok || version < 1 || version > BLOB_VERSION || phase > METER_IN_DOUBT || last >= METER_CLASSES) {
		w->ok = false;
		return;
	}
	m->phase = (enum meter_phase)phase;
	m->last = (enum meter_class)last;
	u64(w, &m->raw);
	i64(w, &m->ext_ms);
	i64(w, &m->t);
	i64(w, &m->boot_ms);
	i64(w, &m->wall_ms);
	flag(w, &m->carried);
	i64(w, &m->carried_ms);
	i32(w, &m->rtt_ms);
	text(w, m->boot_id, sizeof(m->boot_id));
	flag(w, &m->running);
	flag(w, &m->faulty);
	flag(w, &m->lost);
	i64(w, &m->changed_t);
	i64(w, &m->credit_ms);
	u64(w, &m->boots);
	u64(w, &m->uptime_s);
	flag(w, &m->have_boots);
	flag(w, &m->have_uptime);
	text(w, m->serial, sizeof(m->serial));
	for (int i = 0; i < ANCHORS; i++) {
		i64(w, &m->anchor[i].t);
		i64(w, &m->anchor[i].ext_ms);
		i32(w, &m->anchor[i].rtt_ms);
	}
	track(w, &m->doubt);
	track(w, &m->back);
	text(w, m->doubt_serial, sizeof(m->doubt_serial));
	if (version > 1)
		levels(w, m);
	if (version > 2)
		unit(w, &m->unit);
}

size_t meter_encode(const struct meter *m, uint8_t dst[METER_BLOB])
{
	struct meter copy = *m;
	struct walk w = { .p = dst, .left = METER_BLOB, .ok = true };

	fields(&w, &copy);
	return METER_BLOB - w.left;
}

bool meter_decode(struct meter *ret, const void *data, size_t size)
{
	struct meter m;
	struct walk w = { .q = data, .left = size, .ok = true };

	memset(&m, 0, sizeof(m));
	if (!data)
		return false;
	fields(&w, &m);
	if (!w.ok || w.left != 0 || m.ext_ms < 0)
		return false;
	*ret = m;
	return true;
}
