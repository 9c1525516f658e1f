#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "gateway/gateway.h"

/* A gateway, and somebody who knocks. Its store and its tunnels are real, or what a
 * test links in their place. */
enum { GATEHOUSE_BODY = 64 * 1024 };

struct gatehouse {
	struct loop *loop;
	struct loop_timer *tick, *watchdog;
	struct address listen[2];
	struct gateway_config config;
	struct gateway *gateway;
	struct log log;
	char lines[64 * 1024]; /* what was logged */
	char dir[32], admin[64], error[GATEWAY_ERROR_MAX], host[64];
	int port, fd; /* who knocks, -1: nobody */
	struct buf got;
	bool eof, ended, failed;
};

struct reply {
	int status;
	char head[4096], body[GATEHOUSE_BODY];
};

/* Listens, and nobody has come yet; `store` stays the caller's. */
int gatehouse_set_up(void **state, struct store *store);
int gatehouse_tear_down(void **state);
void gatehouse_open(struct gatehouse *h);  /* with what the config says now */
void gatehouse_close(struct gatehouse *h); /* ends the gateway, and who knocks */
void gatehouse_turn(struct gatehouse *h);
/* A new connection, to the gateway or to its Unix socket. */
void gatehouse_knock(struct gatehouse *h);
void gatehouse_knock_admin(struct gatehouse *h);
void gatehouse_say(struct gatehouse *h, const char *text, size_t n);
/* The next answer, which must come. */
struct reply gatehouse_hear(struct gatehouse *h);
/* A new connection, and a request: its first line without the version, further
 * fields (each ended by CRLF, may be NULL), a body (may be NULL). */
struct reply gatehouse_ask(
	struct gatehouse *h, const char *line, const char *fields, const char *body);
/* The text of a member of the answer's object, "" when there is none. */
const char *reply_text(const struct reply *r, const char *key);
bool reply_has(const struct reply *r, const char *field); /* "Allow: GET" */
