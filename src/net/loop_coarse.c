#include "net/loop_coarse.h"

#include "net/loop_private.h"

enum { BATCH = 32, MS_A_SECOND = 1000 };

static uint64_t now_ms(void)
{
	return uv_hrtime() / 1000000;
}

static void ring_init(struct loop_coarse *head)
{
	head->next = head->prev = head;
}

static bool ring_empty(const struct loop_coarse *head)
{
	return head->next == head;
}

static void ring_add(struct loop_coarse *head, struct loop_coarse *t)
{
	t->next = head;
	t->prev = head->prev;
	t->prev->next = head->prev = t;
}

static void ring_remove(struct loop_coarse *t)
{
	t->prev->next = t->next;
	t->next->prev = t->prev;
	t->next = t->prev = NULL;
}

static void ring_move_all(struct loop_coarse *to, struct loop_coarse *from)
{
	if (ring_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	ring_init(from);
}

/* A delay longer than the wheel is put off again where the wheel ends. */
static void place(struct loop_wheel *w, struct loop_coarse *t)
{
	uint64_t last = w->turned_s + LOOP_WHEEL_SLOTS;
	uint64_t at = t->due_s < last ? t->due_s : last;
	ring_add(&w->slots[at % LOOP_WHEEL_SLOTS], t);
}

static void fired(uv_timer_t *uv);

static void wait_for_next(struct loop_wheel *w)
{
	if (!ring_empty(&w->due)) {
		uv_timer_start(&w->timer, fired, 1, 0); /* not 0: that is this turn */
		return;
	}
	uint64_t at = w->turned_s + 1;
	while (at <= w->turned_s + LOOP_WHEEL_SLOTS && ring_empty(&w->slots[at % LOOP_WHEEL_SLOTS]))
		at++;
	w->waits = at <= w->turned_s + LOOP_WHEEL_SLOTS;
	w->next_s = at;
	if (!w->waits) {
		uv_timer_stop(&w->timer);
		return;
	}
	/* The loop's own clock may be behind: it stands still during a turn. */
	uint64_t now = now_ms(), then = at * MS_A_SECOND;
	uv_update_time(w->timer.loop);
	uv_timer_start(&w->timer, fired, then > now ? then - now : 0, 0);
}

static void fired(uv_timer_t *uv)
{
	struct loop *l = uv->data;
	struct loop_wheel *w = &l->wheel;
	uint64_t now_s = now_ms() / MS_A_SECOND;
	l->ran = true;
	for (int i = 0; i < LOOP_WHEEL_SLOTS && w->turned_s < now_s; i++)
		ring_move_all(&w->due, &w->slots[++w->turned_s % LOOP_WHEEL_SLOTS]);
	if (w->turned_s < now_s)
		w->turned_s = now_s;
	for (int i = 0; i < BATCH && !ring_empty(&w->due); i++) {
		struct loop_coarse *t = w->due.next;
		ring_remove(t);
		if (t->due_s > w->turned_s)
			place(w, t);
		else
			t->fire(t->ctx);
	}
	wait_for_next(w);
}

void loop_wheel_init(struct loop *l)
{
	struct loop_wheel *w = &l->wheel;
	uv_timer_init(&l->uv, &w->timer); /* cannot fail */
	w->timer.data = l;
	ring_init(&w->due);
	for (int i = 0; i < LOOP_WHEEL_SLOTS; i++)
		ring_init(&w->slots[i]);
}

void loop_coarse_start(struct loop *l, struct loop_coarse *t, unsigned delay_s)
{
	struct loop_wheel *w = &l->wheel;
	uint64_t now_s = now_ms() / MS_A_SECOND;
	loop_coarse_stop(l, t);
	if (!w->waits && ring_empty(&w->due))
		w->turned_s = now_s;
	t->due_s = now_s + delay_s + 1;
	place(w, t);
	if (!w->waits || t->due_s < w->next_s)
		wait_for_next(w);
}

void loop_coarse_stop(struct loop *l, struct loop_coarse *t)
{
	(void)l; /* the wheel may turn once for nothing */
	if (t->next)
		ring_remove(t);
}
