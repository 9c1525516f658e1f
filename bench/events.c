#include "events.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/opt.h"
#include "crypto/hash.h"
#include "crypto/request_signature.h"
#include "crypto/text.h"
#include "crypto/token.h"
#include "gateway.h"
#include "net/address.h"

enum { EXIT_USAGE = 2, CONNECTIONS_MAX = 256, ANSWER_MAX = 4096 };

struct options {
	int connections, seconds, rounds;
	const char *porthole;
	bool json, help;
};

static const struct opt rows[] = {
	{ "connections", 'c', "N", "keep-alive connections", OPT_AT(struct options, connections),
		.min = 1, .max = CONNECTIONS_MAX },
	{ "seconds", 's', "N", "of each round", OPT_AT(struct options, seconds), .min = 1,
		.max = 60 },
	{ "rounds", 'r', "N", "how often", OPT_AT(struct options, rounds), .min = 1, .max = 100 },
	{ "porthole", 'p', "FILE", "the program to measure", OPT_AT(struct options, porthole) },
	{ "json", 'j', NULL, "a line of JSON a round", OPT_AT(struct options, json) },
	{ "help", 'h', NULL, "this text", OPT_AT(struct options, help) },
};
static const struct opt_group group = { "Options", rows, ARRAY_LEN(rows) };

struct target {
	struct gateway gateway;
	char run[64], token[129];
};

struct connection {
	int fd;
	char in[ANSWER_MAX];
	size_t n;
	uint64_t asked_us;
};

struct result {
	unsigned long long acknowledged;
	double seconds, slowest_ms, cpu_s;
};

static int dial(int port)
{
	struct address a;
	char text[32];
	snprintf(text, sizeof(text), "127.0.0.1:%d", port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || address_parse(text, &a) || connect(fd, (struct sockaddr *)&a.sa, a.len)) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static int make_run(struct target *t)
{
	struct json *j = gateway_ask(
		&t->gateway, "{\"op\":\"run.create\",\"args\":{\"label\":\"bench\"}}\n");
	struct json_ref run = json_get(json_of(j), "answer");
	const char *id = json_get_text(run, "id"), *token = json_get_text(run, "capabilityToken");
	snprintf(t->run, sizeof(t->run), "%s", id ? id : "");
	snprintf(t->token, sizeof(t->token), "%s", token ? token : "");
	json_drop(j);
	return *t->run && *t->token ? OK : ERR_IO;
}

static int put_request(const struct target *t, unsigned long long sequence, char *out, size_t cap)
{
	char body[256], hash_hex[65], stamp[24], nonce[33], signature[REQUEST_SIGNATURE_TEXT];
	uint8_t hash[HASH_SHA256];
	int n = snprintf(body, sizeof(body),
		"{\"type\": \"stdout\", \"data\": \"line %llu of a program's output\", "
		"\"sequence\": %llu}",
		sequence, sequence);
	hash_sha256(body, (size_t)n, hash);
	text_put_hex(hash, sizeof(hash), hash_hex);
	snprintf(stamp, sizeof(stamp), "%lld", (long long)time(NULL));
	struct request_signature s = {
		.method = "POST",
		.path = "/api/ingest/event",
		.body_sha256 = hash_hex,
		.timestamp = stamp,
		.nonce = nonce,
		.run_id = t->run,
		.token = t->token,
	};
	if (token_make(nonce, 16) ||
		request_signature_make(&s, gateway_secret, strlen(gateway_secret), signature))
		return ERR_IO;
	return snprintf(out, cap,
		"POST /api/ingest/event HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
		"Content-Type: application/json\r\nContent-Length: %d\r\nX-Signature: %s\r\n"
		"X-Timestamp: %s\r\nX-Nonce: %s\r\nX-Run-Id: %s\r\nX-Capability-Token: "
		"%s\r\n\r\n%s",
		t->gateway.port, n, signature, stamp, nonce, t->run, t->token, body);
}

static int ask(const struct target *t, struct connection *c, unsigned long long sequence)
{
	char request[2048];
	int n = put_request(t, sequence, request, sizeof(request));
	c->n = 0;
	c->asked_us = clock_now_us();
	return n > 0 && send(c->fd, request, (size_t)n, MSG_NOSIGNAL) == n ? OK : ERR_IO;
}

/* OK: a whole answer that says yes; ERR_AGAIN: not whole yet. */
static int take(struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->n, sizeof(c->in) - 1 - c->n, 0);
	if (n <= 0)
		return ERR_IO;
	c->n += (size_t)n;
	c->in[c->n] = '\0';
	char *end = strstr(c->in, "\r\n\r\n");
	if (!end || !strstr(end, "}"))
		return ERR_AGAIN;
	if (!strncmp(c->in, "HTTP/1.1 200", 12) && strstr(end, "\"ok\": true"))
		return OK;
	fprintf(stderr, "bench: an event was refused: %s\n", c->in);
	return ERR_PROTO;
}

