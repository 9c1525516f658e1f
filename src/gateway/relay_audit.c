#include <stdlib.h>
#include <string.h>

#include "gateway/relay_private.h"

/* Whoever waits in the store's queue takes a place from others: a thousand tunnels that
 * end at once are told a few at a time. */
enum { ASKED_MAX = 32 };

struct relay_record {
	struct relay_record *next;
	struct relay *relay;
	const char *op;    /* static */
	struct json *args; /* until asked */
	int ask;
};

static void ask_more(struct relay *r);

static void forget(struct relay_record *record)
{
	struct relay *r = record->relay;
	struct relay_record *before = NULL, *at = r->records;
	for (; at != record; at = at->next)
		before = at;
	if (before)
		before->next = record->next;
	else
		r->records = record->next;
	if (r->last_record == record)
		r->last_record = before;
	json_drop(record->args);
	free(record);
}

static void on_answer(void *ctx, int status, struct json_ref answer)
{
	struct relay_record *record = ctx;
	struct relay *r = record->relay;
	const char *error = json_get_text(answer, "error");
	if (status != 200)
		log_warn(r->config.log, "%s was not recorded: %d %s", record->op, status,
			error ? error : "");
	forget(record);
	r->records_asked--;
	ask_more(r);
}

/* The agent that had left is back, before the store was told. */
static bool is_outdated(const struct relay_record *record)
{
	return strcmp(record->op, "agent.left") == 0 &&
	       relay_agent_is_there(record->relay, json_get_text(json_of(record->args), "runId"));
}

/* False: it has no time now. */
static bool ask(struct relay_record *record)
{
	struct relay *r = record->relay;
	const struct store_who who = { .kind = STORE_GATEWAY };
	struct json *args = json_clone(json_of(record->args));
	int id = store_ask(r->config.store, record->op, &who, args, on_answer, record);
	if (id < 0)
		return false;
	record->ask = id;
	json_drop(record->args);
	record->args = NULL;
	r->records_asked++;
	return true;
}

/* Those that were asked are at the front. */
static void ask_more(struct relay *r)
{
	struct relay_record *next;
	for (struct relay_record *at = r->records; at && r->records_asked < ASKED_MAX; at = next) {
		next = at->next;
		if (at->ask)
			continue;
		if (is_outdated(at))
			forget(at);
		else if (!ask(at))
			return; /* with the next answer, or the next tick */
	}
}

static struct json *describe(const struct relay_tunnel *t, const char *reason)
{
	struct relay_count c = relay_tunnel_count(t);
	struct json *to = json_make_object(), *peers = json_make_list();
	json_put_text(to, "runId", t->run->id);
	json_put_text(to, "channel", t->id);
	json_put_text(to, "kind", t->is_runner ? "runner" : "rfb");
	json_put_text(to, "user", t->grant ? t->grant->user : "");
	json_put_text(to, "rights", tunnel_rights_text((enum tunnel_rights)t->granted));
	if (t->viewer)
		json_add(peers, json_make_text(t->viewer->text));
	if (t->desktop)
		json_add(peers, json_make_text(t->desktop->text));
	json_put(to, "peers", peers);
	json_put_int(to, "openedAt", t->since_ms / 1000);
	json_put_int(to, "closedAt", relay_now_ms() / 1000);
	json_put_int(to, "bytesFromViewer", (long long)c.bytes_from_viewer);
	json_put_int(to, "bytesFromClient", (long long)c.bytes_from_desktop);
	json_put_int(to, "framesFromViewer", (long long)c.frames_from_viewer);
	json_put_int(to, "framesFromClient", (long long)c.frames_from_desktop);
	json_put_text(to, "reason", reason);
	return to;
}

/* Takes `args`. */
static void put(struct relay *r, const char *op, struct json *args)
{
	struct relay_record *record = calloc(1, sizeof(*record));
	if (!record || !json_of(args).value) {
		log_error(r->config.log, "%s was not recorded: no memory", op);
		json_drop(args);
		free(record);
		return;
	}
	record->relay = r;
	record->op = op;
	record->args = args;
	struct relay_record **at = &r->records;
	if (r->last_record)
		at = &r->last_record->next;
	*at = r->last_record = record;
	ask_more(r);
	relay_watch(r);
}

void relay_audit_put(const struct relay_tunnel *t, const char *reason)
{
	put(t->run->relay, "tunnel.closed", describe(t, reason));
}

void relay_audit_put_left(struct relay_run *run)
{
	struct json *args = json_make_object();
	json_put_text(args, "runId", run->id);
	put(run->relay, "agent.left", args);
}

void relay_audit_go_on(struct relay *r)
{
	ask_more(r);
}

void relay_audit_drop_all(struct relay *r)
{
	while (r->records) {
		if (r->records->ask)
			store_forget(r->config.store, r->records->ask);
		forget(r->records);
	}
}
