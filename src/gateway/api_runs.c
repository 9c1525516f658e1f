#include <string.h>

#include "gateway/api_private.h"

/* What runs need beside the store's own answers. */

static void mismatch(struct api_call *c, int status, struct json_ref answer)
{
	(void)status;
	(void)answer;
	api_error(c, 403, "Capability token mismatch");
}

/* The run in the path is the one that was signed for. Whoever signed badly is told
 * that first, so the store looks at the signature in any case. */
void api_signed_run(struct api_call *c, struct json *args)
{
	const char *run = c->api->who->is.run_id;
	if (*run == '\0' || strcmp(run, c->captures[0]) == 0) {
		api_ask(c, c->route->op, args, c->route->reply ? c->route->reply : api_pass);
		return;
	}
	json_drop(args);
	api_ask(c, "agent.channel", NULL, mismatch);
}

/* Existing runners and pages take a bare list. */
void api_commands(struct api_call *c, int status, struct json_ref answer)
{
	api_answer_with(c, status, json_get(answer, "commands"), NULL);
}

void api_events(struct api_call *c, int status, struct json_ref answer)
{
	api_answer_with(c, status, json_get(answer, "events"), NULL);
}

void api_stop(struct api_call *c, struct json *args)
{
	json_put_text(args, "command", "__STOP__");
	api_ask(c, c->route->op, args, api_pass);
}

void api_dashboard(struct api_call *c, int status, struct json_ref answer)
{
	static const struct {
		const char *last, *member;
	} parts[] = {
		{ "stats", "stats" },
		{ "activity", "activity" },
		{ "active-runs", "activeRuns" },
		{ "needs-attention", "needsAttention" },
	};
	const char *last = strrchr(c->route->pattern, '/') + 1;
	struct json_ref part = answer;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strcmp(parts[i].last, last) == 0)
			part = json_get(answer, parts[i].member);
	api_answer_with(c, status, part, NULL);
}

/* There are no alerts here; the existing page asks for them all the same. */
void api_alerts(struct api_call *c, int status, struct json_ref answer)
{
	const char *last = strrchr(c->route->pattern, '/') + 1;
	(void)answer;
	if (strcmp(last, "rules") == 0) {
		api_answer(c, status, json_make_list());
		return;
	}
	struct json *body = json_make_object();
	json_put_int(body, "unacknowledged", 0);
	if (strcmp(last, "stats") == 0) {
		json_put_int(body, "total", 0);
		json_put_int(body, "critical", 0);
		json_put_int(body, "warning", 0);
	} else {
		json_put(body, "alerts", json_make_list());
	}
	api_answer(c, status, body);
}
