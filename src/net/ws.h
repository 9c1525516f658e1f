#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What ws_stream and ws_text have in common. */

enum ws_role { WS_SERVER, WS_CLIENT }; /* a client masks what it sends */

/* Close codes, RFC 6455 section 7.4. */
enum ws_code {
	WS_CODE_NORMAL = 1000,
	WS_CODE_GOING_AWAY = 1001,
	WS_CODE_PROTOCOL = 1002,
	WS_CODE_UNSUPPORTED = 1003,
	WS_CODE_NONE = 1005, /* never sent: the peer's Close had no code */
	WS_CODE_LOST = 1006, /* never sent: there was no Close */
	WS_CODE_BAD_TEXT = 1007,
	WS_CODE_POLICY = 1008,
	WS_CODE_TOO_BIG = 1009,
	WS_CODE_INTERNAL = 1011,
	WS_CODE_RESTART = 1012,
	WS_CODE_AGAIN_LATER = 1013,
};

enum { WS_REASON_MAX = 123 }; /* bytes of a Close's reason, UTF-8 */

/* Zeroed is a server with the usual times. */
struct ws_config {
	enum ws_role role;
	bool text_as_binary; /* ws_stream only: text is taken too, and not checked */
	/* A ping goes out every ping_s; a peer that is silent for pong_s after it is
	 * dead (unless we do not read, or our queue holds the ping back). Both up to a
	 * second more. 0: 30 and 10. */
	unsigned ping_s, pong_s;
};
