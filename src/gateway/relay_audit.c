#include <stdlib.h>

#include "gateway/relay_private.h"

/* Whoever waits in the store's queue takes a place from others: a thousand tunnels that
 * end at once are told a few at a time. */
enum { ASKED_MAX = 32 };

struct relay_record {
	struct relay_record *next;
	struct relay *relay;
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
		log_warn(r->config.log, "a tunnel's end was not recorded: %d %s", status,
			error ? error : "");
	forget(record);
	r->records_asked--;
	ask_more(r);
}

/* Those that were asked are at the front. */
static void ask_more(struct relay *r)
{
	const struct store_who who = { .kind = STORE_GATEWAY };
	for (struct relay_record *at = r->records; at && r->records_asked < ASKED_MAX;
		at = at->next) {
		if (at->ask)
			continue;
		struct json *args = json_clone(json_of(at->args));
		at->ask = store_ask(r->config.store, "tunnel.closed", &who, args, on_answer, at);
		if (at->ask < 0) {
			at->ask = 0; /* busy: with the next answer, or the next tick */
			return;
		}
		json_drop(at->args);
		at->args = NULL;
		r->records_asked++;
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

void relay_audit_put(const struct relay_tunnel *t, const char *reason)
{
	struct relay *r = t->run->relay;
	struct relay_record *record = calloc(1, sizeof(*record));
	if (!record) {
		log_error(r->config.log, "a tunnel's end was not recorded: no memory");
		return;
	}
	record->relay = r;
	record->args = describe(t, reason);
	struct relay_record **at = &r->records;
	if (r->last_record)
		at = &r->last_record->next;
	*at = r->last_record = record;
	ask_more(r);
	relay_watch(r);
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
