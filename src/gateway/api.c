#include "gateway/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "gateway/api_private.h"

struct api *api_create(const struct api_config *config)
{
	struct api *a = calloc(1, sizeof(*a));
	if (a)
		a->config = config;
	return a;
}

static void drop(struct api_call *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	if (c->asked)
		store_forget(c->api->config->store, c->asked);
	json_drop(c->kept);
	free(c);
}

void api_destroy(struct api *a)
{
	if (!a)
		return;
	while (a->calls) {
		http_exchange_set_gone(a->calls->x, NULL, NULL);
		drop(a->calls);
	}
	free(a);
}

/* The peer left. What the store was asked may be done all the same. */
static void on_gone(void *ctx)
{
	drop(ctx);
}

void api_add(struct api *a, struct api_call *c)
{
	c->next = a->calls;
	c->link = &a->calls;
	if (c->next)
		c->next->link = &c->next;
	a->calls = c;
	http_exchange_set_gone(c->x, on_gone, c);
}

struct http_exchange *api_take(struct api_call *c)
{
	struct http_exchange *x = c->x;
	http_exchange_set_gone(x, NULL, NULL);
	drop(c);
	return x;
}

static void answer_bytes(struct api_call *c, int status, const char *type, const void *bytes,
	size_t n, const char *const *fields)
{
	struct response r = {
		.status = status,
		.type = type,
		.body = bytes,
		.body_len = n,
		.fields = fields,
	};
	metrics_answer(c->api->config->metrics, status);
	http_answer(api_take(c), &r);
}

static void answer_tree(
	struct api_call *c, int status, const struct json *body, const char *const *fields)
{
	static const char failed[] = "{\"error\":\"not enough memory\"}";
	char *text = json_print(body, false);
	const char *type = "application/json; charset=utf-8";
	if (text)
		answer_bytes(c, status, type, text, strlen(text), fields);
	else
		answer_bytes(c, 503, type, failed, strlen(failed), NULL);
	free(text);
}

void api_answer(struct api_call *c, int status, struct json *body)
{
	answer_tree(c, status, body, NULL);
	json_drop(body);
}

void api_answer_with(
	struct api_call *c, int status, struct json_ref body, const char *const *fields)
{
	struct json *copy = json_clone(body);
	answer_tree(c, status, copy, fields);
	json_drop(copy);
}

void api_answer_text(struct api_call *c, const char *type, const void *text, size_t n)
{
	answer_bytes(c, 200, type, text, n, NULL);
}

static const char *code_of(int status)
{
	static const struct {
		int status;
		const char *code;
	} codes[] = { { 400, "InvalidArgument" }, { 401, "InvalidCredentials" },
		{ 403, "NotAuthorized" }, { 404, "ResourceNotFound" }, { 405, "BadMethod" },
		{ 429, "RequestThrottled" }, { 503, "ServiceUnavailable" } };
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i].status == status)
			return codes[i].code;
	return "InternalError";
}

static void put_cloud(struct json *body, int status, const char *code, const char *sentence)
{
	json_put_text(body, "code", code ? code : code_of(status));
	json_put_text(body, "message", sentence);
}

void api_cloud_error(struct api_call *c, int status, const char *code, const char *sentence)
{
	struct json *body = json_make_object();
	put_cloud(body, status, code, sentence);
	json_put_text(body, "error", sentence);
	api_answer(c, status, body);
}

static void error_with(
	struct api_call *c, int status, const char *sentence, const char *const *fields)
{
	struct json *body = json_make_object();
	json_put_text(body, "error", sentence);
	if (c->route && c->route->cloud)
		put_cloud(body, status, NULL, sentence);
	answer_tree(c, status, body, fields);
	json_drop(body);
}

void api_error(struct api_call *c, int status, const char *sentence)
{
	static const char *const again[] = { "Retry-After: 1", NULL };
	error_with(c, status, sentence, status == 503 ? again : NULL);
}

static void error_later(struct api_call *c, unsigned seconds)
{
	char line[48];
	const char *const fields[] = { line, NULL };
	snprintf(line, sizeof(line), "Retry-After: %u", seconds);
	error_with(c, 429, "Too many requests: try again later", fields);
}

