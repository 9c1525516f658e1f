#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "agent/agent.h"
#include "base/log.h"
#include "http/asset.h"
#include "net/address.h"
#include "net/child.h"
#include "net/loop.h"
#include "rfb/handshake.h"

/* Screen, desktop and entrances put together: what `share` and `desktop` run. */
struct share;

enum share_source { SHARE_X11, SHARE_PATTERN, SHARE_DESKTOP };

enum { SHARE_LISTEN_MAX = 8, SHARE_ERROR_MAX = 1024 };

struct share_listen {
	struct address address;
	bool may_move;      /* a busy port: take the next free one */
	bool rfb_only;      /* viewers are greeted at once; no HTTP */
	struct address got; /* filled in by share_create() */
};

/* Borrowed for the share's life. */
struct share_config {
	const struct log *log;
	struct child *child;
	enum share_source source;
	const char *display;        /* SHARE_X11: NULL: what xcb finds by itself */
	int monitor;                /* SHARE_X11: 0 all, counted from 1 */
	int w, h;                   /* SHARE_PATTERN and SHARE_DESKTOP */
	uint32_t seed;              /* SHARE_PATTERN */
	const char *const *command; /* SHARE_DESKTOP: NULL-ended; NULL: a terminal */
	const char *name;           /* shown to viewers */
	int framerate, max_viewers;
	bool exclusive, view_only, allow_none, allow_local_users;
	bool password; /* the supervisor has loaded a password file */
	const struct asset_table *assets;
	const char *const *hosts, *const *origins; /* NULL-ended; may be NULL */
	struct share_listen *listen;
	int n_listen;
	/* The gateway to join when the screen is there; its log and desktop are filled in
	 * here. NULL: none. */
	const struct agent_config *agent;
};

struct share_events {
	/* Viewers may come: the entrances listen and the screen is there. */
	void (*on_ready)(void *ctx);
	/* It is over; only share_destroy() is left. `failed`: not in the normal way. */
	void (*on_end)(void *ctx, bool failed, const char *why);
};

/* Listens and starts the screen. NULL: `error` says in one line what is wrong
 * and what to do next. */
struct share *share_create(struct loop *l, const struct share_config *config,
	const struct share_events *events, void *ctx, char error[SHARE_ERROR_MAX]);
/* Ends in order: a gateway that was joined is told that the run is finished. on_end
 * follows, within 3 s, perhaps from inside. */
void share_stop(struct share *s);
void share_destroy(struct share *s); /* NULL is fine */
/* What a browser must present in the URL's fragment; "" when a password does it. */
const char *share_secret(const struct share *s);
