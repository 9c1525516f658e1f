#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api_private.h"
#include "http/query.h"

enum { ALLOW_MAX = 96 };

static bool is_json(const struct http_exchange *x)
{
	const struct http_text *type = http_request_field(http_exchange_head(x), "Content-Type");
	if (!type)
		return false;
	const char *end = memchr(type->p, ';', type->n);
	size_t n = end ? (size_t)(end - type->p) : type->n;
	return http_text_is_nocase(
		http_text_trim((struct http_text){ type->p, n }), "application/json");
}

/* NULL: the call has ended. */
static struct json *parse_body(struct api_call *c)
{
	char problem[JSON_PROBLEM_MAX], sentence[JSON_PROBLEM_MAX + 32];
	struct http_text body = http_exchange_body(c->x);
	if (body.n == 0)
		return json_make_object();
	if (!is_json(c->x)) {
		api_error(c, 415, "The body must be JSON: send Content-Type: application/json");
		return NULL;
	}
	struct json *j = json_parse(body.p, body.n, problem);
	if (j && json_kind_of(json_of(j)) == JSON_TYPE_OBJECT)
		return j;
	snprintf(sentence, sizeof(sentence), "The body is not JSON: %s", problem);
	api_error(c, 400, j ? "The body must be a JSON object" : sentence);
	json_drop(j);
	return NULL;
}

/* Whether `name` is one of the words of `names`. */
static bool is_word(const char *names, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = names; p && *p; p += strcspn(p, " ")) {
		p += strspn(p, " ");
		if (strcspn(p, " ") == n && strncmp(p, name, n) == 0)
			return true;
	}
	return false;
}

/* Others' names are left alone: caches and trackers add their own. */
static int put_query(const struct api_call *c, struct json *args)
{
	struct http_text query = http_exchange_head(c->x)->query;
	struct query_item item;
	int err;
	while (!(err = query_next(&query, &item)))
		if (*item.value && is_word(c->route->query, item.name))
			json_put_text(args, item.name, item.value);
	return err == ERR_AGAIN ? OK : err;
}

struct json *api_args(struct api_call *c)
{
	struct json *args = c->route->body ? parse_body(c) : json_make_object();
	if (!args)
		return NULL;
	if (c->route->query && put_query(c, args)) {
		json_drop(args);
		api_error(c, 400, "The query is not properly encoded or too long");
		return NULL;
	}
	for (int i = 0; i < ROUTE_CAPTURES_MAX && c->route->captures[i]; i++)
		json_put_text(args, c->route->captures[i], c->captures[i]);
	return args;
}

static void keep_captures(struct api_call *c, const struct route_captures *found)
{
	for (int i = 0; i < found->n; i++)
		snprintf(c->captures[i], API_CAPTURE_MAX, "%s", found->texts[i].p);
}

static bool fits(const struct route_captures *found)
{
	for (int i = 0; i < found->n; i++)
		if (found->texts[i].n >= API_CAPTURE_MAX)
			return false;
	return true;
}

static void allow(char line[ALLOW_MAX], const char *method)
{
	size_t n = strlen(line);
	bool get = strcmp(method, "GET") == 0;
	snprintf(line + n, ALLOW_MAX - n, "%s%s%s", n > 7 ? ", " : "", method, get ? ", HEAD" : "");
}

/* The row for a path and a method. NULL: none; then `line` lists the methods that
 * there are, after "Allow: ". */
static const struct api_route *find(
	struct api_call *c, const struct route_path *path, char line[ALLOW_MAX])
{
	struct route_captures found;
	snprintf(line, ALLOW_MAX, "Allow: ");
	for (size_t i = 0; i < api_n_routes; i++) {
		const struct api_route *r = &api_routes[i];
		if (!route_match(r->pattern, path, &found) || !fits(&found))
			continue;
		if (api_is_method(c->x, r->method)) {
			keep_captures(c, &found);
			return r;
		}
		allow(line, r->method);
	}
	return NULL;
}

/* A run's page is the viewer, which shares have at "/"; a gateway has its console there. */
static void answer_page(struct api_call *c, const struct route_path *path)
{
	const struct asset_table *assets = c->api->config->assets;
	static const char console[] = "/console.html";
	struct route_captures found;
	struct http_request r = *http_exchange_head(c->x);
	if (route_match("/runs/:id", path, &found)) {
		r.path = (struct http_text){ "/", 1 };
	} else if (http_text_is(r.path, "/")) {
		r.path = (struct http_text){ console, sizeof(console) - 1 };
	} else {
		http_answer_file(api_take(c), assets);
		return;
	}
	struct response page = response_for_file(assets, &r);
	http_answer(api_take(c), &page);
}

static bool is_first(const struct route_path *path, const char *segment)
{
	return path->n > 0 && http_text_is(path->segments[0], segment);
}

/* Also when the path is one that cannot be taken apart. */
static bool is_below(const struct http_exchange *x, const char *folder)
{
	struct http_text path = http_exchange_head(x)->path;
	size_t n = strlen(folder);
	return path.n >= n && memcmp(path.p, folder, n) == 0 && (path.n == n || path.p[n] == '/');
}

static void answer_none(struct api_call *c, const struct route_path *path, const char *line)
{
	const char *const fields[] = { line, NULL };
	struct json *body;
	if (strlen(line) > strlen("Allow: ")) {
		body = json_make_object();
		json_put_text(body, "error", "This method does not go here");
		api_answer_with(c, 405, json_of(body), fields);
		json_drop(body);
	} else if (is_below(c->x, "/api") || is_below(c->x, "/ws")) {
		api_error(c, 404, "There is nothing at this path");
	} else {
		answer_page(c, path);
	}
}

/* "/runs/machines" is a run's page, whatever an account may be called. */
static bool is_account(const struct route_path *path)
{
	static const char *const ours[] = { "api", "ws", "runs", "assets", "metrics" };
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (is_first(path, ours[i]))
			return false;
	return true;
}

static struct api_call *make_call(struct api *a, struct http_exchange *x, int peer)
{
	struct api_call *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->api = a;
	c->x = x;
	c->peer = peer;
	who_address(x, a->config->proxies, c->address);
	api_add(a, c);
	return c;
}

void api_request(struct api *a, struct http_exchange *x, int peer)
{
	struct api_call *c = make_call(a, x, peer);
	struct route_path path = { 0 };
	char line[ALLOW_MAX] = "Allow: ";
	if (!c) {
		struct response r = response_for_error(503);
		http_answer(x, &r);
		return;
	}
	if (route_split(http_exchange_head(x)->path, &path))
		c->route = find(c, &path, line);
	if (c->route && c->route->cloud && !is_account(&path))
		c->route = NULL;
	if (c->route)
		api_start(c);
	else
		answer_none(c, &path, line);
}
