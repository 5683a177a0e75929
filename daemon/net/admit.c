/*
 * admit.c - token buckets in tables of a fixed size. Nothing here grows with the number of peers or of invented
 * tokens: a set of four places gives up the one that matters least (not accepted lately, then least recently used).
 * Keys are hashes with a secret, so that nobody can choose whom to push out.
 */
#include "net/private.h"

#include <string.h>

/* FNV-1a over the secret and the bytes, then a finaliser; the secret keeps collisions from being built. */
uint64_t bucket_key(const struct bucket_table *t, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ t->secret;
	size_t i;

	for (i = 0; i < n; i++) {
		h = (h ^ b[i]) * UINT64_C(0x100000001b3);
		h ^= h >> 29;
	}
	h = (h ^ t->secret) * UINT64_C(0x9e3779b97f4a7c15);
	h ^= h >> 32;
	return h ? h : 1;
}

static struct bucket *set_of(struct bucket_table *t, uint64_t key)
{
	return t->sets[(key >> 16) % BUCKET_SETS];
}

struct bucket *bucket_find(struct bucket_table *t, uint64_t key)
{
	struct bucket *set = set_of(t, key);
	int i;

	for (i = 0; i < BUCKET_WAYS; i++)
		if (set[i].key == key)
			return &set[i];
	return NULL;
}

static bool matters_less(const struct bucket *a, const struct bucket *b, int64_t now)
{
	bool a_known = a->accepted_until > now, b_known = b->accepted_until > now;

	return a_known != b_known ? b_known : a->at_ms < b->at_ms;
}

struct bucket *bucket_of(struct bucket_table *t, uint64_t key, int64_t now, int64_t rate)
{
	struct bucket *set = set_of(t, key), *least = bucket_find(t, key);
	int i;

	if (least)
		return least;
	for (i = 0; i < BUCKET_WAYS; i++) {
		if (set[i].open > 0)
			continue;
		if (!least || set[i].key == 0 || (least->key != 0 && matters_less(&set[i], least, now)))
			least = &set[i];
	}
	if (least)
		*least = (struct bucket){ .key = key, .at_ms = now, .milli = 2000 * rate };
	return least;
}

int bucket_take(struct bucket *b, int64_t now, int64_t rate, int cost)
{
	int64_t most = 2000 * rate, gone = now - b->at_ms;

	if (rate < 0)
		return 0;
	/* `rate` requests a second are `rate` thousandths a millisecond. */
	b->milli = gone > 2000 || b->milli + gone * rate > most ? most : b->milli + gone * rate;
	b->at_ms = now;
	if (b->milli < 1000 * cost)
		return (int)((1000 * cost - b->milli) / (1000 * rate)) + 1;
	b->milli -= 1000 * cost;
	return 0;
}
