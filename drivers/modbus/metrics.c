/*
 * metrics.c - the pollers' numbers as Prometheus text. Lateness is the time from a poll's tick to its start; its p99 is
 * over the last 4096 polls. Owns nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "common/fmt.h"
#include "drivers/modbus/private.h"

static const uint32_t bounds_us[LATE_BUCKETS] = { 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000,
	1000000, 5000000 };
static const char *const bounds_text[LATE_BUCKETS] = { "0.0005", "0.001", "0.002", "0.005", "0.01", "0.02", "0.05",
	"0.1", "0.2", "0.5",
						       "1", "5" };

void metrics_late(struct poller *p, int64_t us)
{
	uint32_t v = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;

	for (int i = 0; i < LATE_BUCKETS; i++)
		p->late_count[i] += v <= bounds_us[i];
	p->late_total++;
	p->late_sum_us += v;
	p->late_ring[p->late_n++ % LATE_RING] = v;
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

uint32_t metrics_late_p99(const struct poller *p)
{
	size_t n = p->late_n < LATE_RING ? (size_t)p->late_n : LATE_RING;
	uint32_t *copy = n ? malloc(n * sizeof(*copy)) : NULL, v;

	if (!copy)
		return 0;
	memcpy(copy, p->late_ring, n * sizeof(*copy));
	qsort(copy, n, sizeof(*copy), ascending);
	v = copy[(n * 99 + 99) / 100 - 1];
	free(copy);
	return v;
}

struct text { char *dst; size_t cap, len; };

static void put(struct text *t, const char *name, const char *labels, uint64_t v)
{
	size_t room = t->len < t->cap ? t->cap - t->len : 0;
	size_t n = lt_fmt(room ? t->dst + t->len : NULL, room, "%s%s %llu\n", name, labels, (unsigned long long)v);

	if (n < room)
		t->len += n; /* a line that does not fit is left out whole */
	else if (room)
		t->dst[t->len] = '\0';
}

static void put_seconds(struct text *t, const char *name, uint64_t us)
{
	char labels[40];
	size_t room = t->len < t->cap ? t->cap - t->len : 0, n;

	lt_fmt(labels, sizeof(labels), "%llu.%06u", (unsigned long long)(us / 1000000), (unsigned)(us % 1000000));
	n = lt_fmt(room ? t->dst + t->len : NULL, room, "%s %s\n", name, labels);
	if (n < room)
		t->len += n;
}

static void put_lateness(struct text *t, const struct poller *p)
{
	char labels[40];

	for (int i = 0; i < LATE_BUCKETS; i++) {
		lt_fmt(labels, sizeof(labels), "{le=\"%s\"}", bounds_text[i]);
		put(t, "labtime_poll_lateness_seconds_bucket", labels, p->late_count[i]);
	}
	put(t, "labtime_poll_lateness_seconds_bucket", "{le=\"+Inf\"}", p->late_total);
	put_seconds(t, "labtime_poll_lateness_seconds_sum", p->late_sum_us);
	put(t, "labtime_poll_lateness_seconds_count", "", p->late_total);
	put_seconds(t, "labtime_poll_lateness_p99_seconds", metrics_late_p99(p));
}

size_t poller_metrics(void *poller, char *dst, size_t cap)
{
	const struct poller *p = poller;
	struct text t = { dst, cap, 0 };
	uint64_t results[LINK_RESULTS], connects = p->retired_connects, strays = p->retired_strays, up = 0;
	char labels[48];

	memcpy(results, p->retired, sizeof(results));
	for (const struct endpoint *e = p->endpoints; e; e = e->next) {
		const struct link_stats *s = link_stats(e->link);
		connects += s->connects;
		strays += s->strays;
		for (int i = 0; i < LINK_RESULTS; i++)
			results[i] += s->results[i];
	}
	for (int i = 0; i < p->n; i++)
		up += p->devices[i]->up;
	put(&t, "labtime_controllers", "", (uint64_t)p->n);
	put(&t, "labtime_controllers_up", "", up);
	put(&t, "labtime_polls_total", "{result=\"good\"}", p->polls_good);
	put(&t, "labtime_polls_total", "{result=\"failed\"}", p->polls_failed);
	put(&t, "labtime_polls_total", "{result=\"cancelled\"}", p->polls_cancelled);
	put(&t, "labtime_polls_forced_total", "", p->forced);
	put(&t, "labtime_polls_unread_total", "", p->unread);
	put(&t, "labtime_readings_impossible_total", "", p->impossible);
	for (int i = 0; i < LINK_RESULTS; i++) {
		lt_fmt(labels, sizeof(labels), "{result=\"%s\"}", link_result_name((enum link_result)i));
		put(&t, "labtime_modbus_requests_total", labels, results[i]);
	}
	put(&t, "labtime_modbus_connects_total", "", connects);
	put(&t, "labtime_modbus_stray_replies_total", "", strays);
	put(&t, "labtime_modbus_writes_total", "", p->writes);
	put(&t, "labtime_modbus_writes_failed_total", "", p->writes_failed);
	put(&t, "labtime_interlock_drifts_total", "", p->drifts);
	put(&t, "labtime_watchdog_feeds_total", "", p->feeds);
	put_lateness(&t, p);
	return t.len;
}
