/*
 * serve.c - wires the loop thread (sockets, TLS, Modbus) and the ledger thread (store, rules) by two queues, and
 * takes the daemon through its life: start, reload, stop.
 *
 * Owns everything it makes; tears down in reverse. A COMMIT that failed is in doubt: the answers that can still be
 * given leave, then the process ends non-zero and recovers at the next start.
 */
#include "serve.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/api.h"
#include "app/booking.h"
#include "app/ledger.h"
#include "base/base.h"
#include "common/fmt.h"
#include "drivers/modbus/poller.h"
#include "msg/msg.h"
#include "net/loop.h"
#include "net/library.h"
#include "net/net.h"
#include "selfcheck.h"
#include "store/db.h"

#define TICK_MS 100          /* the ledger wakes at least this often: parks, batches, heartbeat */
#define ANSWER_GRACE_MS 5000 /* stop: requests under way get this long                         */
#define POLLER_GRACE_MS 3000 /* stop: last interlock writes get this long                      */
#define FEED_MS 5000         /* the service manager's watchdog                                  */
#define FLUSH_MS 300         /* fatal: answers already made get this long to leave             */

enum phase { PHASE_SERVING, PHASE_ANSWERING, PHASE_LOCKING, PHASE_LAST_TURN, PHASE_FATAL };

struct server {
	struct conf *conf, *next_conf;     /* next_conf: a reload that the ledger is judging */
	const char *profiles_dir;
	int turn_items;
	struct db *db;
	struct queue *to_ledger, *to_loop;
	struct ledger *ledger;
	struct loop *loop;
	struct loop_wake *wake;
	struct loop_timer *tick, *phase_timer;
	struct net *net;
	struct poller *poller;
	pthread_t thread;
	pid_t selfcheck;                   /* -1: none, or over */
	bool thread_runs, failed;
	enum phase phase;
	int64_t phase_since, next_due_at, fed_at;
};

static struct stamp now_stamp(void)
{
	struct stamp now;

	clock_both_ms(&now.boot_ms, &now.wall_ms);
	return now;
}

static void to_ledger(void *arg, struct msg *m)
{
	struct server *s = arg;

	queue_push(s->to_ledger, m);
}

/* A plain reading waits for the next tick: a thousand controllers do not wake the ledger a thousand times a second. */
static void from_poller(void *arg, struct msg *m)
{
	struct server *s = arg;

	if (m->kind == MSG_READING && ((struct msg_reading *)m)->plain)
		queue_push_quiet(s->to_ledger, m);
	else
		queue_push(s->to_ledger, m);
}

static void push_plain(struct server *s, enum msg_kind kind)
{
	struct msg *m = msg_new(kind, sizeof(*m));

	if (!m)
		return; /* the next tick tries again */
	m->at = now_stamp();
	queue_push(s->to_ledger, m);
}

/* Reload ------------------------------------------------------------------------------------------------- */

/* Pollers' view of the configuration; pointers into conf. */
static struct poll_target *poll_targets(const struct conf *c)
{
	struct poll_target *t = calloc((size_t)c->site.n_instruments + 1, sizeof(*t));

	for (int i = 0; t && i < c->site.n_instruments; i++) {
		const struct instrument *in = &c->site.instruments[i];
		const struct endpoint *e = &c->endpoints[i];
		t[i] = (struct poll_target){
			.instrument = in->id, .host = e->host, .port = e->port, .unit = e->unit, .poll_ms = e->poll_ms,
			.timeout_ms = e->timeout_ms, .verify_ms = in->interlock.verify_ms, .profile = e->profile,
			.interlock = in->interlock.mode != INTERLOCK_NONE,
			.gates_power = in->interlock.gates == GATES_POWER,
			.fail_locked = in->interlock.fail == FAIL_LOCKED, .hard_stop = in->interlock.hard_stop,
		};
	}
	return t;
}

static const char *needs_restart(const struct conf *a, const struct conf *b)
{
	return strcmp(a->unix_path, b->unix_path) ? "listen.unix" : strcmp(a->tls_address, b->tls_address) ? "listen.tls"
		: strcmp(a->store_path, b->store_path) ? "store.path" : strcmp(a->certificate, b->certificate)
		? "tls.certificate"
		: strcmp(a->key, b->key) ? "tls.key" : a->tls12 != b->tls12 ? "tls.minimum"
		: a->connections != b->connections || a->in_flight != b->in_flight || a->token_rate != b->token_rate ||
		  a->peer_rate != b->peer_rate ? "limits" : NULL;
}

