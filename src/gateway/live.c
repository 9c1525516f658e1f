#include "gateway/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/live_private.h"

static struct live_row *row_of(struct live *l, const char *run)
{
	unsigned sum = 0;
	for (const char *p = run; *p; p++)
		sum = sum * 31 + (unsigned char)*p;
	return &l->rows[sum % LIVE_ROWS];
}

static void send_text(struct live_client *c, const char *text)
{
	/* Who reads too slowly or is gone hears so from on_close. */
	if (c->ws && ws_text_send(c->ws, text, strlen(text)))
		log_debug(c->live->config->log, "live %s: not sent", c->address);
}

static void send_tree(struct live_client *c, struct json *message)
{
	char *text = json_print(message, false);
	if (text)
		send_text(c, text);
	free(text);
	json_drop(message);
}

static void say(struct live_client *c, const char *type, const char *run, const char *message)
{
	struct json *j = json_make_object();
	json_put_text(j, "type", type);
	if (run)
		json_put_text(j, "runId", run);
	if (message)
		json_put_text(j, "message", message);
	send_tree(c, j);
}

static void drop_subscription(struct live_subscription *s)
{
	struct live *l = s->client->live;
	if (s->asked) {
		store_forget(l->config->store, s->asked);
		s->client->pending--;
	}
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	*s->row_link = s->row_next;
	if (s->row_next)
		s->row_next->row_link = s->row_link;
	s->client->n_subscriptions--;
	l->n_subscriptions--;
	free(s);
}

void live_client_drop(struct live_client *c, unsigned code, const char *reason)
{
	struct live *l = c->live;
	while (c->subscriptions)
		drop_subscription(c->subscriptions);
	if (c->asked)
		store_forget(l->config->store, c->asked);
	if (c->x)
		http_exchange_set_gone(c->x, NULL, NULL);
	if (code)
		ws_text_close(c->ws, code, reason);
	else
		ws_text_destroy(c->ws);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	l->n_clients--;
	free(c);
}

struct store_who live_client_who(const struct live_client *c)
{
	return (struct store_who){
		.kind = STORE_SESSION,
		.address = c->address,
		.session = c->session,
		.method = "GET",
		.path = "/ws",
		.target = "/ws",
	};
}

/* While the store is asked, no further message is read. */
static void answered(struct live_subscription *s)
{
	s->asked = 0;
	s->client->pending--;
	if (s->client->pending == 0 && s->client->ws)
		ws_text_want_read(s->client->ws, true);
}

static void on_run(void *ctx, int status, struct json_ref answer)
{
	struct live_subscription *s = ctx;
	struct live_client *c = s->client;
	const char *error = json_get_text(answer, "error");
	answered(s);
	if (status == 200) {
		s->granted = true;
		say(c, "subscribed", s->run, NULL);
		return;
	}
	say(c, "error", s->run, error ? error : "Run not found");
	drop_subscription(s);
}

static struct live_subscription *find_subscription(const struct live_client *c, const char *run)
{
	for (struct live_subscription *s = c->subscriptions; s; s = s->next)
		if (strcmp(s->run, run) == 0)
			return s;
	return NULL;
}

static struct live_subscription *add_subscription(struct live_client *c, const char *run)
{
	struct live_row *row = row_of(c->live, run);
	struct live_subscription *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->client = c;
	snprintf(s->run, sizeof(s->run), "%s", run);
	s->next = c->subscriptions;
	s->link = &c->subscriptions;
	if (s->next)
		s->next->link = &s->next;
	c->subscriptions = s;
	s->row_next = row->first;
	s->row_link = &row->first;
	if (s->row_next)
		s->row_next->row_link = &s->row_next;
	row->first = s;
	c->n_subscriptions++;
	c->live->n_subscriptions++;
	return s;
}

static void ask_for_run(struct live_client *c, struct live_subscription *s)
{
	struct store_who who = live_client_who(c);
	struct json *args = json_make_object();
	json_put_text(args, "id", s->run);
	int id = store_ask(c->live->config->store, "run.get", &who, args, on_run, s);
	if (id <= 0) {
		say(c, "error", s->run, "Too much to do: try again later");
		drop_subscription(s);
		return;
	}
	s->asked = id;
	c->pending++;
	ws_text_want_read(c->ws, false);
}

static void subscribe(struct live_client *c, const char *run)
{
	struct live_subscription *s = NULL;
	if (!run || !*run || strlen(run) >= sizeof(s->run)) {
		say(c, "error", NULL, "runId must be the id of a run");
		return;
	}
	s = find_subscription(c, run);
	if (s && s->granted)
		say(c, "subscribed", run, NULL);
	if (s)
		return;
	if (c->n_subscriptions >= LIVE_RUNS_MAX)
		say(c, "error", run, "Too many subscriptions");
	else if ((s = add_subscription(c, run)))
		ask_for_run(c, s);
	else
		say(c, "error", run, "not enough memory");
}

