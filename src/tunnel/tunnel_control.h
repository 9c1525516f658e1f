#pragma once
#include <stddef.h>

#include "base/err.h"
#include "base/json.h"

/* The messages of an agent's control WebSocket, doc/PROTOCOL.tunnel.md section 1.
 * Pure. */
#define TUNNEL_CONTROL_PROTOCOL "porthole.agent.v1"
#define TUNNEL_RAW_PROTOCOL "binary"
#define TUNNEL_RESUME_PROTOCOL "porthole.v1"

enum {
	TUNNEL_VERSION = 1,
	TUNNEL_MESSAGE_MAX = 64 * 1024,
	TUNNEL_PROBLEM_MAX = 256,
	TUNNEL_HELLO_S = 10, /* from the upgrade */
	TUNNEL_OPEN_S = 30,  /* from open to the data WebSocket */
};

enum tunnel_close_code { TUNNEL_CLOSE_REPLACED = 4001 };

enum tunnel_side { TUNNEL_FROM_AGENT, TUNNEL_FROM_GATEWAY };

enum tunnel_message_type {
	TUNNEL_UNKNOWN, /* to be ignored */
	TUNNEL_HELLO,
	TUNNEL_REFUSED,
	TUNNEL_OPEN,
	TUNNEL_CLOSE,
	TUNNEL_RIGHTS,
	TUNNEL_REVOKE,
	TUNNEL_COMMAND,
};

enum tunnel_rights { TUNNEL_VIEW, TUNNEL_CONTROL };

/* Which members count, says the table of the document. To be printed, texts are the
 * caller's and `kinds` refers to any list of texts; NULL leaves a member out. */
struct tunnel_message {
	enum tunnel_message_type type;
	int version;
	struct json_ref kinds;
	const char *agent;
	const char *channel, *grant, *id;
	const char *kind, *protocol, *user;
	enum tunnel_rights rights;
	const char *reason, *command;
	struct json *tree; /* of a parsed one: owns the texts; else NULL */
};

/* A message from that side. OK; or ERR_PROTO and `problem`, a sentence; *is_json says
 * whether it was JSON at all. On OK the caller ends it with tunnel_message_fini(). */
MUST_USE int tunnel_message_parse(const char *text, size_t n, enum tunnel_side from,
	struct tunnel_message *out, bool *is_json, char problem[TUNNEL_PROBLEM_MAX]);
void tunnel_message_fini(struct tunnel_message *m); /* safe on a zeroed one and twice */
/* One line of JSON; the caller frees it. NULL: no memory, or a text is not UTF-8. */
char *tunnel_message_print(const struct tunnel_message *m);

const char *tunnel_rights_text(enum tunnel_rights r); /* "view", "control" */
