/* meta.c - the document, the site, events, the doctor, backups. Owns nothing. */
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "api/api_parts.h"
#include "api/openapi.h"
#include "api/words.h"
#include "app/backup.h"
#include "app/booking_acts.h"
#include "app/clock.h"
#include "app/metering.h"
#include "app/view.h"
#include "common/fmt.h"

static int openapi(struct act *a, struct api_request *rq, json_t **ret_body)
{
	rq->text = openapi_json;
	rq->text_size = openapi_json_size;
	return 0;
}

static int site(struct act *a, struct api_request *rq, json_t **ret_body)
{
	const struct site *s = a->site;

	*ret_body = json_pack("{s:s, s:s, s:s, s:i, s:o, s:s}", "name", s->name, "timezone", s->zone.name, "currency",
		s->currency, "exponent",
			      s->exponent, "now", json_instant(s, a->now.wall_ms), "version", api_said.version);
	return 0;
}

/* Events: staff see all; others what concerns their org, a member only what names no colleague. ----------- */

static json_t *event_json(struct act *a, const struct event_seen *e)
{
	char made[WORDS_MAX];
	const char *detail = words_event(a->site, e, made);

	return json_pack("{s:I, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", (json_int_t)e->id, "at",
		json_instant(a->site, e->at), "kind", e->kind, "instrument", json_text(e->instrument),
		"org", json_text(e->org), "user", json_text(e->user), "booking", json_id('B', e->booking),
		"session", json_id('S', e->session), "charge", json_id('C', e->charge), "detail", json_safe(detail));
}

#define EVENTS_MAX 201

static int events(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "after", "last", "limit", "cursor", NULL };
	static struct event_seen e[EVENTS_MAX];         /* the ledger thread only; too large for the stack */
	int64_t after = 0, last = 0, cursor, limit;
	int n = 0, r = api_only_query(a, rq, known);
	bool more;
	json_t *items;

	if (r == 0)
		r = api_query_int(a, rq, "after", 0, INT64_MAX, &after);
	if (r == 0)
		r = api_query_int(a, rq, "last", 1, EVENTS_MAX - 1, &last);
	if (r == 0)
		r = api_page(a, rq, &cursor, &limit);
	if (r)
		return r;
	if (last && (after || cursor || api_query(rq, "limit")))
		return act_refuse(a, 422, "bad-request", "last", "last is the newest so many; it does not go with after, "
			"limit or cursor");
	limit = last ? last : limit;
	r = last ? view_events_last(a, rq->reach_org, rq->reach_user, e, (int)last, &n)
		: view_events(a, rq->reach_org, rq->reach_user, cursor > after ? cursor : after, e, (int)limit + 1, &n);
	if (r)
		return r;
	more = n > limit;
	n -= more;
	items = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(items, event_json(a, &e[i]));
	*ret_body = api_items(items, more ? e[n - 1].id : 0);
	return act_end(a);
}

/* The doctor --------------------------------------------------------------------------------------------- */

static void check(json_t *list, const char *name, bool ok, const char *cure, const char *fmt,
	...) __attribute__((format(printf, 5, 6)));
