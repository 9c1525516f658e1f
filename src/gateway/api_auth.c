#include <stdio.h>

#include "gateway/api_private.h"

/* Sessions: where the token goes. A browser's stays in a cookie that no script can
 * read; a program asks for the token itself with "bearer": true. */

enum { COOKIE_MAX = 512, COOKIE_AGE_S = 24 * 60 * 60 };

static void put_cookie(
	const struct api_call *c, const char *token, int age_s, char line[COOKIE_MAX])
{
	snprintf(line, COOKIE_MAX,
		"Set-Cookie: session=%s; Max-Age=%d; Path=/; HttpOnly; SameSite=Strict%s", token,
		age_s, c->api->config->secure ? "; Secure" : "");
}

void api_login(struct api_call *c, struct json *args)
{
	c->kept = json_make_bool(json_bool(json_get(json_of(args), "bearer"), false));
	api_ask(c, c->route->op, args, api_logged_in);
}

void api_logged_in(struct api_call *c, int status, struct json_ref answer)
{
	char line[COOKIE_MAX];
	const char *const fields[] = { line, NULL };
	const char *token = json_get_text(answer, "token");
	bool bearer = json_bool(json_of(c->kept), false);
	struct json *body = json_make_object();
	json_put_bool(body, "ok", true);
	json_put(body, "user", json_clone(json_get(answer, "user")));
	json_put(body, "expiresAt", json_clone(json_get(answer, "expiresAt")));
	if (bearer)
		json_put_text(body, "token", token ? token : "");
	put_cookie(c, token ? token : "", COOKIE_AGE_S, line);
	api_answer_with(c, status, json_of(body), bearer ? NULL : fields);
	json_drop(body);
}

void api_logged_out(struct api_call *c, int status, struct json_ref answer)
{
	char line[COOKIE_MAX];
	const char *const fields[] = { line, NULL };
	put_cookie(c, "", 0, line);
	api_answer_with(c, status, answer, fields);
}

void api_setup(struct api_call *c, struct json *args)
{
	const struct http_text *code = http_request_field(http_exchange_head(c->x), "X-Setup-Code");
	char text[128];
	if (code && !json_get_text(json_of(args), "setupCode")) {
		snprintf(text, sizeof(text), "%.*s", (int)code->n, code->p);
		json_put_text(args, "setupCode", text);
	}
	api_ask(c, c->route->op, args, api_pass);
}