/* Files are read off the loop, so that a slow disk never delays a poll. The result comes back as MSG_RELOADED. */
static void *reload_thread(void *arg)
{
	struct server *s = arg;
	struct lt_err err = { 0 };
	struct conf *next = conf_load(s->conf->path, s->profiles_dir, &err);
	const char *restart = next ? needs_restart(s->conf, next) : NULL;
	struct msg_reload *m;

	if (restart)
		lt_err_set(&err, "needs-restart", restart, "changed; that takes a restart (systemctl restart labtimed)");
	m = next && !restart ? msg_new(MSG_RELOAD, sizeof(*m)) : NULL;
	if (!m) {
		struct msg_reloaded *no = msg_new(MSG_RELOADED, sizeof(*no));
		conf_unref(next);
		if (no) {
			no->err = err;
			queue_push(s->to_loop, &no->head);
		}
		return NULL;
	}
	s->next_conf = next; /* published by the queues' locks before anyone looks */
	m->head.at = now_stamp();
	m->site = &next->site;
	queue_push(s->to_ledger, &m->head);
	return NULL;
}

static void on_hangup(void *arg, int signo)
{
	struct server *s = arg;
	struct lt_err err = { 0 };
	pthread_attr_t detached;
	pthread_t t;

	(void)signo;
	if (net_reload_certificate(s->net, &err) < 0)
		log_event(LOG_WARN, "certificate not reloaded, the old one stays", "why", err.text, NULL);
	if (s->phase != PHASE_SERVING || s->next_conf) {
		log_event(LOG_WARN, "reload ignored: another one is under way", NULL);
		return;
	}
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&t, &detached, reload_thread, s) != 0)
		log_event(LOG_WARN, "reload failed: no thread", NULL);
	pthread_attr_destroy(&detached);
}

static void on_reloaded(struct server *s, const struct msg_reloaded *m)
{
	struct conf *next = s->next_conf;
	struct poll_target *targets;
	struct lt_err err = { 0 };

	s->next_conf = NULL;
	if (!m->ok) {
		log_event(LOG_ERROR_LEVEL, "reload refused, nothing changed", "where", m->err.field, "why", m->err.text, NULL);
		conf_unref(next);
		return;
	}
	targets = poll_targets(next);
	if (!targets || poller_reload(s->poller, targets, next->site.n_instruments, &err) < 0) {
		/* The ledger has the new site already: the only honest way on is a clean restart. */
		log_event(LOG_ERROR_LEVEL, "reload failed at the pollers", "why", err.text, NULL);
		s->failed = true;
		loop_stop(s->loop);
	}
	free(targets);
	conf_unref(s->conf);
	s->conf = next;
	log_event(LOG_INFO, "configuration reloaded", "file", next->path, NULL);
}

/* Stop --------------------------------------------------------------------------------------------------- */

static void enter(struct server *s, enum phase phase)
{
	s->phase = phase;
	s->phase_since = clock_boot_ms();
	loop_timer_after(s->phase_timer, 0);
}

/* Listeners close -> answers leave -> interlocks get their fail state -> last turn -> the loop ends. */
static void on_phase(void *arg)
{
	struct server *s = arg;
	int64_t waited = clock_boot_ms() - s->phase_since;

	switch (s->phase) {
	case PHASE_ANSWERING:
		if (net_idle(s->net) || waited >= ANSWER_GRACE_MS) {
			poller_stop(s->poller);
			enter(s, PHASE_LOCKING);
			return;
		}
		break;
	case PHASE_LOCKING:
		if (poller_idle(s->poller) || waited >= POLLER_GRACE_MS) {
			enter(s, PHASE_LAST_TURN);
			push_plain(s, MSG_STOP);
			return;
		}
		break;
	case PHASE_FATAL:
		if (net_idle(s->net) || waited >= FLUSH_MS) {
			loop_stop(s->loop);
			return;
		}
		break;
	case PHASE_SERVING:
	case PHASE_LAST_TURN:
		return;
	}
	loop_timer_after(s->phase_timer, 20);
}

static void on_stop(void *arg, int signo)
{
	struct server *s = arg;

	if (s->phase != PHASE_SERVING)
		return;
	log_event(LOG_INFO, "stopping", "signal", signo == SIGINT ? "SIGINT" : "SIGTERM", NULL);
	notify_manager("STOPPING=1");
	net_close_listeners(s->net);
	enter(s, PHASE_ANSWERING);
}

/* The store's check ended: a damaged store takes no more writes; what it holds is still shown. */
static void on_child(void *arg, int signo)
{
	struct server *s = arg;
	enum selfcheck r = s->selfcheck > 0 ? selfcheck_ask(s->selfcheck) : SELFCHECK_RUNS;

	(void)signo;
	if (r == SELFCHECK_RUNS)
		return;
	s->selfcheck = -1;
	if (r == SELFCHECK_OVER)
		return;
	log_event(LOG_ERROR_LEVEL, "the store is read-only from now on", "store", s->conf->store_path, NULL);
	ledger_set_read_only(s->ledger);
	push_plain(s, MSG_TICK);
}

