#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/live_private.h"

enum { QUEUE_MAX = 256 * 1024 };

static void refuse(struct http_exchange *x, int status, const char *sentence)
{
	struct json *body = json_make_object();
	json_put_text(body, "error", sentence);
	char *text = json_print(body, false);
	struct response r = {
		.status = text ? status : 503,
		.type = "application/json; charset=utf-8",
		.body = (const uint8_t *)(text ? text : "{}"),
		.body_len = strlen(text ? text : "{}"),
	};
	http_answer(x, &r);
	free(text);
	json_drop(body);
}

static void refuse_client(struct live_client *c, int status, const char *sentence)
{
	struct http_exchange *x = c->x;
	live_client_drop(c, 0, NULL);
	refuse(x, status, sentence);
}

/* The WebSocket begins. A client that offers subprotocols gets none of them. */
static void open_client(struct live_client *c)
{
	struct ws_text_config config = { .queue_max = QUEUE_MAX, .events = &live_events, .ctx = c };
	struct buf early;
	http_exchange_set_gone(c->x, NULL, NULL);
	struct stream *s = http_upgrade(c->x, "", &early);
	c->x = NULL;
	if (s)
		c->ws = ws_text_create(c->live->loop, s, &config, early.data, early.len);
	if (s && !c->ws)
		stream_close(s, false);
	buf_fini(&early);
	if (c->ws)
		live_client_greet(c);
	else
		live_client_drop(c, 0, NULL);
}

static void on_session(void *ctx, int status, struct json_ref me)
{
	struct live_client *c = ctx;
	const char *id = json_get_text(json_get(me, "user"), "id");
	const char *error = json_get_text(me, "error");
	c->asked = 0;
	if (status != 200 && c->x)
		refuse_client(c, status, error ? error : "Authentication required");
	else if (status == 401 || status == 403)
		live_client_drop(c, WS_CODE_POLICY, "access ended");
	else if (c->x) {
		snprintf(c->user, sizeof(c->user), "%s", id ? id : "");
		open_client(c);
	}
}

static int check(struct live_client *c)
{
	struct store_who who = live_client_who(c);
	if (c->asked) /* what it says will be true a moment ago only */
		store_forget(c->live->config->store, c->asked);
	int id = store_ask(c->live->config->store, "auth.me", &who, NULL, on_session, c);
	c->asked = id > 0 ? id : 0;
	return id > 0 ? OK : ERR_LIMIT;
}

void live_check_all(struct live *l, const char *user)
{
	for (struct live_client *c = l->clients, *next; c; c = next) {
		next = c->next;
		if (!c->ws || (user && strcmp(c->user, user) != 0) || !check(c))
			continue;
		/* Whose session may have ended hears no more; the page comes back. */
		log_warn(l->config->log, "live %s: the session was not checked", c->address);
		live_client_drop(c, WS_CODE_AGAIN_LATER, "too much to do");
	}
}

static void on_timer(void *ctx)
{
	struct live *l = ctx;
	live_check_all(l, NULL);
	loop_timer_start(l->timer, LIVE_CHECK_MS);
}

static void on_gone(void *ctx)
{
	struct live_client *c = ctx;
	c->x = NULL;
	live_client_drop(c, 0, NULL);
}

static int count_of(const struct live *l, const char *address)
{
	int n = 0;
	for (const struct live_client *c = l->clients; c; c = c->next)
		n += strcmp(c->address, address) == 0;
	return n;
}

static struct live_client *make_client(
	struct live *l, struct http_exchange *x, const struct store_who *who)
{
	struct live_client *c = NULL;
	if (strlen(who->session) < sizeof(c->session))
		c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->live = l;
	c->x = x;
	snprintf(c->address, sizeof(c->address), "%s", who->address);
	snprintf(c->session, sizeof(c->session), "%s", who->session);
	c->next = l->clients;
	c->link = &l->clients;
	if (c->next)
		c->next->link = &c->next;
	l->clients = c;
	l->n_clients++;
	http_exchange_set_gone(x, on_gone, c);
	return c;
}

void live_upgrade(struct live *l, struct http_exchange *x)
{
	struct who w;
	const char *error = "";
	int status = who_take(&w, x, l->config->proxies, WHO_SESSION, &error);
	if (!status && (l->draining || l->n_clients >= LIVE_CLIENTS_MAX ||
			       count_of(l, w.is.address) >= LIVE_ADDRESS_MAX)) {
		status = 503;
		error = "Too many live clients: close one";
	}
	if (status) {
		refuse(x, status, error);
		return;
	}
	struct live_client *c = make_client(l, x, &w.is);
	if (!c)
		refuse(x, 401, "Invalid or expired session");
	else if (check(c))
		refuse_client(c, 503, "Too much to do: try again later");
}

struct live *live_create(struct loop *loop, const struct live_config *config)
{
	struct live *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->loop = loop;
	l->config = config;
	l->timer = loop_timer_create(loop, on_timer, l);
	if (!l->timer) {
		live_destroy(l);
		return NULL;
	}
	loop_timer_start(l->timer, LIVE_CHECK_MS);
	return l;
}

static void close_all(struct live *l)
{
	while (l->clients)
		live_client_drop(l->clients, WS_CODE_GOING_AWAY, "gateway is stopping");
}

void live_destroy(struct live *l)
{
	if (!l)
		return;
	close_all(l);
	loop_timer_destroy(l->timer);
	free(l);
}

void live_drain(struct live *l)
{
	l->draining = true;
	for (struct live_client *c = l->clients, *next; c; c = next) {
		next = c->next;
		if (c->ws)
			live_client_drop(c, WS_CODE_GOING_AWAY, "gateway is stopping");
		else
			refuse_client(c, 503, "gateway is stopping");
	}
}

int live_clients(const struct live *l)
{
	return l->n_clients;
}

int live_subscriptions(const struct live *l)
{
	return l->n_subscriptions;
}
