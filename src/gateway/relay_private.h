#pragma once
#include <stdint.h>

#include "crypto/token.h"
#include "gateway/relay.h"
#include "gateway/who.h"
#include "net/pump.h"
#include "net/ws_text.h"
#include "tunnel/tunnel_control.h"

/* What the files of the relay share. Runs, tunnels and links are found by walking down
 * from `struct relay`; each is destroyed by the file that makes it. */
enum {
	RELAY_BUCKETS = 1024,
	RELAY_WAIT_S = 30, /* of a viewer, for an agent or for its answer */
	/* A grant outlives its channel as long as a resume key, and somewhat more. */
	RELAY_GRANT_S = 90,
	RELAY_QUEUE_MAX = 1024 * 1024, /* of a control WebSocket */
};

/* Under which session or ticket a channel was opened. Revoked, it closes the channel and
 * what may be resumed after it. */
struct relay_grant {
	struct relay_grant *next; /* in relay.kept: its channel has ended */
	char id[TOKEN_ID];
	uint64_t until_us;
	bool revoked;
	/* Texts below; "" where there is none. */
	const char *run, *user_id, *user, *session, *ticket, *link;
	char text[];
};

/* How many channels come from an address. */
struct relay_address {
	struct relay_address *next; /* in its bucket */
	int n;
	char text[];
};

enum relay_state {
	RELAY_WAITING, /* one end is there */
	RELAY_ASKED,   /* our agent was told to open its end */
	RELAY_JOINED,
};

/* A channel and its pump. An existing runner that came before a viewer is one without
 * a grant; the next viewer fills it. */
struct relay_tunnel {
	struct relay_tunnel *next; /* of its run */
	struct relay_run *run;
	struct pump *pump;
	struct relay_grant *grant;     /* of the viewer; NULL: none came yet */
	struct relay_address *viewer;  /* likewise */
	struct relay_address *desktop; /* the agent's or runner's; NULL: not there */
	char id[TOKEN_ID];
	uint8_t state;                       /* enum relay_state */
	uint8_t granted, told;               /* enum tunnel_rights: by the store, in force */
	bool resumable;                      /* porthole.v1 */
	bool is_runner;                      /* the desktop's end is an existing runner */
	bool viewer_is_b;                    /* of the pump */
	uint64_t deadline_us;                /* until joined */
	long long since_ms, viewer_since_ms; /* wall clock */
};

/* Our agent's control WebSocket. */
struct relay_link {
	struct relay_run *run;
	struct ws_text *ws;
	struct relay_address *address;
	bool ready; /* said hello */
	uint64_t deadline_us;
	long long since_ms;
	char *agent_id, *client_id; /* owned; "" for none */
	char *name;                 /* of its hello; NULL before */
};

/* From the viewer's and from the desktop's end. */
struct relay_count {
	unsigned long long bytes_from_viewer, bytes_from_desktop, frames_from_viewer,
		frames_from_desktop;
};

struct relay_run {
	struct relay_run *next; /* in its bucket */
	struct relay *relay;
	struct relay_link *link;       /* NULL: no agent of ours */
	struct relay_tunnel *tunnels;  /* oldest first */
	struct relay_tunnel *controls; /* who took control; NULL: all that may */
	int n_tunnels;
	struct relay_count ended; /* of tunnels that are gone */
	long long since_ms;
	char id[];
};

struct relay {
	struct loop *loop;
	struct relay_config config;
	struct loop_timer *tick;
	struct relay_run *runs[RELAY_BUCKETS];
	struct relay_address *addresses[RELAY_BUCKETS];
	struct relay_ask *asks;                     /* upgrades that wait for the store */
	struct relay_grant *kept;                   /* of channels that have ended */
	struct relay_record *records, *last_record; /* for the store */
	int records_asked;
	int n_tunnels, n_waiting, n_links, n_greeting; /* greeting: links without hello */
	unsigned long long opened;
	struct relay_count ended;
	bool draining;
};

