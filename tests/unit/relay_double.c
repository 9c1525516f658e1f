#include "relay_double.h"

#include <stdio.h>
#include <string.h>

struct relay_double relay_double;

struct relay {
	int nothing;
};

struct relay *relay_create(struct loop *l, const struct relay_config *config)
{
	static struct relay only;
	(void)l;
	relay_double.config = config;
	return &only;
}

void relay_destroy(struct relay *r)
{
	(void)r;
}

static void upgrade(struct http_exchange *x)
{
	struct buf early;
	stream_close(http_upgrade(x, "", &early), true);
	buf_fini(&early);
}

void relay_viewer(struct relay *r, struct http_exchange *x, const char *run)
{
	(void)r;
	snprintf(relay_double.called, sizeof(relay_double.called), "viewer %s", run);
	upgrade(x);
}

void relay_agent(struct relay *r, struct http_exchange *x, const char *run)
{
	(void)r;
	snprintf(relay_double.called, sizeof(relay_double.called), "agent %s", run);
	upgrade(x);
}

void relay_channel(struct relay *r, struct http_exchange *x, const char *run, const char *channel)
{
	(void)r;
	snprintf(relay_double.called, sizeof(relay_double.called), "channel %s %s", run, channel);
	upgrade(x);
}

struct json *relay_status(const struct relay *r, const char *run)
{
	(void)r;
	struct json *j = json_make_object();
	json_put_text(j, "runId", run);
	json_put_bool(j, "available", relay_double.agent);
	json_put(j, "agent", relay_double.agent ? json_make_object() : json_make_null());
	return j;
}

struct json *relay_stats(const struct relay *r)
{
	(void)r;
	struct json *j = json_make_object();
	json_put_int(j, "activeTunnels", 3);
	return j;
}

bool relay_close_run(struct relay *r, const char *run, const char *reason)
{
	(void)r;
	snprintf(relay_double.called, sizeof(relay_double.called), "close %s %s", run, reason);
	return true;
}

bool relay_close_channel(struct relay *r, const char *run, const char *channel)
{
	(void)r;
	snprintf(
		relay_double.called, sizeof(relay_double.called), "disconnect %s %s", run, channel);
	return strcmp(channel, "nobody") != 0;
}

bool relay_give_control(struct relay *r, const char *run, const char *channel)
{
	(void)r;
	snprintf(relay_double.called, sizeof(relay_double.called), "control %s %s", run,
		channel ? channel : "(all)");
	return !channel || strcmp(channel, "nobody") != 0;
}

void relay_notice(struct relay *r, const char *kind, struct json_ref body)
{
	(void)r;
	(void)body;
	snprintf(relay_double.kind, sizeof(relay_double.kind), "%s", kind);
}

void relay_drain(struct relay *r)
{
	(void)r;
	relay_double.drained++;
}

bool relay_is_idle(const struct relay *r)
{
	(void)r;
	return true;
}

struct relay_totals relay_totals(const struct relay *r)
{
	(void)r;
	return (struct relay_totals){ .agents = relay_double.agent, .bytes_to_viewers = 12345 };
}