static void check(json_t *list, const char *name, bool ok, const char *cure, const char *fmt, ...)
{
	char detail[400];
	va_list ap;

	va_start(ap, fmt);
	lt_vfmt(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	json_array_append_new(list, json_pack("{s:s, s:b, s:o, s:o}", "name", name, "ok", ok, "detail",
		json_safe(detail), "cure", ok ? json_null() : json_string(cure)));
}

static void check_site(struct act *a, json_t *list)
{
	const struct lt_zone *z = &a->site->zone;
	struct store_numbers n = { 0 };
	int rc = view_store(a, &n);

	check(list, "configuration", a->site->n_instruments > 0, "add a file to instruments.d and reload",
		"%s: %d instruments, currency %s", a->site->name, a->site->n_instruments, a->site->currency);
	check(list, "zone", z->n > 0 || strcmp(z->name, "UTC") == 0 || !z->has_dst_rule, "install tzdata",
		"%s: %d transitions known", z->name, z->n);
	check(list, "store", rc == 0 && !n.read_only, "restore a backup", "%s%lld slots held, %lld frames in the log",
		n.read_only ? "damaged, read-only; " : "",
		(long long)n.held, (long long)n.wal_frames);
}

static void check_disk(json_t *list)
{
	char dir[512];
	const char *slash = strrchr(api_said.store_path, '/');
	struct statvfs v;
	uint64_t free_mib;

	if (!slash)
		return;
	lt_fmt(dir, sizeof(dir), "%.*s", slash == api_said.store_path ? 1 : (int)(slash - api_said.store_path),
		api_said.store_path);
	if (statvfs(dir, &v) < 0) {
		check(list, "disk", false, "make the directory readable to labtimed", "%s cannot be asked", dir);
		return;
	}
	free_mib = (uint64_t)v.f_bavail * v.f_frsize >> 20;
	check(list, "disk", free_mib >= 512, "free some space; below 512 MiB the store may fill up",
		"%s: %llu MiB free", dir, (unsigned long long)free_mib);
}

#define TIMESYNC_MARK "/run/systemd/timesync/synchronized"

/* The last step of the wall clock, and whether timers wait for it. */
static void check_steps(struct act *a, json_t *list)
{
	static const char cure[] = "wait until the clock has kept its pace for 10 minutes, or `labtime clock accept`";
	char at[40], until[40] = "";
	struct clock_report r;
	int64_t ms;

	if (clock_report(a, &r) != 0)
		return;
	if (!r.has_step) {
		check(list, "clock steps", true, cure, "none since this store began");
		return;
	}
	ms = r.last.step_ms < 0 ? -r.last.step_ms : r.last.step_ms;
	lt_rfc3339(at, sizeof(at), r.last.wall_ms, lt_zone_offset(&a->site->zone, r.last.wall_ms));
	if (r.waits)
		lt_rfc3339(until, sizeof(until), r.waits_until, lt_zone_offset(&a->site->zone, r.waits_until));
	check(list, "clock steps", !r.waits, cure, "the last one %lld.%03lld s %s, at %s%s%s", (long long)(ms / 1000),
		(long long)(ms % 1000), r.last.step_ms < 0 ? "back" : "forward", at,
		r.waits ? "; fees, no-shows and releases wait until " : "", until);
}

static int accept_clock(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "reason", NULL };
	char reason[REASON_MAX];
	int r = api_only(a, rq, known);

	if (r == 0)
		r = api_text(a, rq, "reason", 0, reason, sizeof(reason));
	if (r == 0)
		r = clock_accept(a, reason);
	if (r == 0)
		*ret_body = json_pack("{s:b}", "waits", 0);
	return r;
}

static void check_clock(struct act *a, json_t *list)
{
	static const char cure[] = "run a time service (systemd-timesyncd or chrony)";
	struct timex t = { 0 };
	int state = adjtimex(&t);

	/* Under ProtectClock= even the question is refused; systemd-timesyncd leaves a mark, others leave none. */
	if (state < 0)
		check(list, "clock", true, cure, access(TIMESYNC_MARK, F_OK) == 0 ? "synchronised by systemd-timesyncd" :
			"not known here whether it is synchronised; timedatectl says");
	else
		check(list, "clock", !(t.status & STA_UNSYNC), cure, "%s, error at most %ld ms",
			t.status & STA_UNSYNC ? "not synchronised" : "synchronised", (long)(t.maxerror / 1000));
	check_steps(a, list);
	check(list, "time", a->now.wall_ms > INT64_C(1735689600000), "set the clock", "boot id %s", a->boot_id);
}

/* "; shares the line 10.0.0.1:502 with a, b": behind one gateway, one connection and one request at a time. */
static void siblings(const struct site *s, const char *id, char *ret, size_t cap)
{
	const struct instrument *in = site_instrument(s, id);
	size_t n = 0;
	int more = 0;

	ret[0] = '\0';
	for (int i = 0; in && in->line[0] && i < s->n_instruments; i++) {
		const struct instrument *other = &s->instruments[i];
		if (other == in || strcmp(other->line, in->line) != 0)
			continue;
		if (n == 0)
			n = lt_fmt(ret, cap, "; shares the line %s with %s", in->line, other->id);
		else if (n + strlen(other->id) + sizeof(", ... and 1000 more") < cap)
			n += lt_fmt(ret + n, cap - n, ", %s", other->id);
		else
			more++;
	}
	if (more)
		lt_fmt(ret + n, cap - n, ", and %d more", more);
}

#define CONTROLLERS_PAGE 8

static char asked_last[LT_ID]; /* by the doctor; the ledger's thread only */

/* Somebody looks for the fault: those that are down after this one, as many as one act may ask for. */
static void ask_down_after(struct act *a, const char *id)
{
	struct instrument_row row[CONTROLLERS_PAGE];
	char after[LT_ID];
	int n = CONTROLLERS_PAGE;

	lt_fmt(after, sizeof(after), "%s", id);
	while (n == CONTROLLERS_PAGE && view_instruments(a, after, row, CONTROLLERS_PAGE, &n) == 0)
		for (int i = 0; i < n; i++) {
			lt_fmt(after, sizeof(after), "%s", row[i].id);
			if (strcmp(row[i].link, "up") == 0)
				continue;
			if (!act_poll(a, after))
				return;
			lt_fmt(asked_last, sizeof(asked_last), "%s", after);
		}
}

/* Where many are down, each call goes on behind those that the last one asked, and begins again at the end. */
static void ask_down(struct act *a)
{
	ask_down_after(a, asked_last);
	ask_down_after(a, "");
}

