#include "client/client_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/address.h"

enum { READ_SIZE = 65536 };

int client_socket_open(struct client_socket *s, const char *address, struct client *c)
{
	struct address a;
	*s = (struct client_socket){ .fd = -1, .client = c };
	int err = address_parse(address, &a);
	if (err)
		return err;
	s->fd = socket(a.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || connect(s->fd, (const struct sockaddr *)&a.sa, a.len) < 0)
		goto fail;
	if (!address_is_unix(&a)) {
		int on = 1;
		setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
	if (fcntl(s->fd, F_SETFL, O_NONBLOCK) < 0)
		goto fail;
	return OK;
fail:
	client_socket_close(s);
	return ERR_IO;
}

void client_socket_close(struct client_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static bool is_transient(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static int send_some(struct client_socket *s)
{
	struct buf *out = client_output(s->client);
	while (out->len > 0) {
		ssize_t n = send(s->fd, out->data, out->len, MSG_NOSIGNAL);
		if (n < 0)
			return is_transient(errno) ? OK : ERR_IO;
		buf_consume(out, (size_t)n);
	}
	return OK;
}

int client_socket_turn(struct client_socket *s)
{
	uint8_t data[READ_SIZE];
	/* A server that refuses closes at once: its last words are read even when
	 * nothing can be sent any more. */
	int sent = send_some(s);
	ssize_t n = recv(s->fd, data, sizeof(data), 0);
	if (n < 0 && is_transient(errno))
		return sent ? sent : ERR_AGAIN;
	if (n <= 0)
		return ERR_IO;
	s->received += (uint64_t)n;
	int err = client_feed(s->client, data, (size_t)n);
	return err ? err : send_some(s);
}

short client_socket_events(const struct client_socket *s)
{
	return (short)(client_output(s->client)->len > 0 ? POLLIN | POLLOUT : POLLIN);
}

static int wait_until(const struct client_socket *s, uint64_t until_us)
{
	uint64_t now = clock_now_us();
	if (now >= until_us)
		return ERR_AGAIN;
	uint64_t ms = (until_us - now + 999) / 1000;
	struct pollfd p = { .fd = s->fd, .events = client_socket_events(s) };
	int n = poll(&p, 1, ms > 60000 ? 60000 : (int)ms);
	return n < 0 && errno != EINTR ? ERR_IO : OK;
}

int client_socket_pump(
	struct client_socket *s, uint64_t until_us, bool (*done)(void *ctx), void *ctx)
{
	for (;;) {
		if (done && done(ctx))
			return OK;
		int err = client_socket_turn(s);
		if (err == ERR_AGAIN)
			err = wait_until(s, until_us);
		else if (!err && clock_now_us() >= until_us && !(done && done(ctx)))
			err = ERR_AGAIN;
		if (err)
			return err;
	}
}
