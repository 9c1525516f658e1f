#include "net/dial_proxy.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	HEAD_MAX = 8 * 1024,
	REQUEST_MAX = 2 * 1024,
	LOGIN_MAX = 510,
	HOST_MAX = 255,
	WHY_MAX = 128 + HOST_MAX,
};

struct dial_proxy {
	struct loop *loop;
	struct loop_io *io;
	int fd;
	char target[HOST_MAX + sizeof("[]:65535")];
	char request[REQUEST_MAX];
	size_t request_len;
	size_t sent;
	char head[HEAD_MAX];
	size_t head_len;
	dial_proxy_done_fn *on_done;
	void *ctx;
};

static void finish(struct dial_proxy *p, const char *why)
{
	dial_proxy_done_fn *on_done = p->on_done;
	void *ctx = p->ctx;
	dial_proxy_cancel(p);
	on_done(ctx, why);
}

static void finish_refused(struct dial_proxy *p, int status)
{
	char why[WHY_MAX];
	if (status == 407)
		snprintf(why, sizeof(why),
			"the proxy wants a login for %s: put USER:PASSWORD@ before its host",
			p->target);
	else if (status)
		snprintf(why, sizeof(why), "the proxy refuses to connect to %s (status %d)",
			p->target, status);
	else
		snprintf(why, sizeof(why), "the proxy's answer about %s is not HTTP", p->target);
	finish(p, why);
}

/* 0: not a status line. */
static int parse_status(const char *head, size_t n)
{
	size_t prefix = strlen("HTTP/1.x ");
	if (n < prefix + 3 || memcmp(head, "HTTP/1.", 7) != 0 || head[8] != ' ')
		return 0;
	const char *digits = head + prefix;
	for (int i = 0; i < 3; i++)
		if (digits[i] < '0' || digits[i] > '9')
			return 0;
	return (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
}

/* Looks first and then takes the head alone: what follows is the target's. */
static void read_head(struct dial_proxy *p)
{
	char *at = p->head + p->head_len;
	ssize_t n = recv(p->fd, at, HEAD_MAX - p->head_len, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		finish(p, "the proxy has closed the connection");
		return;
	}
	char *end = memmem(p->head, p->head_len + (size_t)n, "\r\n\r\n", 4);
	size_t take = end ? (size_t)(end + 4 - at) : (size_t)n;
	if (recv(p->fd, at, take, MSG_DONTWAIT) != (ssize_t)take) {
		finish(p, "the proxy's answer cannot be read");
		return;
	}
	p->head_len += take;
	int status = end ? parse_status(p->head, p->head_len) : 0;
	if (status >= 200 && status <= 299)
		finish(p, NULL);
	else if (end || p->head_len == HEAD_MAX)
		finish_refused(p, status);
}

static void ready(void *ctx, int events)
{
	struct dial_proxy *p = ctx;
	if (p->sent == p->request_len) {
		if (events & LOOP_READ)
			read_head(p);
		return;
	}
	ssize_t n = send(
		p->fd, p->request + p->sent, p->request_len - p->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		finish(p, "the proxy has closed the connection");
		return;
	}
	p->sent += n > 0 ? (size_t)n : 0;
	if (p->sent == p->request_len)
		loop_io_want(p->io, LOOP_READ);
}

static void write_request(struct dial_proxy *p, const char *login)
{
	char basic[(LOGIN_MAX + 2) / 3 * 4 + 1] = "";
	if (login)
		EVP_EncodeBlock(
			(unsigned char *)basic, (const unsigned char *)login, (int)strlen(login));
	int n = snprintf(p->request, sizeof(p->request),
		"CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", p->target, p->target,
		login ? "Proxy-Authorization: Basic " : "", basic, login ? "\r\n" : "");
	p->request_len = (size_t)n;
	OPENSSL_cleanse(basic, sizeof(basic));
}

struct dial_proxy *dial_proxy_start(struct loop *l, int fd, const char *host, int port,
	const char *login, dial_proxy_done_fn *on_done, void *ctx)
{
	if (strlen(host) > HOST_MAX || (login && strlen(login) > LOGIN_MAX))
		return NULL;
	struct dial_proxy *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->loop = l;
	p->fd = fd;
	p->on_done = on_done;
	p->ctx = ctx;
	bool v6 = strchr(host, ':') != NULL;
	snprintf(p->target, sizeof(p->target), "%s%s%s:%d", v6 ? "[" : "", host, v6 ? "]" : "",
		port);
	write_request(p, login);
	p->io = loop_io_create(l, fd, ready, p);
	if (!p->io) {
		dial_proxy_cancel(p);
		return NULL;
	}
	loop_io_want(p->io, LOOP_WRITE);
	return p;
}

void dial_proxy_cancel(struct dial_proxy *p)
{
	if (!p)
		return;
	loop_io_destroy(p->io);
	OPENSSL_cleanse(p->request, sizeof(p->request));
	free(p);
}
