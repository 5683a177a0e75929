/*
 * http_ours.c - the daemon's HTTP side alone, for bench_http.py: every request goes through the two queues to an
 * echo and back. http_ours DIRECTORY: prints "tls PORT", serves until SIGTERM, prints "cpu_us N requests N" and how
 * late a timer of METER priority was, that fires every 5 ms like a poll would.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/base.h"
#include "common/fmt.h"
#include "net/net.h"

static struct queue *to_ledger;
static struct net *net;
static long long requests;

enum { BEAT_MS = 5, BEATS_MAX = 100000 };
static int64_t late_us[BEATS_MAX], beat_at;
static int n_beats;
static struct loop_timer *beat;

static void on_beat(void *arg)
{
	(void)arg;
	if (n_beats < BEATS_MAX)
		late_us[n_beats++] = clock_boot_us() - beat_at * 1000;
	beat_at = clock_boot_ms() + BEAT_MS;
	loop_timer_at(beat, beat_at);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int route_known(const char *method, const char *path, char allow[64])
{
	(void)method, (void)path, (void)allow;
	return 0;
}

static void submit(void *arg, struct msg *m)
{
	(void)arg;
	queue_push(to_ledger, m);
}

static void answer(const struct msg_request *q)
{
	static const char body[] = "{\"id\":\"B-1042\",\"instrument\":\"krios-1\",\"state\":\"booked\",\"from\":\"2026-11-24T09:00:00+08:00\","
		"\"to\":\"2026-11-24T10:00:00+08:00\"}";
	struct msg_reply *m = msg_new(MSG_REPLY, sizeof(*m));

	if (!m)
		abort();
	m->conn = q->conn;
	m->status = 200;
	m->content_type = "application/json";
	m->body = strdup(body);
	m->body_size = sizeof(body) - 1;
	requests++;
	net_message(net, &m->head);
}

static void woken(void *arg)
{
	struct msg *m = queue_take(to_ledger), *next;

	(void)arg;
	for (; m; m = next) {
		next = m->next;
		if (m->kind == MSG_REQUEST)
			answer((struct msg_request *)m);
		msg_free(m);
	}
}

static void stop(void *arg, int signo)
{
	(void)signo;
	loop_stop(arg);
}

int main(int argc, char **argv)
{
	char certificate[256], key[256], path[100];
	struct net_options o = {
		.unix_path = path, .tls_address = "127.0.0.1:0", .certificate = certificate, .key = key, .site_name = "bench",
		.token_rate = -1, .peer_rate = -1, .route_known = route_known, .submit = submit,
	};
	struct loop *l = loop_new();
	struct lt_err err = { 0 };
	struct rusage u;
	struct loop_wake *w;

	if (argc != 2 || !l)
		return 2;
	lt_fmt(certificate, sizeof(certificate), "%s/cert.pem", argv[1]);
	lt_fmt(key, sizeof(key), "%s/key.pem", argv[1]);
	lt_fmt(path, sizeof(path), "%s/s.sock", argv[1]);
	to_ledger = queue_new();
	w = loop_wake_new(l, woken, NULL);
	net = net_new(l, &o, &err);
	if (!to_ledger || !w || !net || loop_signal(l, SIGTERM, stop, l) < 0) {
		fprintf(stderr, "http_ours: %s %s\n", err.field, err.text);
		return 1;
	}
	queue_on_push(to_ledger, loop_wake_up, w);
	printf("tls %d\n", net_tls_port(net));
	fflush(stdout);
	beat = loop_timer_new(l, LOOP_METER, on_beat, NULL);
	if (!beat)
		return 1;
	beat_at = clock_boot_ms() + BEAT_MS;
	loop_timer_at(beat, beat_at);
	loop_run(l);
	qsort(late_us, (size_t)n_beats, sizeof(late_us[0]), by_value);
	getrusage(RUSAGE_SELF, &u);
	printf("cpu_us %lld requests %lld late_p99_us %lld late_max_us %lld\n",
	       (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL + u.ru_utime.tv_usec + u.ru_stime.tv_usec, requests,
	       (long long)(n_beats ? late_us[n_beats * 99 / 100] : 0), (long long)(n_beats ? late_us[n_beats - 1] : 0));
	loop_timer_free(beat);
	net_free(net);
	loop_wake_free(w);
	loop_free(l);
	queue_free(to_ledger);
	return 0;
}
