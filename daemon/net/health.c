/*
 * health.c - /livez, /readyz and /metrics, from numbers that the ledger publishes and this room counts.
 *
 * Alive: the loop answers. Ready: the ledger has recovered, its store can be written, and it was heard of within ten
 * seconds. Metrics are the Prometheus text format 0.0.4. Fails by leaving lines out when they do not fit.
 */
#include "net/private.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "common/fmt.h"

enum { METRICS_MAX = 1 << 20, SILENT_MS = 10000 };

static const char *not_ready(const struct net *n)
{
	if (n->stopping)
		return "stopping\n";
	if (n->turn_at == 0)
		return "starting: the store is being recovered\n";
	if (clock_boot_ms() - n->turn_at > SILENT_MS)
		return "the ledger is silent\n";
	if (!n->turn.ready)
		return "not recovered yet\n";
	return n->turn.read_only ? "the store is read-only; see labtime doctor\n" : NULL;
}

static size_t line(char *dst, size_t cap, const char *name, const char *type, const char *help, int64_t value)
{
	size_t n = lt_fmt(dst, cap, "# HELP labtime_%s %s\n# TYPE labtime_%s %s\nlabtime_%s %lld\n", name, help, name, type,
			  name, (long long)value);
	return n < cap ? n : 0;
}

static size_t ledger_lines(const struct net *n, char *dst, size_t cap)
{
	const struct msg_turn *t = &n->turn;
	const struct { const char *name, *type, *help; int64_t value; } lines[] = {
		{ "ready", "gauge", "1 when requests are served.", not_ready(n) == NULL },
		{ "read_only", "gauge", "1 when the store takes no writes.", t->read_only },
		{ "turns_total", "counter", "Turns of the ledger.", (int64_t)t->turns },
		{ "turn_items_total", "counter", "Items that ran in turns.", (int64_t)t->items },
		{ "commits_total", "counter", "Durable commits.", (int64_t)t->commits },
		{ "turns_failed_total", "counter", "Turns that failed before their commit.", (int64_t)t->failed_turns },
		{ "items_set_aside_total", "counter", "Items that failed alone three times.", (int64_t)t->set_aside },
		{ "readings_total", "counter", "Readings stored.", (int64_t)t->readings },
		{ "commit_microseconds", "gauge", "Duration of the last commit.", t->commit_us },
		{ "loop_cpu_microseconds_total", "counter", "CPU time of the thread that owns the sockets.", clock_thread_us() },
		{ "ledger_cpu_microseconds_total", "counter", "CPU time of the thread that owns the store.", t->cpu_us },
	};
	size_t used = 0, i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		used += line(dst + used, cap - used, lines[i].name, lines[i].type, lines[i].help, lines[i].value);
	return used;
}

static const struct { const char *name, *help; } counters[COUNTS] = {
	[COUNT_ACCEPTED] = { "http_connections_total", "Connections accepted." },
	[COUNT_ACCEPT_ERRORS] = { "http_accept_errors_total", "Failures of accept; the listener rested 100 ms after each."
	},
	[COUNT_PEER_REFUSED] = { "http_peers_refused_total", "Connections closed at once: too many or too often." },
	[COUNT_REQUESTS] = { "http_requests_total", "Complete requests." },
	[COUNT_REFUSED] = { "http_refused_total", "Requests refused for their form, route or token." },
	[COUNT_RATE] = { "http_rate_limited_total", "Requests answered 429." },
	[COUNT_BUSY] = { "http_busy_total", "Requests answered 503 for want of a place at the ledger." },
	[COUNT_DEADLINE] = { "http_deadline_total", "Connections closed because a request was not complete in time." },
	[COUNT_SLOW_READER] = { "http_slow_readers_total", "Connections closed because the answer was not read." },
	[COUNT_LATE_REPLIES] = { "http_late_replies_total", "Replies whose connection was gone." },
	[COUNT_EVICTED] = { "http_idle_evicted_total", "Idle connections closed to make room." },
	[COUNT_BYTES_OUT] = { "http_sent_bytes_total", "Bytes of answers." },
};

static size_t http_lines(const struct net *n, char *dst, size_t cap)
{
	size_t used = 0, i;

	for (i = 0; i < COUNTS; i++)
		used += line(dst + used, cap - used, counters[i].name, "counter", counters[i].help, (int64_t)n->counts[i]);
	used += line(dst + used, cap - used, "http_connections", "gauge", "Connections open.", n->open[0] + n->open[1]);
	used += line(dst + used, cap - used, "http_in_flight", "gauge", "Requests at the ledger.", n->in_flight);
	used += line(dst + used, cap - used, "http_self_test", "gauge", "1 passed, 0 not run, -1 failed.", n->self_test);
	used += line(dst + used, cap - used, "uptime_seconds", "gauge", "Since the listeners opened.",
		     (clock_boot_ms() - n->started_at) / 1000);
	return used;
}

static char *metrics(const struct net *n, size_t *ret_size)
{
	char *text = malloc(METRICS_MAX);
	size_t used;
	int i;

	if (!text)
		return NULL;
	used = ledger_lines(n, text, METRICS_MAX);
	used += http_lines(n, text + used, METRICS_MAX - used);
	for (i = 0; i < n->n_sources; i++) {
		size_t cap = METRICS_MAX - used, got = n->sources[i].text(n->sources[i].arg, text + used, cap);
		used += got < cap ? got : 0;
	}
	*ret_size = used;
	return text;
}

bool health_page(struct net *n, const struct http_head *h, struct answer *ret, char **ret_body)
{
	bool live = strcmp(h->path, "/livez") == 0, ready = strcmp(h->path, "/readyz") == 0;
	const char *why;

	if (!live && !ready && strcmp(h->path, "/metrics") != 0)
		return false;
	*ret = (struct answer){ .status = 200, .content_type = "text/plain; charset=utf-8" };
	if (!h->routed || h->method != METHOD_GET) {
		*ret = (struct answer){ .status = 405, .content_type = "application/problem+json", .allow = "GET" };
		*ret_body = malloc(ANSWER_HEAD_MAX);
		ret->body_size = *ret_body ? answer_problem(*ret_body, HTTP_NOT_ALLOWED) : 0;
		ret->body = *ret_body;
		return true;
	}
	if (live || ready) {
		why = ready ? not_ready(n) : NULL;
		ret->status = why ? 503 : 200;
		ret->retry_after_s = why ? 1 : 0;
		ret->body = why ? why : "ok\n";
		ret->body_size = strlen(ret->body);
		return true;
	}
	ret->content_type = "text/plain; version=0.0.4; charset=utf-8";
	*ret_body = metrics(n, &ret->body_size);
	ret->body = *ret_body;
	if (!*ret_body)
		ret->status = 503;
	return true;
}
