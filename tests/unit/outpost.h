#pragma once
#include "agent/agent.h"
#include "gateway/gateway.h"
#include "session.h"
#include "tunnel/tunnel_resume.h"

/* A desktop whose agent joins a real gateway with a store in memory, and lookers who
 * come to it by the gateway with tickets, all in one loop but for the store's process. */
enum { LOOKERS_MAX = 24, OUTPOST_LOG = 256 * 1024 };

struct outpost;

/* A viewer by the gateway. With `resume` its session outlives its link. */
struct looker {
	struct outpost *post;
	bool control;
	char run[64];
	struct ws_dial *dial;
	struct stream *ws;
	struct tunnel_resume *resume; /* NULL: binary */
	struct client *client;
	bool deaf;        /* does not read */
	bool returns;     /* by itself, when the link is lost */
	int n_links;      /* that came to be */
	int status;       /* of a link that was refused */
	unsigned code;    /* how the last one ended; 0: it has not */
	int refusal;      /* of REFUSED; 0: none */
	bool closed;      /* CLOSE came */
	int end;          /* of client_feed() */
	size_t cut_after; /* bytes of a link; 0: it is not cut */
	int n_updates;
};

struct outpost {
	struct session *session;
	struct store *store;
	struct address listen;
	struct gateway_config gateway_config;
	struct gateway *gateway;
	bool gateway_may_end, gateway_ended;
	struct agent_config config;
	struct agent *agent;
	struct log log;
	char lines[OUTPOST_LOG];
	char url[64], client_token[80], run[64], token[80];
	bool ended, failed;
	int patience; /* waits within waits */
	char why[AGENT_ERROR_MAX], error[AGENT_ERROR_MAX];
	struct looker lookers[LOOKERS_MAX];
	int n_lookers;
};

/* Timers started inside the loop are that much faster (-Wl,--wrap=loop_timer_start). */
extern unsigned outpost_speed;

int outpost_set_up(void **state); /* a client, a run for it, and nobody joined */
int outpost_tear_down(void **state);
#define OUTPOST_TEST(name) cmocka_unit_test_setup_teardown(name, outpost_set_up, outpost_tear_down)

void outpost_turn(struct outpost *o);
#define OUTPOST_UNTIL(o, cond)                                                                     \
	for (outpost_patience(o, true); !(cond) || (outpost_patience(o, false), 0);)               \
	outpost_turn(o)
void outpost_patience(struct outpost *o, bool begins);
void outpost_settle(struct outpost *o);
void outpost_open_gateway(struct outpost *o);
void outpost_close_gateway(struct outpost *o);
/* With what the config says now; NULL: refused, see `error`. */
struct agent *outpost_join(struct outpost *o);
/* Joined, as far as the gateway knows. */
void outpost_until_joined(struct outpost *o);
void outpost_leave(struct outpost *o);

/* Asks the store as its administrator; returns the status and, with `out`, the answer,
 * which is the caller's. `args` as JSON with ' for ". */
int outpost_ask(struct outpost *o, const char *op, const char *args, struct json **out);
void outpost_make_run(struct outpost *o); /* a new one, for `run` and `token` */
/* A text of the run's row, "" for none: "status". Valid until the next call. */
const char *outpost_run_text(struct outpost *o, const char *key);
/* The data of the n-th event of that type; NULL: there is none. Likewise. */
const char *outpost_event(struct outpost *o, const char *type, int n);
void outpost_command(struct outpost *o, const char *command);

struct looker *outpost_look(struct outpost *o, bool control, bool resume);
void looker_come(struct looker *l); /* again */
void looker_cut(struct looker *l);  /* the link, without a word */
void looker_leave(struct looker *l);
bool looker_shows(const struct looker *l); /* the stage's picture */
void looker_key(struct looker *l, uint32_t keysym);