static int serve(const struct target *t, struct connection *c, struct result *r)
{
	int err = take(c);
	if (err)
		return err == ERR_AGAIN ? OK : err;
	double ms = (double)(clock_now_us() - c->asked_us) / 1000;
	r->slowest_ms = ms > r->slowest_ms ? ms : r->slowest_ms;
	r->acknowledged++;
	return ask(t, c, r->acknowledged + CONNECTIONS_MAX);
}

static int run_round(
	const struct target *t, struct connection *all, int n, int seconds, struct result *r)
{
	struct pollfd polled[CONNECTIONS_MAX];
	uint64_t start = clock_now_us(), now = start;
	uint64_t cpu = proc_cpu_ns(&t->gateway.proc);
	int err = OK;
	*r = (struct result){ .acknowledged = 0 };
	for (int i = 0; i < n && !err; i++) {
		polled[i] = (struct pollfd){ .fd = all[i].fd, .events = POLLIN };
		err = ask(t, &all[i], (unsigned long long)i);
	}
	while (!err && now < start + (uint64_t)seconds * 1000000) {
		if (poll(polled, (nfds_t)n, 1000) < 0 && errno != EINTR)
			err = ERR_IO;
		for (int i = 0; i < n && !err; i++)
			if (polled[i].revents)
				err = serve(t, &all[i], r);
		now = clock_now_us();
	}
	r->seconds = (double)(now - start) / 1e6;
	r->cpu_s = (double)(proc_cpu_ns(&t->gateway.proc) - cpu) / 1e9;
	return err;
}

static void print(const struct options *o, const struct result *r, int round)
{
	double rate = (double)r->acknowledged / r->seconds;
	double cpu_us = 1e6 * r->cpu_s / (double)(r->acknowledged ? r->acknowledged : 1);
	if (o->json)
		printf("{\"connections\": %d, \"eventsPerSecond\": %.0f, \"slowestMs\": %.1f, "
		       "\"cpuUsPerEvent\": %.0f}\n",
			o->connections, rate, r->slowest_ms, cpu_us);
	else
		printf("round %d: %.0f events a second acknowledged, the slowest after %.1f ms, "
		       "%.0f us CPU each\n",
			round + 1, rate, r->slowest_ms, cpu_us);
	fflush(stdout);
}

static int run_rounds(const struct target *t, const struct options *o)
{
	struct connection *all = calloc(CONNECTIONS_MAX, sizeof(*all));
	int err = all ? OK : ERR_NOMEM;
	for (int round = 0; round < o->rounds && !err; round++) {
		struct result r;
		int n = 0;
		while (n < o->connections && (all[n].fd = dial(t->gateway.port)) >= 0)
			n++;
		err = n == o->connections ? run_round(t, all, n, o->seconds, &r) : ERR_IO;
		while (n > 0)
			close(all[--n].fd);
		if (!err)
			print(o, &r, round);
	}
	free(all);
	return err;
}

int events_bench(int argc, char **argv)
{
	struct options o = { 32, 5, 3, "build/src/cli/porthole", false, false };
	struct opt_set set = { &group, &o };
	struct target t = { .run = "" };
	char error[OPT_ERROR_MAX];
	int n_operands;
	if (opt_parse(&set, 1, argc - 1, argv + 1, &n_operands, error) || n_operands > 0) {
		fprintf(stderr, "bench events: %s\n", n_operands ? "no operands" : error);
		return EXIT_USAGE;
	}
	if (o.help) {
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			printf("  -%c, --%-12s %s\n", rows[i].letter, rows[i].name, rows[i].help);
		return 0;
	}
	int err = gateway_start(&t.gateway, o.porthole, NULL, NULL);
	if (!err)
		err = make_run(&t);
	if (!err)
		err = run_rounds(&t, &o);
	gateway_stop(&t.gateway);
	return err ? 1 : 0;
}
