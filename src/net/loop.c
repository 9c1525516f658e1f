#include "net/loop.h"

#include <assert.h>
#include <stdlib.h>

#include "net/loop_private.h"

static void free_handle(uv_handle_t *h)
{
	free(h->data);
}

static void task_unlink(struct loop_task *t)
{
	t->prev->next = t->next;
	t->next->prev = t->prev;
	t->next = t->prev = NULL;
}

static void task_append(struct loop_task *head, struct loop_task *t)
{
	t->next = head;
	t->prev = head->prev;
	head->prev->next = t;
	head->prev = t;
}

/* Only what waits now: a task that queues itself again lets I/O go first. */
static void run_tasks(uv_idle_t *idle)
{
	struct loop *l = idle->data;
	struct loop_task now = { .next = &now, .prev = &now };
	if (l->tasks.next != &l->tasks) {
		l->ran = true;
		now.next = l->tasks.next;
		now.prev = l->tasks.prev;
		now.next->prev = now.prev->next = &now;
		l->tasks.next = l->tasks.prev = &l->tasks;
	}
	while (now.next != &now) {
		struct loop_task *t = now.next;
		task_unlink(t);
		t->run(t->ctx);
	}
	if (l->tasks.next == &l->tasks)
		uv_idle_stop(idle);
}

/* libuv polls after it has called timers, and would sleep although a timer has
 * just given the caller of loop_turn() what he turns for. */
static void before_poll(uv_prepare_t *anchor)
{
	struct loop *l = anchor->data;
	if (l->turning && l->ran)
		uv_idle_start(&l->idle, run_tasks);
}

struct loop *loop_create(void)
{
	struct loop *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	if (uv_loop_init(&l->uv)) {
		free(l);
		return NULL;
	}
	l->tasks.next = l->tasks.prev = &l->tasks;
	l->orphans.next = l->orphans.prev = &l->orphans;
	/* These cannot fail. */
	uv_idle_init(&l->uv, &l->idle);
	l->idle.data = l;
	uv_prepare_init(&l->uv, &l->anchor);
	l->anchor.data = l;
	uv_prepare_start(&l->anchor, before_poll);
	loop_wheel_init(l);
	return l;
}

void loop_destroy(struct loop *l)
{
	if (!l)
		return;
	while (l->orphans.next != &l->orphans)
		l->orphans.next->end(l->orphans.next);
	resolver_threads_unref(l->resolver);
	uv_close((uv_handle_t *)&l->idle, NULL);
	uv_close((uv_handle_t *)&l->anchor, NULL);
	uv_close((uv_handle_t *)&l->wheel.timer, NULL);
	/* A handle still open is a bug of its owner: leak instead of hanging here. */
	int left = UV_EBUSY;
	for (int i = 0; left && i < 8; i++) {
		uv_run(&l->uv, UV_RUN_NOWAIT);
		left = uv_loop_close(&l->uv);
	}
	assert(!left);
	if (!left)
		free(l);
}

int loop_run(struct loop *l)
{
	return uv_run(&l->uv, UV_RUN_DEFAULT) ? OK : ERR_IO;
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

void loop_turn(struct loop *l)
{
	l->turning = true;
	l->ran = false;
	uv_run(&l->uv, UV_RUN_ONCE);
	l->turning = false;
}

void loop_task_queue(struct loop *l, struct loop_task *t)
{
	if (t->next)
		return;
	task_append(&l->tasks, t);
	uv_idle_start(&l->idle, run_tasks);
}

void loop_task_cancel(struct loop *l, struct loop_task *t)
{
	(void)l; /* an idle handle left active stops itself */
	if (t->next)
		task_unlink(t);
}

void loop_orphan_add(struct loop *l, struct loop_orphan *o)
{
	o->next = &l->orphans;
	o->prev = l->orphans.prev;
	o->prev->next = o->next->prev = o;
}

void loop_orphan_remove(struct loop_orphan *o)
{
	o->prev->next = o->next;
	o->next->prev = o->prev;
	o->next = o->prev = NULL;
}

struct loop_timer {
	uv_timer_t uv;
	struct loop *loop;
	void (*fire)(void *ctx);
	void *ctx;
};

struct loop_timer *loop_timer_create(struct loop *l, void (*fire)(void *ctx), void *ctx)
{
	struct loop_timer *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->loop = l;
	t->fire = fire;
	t->ctx = ctx;
	uv_timer_init(&l->uv, &t->uv);
	t->uv.data = t;
	return t;
}

static void timer_fired(uv_timer_t *uv)
{
	struct loop_timer *t = uv->data;
	t->loop->ran = true;
	t->fire(t->ctx);
}

void loop_timer_start(struct loop_timer *t, uint64_t delay_ms)
{
	/* libuv counts from the time the turn began, which a long callback leaves
	 * behind; and it calls a timer of 0 ms again and again if that starts
	 * itself. */
	uint64_t now = uv_hrtime() / 1000000, turn = uv_now(&t->loop->uv);
	uint64_t late = now > turn ? now - turn : 0;
	if (delay_ms == 0)
		delay_ms = 1;
	uv_timer_start(
		&t->uv, timer_fired, delay_ms > UINT64_MAX - late ? delay_ms : delay_ms + late, 0);
}

void loop_timer_stop(struct loop_timer *t)
{
	uv_timer_stop(&t->uv);
}

bool loop_timer_active(const struct loop_timer *t)
{
	return uv_is_active((const uv_handle_t *)&t->uv);
}

void loop_timer_destroy(struct loop_timer *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->uv, free_handle);
}

