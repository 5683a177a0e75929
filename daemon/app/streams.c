/*
 * streams.c - long answers: a slice a credit, between turns; the job's last word is an item of a turn, and the last
 * chunk leaves after its commit. Owns the jobs of open connections. A job that fails cuts its answer visibly.
 */
#include <stdlib.h>

#include "app/parts.h"

struct stream {
	struct stream *next;
	struct conn_ref conn;
	struct job *job;
	int credits;
	bool ending;                 /* its last slice waits for the turn                */
	bool gone;                   /* ... and nobody waits for it any more             */
	char *held;
	size_t held_size;
};

static bool is(const struct stream *s, struct conn_ref c)
{
	return s->conn.slot == c.slot && s->conn.generation == c.generation && !s->gone;
}

void stream_start(struct ledger *l, struct conn_ref conn, struct job *job)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s) {
		job->kind->cancel(job);
		l->out_of_memory = true;
		return;
	}
	s->conn = conn;
	s->job = job;
	s->next = l->streams;
	l->streams = s;
}

static void drop(struct ledger *l, struct stream *s)
{
	struct stream **p = &l->streams;

	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	s->job->kind->cancel(s->job);
	free(s->held);
	free(s);
}

static void chunk(struct ledger *l, struct conn_ref conn, char *body, size_t size, bool last, bool failed)
{
	struct msg_chunk *m = msg_new(MSG_CHUNK, sizeof(*m));

	if (!m) {
		free(body);
		l->out_of_memory = true;
		return;
	}
	m->conn = conn;
	m->body = body;
	m->body_size = size;
	m->last = last;
	m->failed = failed;
	queue_push(l->o.out, &m->head);
}

void stream_credit(struct ledger *l, struct conn_ref conn)
{
	for (struct stream *s = l->streams; s; s = s->next)
		if (is(s, conn))
			s->credits++;
}

void stream_gone(struct ledger *l, struct conn_ref conn)
{
	struct stream *s, *next;

	for (s = l->streams; s; s = next) {
		next = s->next;
		if (is(s, conn) && s->ending)
			s->gone = true;
		else if (is(s, conn))
			drop(l, s);
	}
}

bool streams_ready(const struct ledger *l)
{
	for (const struct stream *s = l->streams; s; s = s->next)
		if (s->credits > 0 && !s->ending)
			return true;
	return false;
}

static void last_slice(struct ledger *l, struct stream *s, char *body, size_t size)
{
	struct item *it;

	s->held = body;
	s->held_size = size;
	s->ending = true;
	if (!s->job->kind->done) {
		stream_end(l, s, true);
		return;
	}
	it = item_new(l, ITEM_STREAM, (struct stamp){ 0, 0 });
	if (!it)
		return;
	it->stream = s;
	lane_push(&l->ended, it);
}

static void slice(struct ledger *l, struct stream *s)
{
	char *body = malloc(JOB_SLICE);
	size_t size = 0;
	int r;

	if (!body) {
		l->out_of_memory = true;
		return;
	}
	s->credits--;
	r = s->job->kind->next_slice(s->job, l->o.db, body, JOB_SLICE, &size);
	if (r > 0) {
		chunk(l, s->conn, body, size, false, false);
	} else if (r == 0) {
		last_slice(l, s, body, size);
	} else {
		db_rollback(l->o.db);
		free(body);
		chunk(l, s->conn, NULL, 0, true, true);
		drop(l, s);
	}
}

bool streams_slice(struct ledger *l)
{
	struct stream *s, *next;

	db_reads_only(l->o.db, true);
	for (s = l->streams; s; s = next) {
		next = s->next;
		if (s->credits > 0 && !s->ending)
			slice(l, s);
	}
	db_reads_only(l->o.db, false);
	return streams_ready(l);
}

int stream_finish(struct act *a, struct stream *s)
{
	return s->job->kind->done(s->job, a);
}

void stream_end(struct ledger *l, struct stream *s, bool ok)
{
	if (!s->gone) {
		chunk(l, s->conn, ok ? s->held : NULL, ok ? s->held_size : 0, true, !ok);
		if (ok)
			s->held = NULL;
	}
	drop(l, s);
}

void streams_cancel(struct ledger *l)
{
	while (l->streams) {
		if (!l->streams->gone)
			chunk(l, l->streams->conn, NULL, 0, true, true);
		drop(l, l->streams);
	}
}
