#include "relay_house.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "crypto/hmac.h"
#include "crypto/request_signature.h"
#include "crypto/text.h"
#include "crypto/token.h"
#include "http/ws_dial.h"
#include "net/ws_text.h"
#include "tunnel/tunnel_control.h"

enum {
	TUNNELS_A_RUN = 60,       /* a gateway allows 64 */
	TUNNELS_AN_ADDRESS = 450, /* and 1000 ends of them */
	RUNS_MAX = 400,
	FIELDS = 6,
	FIELD_MAX = 256,
	ID_MAX = 64,
	WAIT_US = 20 * 1000 * 1000,
};

struct agent {
	struct ws_text *control;
	char run[ID_MAX], token[160], channel[ID_MAX]; /* the last channel told to open */
	bool done;                                     /* the dial is */
};

struct relay_house {
	struct gateway gateway;
	struct loop *loop;
	struct tls_context *tls;
	char client[ID_MAX], key[2 * HASH_SHA256 + 1];
	struct agent agents[RUNS_MAX];
	int n_agents, n_tunnels; /* of the last agent */
	int n_all;
};

static int copy_text(struct json_ref from, const char *member, char *out, size_t cap)
{
	const char *text = json_get_text(from, member);
	return text && snprintf(out, cap, "%s", text) < (int)cap ? OK : ERR_IO;
}

/* As the store derives it from the token that a client is given once. */
static int make_client(struct relay_house *h)
{
	static const char purpose[] = "porthole agent key";
	uint8_t key[HASH_SHA256];
	char token[160];
	struct json *j =
		gateway_ask(&h->gateway, "{\"op\":\"client.create\",\"args\":{\"displayName\":"
					 "\"bench\",\"agentId\":\"bench\"}}\n");
	struct json_ref client = json_get(json_of(j), "answer");
	int err = copy_text(client, "id", h->client, sizeof(h->client));
	if (!err)
		err = copy_text(client, "token", token, sizeof(token));
	json_drop(j);
	if (err)
		return err;
	hmac_sha256(token, strlen(token), purpose, sizeof(purpose) - 1, key);
	text_put_hex(key, sizeof(key), h->key);
	return OK;
}

static int sign(const struct relay_house *h, const struct agent *a, const char *path,
	char fields[FIELDS][FIELD_MAX])
{
	char nonce[33], stamp[24], empty[2 * HASH_SHA256 + 1], signature[REQUEST_SIGNATURE_TEXT];
	uint8_t hash[HASH_SHA256];
	hash_sha256("", 0, hash);
	text_put_hex(hash, sizeof(hash), empty);
	snprintf(stamp, sizeof(stamp), "%lld", (long long)time(NULL));
	struct request_signature s = {
		.method = "GET",
		.path = path,
		.body_sha256 = empty,
		.timestamp = stamp,
		.nonce = nonce,
		.run_id = a->run,
		.token = a->token,
	};
	if (token_make(nonce, 16) || request_signature_make(&s, h->key, strlen(h->key), signature))
		return ERR_IO;
	snprintf(fields[0], FIELD_MAX, "X-Signature: %s", signature);
	snprintf(fields[1], FIELD_MAX, "X-Timestamp: %s", stamp);
	snprintf(fields[2], FIELD_MAX, "X-Nonce: %s", nonce);
	snprintf(fields[3], FIELD_MAX, "X-Run-Id: %s", a->run);
	snprintf(fields[4], FIELD_MAX, "X-Capability-Token: %s", a->token);
	snprintf(fields[5], FIELD_MAX, "X-Agent-Id: bench");
	return OK;
}

static void on_message(void *ctx, const char *text, size_t n)
{
	struct agent *a = ctx;
	struct tunnel_message m;
	bool is_json;
	char problem[TUNNEL_PROBLEM_MAX];
	if (tunnel_message_parse(text, n, TUNNEL_FROM_GATEWAY, &m, &is_json, problem))
		return;
	if (m.type == TUNNEL_OPEN)
		snprintf(a->channel, sizeof(a->channel), "%s", m.channel);
	tunnel_message_fini(&m);
}

static void on_close(void *ctx, int err, unsigned code, const char *reason)
{
	struct agent *a = ctx;
	fprintf(stderr, "bench: the gateway closed a run's control (%d, %u, %s)\n", err, code,
		reason);
	ws_text_destroy(a->control);
	a->control = NULL;
}

static const struct ws_text_events control_events = { on_message, on_close };

struct joining {
	struct relay_house *house;
	struct agent *agent;
};

static void on_dialled(void *ctx, const struct ws_dial_answer *answer)
{
	static const char hello[] = "{\"type\":\"hello\",\"version\":1,\"kinds\":[\"rfb\"],"
				    "\"agent\":\"bench 1\"}";
	struct joining *j = ctx;
	struct agent *a = j->agent;
	struct ws_text_config config = {
		.ws = { .role = WS_CLIENT }, .events = &control_events, .ctx = a
	};
	a->done = true;
	if (answer->stream)
		a->control = ws_text_create(
			j->house->loop, answer->stream, &config, answer->early, answer->n_early);
	if (!a->control || ws_text_send(a->control, hello, sizeof(hello) - 1))
		fprintf(stderr, "bench: no agent may join: %s\n",
			answer->error ? answer->error : "no memory");
}

