#include "relay_house.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLOSED_MAX = 1024 * 1024 };

uint64_t house_ahead_us;
bool house_in_loop;
uint64_t __real_clock_now_us(void);
uint64_t __wrap_clock_now_us(void);

uint64_t __wrap_clock_now_us(void)
{
	return __real_clock_now_us() + house_ahead_us;
}

/* ---- the store ---- */

static bool known_run(const char *run)
{
	return run && (strcmp(run, "run1") == 0 || strcmp(run, "run2") == 0);
}

static int refuse(struct json *to, int status, const char *sentence)
{
	json_put_text(to, "error", sentence);
	return status;
}

/* "view-ann": rights and user. */
static int grant(struct json *to, const char *text, const char *session, const char *ticket)
{
	bool control = strncmp(text, "control-", 8) == 0;
	const char *name = strchr(text, '-') + 1;
	struct json *user = json_make_object(), *g = json_make_object();
	json_put_text(user, "id", name);
	json_put_text(user, "username", name);
	json_put_text(g, "session", session);
	json_put_text(g, "ticket", ticket);
	json_put(to, "user", user);
	json_put(to, "grant", g);
	json_put_text(to, "rights", control ? "control" : "view");
	return 200;
}

static int redeem(struct house *h, struct json_ref args, struct json *to)
{
	const char *ticket = json_get_text(args, "ticket");
	bool form = strncmp(ticket, "view-", 5) == 0 || strncmp(ticket, "control-", 8) == 0;
	bool used = false;
	for (int i = 0; i < h->n_used; i++)
		used = used || strcmp(h->used[i], ticket) == 0;
	if (!form || used)
		return refuse(to, 401, "Invalid or expired ticket");
	if (!known_run(json_get_text(args, "runId")))
		return refuse(to, 404, "Run not found");
	if (h->n_used < HOUSE_GUESTS)
		snprintf(h->used[h->n_used++], sizeof(h->used[0]), "%s", ticket);
	char id[80];
	snprintf(id, sizeof(id), "id-of-%s", ticket);
	return grant(to, ticket, "s", id);
}

static int open_view(struct json_ref args, const struct store_who *who, struct json *to)
{
	if (who->kind != STORE_SESSION || strncmp(who->session, "s-", 2) != 0)
		return refuse(to, 401, "Invalid or expired session");
	if (!known_run(json_get_text(args, "id")))
		return refuse(to, 404, "Run not found");
	char rights[80];
	snprintf(rights, sizeof(rights), "control-%s", who->session + 2);
	return grant(to, rights, who->session, "");
}

static int signed_one(const struct store_who *who, struct json *to)
{
	if (who->kind != STORE_SIGNED || strcmp(who->signature, "good") != 0)
		return refuse(to, 401, "Invalid signature");
	json_put_text(to, "runId", who->run_id);
	json_put_text(to, "clientId", "client1");
	return 200;
}

static int answer(void *ctx, const char *op, const struct store_who *who, struct json_ref args,
	struct json *to)
{
	struct house *h = ctx;
	if (strcmp(op, "ticket.redeem") == 0)
		return redeem(h, args, to);
	if (strcmp(op, "view.open") == 0)
		return open_view(args, who, to);
	if (strcmp(op, "agent.join") == 0 || strcmp(op, "agent.channel") == 0)
		return signed_one(who, to);
	if (strcmp(op, "runner.open") == 0)
		return h->start_delivered ? 200 : refuse(to, 403, "No START was delivered");
	assert_int_equal(who->kind, STORE_GATEWAY);
	if (strcmp(op, "agent.left") == 0) {
		assert_string_equal(json_get_text(args, "runId"), "run1");
		h->left++;
		return 200;
	}
	assert_string_equal(op, "tunnel.closed");
	struct json *copy = json_clone(args);
	char *text = json_print(copy, false);
	if (text) {
		buf_put(&h->closed, text, strlen(text));
		buf_put_u8(&h->closed, '\n');
	}
	free(text);
	json_drop(copy);
	return 200;
}