/* An error of the store: its own members ("totpRequired") go out with it. */
static void pass_error(struct api_call *c, int status, struct json_ref answer)
{
	char line[48];
	const char *const fields[] = { line, NULL };
	const struct api_config *config = c->api->config;
	const char *sentence = json_get_text(answer, "error");
	long long later = json_int(json_get(answer, "retryAfter"), 1);
	if (status == 401)
		limits_take(config->limits, LIMITS_REFUSED, c->address, NULL, clock_now_us());
	if (!sentence || (c->route && c->route->cloud)) {
		api_error(c, status, sentence ? sentence : "the store did not say why");
		return;
	}
	snprintf(line, sizeof(line), "Retry-After: %lld", later > 0 ? later : 1);
	api_answer_with(c, status, answer, status == 429 || status == 503 ? fields : NULL);
}

static void on_answer(void *ctx, int status, struct json_ref answer)
{
	struct api_call *c = ctx;
	c->asked = 0;
	metrics_store(c->api->config->metrics, clock_now_us() - c->asked_us);
	if (status >= 400)
		pass_error(c, status, answer);
	else
		c->then(c, status, answer);
}

static void ask(struct api_call *c, const char *op, const struct store_who *who, struct json *args,
	api_reply_fn *then)
{
	c->then = then;
	c->asked_us = clock_now_us();
	int id = store_ask(c->api->config->store, op, who, args, on_answer, c);
	c->asked = id > 0 ? id : 0;
	if (id <= 0)
		api_error(c, 503, "Too much to do: try again later");
}

/* A later step: who asks is read again from the request, which waits as we do. */
static void ask_anew(struct api_call *c, const char *op, struct json *args, api_reply_fn *then)
{
	struct who w;
	const char *error;
	int status = who_take(&w, c->x, c->api->config->proxies, c->route->who, &error);
	if (!status) {
		ask(c, op, &w.is, args, then);
		return;
	}
	json_drop(args);
	api_error(c, status, error);
}

void api_ask(struct api_call *c, const char *op, struct json *args, api_reply_fn *then)
{
	if (c->api->who)
		ask(c, op, &c->api->who->is, args, then);
	else
		ask_anew(c, op, args, then);
}

void api_ask_as_gateway(struct api_call *c, const char *op, struct json *args, api_reply_fn *then)
{
	const struct store_who gateway = { .kind = STORE_GATEWAY, .address = c->address };
	ask(c, op, &gateway, args, then);
}

void api_pass(struct api_call *c, int status, struct json_ref answer)
{
	api_answer_with(c, status, answer, NULL);
}

static void run(struct api_call *c, struct json *args)
{
	const struct api_route *r = c->route;
	if (r->run)
		r->run(c, args);
	else
		api_ask(c, r->op, args, r->reply ? r->reply : api_pass);
}

bool api_is_method(const struct http_exchange *x, const char *method)
{
	struct http_text is = http_exchange_head(x)->method;
	if (strcmp(method, "GET") == 0 && http_text_is(is, "HEAD"))
		return true;
	return http_text_is(is, method);
}

/* How long who asks has to wait, 0: not at all. Who shows a credential is counted
 * when it turns out to be wrong, and cannot try another when too many were. */
static unsigned judge_rate(struct api_call *c, int status)
{
	struct limits *l = c->api->config->limits;
	const struct store_who *who = &c->api->who->is;
	uint64_t now = clock_now_us();
	if (c->route->no_limit)
		return 0;
	if (status || who->kind == STORE_NOBODY)
		return limits_take(l, LIMITS_ADDRESS, c->address, NULL, now);
	unsigned wait = limits_look(l, LIMITS_REFUSED, c->address, NULL, now);
	if (wait || who->kind != STORE_SIGNED)
		return wait;
	return limits_take(
		l, LIMITS_AGENT, c->address, *who->agent_id ? who->agent_id : who->run_id, now);
}

static void check(struct api_call *c)
{
	const char *error = "";
	struct api *a = c->api;
	int status = who_take(a->who, c->x, a->config->proxies, c->route->who, &error);
	unsigned wait = judge_rate(c, status);
	struct json *args;
	if (wait)
		error_later(c, wait);
	else if (status)
		api_error(c, status, error);
	else if ((args = api_args(c)))
		run(c, args);
}

void api_start(struct api_call *c)
{
	struct api *a = c->api;
	struct who w;
	if (c->route->is_upgrade && !http_exchange_is_upgrade(c->x)) {
		api_error(c, 426, "Only a WebSocket is spoken here");
		return;
	}
	if (!c->route->who) {
		run(c, NULL);
		return;
	}
	a->who = &w;
	check(c);
	a->who = NULL; /* the call may be over, or goes on without */
}
