#include "net/resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/loop_private.h"

enum { THREADS_MAX = 8, WHY_MAX = 384, HOST_MAX = 256 };

/* Of a loop, but counted: its threads may outlive it. */
struct resolver_threads {
	atomic_int refs;
	atomic_int running;
};

/* What the thread and the query share. */
struct job {
	atomic_int refs;
	struct resolver_threads *threads;
	pthread_mutex_t lock;
	struct loop_wake *wake; /* the query's, NULL once it is gone; under the lock */
	char host[HOST_MAX];
	int port;
	/* The thread's until it wakes the loop. */
	int result; /* of getaddrinfo() */
	struct address list[RESOLVER_ADDRESSES_MAX];
	size_t n;
};

struct resolver_query {
	struct loop *loop;
	struct job *job;
	struct loop_wake *wake;
	struct loop_task now; /* known without a thread */
	resolver_done_fn *on_done;
	void *ctx;
};

void resolver_threads_unref(struct resolver_threads *t)
{
	if (t && atomic_fetch_sub(&t->refs, 1) == 1)
		free(t);
}

static struct resolver_threads *threads_of(struct loop *l)
{
	if (!l->resolver) {
		l->resolver = calloc(1, sizeof(*l->resolver));
		if (l->resolver)
			atomic_init(&l->resolver->refs, 1);
	}
	return l->resolver;
}

static void job_unref(struct job *j)
{
	if (!j || atomic_fetch_sub(&j->refs, 1) > 1)
		return;
	resolver_threads_unref(j->threads);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

static struct job *job_create(struct loop *l, const char *host, int port)
{
	struct resolver_threads *t = threads_of(l);
	struct job *j = t ? calloc(1, sizeof(*j)) : NULL;
	if (!j)
		return NULL;
	atomic_init(&j->refs, 1);
	atomic_fetch_add(&t->refs, 1);
	j->threads = t;
	j->port = port;
	pthread_mutex_init(&j->lock, NULL);
	snprintf(j->host, sizeof(j->host), "%s", host);
	return j;
}

static void look_up(struct job *j, int flags)
{
	char port[16];
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICSERV | flags,
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *list = NULL;
	snprintf(port, sizeof(port), "%d", j->port);
	j->result = getaddrinfo(j->host, port, &hints, &list);
	if (j->result)
		return;
	for (struct addrinfo *a = list; a && j->n < RESOLVER_ADDRESSES_MAX; a = a->ai_next) {
		if (a->ai_addrlen > sizeof(j->list->sa))
			continue;
		memcpy(&j->list[j->n].sa, a->ai_addr, a->ai_addrlen);
		j->list[j->n++].len = a->ai_addrlen;
	}
	freeaddrinfo(list);
}

static void *run_job(void *arg)
{
	struct job *j = arg;
	look_up(j, 0);
	atomic_fetch_sub(&j->threads->running, 1);
	pthread_mutex_lock(&j->lock);
	if (j->wake)
		loop_wake_send(j->wake);
	pthread_mutex_unlock(&j->lock);
	job_unref(j);
	return NULL;
}

/* Signals are for the loop's thread. */
static bool start_thread(struct job *j)
{
	pthread_attr_t attr;
	pthread_t id;
	sigset_t all, before;
	if (pthread_attr_init(&attr))
		return false;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int err = pthread_create(&id, &attr, run_job, j);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return !err;
}

static void explain(const struct job *j, char out[WHY_MAX])
{
	switch (j->result) {
	case 0:
	case EAI_NONAME:
	case EAI_NODATA:
		snprintf(out, WHY_MAX, "no address for the name %s: is it spelt right?", j->host);
		break;
	case EAI_AGAIN:
		snprintf(out, WHY_MAX, "no name server answers for %s: is this machine online?",
			j->host);
		break;
	default: snprintf(out, WHY_MAX, "cannot look up %s: %s", j->host, gai_strerror(j->result));
	}
}

static void done(void *ctx)
{
	struct resolver_query *q = ctx;
	struct job *j = q->job;
	resolver_done_fn *on_done = q->on_done;
	void *done_ctx = q->ctx;
	char why[WHY_MAX];
	explain(j, why);
	atomic_fetch_add(&j->refs, 1);
	resolver_cancel(q);
	on_done(done_ctx, j->list, j->n, j->n > 0 ? NULL : why);
	job_unref(j);
}

/* False: no memory. */
static bool begin(struct resolver_query *q, const char *host)
{
	struct job *j = q->job;
	look_up(j, AI_NUMERICHOST);
	bool too_long = strlen(host) >= sizeof(j->host);
	bool busy = atomic_load(&j->threads->running) >= THREADS_MAX;
	if (j->n > 0 || too_long || busy) {
		if (j->n == 0)
			j->result = too_long ? EAI_NONAME : EAI_AGAIN;
		loop_task_queue(q->loop, &q->now);
		return true;
	}
	q->wake = loop_wake_create(q->loop, done, q);
	if (!q->wake)
		return false;
	j->wake = q->wake;
	atomic_fetch_add(&j->refs, 1);
	atomic_fetch_add(&j->threads->running, 1);
	if (start_thread(j))
		return true;
	atomic_fetch_sub(&j->threads->running, 1);
	job_unref(j);
	return false;
}

struct resolver_query *resolver_start(
	struct loop *l, const char *host, int port, resolver_done_fn *on_done, void *ctx)
{
	struct resolver_query *q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	*q = (struct resolver_query){
		.loop = l,
		.job = job_create(l, host, port),
		.now = { .run = done, .ctx = q },
		.on_done = on_done,
		.ctx = ctx,
	};
	if (q->job && begin(q, host))
		return q;
	resolver_cancel(q);
	return NULL;
}

void resolver_cancel(struct resolver_query *q)
{
	if (!q)
		return;
	if (q->job) {
		pthread_mutex_lock(&q->job->lock);
		q->job->wake = NULL;
		pthread_mutex_unlock(&q->job->lock);
	}
	loop_wake_destroy(q->wake);
	loop_task_cancel(q->loop, &q->now);
	job_unref(q->job);
	free(q);
}