long long relay_now_ms(void); /* since 1970 */
uint64_t relay_deadline_us(unsigned seconds);
void relay_watch(struct relay *r); /* something has a deadline now */
void relay_changed(struct relay_run *run);
size_t relay_bucket(const char *key);

/* relay_run.c. A run goes when nothing of it is left: relay_run_drop_empty(). */
struct relay_run *relay_run_find(const struct relay *r, const char *id);
struct relay_run *relay_run_get(struct relay *r, const char *id); /* made; NULL: no memory */
void relay_run_drop_empty(struct relay_run *run);
struct relay_tunnel *relay_run_tunnel(const struct relay_run *run, const char *channel);
struct relay_tunnel *relay_run_runner(const struct relay_run *run);
/* Counted; NULL: no memory. */
struct relay_address *relay_address_take(struct relay *r, const char *text);
void relay_address_drop(struct relay *r, struct relay_address *a); /* NULL is fine */
int relay_address_count(const struct relay *r, const char *text);

/* relay_tunnel.c */
struct relay_tunnel_config {
	struct relay_grant *grant; /* NULL: an existing runner */
	const char *address;
	enum tunnel_rights granted;
	bool resumable;
};
/* A tunnel with one end. Takes the stream and the grant on success; NULL: no memory. */
struct relay_tunnel *relay_tunnel_create(
	struct relay_run *run, struct stream *ws, const struct relay_tunnel_config *config);
/* The desktop's end, or to a waiting runner the viewer's. Takes on success. */
MUST_USE int relay_tunnel_join_desktop(
	struct relay_tunnel *t, struct stream *ws, const char *address);
MUST_USE int relay_tunnel_join_viewer(
	struct relay_tunnel *t, struct stream *ws, const struct relay_tunnel_config *config);
/* Closes both ends. `run` may be gone afterwards. */
void relay_tunnel_close(struct relay_tunnel *t, unsigned code, const char *reason);
struct relay_count relay_tunnel_count(const struct relay_tunnel *t);
void relay_count_add(struct relay_count *to, struct relay_count c);
void relay_tunnel_wait(struct relay_tunnel *t); /* its agent was lost: for the next */
enum tunnel_rights relay_tunnel_rights(const struct relay_tunnel *t); /* in force */

/* relay_link.c */
/* Takes the stream on success; `agent_id` and `client_id` are copied. */
MUST_USE int relay_link_create(struct relay_run *run, struct stream *below, const struct buf *early,
	const char *agent_id, const char *client_id, const char *address);
void relay_link_close(struct relay_link *l, unsigned code, const char *reason);
void relay_link_ask(struct relay_link *l, struct relay_tunnel *t); /* open, when ready */
void relay_link_tell_rights(struct relay_link *l, struct relay_tunnel *t);
void relay_link_send(struct relay_link *l, const struct tunnel_message *m);

/* relay_grant.c */
struct relay_grant *relay_grant_create(
	const char *run, struct json_ref redeemed); /* NULL: no memory */
/* Its channel ended: kept for a while when it was resumable, else freed. NULL is fine. */
void relay_grant_release(struct relay *r, struct relay_grant *g, bool resumable);
void relay_grant_tell(struct relay_link *l); /* what was revoked while it was away */
/* The notice `revoked`: closes what it means, and tells agents of what may be resumed. */
void relay_grant_revoke(struct relay *r, struct json_ref body);
void relay_grant_expire(struct relay *r, uint64_t now_us);
void relay_grant_drop_all(struct relay *r);

/* relay_audit.c: tunnel.closed and agent.left, a few at a time. */
void relay_audit_put(const struct relay_tunnel *t, const char *reason);
void relay_audit_put_left(struct relay_run *run); /* its agent's connection broke */
void relay_audit_go_on(struct relay *r);          /* after the store was busy */
void relay_audit_drop_all(struct relay *r);

/* relay_agent.c: our agent of that run is there, or the store is asked about it. */
bool relay_agent_is_there(const struct relay *r, const char *run);

/* relay_ask.c */
void relay_ask_drop_all(struct relay *r);
