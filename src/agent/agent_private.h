#pragma once
/* What the files of agent/ share. */
#include "agent/agent.h"
#include "base/buf.h"
#include "base/json.h"
#include "net/tls.h"
#include "tunnel/tunnel_control.h"
#include "tunnel/tunnel_resume.h"

enum {
	AGENT_TEXT_MAX = 256,
	AGENT_PATH_MAX = 256,
	AGENT_POLL_MS = 2000,
	AGENT_HEARTBEAT_MS = 30 * 1000,
	AGENT_FINISH_MS = 3000,
	AGENT_LEAVE_MS = 60 * 1000, /* to tell of a run's end when others are to follow */
	AGENT_REST_MS = 30 * 1000,  /* between polls while commands are pushed */
	AGENT_FIELDS_MAX = 12,
	AGENT_FIELD_MAX = 640,
	/* What waits to be told while the gateway is away. */
	AGENT_OUTBOX_MAX = 1000,
	AGENT_OUTBOX_BYTES = 4 * 1024 * 1024,
	AGENT_OUTBOX_SPARE = 64, /* further ones that are no output */
	AGENT_DONE_MAX = 32,     /* commands that are remembered as taken */
	AGENT_CHANNELS_MAX = 256,
	AGENT_QUEUE_MAX =
		68 * 1024 * 1024, /* of a channel's socket: the desktop's limit is lower */
};

/* Waits of 2, 4, 8, 16, 30, 30 ... s, with 20% of jitter so that agents of a gateway
 * that was away do not all come at once. */
struct backoff {
	unsigned n;
};
unsigned backoff_next_ms(struct backoff *b);

/* One request that waits to be told: an event or an acknowledgement. */
struct agent_letter {
	struct agent_letter *next;
	char path[AGENT_PATH_MAX];
	char *body; /* owned */
	size_t n;
};

struct agent_outbox {
	struct agent_letter *first, **last;
	size_t n, bytes;
	unsigned long long dropped;
	int request; /* under way, or 0 */
	struct loop_timer *retry;
	struct backoff backoff;
};

/* Output that is gathered into one event. */
struct agent_line {
	struct buf text;
	struct loop_timer *flush;
	struct agent *agent;
	bool is_error;
};

struct agent {
	struct loop *loop;
	const struct log *log;
	struct desktop *desktop;
	const struct agent_events *events;
	void *ctx;

	/* owned copies */
	char *url; /* without an ending slash */
	char *run_id, *capability_token, *client_token, *hmac_secret, *agent_id, *label;
	char *display_mode, *version;
	char *https_proxy; /* or NULL */
	char key[65];      /* our own signing key, when there is no shared secret */
	bool own;          /* signs with it */
	bool claims;       /* runs are claimed, not given */
	bool require_password;
	unsigned poll_ms, rest_ms; /* between polls; while commands are pushed */
	struct http_client *http;
	struct tls_context *tls;  /* for WebSockets; NULL for http:// */
	long long clock_offset_s; /* gateway's clock minus ours */

	struct loop_task start, end_task;
	struct loop_timer *poll, *heartbeat, *finish, *control_retry;
	int joining, polling, beating; /* requests under way */
	struct backoff join_backoff, control_backoff;
	int refusals;    /* polls in a row that were refused */
	bool registered; /* and runs may be claimed */
	bool running;    /* a run is known and was told of */
	bool poll_again; /* there is something new since the poll that is under way */
	bool finishing;  /* the run is over, as soon as the gateway knows */
	bool quitting;   /* and there will be no other */
	bool ended;      /* on_end is due or was called */
	bool end_failed;
	char end_why[AGENT_ERROR_MAX];
	struct agent_outbox outbox;
	struct agent_line lines[2];
	long long sequence;
	char done[AGENT_DONE_MAX][64];
	unsigned n_done;

	struct ws_dial *control_dial;
	struct ws_text *control;
	uint64_t control_since_us;
	struct agent_channel *channels; /* a list */
	int n_channels;
	struct agent_session *sessions; /* a list: with a link or waiting for one */
	struct agent_runner *runner;
};

