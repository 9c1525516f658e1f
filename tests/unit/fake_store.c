#include "fake_store.h"

#include <stdlib.h>

struct fake_ask {
	struct fake_ask *next;
	int id, status;
	struct json *answer;
	store_answer_fn *on_answer;
	void *ctx;
};

int __wrap_store_ask(struct store *s, const char *op, const struct store_who *who,
	struct json *args, store_answer_fn *on_answer, void *ctx);
void __wrap_store_forget(struct store *s, int id);

struct store *fake_store_of(struct fake_store *f)
{
	return (struct store *)f;
}

static void drop(struct fake_store *f, struct fake_ask *a)
{
	struct fake_ask **at = &f->first;
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	f->waiting--;
	json_drop(a->answer);
	free(a);
}

static void answer_first(void *ctx)
{
	struct fake_store *f = ctx;
	if (!f->first || f->mute)
		return;
	struct fake_ask a = *f->first;
	f->first->answer = NULL;
	drop(f, f->first);
	if (f->first)
		loop_task_queue(f->loop, &f->task);
	a.on_answer(a.ctx, a.status, json_of(a.answer));
	json_drop(a.answer);
}

int __wrap_store_ask(struct store *s, const char *op, const struct store_who *who,
	struct json *args, store_answer_fn *on_answer, void *ctx)
{
	struct fake_store *f = (struct fake_store *)s;
	/* Half a tree of arguments is none, as it is for the store. */
	char *text = args ? json_print(args, false) : NULL;
	struct fake_ask *a = f->busy || (args && !text) ? NULL : calloc(1, sizeof(*a));
	free(text);
	if (!a) {
		json_drop(args);
		return f->busy ? ERR_LIMIT : ERR_NOMEM;
	}
	*a = (struct fake_ask){ .id = ++f->last_id, .on_answer = on_answer, .ctx = ctx };
	a->answer = json_make_object();
	a->status = f->answer(f->ctx, op, who, json_of(args), a->answer);
	json_drop(args);
	struct fake_ask **at = &f->first;
	while (*at)
		at = &(*at)->next;
	*at = a;
	f->waiting++;
	loop_task_queue(f->loop, &f->task);
	return a->id;
}

void __wrap_store_forget(struct store *s, int id)
{
	struct fake_store *f = (struct fake_store *)s;
	for (struct fake_ask *a = f->first; a; a = a->next)
		if (a->id == id) {
			drop(f, a);
			return;
		}
}

void fake_store_init(struct fake_store *f, struct loop *l)
{
	*f = (struct fake_store){ .loop = l, .task = { .run = answer_first, .ctx = f } };
}

void fake_store_fini(struct fake_store *f)
{
	loop_task_cancel(f->loop, &f->task);
	while (f->first)
		drop(f, f->first);
}
