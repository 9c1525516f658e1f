#pragma once
#include "base/log.h"
#include "desktop/desktop.h"
#include "http/client.h"
#include "net/loop.h"

/* A sharing process that has joined a gateway. With a client token alone it is one
 * of ours: it signs with its own key (doc/STORE.md), keeps a control WebSocket and
 * opens one data WebSocket a viewer (doc/PROTOCOL.tunnel.md). With the shared
 * HMAC secret it acts as an existing runner: polls, and streams over /ws/vnc/:run. */
struct agent;

enum { AGENT_ERROR_MAX = 512 };

struct agent_config {                          /* copied */
	const struct log *log;                 /* borrowed */
	struct desktop *desktop;               /* borrowed; outlives the agent's turns */
	const char *gateway_url;               /* "http(s)://HOST[:PORT][/PREFIX]" */
	const char *run_id, *capability_token; /* NULL: claims runs of worker type vnc */
	const char *client_token;              /* or NULL */
	const char *hmac_secret;               /* at least 32 characters, or NULL */
	const char *agent_id, *label;
	const char *version;            /* of the program; NULL: the gateway is not told */
	const char *display_mode;       /* "screen" or "window", for the started marker */
	unsigned poll_interval_ms;      /* 0: 2 s */
	struct http_client_config http; /* ca_file, pin, insecure: for WebSockets too */
	/* Of WebSockets, see http/proxy.h; libcurl reads the environment itself. Or NULL. */
	const char *https_proxy;
	bool require_password; /* channels are asked for the VNC password */
};

struct agent_events {
	/* The gateway asked to stop the run that was given (__STOP__; of claimed runs it
	 * goes on with the next), it is finished, or nothing can come of it any more
	 * (`failed`: the run is gone, the token is wrong ...). Never from inside a call;
	 * only agent_destroy() is left to do. */
	void (*on_end)(void *ctx, bool failed, const char *why);
};

/* NULL: `error` says what is wrong and what to do. */
struct agent *agent_create(struct loop *l, const struct agent_config *config,
	const struct agent_events *events, void *ctx, char error[AGENT_ERROR_MAX]);
/* Output of the desktop's command, for stdout and stderr events. */
void agent_output(struct agent *a, bool is_error, const char *text, size_t n);
/* The shared thing ended: sends the finished marker; then on_end, within 3 s. */
void agent_finish(struct agent *a, int exit_code);
void agent_destroy(struct agent *a); /* NULL is fine */
