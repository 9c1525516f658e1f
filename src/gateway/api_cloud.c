#include <stdio.h>
#include <string.h>

#include "gateway/api_private.h"

/* Runs as CloudAPI shows machines, for the triton command. */

/* Somebody shows its desktop. */
static bool is_running(const struct api_call *c, const char *run)
{
	struct json *status = relay_status(c->api->config->relay, run);
	bool joined = json_kind_of(json_get(json_of(status), "agent")) == JSON_TYPE_OBJECT;
	json_drop(status);
	return joined;
}

static struct json *make_machine(const struct api_call *c, struct json_ref machine)
{
	const char *run = json_get_text(machine, "runId");
	struct json *out = json_clone(machine);
	if (run)
		json_put_text(out, "state", is_running(c, run) ? "running" : "stopped");
	return out;
}

/* The triton command asks for them before it lists machines. */
void api_cloud_images(struct api_call *c, int status, struct json_ref answer)
{
	(void)answer;
	api_answer(c, status, json_make_list());
}

void api_cloud_list(struct api_call *c, int status, struct json_ref answer)
{
	struct json_ref machines = json_get(answer, "machines");
	struct json *list = json_make_list();
	char count[64], limit[64];
	const char *const fields[] = { count, limit, NULL };
	snprintf(count, sizeof(count), "X-Resource-Count: %lld",
		json_int(json_get(answer, "total"), 0));
	snprintf(limit, sizeof(limit), "X-Query-Limit: %lld",
		json_int(json_get(answer, "limit"), 0));
	for (size_t i = 0; i < json_len(machines); i++)
		json_add(list, make_machine(c, json_at(machines, i)));
	api_answer_with(c, status, json_of(list), fields);
	json_drop(list);
}

void api_cloud_one(struct api_call *c, int status, struct json_ref answer)
{
	api_answer(c, status, make_machine(c, answer));
}

void api_cloud_vnc(struct api_call *c, int status, struct json_ref answer)
{
	const char *run = json_get_text(answer, "runId");
	struct relay *relay = c->api->config->relay;
	char name[API_CAPTURE_MAX];
	(void)status;
	if (!run) {
		api_cloud_error(c, 400, "MachineHasNoVNC", "This machine has no VNC console");
		return;
	}
	if (!http_exchange_is_upgrade(c->x)) {
		api_cloud_error(c, 400, "UpgradeRequired", "Open this with a WebSocket");
		return;
	}
	if (!is_running(c, run)) {
		api_cloud_error(c, 400, "MachineStopped", "This machine is not running");
		return;
	}
	snprintf(name, sizeof(name), "%s", run); /* the answer goes with the call */
	relay_viewer(relay, api_take(c), name);
}
