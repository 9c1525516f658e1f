#include <stdio.h>
#include <string.h>

#include "agent/agent_private.h"
#include "base/shape.h"

/* Commands of a run: fetched by polling, which a push over the control WebSocket
 * only hastens, so there is one way for them to arrive. */

enum { REFUSALS_MAX = 3 };

static bool is_done(const struct agent *a, const char *id)
{
	for (int i = 0; i < AGENT_DONE_MAX; i++)
		if (!strcmp(a->done[i], id))
			return true;
	return false;
}

static void stop(struct agent *a, const char *id)
{
	agent_ack(a, id, "Stopping", NULL);
	log_info(a->log, "agent: the gateway asked to stop");
	agent_stop(a);
}

static void take(struct agent *a, struct json_ref command)
{
	const char *id = json_get_text(command, "id");
	const char *what = json_get_text(command, "command");
	if (!id || !what || !shape_is_id(id) || is_done(a, id))
		return;
	snprintf(a->done[a->n_done++ % AGENT_DONE_MAX], sizeof(a->done[0]), "%s", id);
	if (!strcmp(what, "__STOP__"))
		stop(a, id);
	else if (strcmp(what, "__START_VNC_STREAM__"))
		agent_ack(a, id, NULL, "Unknown command: a shared screen knows start and stop");
	else if (a->own)
		agent_ack(a, id, "VNC streaming started", NULL);
	else
		agent_runner_start(a, id);
}

static void take_all(struct agent *a, const struct http_client_answer *answer)
{
	char problem[JSON_PROBLEM_MAX];
	struct json *list = json_parse(answer->body, answer->n_body, problem);
	if (json_kind_of(json_of(list)) != JSON_TYPE_LIST)
		log_warn(a->log, "agent: the gateway's list of commands is none");
	for (size_t i = 0; i < json_len(json_of(list)); i++)
		if (a->running && !a->finishing)
			take(a, json_at(json_of(list), i));
	json_drop(list);
}

static void on_polled(void *ctx, const struct http_client_answer *answer)
{
	struct agent *a = ctx;
	char why[AGENT_TEXT_MAX];
	a->polling = 0;
	unsigned wait = a->control ? a->rest_ms : a->poll_ms;
	if (answer->status == 200) {
		a->refusals = 0;
		take_all(a, answer);
	} else if (agent_learn_clock(a, answer)) {
		wait = 0;
	} else {
		agent_why(answer, why, sizeof(why));
		log_debug(a->log, "agent: no commands: %s", why);
		bool refused =
			answer->status >= 400 && answer->status < 500 && answer->status != 429;
		if (refused && ++a->refusals == REFUSALS_MAX) {
			agent_lose_run(a, why);
			return;
		}
	}
	if (a->running && !a->finishing && !a->ended)
		loop_timer_start(a->poll, a->poll_again ? 0 : wait);
}

void agent_poll(struct agent *a)
{
	char path[AGENT_PATH_MAX];
	a->poll_again = a->polling;
	if (a->polling || !a->running || a->finishing || a->ended)
		return;
	loop_timer_stop(a->poll);
	snprintf(path, sizeof(path), "/api/runs/%s/commands", a->run_id);
	int id = agent_send(a, AGENT_WITH_RUN, "GET", path, "", 0, on_polled, a);
	if (id > 0)
		a->polling = id;
	else
		loop_timer_start(a->poll, a->poll_ms);
}
