#include "gateway/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Upper ends of the steps, in microseconds, and how Prometheus reads them. */
static const struct {
	uint64_t us;
	const char *seconds;
} steps[METRICS_STEPS] = {
	{ 1000, "0.001" },
	{ 2500, "0.0025" },
	{ 5000, "0.005" },
	{ 10000, "0.01" },
	{ 25000, "0.025" },
	{ 100000, "0.1" },
	{ 1000000, "1" },
	{ UINT64_MAX, "+Inf" },
};

void metrics_answer(struct metrics *m, int status)
{
	int class = status / 100 - 1;
	if (class >= 0 && class < METRICS_CLASSES)
		m->answers[class]++;
}

void metrics_store(struct metrics *m, uint64_t took_us)
{
	m->store_asked++;
	m->store_us += took_us;
	for (int i = 0; i < METRICS_STEPS; i++)
		m->store_steps[i] += took_us <= steps[i].us;
}

static void put(struct buf *out, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void put(struct buf *out, const char *fmt, ...)
{
	char line[256];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (n > 0)
		buf_put(out, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static void put_head(struct buf *out, const char *name, const char *type, const char *help)
{
	put(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_one(
	struct buf *out, const char *name, const char *type, const char *help, unsigned long long v)
{
	put_head(out, name, type, help);
	put(out, "%s %llu\n", name, v);
}

static void put_answers(struct buf *out, const struct metrics *m)
{
	static const char name[] = "porthole_http_responses_total";
	put_head(out, name, "counter", "Answers of the REST API by class of status.");
	for (int i = 0; i < METRICS_CLASSES; i++)
		put(out, "%s{code=\"%dxx\"} %" PRIu64 "\n", name, i + 1, m->answers[i]);
}

static void put_store(struct buf *out, const struct metrics *m)
{
	static const char name[] = "porthole_store_seconds";
	put_head(out, name, "histogram", "How long the store took to answer.");
	for (int i = 0; i < METRICS_STEPS; i++)
		put(out, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name, steps[i].seconds,
			m->store_steps[i]);
	put(out, "%s_sum %.6f\n%s_count %" PRIu64 "\n", name, (double)m->store_us / 1e6, name,
		m->store_asked);
}

static void put_tunnels(struct buf *out, const struct metrics_now *n)
{
	static const char bytes[] = "porthole_tunnel_bytes_total";
	static const char frames[] = "porthole_tunnel_frames_total";
	put_one(out, "porthole_http_connections", "gauge", "Open HTTP connections.",
		(unsigned long long)n->connections);
	put_one(out, "porthole_live_clients", "gauge", "Open live update WebSockets.",
		(unsigned long long)n->live_clients);
	put_one(out, "porthole_agents", "gauge", "Agents that have joined.",
		(unsigned long long)n->agents);
	put_one(out, "porthole_tunnels", "gauge", "Channels between a viewer and an agent.",
		(unsigned long long)n->channels);
	put_one(out, "porthole_tunnels_pending", "gauge", "Channels that wait for one side.",
		(unsigned long long)n->pending);
	put_one(out, "porthole_tunnels_opened_total", "counter", "Channels since the start.",
		n->opened);
	put_head(out, bytes, "counter", "Bytes relayed.");
	put(out, "%s{to=\"viewer\"} %llu\n%s{to=\"agent\"} %llu\n", bytes, n->bytes_to_viewers,
		bytes, n->bytes_to_agents);
	put_head(out, frames, "counter", "WebSocket frames relayed.");
	put(out, "%s{to=\"viewer\"} %llu\n%s{to=\"agent\"} %llu\n", frames, n->frames_to_viewers,
		frames, n->frames_to_agents);
}

struct counts {
	struct buf *out;
	const char *group; /* "runs" within {"runs": {"pending": 1}} */
};

/* Names come from our own store, but a label must not end early whatever they are. */
static bool is_name(const char *s)
{
	return *s && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
			     strlen(s);
}

static bool put_status(void *ctx, const char *key, struct json_ref v)
{
	const struct counts *c = ctx;
	if (json_kind_of(v) == JSON_TYPE_INT && is_name(key))
		put(c->out, "porthole_%s{status=\"%s\"} %lld\n", c->group, key, json_int(v, 0));
	return true;
}

static bool put_count(void *ctx, const char *key, struct json_ref v)
{
	const struct counts *c = ctx;
	struct counts inner = { c->out, key };
	if (!is_name(key))
		return true;
	put(c->out, "# TYPE porthole_%s gauge\n", key);
	if (json_kind_of(v) == JSON_TYPE_INT)
		put(c->out, "porthole_%s %lld\n", key, json_int(v, 0));
	else
		json_each(v, put_status, &inner);
	return true;
}

/* Linux counts a process's pages there; elsewhere there is no such line. */
static void put_memory(struct buf *out)
{
	unsigned long long size, resident;
	FILE *f = fopen("/proc/self/statm", "re");
	if (!f)
		return;
	if (fscanf(f, "%llu %llu", &size, &resident) == 2)
		put_one(out, "process_resident_memory_bytes", "gauge",
			"Memory of the gateway's loop process.",
			resident * (unsigned long long)sysconf(_SC_PAGESIZE));
	fclose(f);
}

void metrics_put(struct buf *out, const struct metrics *m, const struct metrics_now *now,
	struct json_ref counts)
{
	struct counts c = { out, "" };
	put_answers(out, m);
	put_store(out, m);
	put_tunnels(out, now);
	json_each(counts, put_count, &c);
	put_memory(out);
}
