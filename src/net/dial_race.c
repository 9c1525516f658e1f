#include "net/dial_race.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/resolver.h"

enum { STAGGER_MS = 250 };

struct attempt {
	struct dial_race *race;
	struct loop_io *io; /* NULL: it is over */
	int fd;
};

struct dial_race {
	struct loop *loop;
	struct address list[RESOLVER_ADDRESSES_MAX];
	struct attempt attempts[RESOLVER_ADDRESSES_MAX];
	size_t n;
	size_t begun;
	size_t running;
	struct loop_task begin;
	struct loop_timer *stagger;
	int error;
	dial_race_done_fn *on_done;
	void *ctx;
};

static void finish(struct dial_race *r, int fd, int error)
{
	dial_race_done_fn *on_done = r->on_done;
	void *ctx = r->ctx;
	dial_race_cancel(r);
	on_done(ctx, fd, error);
}

/* One that says something about the other side is worth more. */
static void note_error(struct dial_race *r, int error)
{
	bool ours = error == ENETUNREACH || error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
	if (!r->error || !ours)
		r->error = error;
}

static void begin_next(struct dial_race *r);

static void end_attempt(struct attempt *a)
{
	loop_io_destroy(a->io);
	a->io = NULL;
	close(a->fd);
	a->race->running--;
}

static void connected(void *ctx, int events)
{
	(void)events;
	struct attempt *a = ctx;
	struct dial_race *r = a->race;
	int error = 0, fd = a->fd;
	socklen_t len = sizeof(error);
	if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error) {
		end_attempt(a);
		note_error(r, error);
		begin_next(r);
		return;
	}
	loop_io_destroy(a->io);
	a->io = NULL;
	finish(r, fd, 0);
}

/* 0: under way; else an errno. `fd` is set when it has connected at once. */
static int attempt(struct dial_race *r, struct attempt *a, const struct address *to, int *fd)
{
	a->race = r;
	a->fd = socket(to->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->fd < 0)
		return errno;
	if (connect(a->fd, (const struct sockaddr *)&to->sa, to->len) == 0) {
		*fd = a->fd;
		return 0;
	}
	int error = errno == EINPROGRESS ? 0 : errno;
	if (!error) {
		a->io = loop_io_create(r->loop, a->fd, connected, a);
		error = a->io ? 0 : ENOMEM;
	}
	if (error) {
		close(a->fd);
		return error;
	}
	loop_io_want(a->io, LOOP_WRITE);
	r->running++;
	return 0;
}

static void begin_next(struct dial_race *r)
{
	int fd = -1, error = ECONNREFUSED;
	while (r->begun < r->n && error) {
		size_t i = r->begun++;
		error = attempt(r, &r->attempts[i], &r->list[i], &fd);
		if (error)
			note_error(r, error);
	}
	if (fd >= 0)
		finish(r, fd, 0);
	else if (r->running == 0)
		finish(r, -1, r->error);
	else if (r->begun < r->n)
		loop_timer_start(r->stagger, STAGGER_MS);
}

static void begin(void *ctx)
{
	begin_next(ctx);
}

struct dial_race *dial_race_start(
	struct loop *l, const struct address *list, size_t n, dial_race_done_fn *on_done, void *ctx)
{
	struct dial_race *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->loop = l;
	r->n = n < RESOLVER_ADDRESSES_MAX ? n : RESOLVER_ADDRESSES_MAX;
	memcpy(r->list, list, r->n * sizeof(*list));
	r->begin = (struct loop_task){ .run = begin, .ctx = r };
	r->on_done = on_done;
	r->ctx = ctx;
	r->stagger = loop_timer_create(l, begin, r);
	if (!r->stagger) {
		free(r);
		return NULL;
	}
	loop_task_queue(l, &r->begin);
	return r;
}

void dial_race_cancel(struct dial_race *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->begun; i++)
		if (r->attempts[i].io)
			end_attempt(&r->attempts[i]);
	loop_task_cancel(r->loop, &r->begin);
	loop_timer_destroy(r->stagger);
	free(r);
}