static int join(struct relay_house *h, struct agent *a)
{
	char path[128], url[256], fields[FIELDS][FIELD_MAX];
	const char *rows[FIELDS + 1] = { NULL };
	struct joining joining = { h, a };
	snprintf(path, sizeof(path), "/ws/agent/%s", a->run);
	snprintf(url, sizeof(url), "%s://127.0.0.1:%d%s", h->tls ? "wss" : "ws", h->gateway.port,
		path);
	if (sign(h, a, path, fields))
		return ERR_IO;
	for (int i = 0; i < FIELDS; i++)
		rows[i] = fields[i];
	struct ws_dial_config config = {
		.url = url, .protocol = TUNNEL_CONTROL_PROTOCOL, .fields = rows, .tls = h->tls
	};
	if (!ws_dial_start(h->loop, &config, on_dialled, &joining))
		return ERR_NOMEM;
	while (!a->done)
		loop_turn(h->loop);
	return a->control ? OK : ERR_IO;
}

static int add_run(struct relay_house *h)
{
	char line[256];
	if (h->n_agents == RUNS_MAX)
		return ERR_LIMIT;
	struct agent *a = &h->agents[h->n_agents++];
	h->n_tunnels = 0;
	snprintf(line, sizeof(line),
		"{\"op\":\"run.create\",\"args\":{\"label\":\"bench\",\"clientId\":\"%s\"}}\n",
		h->client);
	struct json *j = gateway_ask(&h->gateway, line);
	struct json_ref run = json_get(json_of(j), "answer");
	int err = copy_text(run, "id", a->run, sizeof(a->run));
	if (!err)
		err = copy_text(run, "capabilityToken", a->token, sizeof(a->token));
	json_drop(j);
	return err ? err : join(h, a);
}

struct relay_house *relay_house_create(const char *porthole, struct loop *l, const char *cert,
	const char *key, struct tls_context *tls)
{
	struct relay_house *h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->loop = l;
	h->tls = tls;
	if (gateway_start(&h->gateway, porthole, cert, key) || make_client(h)) {
		relay_house_destroy(h);
		return NULL;
	}
	return h;
}

void relay_house_move(struct relay_house *h, struct loop *l)
{
	h->loop = l;
	h->n_tunnels = TUNNELS_A_RUN;
}

void relay_house_destroy(struct relay_house *h)
{
	if (!h)
		return;
	for (int i = 0; i < h->n_agents; i++)
		ws_text_destroy(h->agents[i].control);
	gateway_stop(&h->gateway);
	free(h);
}

const struct proc *relay_house_proc(const struct relay_house *h)
{
	return &h->gateway.proc;
}

static int take_ticket(const struct relay_house *h, const struct agent *a, char *out, size_t cap)
{
	char line[256];
	snprintf(line, sizeof(line),
		"{\"op\":\"ticket.create\",\"args\":{\"id\":\"%s\",\"rights\":\"control\"}}\n",
		a->run);
	struct json *j = gateway_ask(&h->gateway, line);
	int err = copy_text(json_get(json_of(j), "answer"), "ticket", out, cap);
	json_drop(j);
	return err;
}

static int open_viewer(struct relay_house *h, struct agent *a, struct relay_end *viewer)
{
	char path[128], protocol[256], ticket[160];
	int err = take_ticket(h, a, ticket, sizeof(ticket));
	if (err)
		return err;
	snprintf(path, sizeof(path), "/ws/vnc/%s", a->run);
	snprintf(protocol, sizeof(protocol), "binary, porthole.ticket.%s", ticket);
	relay_end_connect(viewer, h->loop,
		&(struct relay_address){ .port = h->gateway.port,
			.path = path,
			.protocol = protocol,
			.tls = h->tls,
			.from = 1 + h->n_all++ / TUNNELS_AN_ADDRESS });
	return OK;
}

static int open_agent(struct relay_house *h, struct agent *a, struct relay_end *agent)
{
	char path[256], fields[FIELDS][FIELD_MAX], lines[FIELDS * (FIELD_MAX + 2) + 1];
	size_t n = 0;
	snprintf(path, sizeof(path), "/ws/agent/%s/%s", a->run, a->channel);
	if (sign(h, a, path, fields))
		return ERR_IO;
	for (int i = 0; i < FIELDS; i++)
		n += (size_t)snprintf(lines + n, sizeof(lines) - n, "%s\r\n", fields[i]);
	relay_end_connect(agent, h->loop,
		&(struct relay_address){ .port = h->gateway.port,
			.path = path,
			.protocol = TUNNEL_RAW_PROTOCOL,
			.headers = lines,
			.tls = h->tls,
			.from = 1 + h->n_all / TUNNELS_AN_ADDRESS });
	return OK;
}

int relay_house_open(struct relay_house *h, struct relay_end *viewer, struct relay_end *agent)
{
	int err = OK;
	if (h->n_agents == 0 || h->n_tunnels == TUNNELS_A_RUN)
		err = add_run(h);
	struct agent *a = &h->agents[h->n_agents - 1];
	h->n_tunnels++;
	a->channel[0] = '\0';
	if (!err)
		err = open_viewer(h, a, viewer);
	uint64_t end = clock_now_us() + WAIT_US;
	while (!err && !a->channel[0] && a->control && clock_now_us() < end)
		loop_turn(h->loop);
	if (!err && !a->channel[0])
		err = ERR_IO;
	return err ? err : open_agent(h, a, agent);
}