/* Without a run: from all. */
static void unsubscribe(struct live_client *c, const char *run)
{
	for (struct live_subscription *s = c->subscriptions, *next; s; s = next) {
		next = s->next;
		if (!run || strcmp(s->run, run) == 0)
			drop_subscription(s);
	}
	if (c->pending == 0)
		ws_text_want_read(c->ws, true);
	say(c, "unsubscribed", run, NULL);
}

static void on_message(void *ctx, const char *text, size_t n)
{
	struct live_client *c = ctx;
	char problem[JSON_PROBLEM_MAX];
	struct json *j = json_parse(text, n, problem);
	struct json_ref message = json_of(j);
	const char *type = json_get_text(message, "type");
	const char *run = json_get_text(message, "runId");
	if (!type)
		say(c, "error", NULL, j ? "type is missing" : problem);
	else if (strcmp(type, "subscribe") == 0)
		subscribe(c, run);
	else if (strcmp(type, "unsubscribe") == 0)
		unsubscribe(c, run);
	else if (strcmp(type, "ping") == 0)
		say(c, "pong", NULL, NULL);
	else
		say(c, "error", NULL, "type is not known");
	json_drop(j);
}

static void on_close(void *ctx, int err, unsigned code, const char *reason)
{
	struct live_client *c = ctx;
	(void)err;
	(void)reason;
	log_debug(c->live->config->log, "live %s: closed, %u", c->address, code);
	live_client_drop(c, 0, NULL);
}

const struct ws_text_events live_events = { on_message, on_close };

void live_client_greet(struct live_client *c)
{
	say(c, "connected", NULL, "Send {\"type\": \"subscribe\", \"runId\": \"...\"} for a run");
}

static void send_to_run(struct live *l, const char *run, const char *text)
{
	for (struct live_subscription *s = row_of(l, run)->first; s; s = s->row_next)
		if (s->granted && strcmp(s->run, run) == 0)
			send_text(s->client, text);
}

/* To a run's subscribers, or to all who are there when `run` is NULL. */
static void broadcast(struct live *l, const char *run, const struct json *message)
{
	char *text = l->n_clients > 0 ? json_print(message, false) : NULL;
	if (!text)
		return;
	if (run)
		send_to_run(l, run, text);
	for (struct live_client *c = run ? NULL : l->clients; c; c = c->next)
		send_text(c, text);
	free(text);
}

/* An event has a type of its own. */
static void pass_event(struct live *l, const char *run, struct json_ref event)
{
	struct json *message = json_make_object();
	json_put_text(message, "type", "event");
	json_put_text(message, "runId", run);
	json_put(message, "eventId", json_clone(json_get(event, "id")));
	json_put(message, "eventType", json_clone(json_get(event, "type")));
	json_put(message, "data", json_clone(json_get(event, "data")));
	json_put(message, "timestamp", json_clone(json_get(event, "timestamp")));
	json_put(message, "sequence", json_clone(json_get(event, "sequence")));
	broadcast(l, run, message);
	json_drop(message);
}

static void pass(struct live *l, const char *type, const char *run, struct json_ref body)
{
	struct json *message = json_clone(body);
	json_put_text(message, "type", type);
	broadcast(l, run, message);
	json_drop(message);
}

/* A list of runs changes with these; what a run said goes to who asked for it. */
static bool is_for_all(const char *kind)
{
	return strcmp(kind, "run_changed") == 0 || strcmp(kind, "run_deleted") == 0;
}

void live_notice(struct live *l, const char *kind, struct json_ref body)
{
	const char *run = json_get_text(body, "runId");
	const char *command = json_get_text(body, "command");
	const char *user = json_get_text(body, "user");
	if (strcmp(kind, "revoked") == 0) {
		if (user || json_get_text(body, "session"))
			live_check_all(l, user);
		return;
	}
	if (l->n_clients == 0)
		return;
	if (strcmp(kind, "client_changed") == 0)
		pass(l, "client_updated", NULL, body);
	else if (run && strcmp(kind, "event") == 0)
		pass_event(l, run, body);
	else if (run)
		pass(l, kind, is_for_all(kind) ? NULL : run, body);
	if (run && strcmp(kind, "command_queued") == 0 && command &&
		strcmp(command, "__STOP__") == 0)
		pass(l, "stop_requested", run, body);
}

void live_tunnel(struct live *l, const char *run)
{
	struct json *message = json_make_object();
	json_put_text(message, "type", "tunnel_changed");
	json_put_text(message, "runId", run);
	broadcast(l, NULL, message);
	json_drop(message);
}