/* A register went to a level that nobody knows: what it counts from there is not billed until somebody decides. */
static void check_meter(struct act *a, json_t *list, const char *id)
{
	int64_t ms, since;
	char name[64], at[40];
	int rc = metering_held(a, id, &ms, &since);

	lt_fmt(name, sizeof(name), "meter %s", id);
	if (rc != 0)
		return;
	lt_rfc3339(at, sizeof(at), since, lt_zone_offset(&a->site->zone, since));
	check(list, name, false, "look at it: `labtime review ls` has the item; `labtime review new-meter V-N` where the register "
		"is right; else it is measured when a day has gone by and the controller answers",
		"its counter stands on a level that nobody knows since %s: %lld s are held and not billed", at,
		(long long)(ms / 1000));
}

static void check_controllers(struct act *a, json_t *list)
{
	struct instrument_row row[CONTROLLERS_PAGE];
	char name[64], shared[240], after[LT_ID] = "";
	int n = CONTROLLERS_PAGE;

	while (n == CONTROLLERS_PAGE && view_instruments(a, after, row, CONTROLLERS_PAGE, &n) == 0)
		for (int i = 0; i < n; i++) {
			lt_fmt(after, sizeof(after), "%s", row[i].id);
			lt_fmt(name, sizeof(name), "controller %s", row[i].id);
			siblings(a->site, row[i].id, shared, sizeof(shared));
			check(list, name, strcmp(row[i].link, "up") == 0 || row[i].out_of_service,
				"check its power, cable and address; labtimed keeps trying", "link %s%s%s%s", row[i].link,
				row[i].link_why[0] ? ": " : "", row[i].link_why, shared);
			check_meter(a, list, row[i].id);
		}
}

static void check_identity(struct act *a, json_t *list)
{
	char admins[300] = "root, labtimed's own uid";
	size_t n = strlen(admins);

	for (int i = 0; i < a->site->n_admins && n < sizeof(admins); i++)
		n += lt_fmt(admins + n, sizeof(admins) - n, ", %u", a->site->admins[i]);
	check(list, "admins", true, "", "admin on the Unix socket: %s", admins);
	check(list, "libevent", api_said.libevent_cure[0] == '\0', api_said.libevent_cure, "%s",
		api_said.libevent[0] ? api_said.libevent : "not asked");
}

static int doctor(struct act *a, struct api_request *rq, json_t **ret_body)
{
	json_t *list = json_array();

	check_site(a, list);
	check_disk(list);
	check_clock(a, list);
	check_identity(a, list);
	check_controllers(a, list);
	ask_down(a);
	*ret_body = json_pack("{s:o}", "checks", list);
	return act_end(a);
}

/* Backups ------------------------------------------------------------------------------------------------ */

static int backup(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "path", NULL };
	char path[500];
	int r = api_only(a, rq, known);

	if (r == 0 && rq->m->peer.kind != PEER_UNIX)
		r = act_refuse(a, 403, "unix-only", "", "backups are made on the daemon's own machine: use the Unix "
			"socket");
	if (r == 0)
		r = api_text(a, rq, "path", 0, path, sizeof(path));
	if (r == 0)
		r = backup_start(a, path, &rq->job);
	rq->status = 201;
	rq->content_type = "application/json";
	return r;
}

#define EVERYBODY { REACH_NONE, REACH_ANY, REACH_ANY, REACH_ANY, REACH_ANY, REACH_ANY }

const struct route meta_routes[] = {
	{ METHOD_GET, "/v1/openapi.json", openapi, ROUTE_READ | ROUTE_PUBLIC, OBJ_NONE, EVERYBODY },
	{ METHOD_GET, "/v1/site", site, ROUTE_READ | ROUTE_PUBLIC, OBJ_NONE, EVERYBODY },
	{ METHOD_GET, "/v1/events", events, ROUTE_READ, OBJ_NONE,
		{ REACH_NONE, REACH_OWN, REACH_ORG, REACH_ANY, REACH_ANY, REACH_ANY } },
	{ METHOD_GET, "/v1/doctor", doctor, ROUTE_READ, OBJ_NONE,
		{ REACH_NONE, REACH_NONE, REACH_NONE, REACH_ANY, REACH_NONE, REACH_ANY } },
	{ METHOD_POST, "/v1/clock/accept", accept_clock, ROUTE_KEY, OBJ_NONE,
		{ REACH_NONE, REACH_NONE, REACH_NONE, REACH_ANY, REACH_NONE, REACH_ANY } },
	{ METHOD_POST, "/v1/backups", backup, ROUTE_READ | ROUTE_KEY, OBJ_NONE,
		{ REACH_NONE, REACH_NONE, REACH_NONE, REACH_NONE, REACH_NONE, REACH_ANY } },
	{ 0 },
};
