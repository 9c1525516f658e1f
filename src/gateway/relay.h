#pragma once
#include "base/json.h"
#include "base/log.h"
#include "gateway/store/store.h"
#include "http/server.h"
#include "net/loop.h"

/* The tunnels: viewers, agents and existing runners meet here. All in the loop
 * process; who may is asked of the store. */
struct relay;

struct relay_config {
	const struct log *log;
	struct store *store;
	bool legacy_runner;                      /* existing runners may open /ws/vnc/:runId */
	unsigned idle_limit_s, absolute_limit_s; /* of a channel; 0: none */
	/* 0: 10000, 64 and 1000. An address is the peer's, see who_address(). */
	int max_channels, max_channels_per_run, max_channels_per_address;
	const char *const *proxies; /* see who_address() */
	/* A tunnel or a viewer came or went: for /ws and the console. relay_status() may
	 * be asked from inside, nothing may be closed. NULL: nobody is told. */
	void (*on_change)(void *ctx, const char *run_id);
	void *ctx;
};

/* The config is copied, what it points at is borrowed. NULL: no memory. */
struct relay *relay_create(struct loop *l, const struct relay_config *config);
/* Closes everything. The connections of exchanges that it was given are destroyed after
 * it, and before the loop turns again. NULL is fine. */
void relay_destroy(struct relay *r);

/* Upgrades; they take the exchange. `run` and `channel` are the path's parts.
 * relay_viewer: a ticket as a second subprotocol ("binary" or "porthole.v1", and
 * "porthole.ticket.<value>") or in the query, a session cookie, or an existing runner
 * (X-VNC-Client). relay_agent: our agent's control socket. relay_channel: its data. */
void relay_viewer(struct relay *r, struct http_exchange *x, const char *run);
void relay_agent(struct relay *r, struct http_exchange *x, const char *run);
void relay_channel(struct relay *r, struct http_exchange *x, const char *run, const char *channel);

/* Objects for the REST API, the caller's: status and stats of one run (facts: section
 * 4, and `viewers`: [{channel, user, rights, since, address, bytes*}], `agent`), of all. */
struct json *relay_status(const struct relay *r, const char *run);
struct json *relay_stats(const struct relay *r);
/* Closes all channels of a run (DELETE), or one viewer. False: no such one. */
bool relay_close_run(struct relay *r, const char *run, const char *reason);
bool relay_close_channel(struct relay *r, const char *run, const char *channel);
/* Control of a run's screen: to that channel, which must have been opened for control,
 * or back to all with NULL. It goes back when the channel ends. False: no such one. */
bool relay_give_control(struct relay *r, const char *run, const char *channel);

/* Of the store: command_queued and revoked are acted on. */
void relay_notice(struct relay *r, const char *kind, struct json_ref body);
/* New channels are refused, the open ones are closed with 1001. */
void relay_drain(struct relay *r);
/* Nothing is open, and the store was asked to keep all that was. */
bool relay_is_idle(const struct relay *r);
/* For /metrics. */
struct relay_totals {
	int channels, agents, pending;
	unsigned long long opened, bytes_to_viewers, bytes_to_agents, frames_to_viewers,
		frames_to_agents;
};
struct relay_totals relay_totals(const struct relay *r);
