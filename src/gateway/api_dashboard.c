#include <stdio.h>

#include "gateway/api_private.h"

/* The store's overview in the shapes that existing pages know. */

/* Copies numbers, and puts their sum as `total` (NULL: no). */
static struct json *pick(struct json_ref from, const char *const *names, const char *total)
{
	struct json *to = json_make_object();
	long long sum = 0;
	for (; *names; names++) {
		long long n = json_int(json_get(from, *names), 0);
		json_put_int(to, *names, n);
		sum += n;
	}
	if (total)
		json_put_int(to, total, sum);
	return to;
}

void api_stats(struct api_call *c, int status, struct json_ref answer)
{
	static const char *const runs[] = { "pending", "running", "done", "failed", NULL };
	static const char *const alerts[] = { "unacknowledged", NULL };
	struct json_ref from = json_get(answer, "stats");
	struct json *body = json_make_object(), *clients = json_make_object();
	json_put_int(clients, "total", json_int(json_get(from, "clients"), 0));
	json_put_int(clients, "online", json_int(json_get(from, "clientsOnline"), 0));
	json_put(body, "runs", pick(from, runs, "total"));
	json_put(body, "clients", clients);
	json_put(body, "alerts", pick(from, alerts, NULL));
	api_answer(c, status, body);
}

static struct json *make_activity(struct json_ref from)
{
	struct json *to = json_make_object(), *data = json_make_object();
	char id[40];
	snprintf(id, sizeof(id), "audit-%lld", json_int(json_get(from, "id"), 0));
	json_put_text(to, "type", "run_event");
	json_put_text(to, "id", id);
	json_put(to, "timestamp", json_clone(json_get(from, "timestamp")));
	json_put(data, "runId", json_clone(json_get(from, "runId")));
	json_put(data, "eventType", json_clone(json_get(from, "action")));
	json_put(to, "data", data);
	return to;
}

void api_activity(struct api_call *c, int status, struct json_ref answer)
{
	struct json_ref from = json_get(answer, "activity");
	struct json *list = json_make_list();
	for (size_t i = 0; i < json_len(from); i++)
		json_add(list, make_activity(json_at(from, i)));
	api_answer(c, status, list);
}

void api_active_runs(struct api_call *c, int status, struct json_ref answer)
{
	api_answer_with(c, status, json_get(answer, "activeRuns"), NULL);
}

void api_needs_attention(struct api_call *c, int status, struct json_ref answer)
{
	static const char *const nothing[] = { "waitingApproval", "disconnectedWithRuns",
		"unacknowledgedAlerts" };
	struct json_ref failed = json_get(answer, "needsAttention");
	struct json *body = json_make_object(), *counts = json_make_object();
	json_put(body, "failedRuns", json_clone(failed));
	json_put_int(counts, "failedRuns", (long long)json_len(failed));
	for (size_t i = 0; i < ARRAY_LEN(nothing); i++) {
		json_put(body, nothing[i], json_make_list());
		json_put_int(counts, nothing[i], 0);
	}
	json_put(body, "counts", counts);
	api_answer(c, status, body);
}
