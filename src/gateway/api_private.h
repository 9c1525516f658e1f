#pragma once
#include "gateway/api.h"
#include "gateway/who.h"
#include "http/route.h"

/* What the files of the API share. */

enum { API_CAPTURE_MAX = 64 };

struct api_call;

/* Goes on with a call: `args` are the callee's. It ends the call with one of
 * api_answer*() or api_take(), or asks the store something and ends it then. */
typedef void api_run_fn(struct api_call *c, struct json *args);
/* Makes an answer of the store's, which is no error. */
typedef void api_reply_fn(struct api_call *c, int status, struct json_ref answer);

struct api_route {
	const char *method;  /* GET answers HEAD too */
	const char *pattern; /* see http/route.h */
	unsigned who;        /* kinds of credentials that go; 0: the row looks itself */
	const char *op;      /* what the store is asked; NULL: `run` knows */
	/* Names of the arguments that the pattern's captures become. */
	const char *captures[ROUTE_CAPTURES_MAX];
	const char *query;   /* names of arguments from the query, with blanks between them */
	bool body;           /* the body's members are arguments too */
	bool is_upgrade;     /* a WebSocket; anything else is told 426 */
	bool no_limit;       /* of requests */
	bool cloud;          /* errors look as CloudAPI's */
	api_run_fn *run;     /* NULL: ask `op` */
	api_reply_fn *reply; /* NULL: the answer goes out as it is */
};

extern const struct api_route api_routes[];
extern const size_t api_n_routes;

/* A request that waits for its answer. */
struct api_call {
	struct api *api;
	struct http_exchange *x;
	const struct api_route *route;
	char captures[ROUTE_CAPTURES_MAX][API_CAPTURE_MAX];
	char address[WHO_ADDRESS_MAX];
	int peer;  /* descriptor; in the first step only */
	int asked; /* what the store is asked, 0: nothing */
	uint64_t asked_us;
	api_reply_fn *then;
	struct json *kept; /* what a run remembers between steps; owned */
	struct api_call *next, **link;
};

struct api {
	const struct api_config *config;
	struct api_call *calls;
	struct who *who; /* who asks, while a call's first step is made; else NULL */
};

/* Enters a call whose exchange is its own from now on. */
void api_add(struct api *a, struct api_call *c);
/* Checks who asks and how often, then runs the row. */
void api_start(struct api_call *c);

/* Asks the store in the name of who asks us; takes `args` (NULL: none). `then` gets
 * every answer that is no error; an error goes to who asks. */
void api_ask(struct api_call *c, const char *op, struct json *args, api_reply_fn *then);
/* The same as the gateway itself. */
void api_ask_as_gateway(struct api_call *c, const char *op, struct json *args, api_reply_fn *then);

/* Ends of a call. `body` is taken; `fields` as in struct response. */
void api_answer(struct api_call *c, int status, struct json *body);
void api_answer_with(
	struct api_call *c, int status, struct json_ref body, const char *const *fields);
void api_answer_text(struct api_call *c, const char *type, const void *text, size_t n);
void api_error(struct api_call *c, int status, const char *sentence);
/* With CloudAPI's word for it. */
void api_cloud_error(struct api_call *c, int status, const char *code, const char *sentence);
/* The exchange becomes the caller's. */
struct http_exchange *api_take(struct api_call *c);

/* The arguments of a row out of captures, query and body. NULL: the call has ended. */
struct json *api_args(struct api_call *c);
bool api_is_method(const struct http_exchange *x, const char *method);

/* Rows' own ways. */
api_run_fn api_setup, api_login, api_stop, api_vnc_start, api_health, api_control, api_metrics,
	api_live, api_viewer, api_agent, api_channel;
api_reply_fn api_pass, api_logged_in, api_logged_out, api_commands, api_events, api_vnc_status,
	api_vnc_close, api_vnc_disconnect, api_vnc_stats, api_stats, api_activity, api_active_runs,
	api_needs_attention, api_alerts, api_cloud_images, api_cloud_list, api_cloud_one,
	api_cloud_vnc;