/* agent.c */
/* on_end follows by the ready list. */
void agent_end(struct agent *a, bool failed, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The run is gone: claims another one, or ends. */
void agent_lose_run(struct agent *a, const char *why);
/* The gateway asked to stop: ends the run, and the agent when it was given that one. */
void agent_stop(struct agent *a);
void agent_finished(struct agent *a); /* all is told */

/* agent_join.c */
void agent_join(void *agent);
void agent_tick(void *agent); /* of `poll`: looks for a run, or for its commands */
void agent_beat(void *agent);
bool agent_is_token(const char *s); /* may stand in a header */

/* agent_request.c */
struct agent_fields {
	char text[AGENT_FIELDS_MAX][AGENT_FIELD_MAX];
	const char *list[AGENT_FIELDS_MAX + 1]; /* NULL-ended */
	int n;
};
enum { AGENT_WITH_RUN = 1, AGENT_WITH_CLIENT = 2 };
void agent_add_field(struct agent_fields *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The fields of a signed request, with a fresh nonce. OK or an err. */
MUST_USE int agent_sign(struct agent *a, unsigned with, const char *method, const char *path,
	const void *body, size_t n, struct agent_fields *out);
/* Signs and sends; as http_client_send(). */
MUST_USE int agent_send(struct agent *a, unsigned with, const char *method, const char *path,
	const char *body, size_t n, http_client_fn *on_done, void *ctx);
/* The sentence of an error answer, or of what went wrong on the way. */
void agent_why(const struct http_client_answer *a, char *out, size_t cap);
/* Learns the clock's difference from a refusal. True: worth trying again at once. */
bool agent_learn_clock(struct agent *a, const struct http_client_answer *answer);
/* "ws://host/path" of the gateway. */
void agent_ws_url(const struct agent *a, const char *path, char *out, size_t cap);

/* agent_outbox.c: letters leave in order, one at a time, again until they arrive. */
MUST_USE int agent_outbox_init(struct agent *a);
void agent_outbox_fini(struct agent *a);
void agent_event(struct agent *a, const char *type, const char *data);
void agent_marker(struct agent *a, struct json *marker); /* takes it */
void agent_ack(struct agent *a, const char *command_id, const char *result, const char *error);
void agent_outbox_clear(struct agent *a);
void agent_outbox_hurry(struct agent *a); /* tries now */

/* agent_output.c: what the desktop's command writes, as events. */
MUST_USE int agent_output_init(struct agent *a);
void agent_output_fini(struct agent *a);
void agent_begin_output(struct agent *a); /* of a run: what came before is told now */
void agent_flush_output(struct agent *a);

/* agent_command.c */
void agent_poll(struct agent *a);

/* agent_control.c */
void agent_control_start(struct agent *a);
void agent_control_stop(struct agent *a);
void agent_control_send(struct agent *a, const struct tunnel_message *m);

/* agent_channel.c */
enum { AGENT_USER_MAX = 256 };

/* One of the gateway's viewers, from its open message to its end. */
struct agent_channel {
	struct agent_channel *next, *prev;
	struct agent *agent; /* NULL: it is gone, and so is this when its viewer is */
	char id[64], grant[64], user[AGENT_USER_MAX];
	enum tunnel_rights granted, rights;
	bool resumable;
	struct ws_dial *dial;
	struct stream *link;           /* owned until its first record has come */
	struct loop_timer *timer;      /* for that record */
	struct buf opening;            /* and its beginning */
	uint32_t viewer;               /* 0: not shown to the desktop */
	struct agent_session *session; /* borrowed: the one it carries */
};

void agent_channel_open(struct agent *a, const struct tunnel_message *m);
void agent_channel_close(struct agent *a, const char *channel, const char *why);
void agent_channel_set_rights(struct agent *a, const char *channel, enum tunnel_rights rights);
void agent_channel_revoke(struct agent *a, const char *grant);
void agent_channels_end(struct agent *a);
void agent_channel_drop(struct agent_channel *c); /* forgets it; its viewer is left alone */

/* agent_session.c: what a resumable channel carries outlives it. */
/* Takes the link of the channel, whose first record and what follows it is `in`. On
 * failure the link is closed and the channel dropped. */
void agent_session_open(struct agent_channel *c, const struct tunnel_record *opening, struct rd in);
void agent_session_set_rights(struct agent_session *s, enum tunnel_rights rights);
void agent_sessions_revoke(struct agent *a, const char *grant, const char *why); /* NULL: all */
void agent_session_end(struct agent_session *s, const char *why);
void agent_sessions_close(struct agent *a, const char *channel, const char *why);

/* agent_runner.c: streaming as an existing runner does. */
void agent_runner_start(struct agent *a, const char *command_id);
void agent_runner_stop(struct agent *a);