/* ---- the house ---- */

static void on_change(void *ctx, const char *run_id)
{
	struct house *h = ctx;
	h->changes++;
	if (h->relay) {
		struct json *status = relay_status(h->relay, run_id);
		json_drop(status);
	}
}

static void give_up(void *ctx)
{
	(void)ctx;
	fail_msg("nothing came for %d ms", HOUSE_WAIT_MS);
}

/* The guests' descriptors are not the loop's: it must not sleep long. */
static void beat(void *ctx)
{
	struct house *h = ctx;
	loop_timer_start(h->pulse, 1);
}

void house_restart(struct house *h)
{
	relay_destroy(h->relay);
	h->relay = NULL;
	h->relay = relay_create(h->loop, &h->config);
	assert_non_null(h->relay);
}

int house_set_up(void **state)
{
	static struct house h;
	h = (struct house){ .loop = loop_create() };
	house_ahead_us = 0;
	buf_init(&h.closed, CLOSED_MAX);
	h.watchdog = loop_timer_create(h.loop, give_up, NULL);
	h.pulse = loop_timer_create(h.loop, beat, &h);
	loop_timer_start(h.watchdog, HOUSE_WAIT_MS);
	loop_timer_start(h.pulse, 1);
	fake_store_init(&h.store, h.loop);
	h.store.answer = answer;
	h.store.ctx = &h;
	h.config = (struct relay_config){
		.store = fake_store_of(&h.store),
		.on_change = on_change,
		.ctx = &h,
	};
	house_restart(&h);
	*state = &h;
	return 0;
}

void house_dismiss(struct house *h)
{
	for (int i = 0; i < h->n_guests; i++) {
		struct guest *g = &h->guests[i];
		http_conn_destroy(g->conn);
		guest_vanish(g);
		buf_fini(&g->in);
		buf_fini(&g->out);
		buf_fini(&g->got);
		buf_fini(&g->texts);
	}
	h->n_guests = 0;
}

int house_tear_down(void **state)
{
	struct house *h = *state;
	relay_destroy(h->relay);
	house_dismiss(h);
	fake_store_fini(&h->store);
	buf_fini(&h->closed);
	loop_timer_destroy(h->watchdog);
	loop_timer_destroy(h->pulse);
	loop_destroy(h->loop);
	return 0;
}

void house_turn(struct house *h)
{
	for (int i = 0; i < h->n_guests; i++) {
		guest_turn(&h->guests[i]);
	}
	house_in_loop = true;
	loop_turn(h->loop);
	house_in_loop = false;
}

static size_t heard(const struct house *h)
{
	size_t n = h->closed.len + (size_t)h->store.last_id;
	for (int i = 0; i < h->n_guests; i++) {
		const struct guest *g = &h->guests[i];
		n += g->in.len + g->got.len + g->texts.len + g->out.len + g->eof + g->close_code;
	}
	return n;
}

/* Some milliseconds in which nothing is heard. */
void house_settle(struct house *h)
{
	size_t before = heard(h);
	for (int quiet = 0; quiet < 15; quiet++) {
		house_turn(h);
		if (heard(h) != before || h->store.waiting > 0)
			quiet = 0;
		before = heard(h);
	}
}

void house_pass_time(struct house *h, unsigned seconds)
{
	house_ahead_us += (uint64_t)seconds * 1000000;
	uint64_t until = __real_clock_now_us() + 1200 * 1000;
	while (__real_clock_now_us() < until)
		house_turn(h);
	house_settle(h);
}

void house_member(const char *text, const char *key, char *out, size_t cap)
{
	char problem[JSON_PROBLEM_MAX];
	struct json *tree = json_parse(text, strlen(text), problem);
	const char *value = json_get_text(json_of(tree), key);
	snprintf(out, cap, "%s", value ? value : "");
	json_drop(tree);
}
