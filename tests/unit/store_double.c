#include "store_double.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store_double store_double;

struct waiting {
	struct loop_task task;
	int id, status;
	struct json *answer;
	store_answer_fn *on_answer;
	void *ctx;
	struct waiting *next;
};

static struct waiting *first;
static int last_id;

static void unlink_waiting(struct waiting *w)
{
	struct waiting **at = &first;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	store_double.n_waiting--;
}

static void free_waiting(struct waiting *w)
{
	unlink_waiting(w);
	loop_task_cancel(store_double.loop, &w->task);
	json_drop(w->answer);
	free(w);
}

void store_double_reset(void)
{
	while (first)
		free_waiting(first);
	store_double = (struct store_double){ 0 };
}

int store_attach(struct store *s, struct loop *l, store_notice_fn *on_notice,
	store_lost_fn *on_lost, void *ctx)
{
	(void)s;
	store_double.loop = l;
	store_double.on_notice = on_notice;
	store_double.on_lost = on_lost;
	store_double.ctx = ctx;
	return OK;
}

static void copy(char *out, size_t cap, const char *text)
{
	snprintf(out, cap, "%s", text ? text : "");
}

static void remember(const char *op, const struct store_who *who, const struct json *args)
{
	struct double_asked *a = store_double.asked;
	memmove(a + 1, a, sizeof(*a) * (STORE_DOUBLE_ASKED - 1));
	memset(a, 0, sizeof(*a));
	char *text = args ? json_print(args, false) : NULL;
	copy(a->op, sizeof(a->op), op);
	copy(a->args, sizeof(a->args), text);
	a->kind = who->kind;
	copy(a->address, sizeof(a->address), who->address);
	copy(a->session, sizeof(a->session), who->session);
	copy(a->method, sizeof(a->method), who->method);
	copy(a->path, sizeof(a->path), who->path);
	copy(a->target, sizeof(a->target), who->target);
	copy(a->body_sha256, sizeof(a->body_sha256), who->body_sha256);
	copy(a->run_id, sizeof(a->run_id), who->run_id);
	copy(a->nonce, sizeof(a->nonce), who->nonce);
	copy(a->agent_id, sizeof(a->agent_id), who->agent_id);
	copy(a->authorization, sizeof(a->authorization), who->authorization);
	copy(a->date, sizeof(a->date), who->date);
	free(text);
	store_double.n_asked++;
}

static void run(void *ctx)
{
	struct waiting *w = ctx;
	struct waiting copy = *w;
	w->answer = NULL;
	free_waiting(w);
	copy.on_answer(copy.ctx, copy.status, json_of(copy.answer));
	json_drop(copy.answer);
}

int store_ask(struct store *s, const char *op, const struct store_who *who, struct json *args,
	store_answer_fn *on_answer, void *ctx)
{
	char problem[JSON_PROBLEM_MAX];
	const char *text = "{}";
	(void)s;
	remember(op, who, args);
	json_drop(args);
	if (store_double.refuse)
		return ERR_LIMIT;
	struct waiting *w = calloc(1, sizeof(*w));
	w->id = ++last_id;
	w->on_answer = on_answer;
	w->ctx = ctx;
	w->status = store_double.answer ? store_double.answer(op, &text) : 200;
	w->answer = json_parse(text, strlen(text), problem);
	w->task = (struct loop_task){ .run = run, .ctx = w };
	w->next = first;
	first = w;
	store_double.n_waiting++;
	if (!store_double.silent)
		loop_task_queue(store_double.loop, &w->task);
	return w->id;
}

void store_forget(struct store *s, int id)
{
	(void)s;
	for (struct waiting *w = first; w; w = w->next) {
		if (w->id == id) {
			free_waiting(w);
			store_double.n_forgotten++;
			return;
		}
	}
}

void store_double_notice(const char *kind, const char *text)
{
	char problem[JSON_PROBLEM_MAX];
	struct json *body = json_parse(text, strlen(text), problem);
	store_double.on_notice(store_double.ctx, kind, json_of(body));
	json_drop(body);
}
