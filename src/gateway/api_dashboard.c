#include <stdio.h>

#include "gateway/api_private.h"

/* The store's overview in the shapes that existing pages know. */

static void put_counts(struct json *to, const char *key, struct json_ref from,
	const char *const names[][2], size_t n)
{
	struct json *part = json_make_object();
	for (size_t i = 0; i < n; i++)
		json_put_int(part, names[i][0], json_int(json_get(from, names[i][1]), 0));
	json_put(to, key, part);
}

void api_stats(struct api_call *c, int status, struct json_ref answer)
{
	static const char *const runs[][2] = { { "total", "runs" }, { "running", "running" },
		{ "pending", "pending" }, { "done", "done" }, { "failed", "failed" } };
	static const char *const clients[][2] = { { "total", "clients" },
		{ "online", "clientsOnline" } };
	static const char *const alerts[][2] = { { "unacknowledged", "alerts" } };
	struct json_ref from = json_get(answer, "stats");
	struct json *body = json_make_object();
	put_counts(body, "runs", from, runs, ARRAY_LEN(runs));
	put_counts(body, "clients", from, clients, ARRAY_LEN(clients));
	put_counts(body, "alerts", from, alerts, ARRAY_LEN(alerts));
	json_put_int(body, "todayEvents", json_int(json_get(from, "todayEvents"), 0));
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