/* The loop's side of the queue --------------------------------------------------------------------------- */

static void on_turn(struct server *s, const struct msg_turn *t)
{
	int64_t now = clock_boot_ms();

	s->next_due_at = t->next_due_at;
	net_health(s->net, t);
	/* Only a turn feeds the service's watchdog: a ledger that hangs is started again. */
	if (t->ready && now - s->fed_at >= FEED_MS) {
		notify_manager(s->fed_at ? "WATCHDOG=1" : "READY=1\nWATCHDOG=1");
		s->fed_at = now;
	}
}

static void on_message(struct server *s, struct msg *m)
{
	switch (m->kind) {
	case MSG_REPLY:
	case MSG_CHUNK:
		net_message(s->net, m);
		return;
	case MSG_POLL:
	case MSG_LEASES:
		poller_message(s->poller, m);
		break;
	case MSG_TURN:
		on_turn(s, (struct msg_turn *)m);
		break;
	case MSG_RELOADED:
		on_reloaded(s, (struct msg_reloaded *)m);
		break;
	case MSG_FATAL:
		log_event(LOG_ERROR_LEVEL, "the ledger ended", "why", ((struct msg_fatal *)m)->why, NULL);
		s->failed = true;
		enter(s, PHASE_FATAL);
		break;
	case MSG_STOPPED:
		loop_stop(s->loop);
		break;
	default:
		break;
	}
	msg_free(m);
}

static void on_wake(void *arg)
{
	struct server *s = arg;
	struct msg *m = queue_take(s->to_loop), *next;

	for (; m; m = next) {
		next = m->next;
		on_message(s, m);
	}
}

static void on_tick(void *arg)
{
	struct server *s = arg;
	int64_t until_due = s->next_due_at - clock_wall_ms();

	push_plain(s, MSG_TICK);
	loop_timer_after(s->tick, until_due > 0 && until_due < TICK_MS ? until_due : TICK_MS);
}

static void *ledger_thread(void *arg)
{
	struct server *s = arg;

	ledger_run(s->ledger, now_stamp);
	return NULL;
}

/* Start -------------------------------------------------------------------------------------------------- */

/* Each configured instrument's place in the store; terms whose text changed get a new version. */
static int adopt_site(struct act *a, const struct site *next, struct lt_err *err)
{
	int r = terms_adopt_site(a, next);

	if (r == ACT_REFUSED) {
		*err = a->refusal.err;
		return -1;
	}
	if (r < 0)
		return lt_err_set(err, "store-failed", "", "the store refused: %s", db_why(a->db));
	return 0;
}

