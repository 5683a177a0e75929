/*
 * msg.c - messages and the queue between the two threads.
 * Owns what is queued. queue_push cannot fail: memory is the message's own.
 */
#include "msg/msg.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct msg *first, **last;
	bool loud;              /* something in it has woken the other side */
	void (*wake)(void *);
	void *wake_arg;
};

void *msg_new(enum msg_kind kind, size_t size)
{
	struct msg *m = calloc(1, size);

	if (m)
		m->kind = kind;
	return m;
}

struct msg *msg_free(struct msg *m)
{
	if (!m)
		return NULL;
	switch (m->kind) {
	case MSG_REQUEST: {
		struct msg_request *r = (struct msg_request *)m;
		free(r->path);
		free(r->query);
		free(r->body);
		break;
	}
	case MSG_REPLY:
		free(((struct msg_reply *)m)->body);
		break;
	case MSG_CHUNK:
		free(((struct msg_chunk *)m)->body);
		break;
	case MSG_LEASES:
		free(((struct msg_leases *)m)->leases);
		break;
	default:
		break;
	}
	free(m);
	return NULL;
}

static bool same_state(const struct lt_observation *a, const struct lt_observation *b)
{
	return a->have == b->have && a->running == b->running && a->fault == b->fault && a->interlock == b->interlock &&
	       a->boots == b->boots && strcmp(a->serial, b->serial) == 0;
}

bool msg_observation_news(const struct lt_observation *was, bool was_moving, const struct lt_observation *now)
{
	bool back = now->hourmeter < was->hourmeter || now->energy < was->energy || now->pulse < was->pulse;

	return back || !same_state(was, now) || was_moving != (now->hourmeter != was->hourmeter);
}

struct queue *queue_new(void)
{
	struct queue *q = calloc(1, sizeof(*q));
	pthread_condattr_t attr;

	if (!q)
		return NULL;
	q->last = &q->first;
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->filled, &attr);
	pthread_condattr_destroy(&attr);
	return q;
}

struct queue *queue_free(struct queue *q)
{
	struct msg *m, *next;

	if (!q)
		return NULL;
	for (m = q->first; m; m = next) {
		next = m->next;
		msg_free(m);
	}
	pthread_cond_destroy(&q->filled);
	pthread_mutex_destroy(&q->lock);
	free(q);
	return NULL;
}

void queue_on_push(struct queue *q, void (*wake)(void *), void *arg)
{
	q->wake = wake;
	q->wake_arg = arg;
}

static void append_locked(struct queue *q, struct msg *m)
{
	m->next = NULL;
	*q->last = m;
	q->last = &m->next;
}

void queue_push_quiet(struct queue *q, struct msg *m)
{
	pthread_mutex_lock(&q->lock);
	append_locked(q, m);
	pthread_mutex_unlock(&q->lock);
}

void queue_push(struct queue *q, struct msg *m)
{
	bool wake;

	pthread_mutex_lock(&q->lock);
	append_locked(q, m);
	wake = !q->loud;
	q->loud = true;
	pthread_cond_signal(&q->filled);
	pthread_mutex_unlock(&q->lock);
	if (wake && q->wake)
		q->wake(q->wake_arg);
}

static struct msg *take_locked(struct queue *q)
{
	struct msg *m = q->first;

	q->first = NULL;
	q->last = &q->first;
	q->loud = false;
	return m;
}

struct msg *queue_take(struct queue *q)
{
	struct msg *m;

	pthread_mutex_lock(&q->lock);
	m = take_locked(q);
	pthread_mutex_unlock(&q->lock);
	return m;
}

struct msg *queue_wait(struct queue *q)
{
	struct msg *m;

	pthread_mutex_lock(&q->lock);
	while (!q->first)
		pthread_cond_wait(&q->filled, &q->lock);
	m = take_locked(q);
	pthread_mutex_unlock(&q->lock);
	return m;
}

bool queue_ready(struct queue *q, int64_t timeout_ms)
{
	struct timespec until;
	bool ready;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(timeout_ms / 1000);
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&q->lock);
	while (!q->first && pthread_cond_timedwait(&q->filled, &q->lock, &until) == 0)
		;
	ready = q->first != NULL;
	pthread_mutex_unlock(&q->lock);
	return ready;
}