struct loop_io {
	uv_poll_t uv;
	int want;
	void (*ready)(void *ctx, int events);
	void *ctx;
};

struct loop_io *loop_io_create(
	struct loop *l, int fd, void (*ready)(void *ctx, int events), void *ctx)
{
	struct loop_io *io = calloc(1, sizeof(*io));
	if (!io)
		return NULL;
	io->ready = ready;
	io->ctx = ctx;
	if (uv_poll_init(&l->uv, &io->uv, fd)) {
		free(io);
		return NULL;
	}
	io->uv.data = io;
	return io;
}

static void io_polled(uv_poll_t *uv, int status, int events)
{
	struct loop_io *io = uv->data;
	int got = (events & UV_READABLE ? LOOP_READ : 0) | (events & UV_WRITABLE ? LOOP_WRITE : 0);
	/* On an error libuv stops the handle, though bytes may still be there to
	 * read: the owner's next call on the descriptor tells. */
	int want = io->want;
	if (status < 0) {
		io->want = 0;
		loop_io_want(io, want);
	}
	io->ready(io->ctx, got ? got : want);
}

void loop_io_want(struct loop_io *io, int events)
{
	if (events == io->want)
		return;
	io->want = events;
	int uv_events =
		(events & LOOP_READ ? UV_READABLE : 0) | (events & LOOP_WRITE ? UV_WRITABLE : 0);
	if (uv_events)
		uv_poll_start(&io->uv, uv_events, io_polled);
	else
		uv_poll_stop(&io->uv);
}

void loop_io_destroy(struct loop_io *io)
{
	if (io)
		uv_close((uv_handle_t *)&io->uv, free_handle);
}

struct loop_hook {
	uv_prepare_t uv;
	void (*before_sleep)(void *ctx);
	void *ctx;
};

static void hook_called(uv_prepare_t *uv)
{
	struct loop_hook *h = uv->data;
	h->before_sleep(h->ctx);
}

struct loop_hook *loop_hook_create(struct loop *l, void (*before_sleep)(void *ctx), void *ctx)
{
	struct loop_hook *h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->before_sleep = before_sleep;
	h->ctx = ctx;
	uv_prepare_init(&l->uv, &h->uv);
	h->uv.data = h;
	uv_prepare_start(&h->uv, hook_called);
	return h;
}

void loop_hook_destroy(struct loop_hook *h)
{
	if (h)
		uv_close((uv_handle_t *)&h->uv, free_handle);
}

struct loop_wake {
	uv_async_t uv;
	void (*woken)(void *ctx);
	void *ctx;
};

static void wake_called(uv_async_t *uv)
{
	struct loop_wake *w = uv->data;
	w->woken(w->ctx);
}

struct loop_wake *loop_wake_create(struct loop *l, void (*woken)(void *ctx), void *ctx)
{
	struct loop_wake *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->woken = woken;
	w->ctx = ctx;
	if (uv_async_init(&l->uv, &w->uv, wake_called)) {
		free(w);
		return NULL;
	}
	w->uv.data = w;
	return w;
}

void loop_wake_send(struct loop_wake *w)
{
	uv_async_send(&w->uv);
}

void loop_wake_destroy(struct loop_wake *w)
{
	if (w)
		uv_close((uv_handle_t *)&w->uv, free_handle);
}

struct loop_signal {
	uv_signal_t uv;
	void (*caught)(void *ctx);
	void *ctx;
};

static void signal_caught(uv_signal_t *uv, int signum)
{
	(void)signum;
	struct loop_signal *s = uv->data;
	s->caught(s->ctx);
}

struct loop_signal *loop_signal_create(
	struct loop *l, int signum, void (*caught)(void *ctx), void *ctx)
{
	struct loop_signal *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->caught = caught;
	s->ctx = ctx;
	uv_signal_init(&l->uv, &s->uv); /* fails only where the loop's creation would have */
	s->uv.data = s;
	if (uv_signal_start(&s->uv, signal_caught, signum)) {
		loop_signal_destroy(s);
		return NULL;
	}
	return s;
}

void loop_signal_destroy(struct loop_signal *s)
{
	if (s)
		uv_close((uv_handle_t *)&s->uv, free_handle);
}