static int make_directory_of(const char *path, mode_t mode)
{
	char dir[CONF_PATH];
	char *slash;

	lt_fmt(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	return mkdir(dir, mode);
}

static int start_ledger(struct server *s, struct lt_err *err)
{
	struct ledger_options o = {
		.site = &s->conf->site, .boot_id = clock_boot_id(), .request = api_handle, .is_read = api_is_read,
		.reload = adopt_site, .clock_us = clock_boot_us, .cpu_us = clock_thread_us, .turn_items = s->turn_items,
		.service_version = LABTIME_VERSION, .ports = &ledger_ports,
	};
	struct library library;

	make_directory_of(s->conf->store_path, 0700);
	library_ask(LIBRARY_DATABASE, &library);
	if (library.cure)
		log_event(LOG_WARN, library.text, "cure", library.cure, NULL);
	if (api_configure(&(struct api_info){ .version = LABTIME_VERSION, .libevent = library.text,
			.libevent_cure = library.cure, .store_path = s->conf->store_path }, err) < 0)
		return -1;
	s->db = db_open(s->conf->store_path, 0, err);
	if (!s->db)
		return -1;
	s->to_ledger = queue_new();
	s->to_loop = queue_new();
	if (!s->to_ledger || !s->to_loop)
		return lt_err_set(err, "no-memory", "", "out of memory");
	o.db = s->db;
	o.in = s->to_ledger;
	o.out = s->to_loop;
	s->ledger = ledger_new(&o, err);
	return s->ledger ? 0 : -1;
}

static int start_net(struct server *s, struct lt_err *err)
{
	const struct conf *c = s->conf;
	struct net_options o = {
		.unix_path = c->unix_path[0] ? c->unix_path : NULL, .tls_address = c->tls_address[0] ? c->tls_address : NULL,
		.certificate = c->certificate, .key = c->key, .tls12 = c->tls12, .site_name = c->site.name,
		.max_connections = c->connections, .max_in_flight = c->in_flight, .token_rate = c->token_rate,
		.peer_rate = c->peer_rate, .route_known = api_route_known, .submit = to_ledger, .arg = s,
	};

	if (o.unix_path)
		make_directory_of(o.unix_path, 0755);
	s->net = net_new(s->loop, &o, err);
	return s->net && net_self_test(s->net, err) == 0 ? 0 : -1;
}

static int start_poller(struct server *s, struct modbus_codec *codec, struct lt_err *err)
{
	struct poller_options o = { .loop = s->loop, .codec = codec, .now = now_stamp, .emit = from_poller, .arg = s };
	struct poll_target *targets = poll_targets(s->conf);

	if (!targets || crypto_random(&o.seed, sizeof(o.seed)) < 0) {
		free(targets);
		return lt_err_set(err, "no-memory", "", "out of memory");
	}
	s->poller = poller_new(&o, targets, s->conf->site.n_instruments, err);
	free(targets);
	if (s->poller)
		net_metrics_source(s->net, poller_metrics, s->poller);
	return s->poller ? 0 : -1;
}

static int start_loop(struct server *s, struct lt_err *err)
{
	s->loop = loop_new();
	s->wake = s->loop ? loop_wake_new(s->loop, on_wake, s) : NULL;
	s->tick = s->loop ? loop_timer_new(s->loop, LOOP_CONTROL, on_tick, s) : NULL;
	s->phase_timer = s->loop ? loop_timer_new(s->loop, LOOP_CONTROL, on_phase, s) : NULL;
	if (!s->wake || !s->tick || !s->phase_timer || loop_signal(s->loop, SIGTERM, on_stop, s) < 0 ||
	    loop_signal(s->loop, SIGINT, on_stop, s) < 0 || loop_signal(s->loop, SIGHUP, on_hangup, s) < 0 ||
	    loop_signal(s->loop, SIGCHLD, on_child, s) < 0)
		return lt_err_set(err, "no-loop", "", "the event loop cannot start (out of memory or descriptors)");
	queue_on_push(s->to_loop, loop_wake_up, s->wake);
	return 0;
}

static int start(struct server *s, struct modbus_codec *codec, struct lt_err *err)
{
	if (start_ledger(s, err) < 0 || start_loop(s, err) < 0 || start_net(s, err) < 0 || start_poller(s, codec, err) < 0)
		return -1;
	if (pthread_create(&s->thread, NULL, ledger_thread, s) != 0)
		return lt_err_set(err, "no-thread", "", "the ledger thread cannot start");
	s->thread_runs = true;
	loop_timer_after(s->tick, 0);
	s->selfcheck = selfcheck_start(s->conf->path, s->profiles_dir);
	return 0;
}

static void finish(struct server *s)
{
	selfcheck_stop(s->selfcheck);
	if (s->thread_runs) {
		push_plain(s, MSG_STOP);
		pthread_join(s->thread, NULL);
	}
	poller_free(s->poller);
	net_free(s->net);
	if (s->to_loop)
		queue_on_push(s->to_loop, NULL, NULL);
	loop_timer_free(s->phase_timer);
	loop_timer_free(s->tick);
	loop_wake_free(s->wake);
	loop_free(s->loop);
	ledger_free(s->ledger);
	queue_free(s->to_ledger);
	queue_free(s->to_loop);
	db_close(s->db);
	conf_unref(s->next_conf);
	conf_unref(s->conf);
}

int serve(struct conf *conf, const struct serve_options *o, struct modbus_codec *codec, struct lt_err *err)
{
	struct server s = { .conf = conf_ref(conf), .profiles_dir = o->profiles_dir, .turn_items = o->turn_items,
			    .next_due_at = INT64_MAX, .selfcheck = -1 };
	char port[16];
	int r = start(&s, codec, err);

	if (r == 0) {
		lt_fmt(port, sizeof(port), "%d", net_tls_port(s.net));
		log_event(LOG_INFO, "serving", "version", LABTIME_VERSION, "unix", conf->unix_path, "tls", conf->tls_address,
			  "tls_port", port, "store", conf->store_path, NULL);
		r = loop_run(s.loop);
		if (r < 0)
			lt_err_set(err, "loop-failed", "", "the event loop failed");
		if (s.failed)
			r = lt_err_set(err, "ledger-failed", conf->store_path,
				       "the daemon ended because its store or pollers failed; see the log, then start it again");
	}
	finish(&s);
	return r;
}
