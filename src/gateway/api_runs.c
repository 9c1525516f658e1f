#include <string.h>

#include "gateway/api_private.h"

/* What runs need beside the store's own answers. */

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
