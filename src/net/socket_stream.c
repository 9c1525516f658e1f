#include "net/socket_stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop_private.h"
#include "net/out_queue.h"

enum {
	NOTSENT_LOWAT = 128 * 1024, /* or the kernel hides megabytes from pacing */
	FLUSH_MS = 2000,
	LATE_MAX = 1024 * 1024, /* thrown away after close(), for the peer to see our end */
	PARTS_MAX = 1024,       /* of one sendmsg(2) */
	FLUSH_PARTS = 16,
};

struct socket_stream {
	struct stream s; /* first: a struct stream * is a struct socket_stream * */
	struct loop *loop;
	struct loop_io *io;
	int fd;
	struct out_queue out;
	size_t out_max;
	bool reading;
	bool calling; /* inside one of the owner's callbacks */
	bool gone;    /* destroyed from there */
	bool ended;   /* on_end was called */
	int err;      /* why writing failed; what was received is still delivered */
	struct loop_task end_task;
	/* After close(): nobody's but the loop's. */
	bool orphaned;
	struct loop_orphan orphan;
	struct loop_timer *flush_timer;
	uint32_t late; /* bytes thrown away */
};

/* Defined last, after the operations it names. */
static const struct stream_ops socket_stream_ops;

static struct socket_stream *socket_stream(struct stream *s)
{
	assert(s->ops == &socket_stream_ops);
	return (struct socket_stream *)s;
}

static void update_io(struct socket_stream *s)
{
	int want = (s->reading ? LOOP_READ : 0) | (s->out.len > 0 ? LOOP_WRITE : 0);
	loop_io_want(s->io, want);
}

static void destroy(struct socket_stream *s)
{
	if (s->orphaned)
		loop_orphan_remove(&s->orphan);
	loop_task_cancel(s->loop, &s->end_task);
	loop_timer_destroy(s->flush_timer);
	loop_io_destroy(s->io);
	close(s->fd);
	out_queue_fini(&s->out);
	s->gone = true;
	if (!s->calling)
		free(s);
}

/* After a callback: false when its owner destroyed the stream there. */
static bool returned(struct socket_stream *s)
{
	s->calling = false;
	if (!s->gone)
		return true;
	free(s);
	return false;
}

static void tell_end(struct socket_stream *s, int err)
{
	s->ended = true;
	s->reading = false;
	update_io(s);
	s->calling = true;
	s->s.events->on_end(s->s.ctx, err);
	returned(s);
}

static void run_end_task(void *ctx)
{
	struct socket_stream *s = ctx;
	if (!s->reading && !s->ended)
		tell_end(s, s->err);
}

/* The peer takes no more. What it sent before is still read: the last keys of
 * one who types and leaves. Shutting our reading side makes sure of an end. */
static void fail_writing(struct socket_stream *s)
{
	s->err = ERR_IO;
	out_queue_fini(&s->out);
	shutdown(s->fd, SHUT_RD);
	update_io(s);
	if (!s->reading && !s->ended)
		loop_task_queue(s->loop, &s->end_task);
}

/* How many bytes the kernel took, 0 when none for now, -1 on failure. */
static ssize_t write_parts(struct socket_stream *s, const struct iovec *parts, size_t n)
{
	struct msghdr m = {
		.msg_iov = (struct iovec *)(uintptr_t)parts,
		.msg_iovlen = n < PARTS_MAX ? n : PARTS_MAX,
	};
	ssize_t done = sendmsg(s->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (done < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
		return 0;
	return done;
}

/* All is written: the peer may now read to the end before we close. */
static void orphan_written(struct socket_stream *s)
{
	shutdown(s->fd, SHUT_WR);
	if (s->ended)
		destroy(s);
}

/* False when the stream is gone afterwards. */
static bool flush(struct socket_stream *s)
{
	struct iovec parts[FLUSH_PARTS];
	ssize_t done = write_parts(s, parts, out_queue_peek(&s->out, parts, FLUSH_PARTS));
	if (done < 0 && s->orphaned) {
		destroy(s);
		return false;
	}
	if (done < 0) {
		fail_writing(s);
		return true;
	}
	out_queue_consume(&s->out, (size_t)done);
	if (s->out.len > 0)
		return true;
	update_io(s);
	if (s->orphaned) {
		bool last = s->ended;
		orphan_written(s);
		return !last;
	}
	if (s->ended)
		return true;
	s->calling = true;
	s->s.events->on_drain(s->s.ctx);
	return returned(s);
}

/* A peer that goes on sending is not read for all the time it is given to take ours. */
static void throw_away(struct socket_stream *s, size_t n)
{
	s->late += (uint32_t)n;
	if (s->late < LATE_MAX)
		return;
	s->reading = false;
	update_io(s);
}

static void read_some(struct socket_stream *s)
{
	uint8_t *buf = s->loop->read_buf;
	ssize_t n = recv(s->fd, buf, LOOP_READ_SIZE, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (s->orphaned) {
		if (n > 0) {
			throw_away(s, (size_t)n);
			return;
		}
		s->ended = true;
		s->reading = false;
		if (n < 0 || s->out.len == 0)
			destroy(s);
		else
			update_io(s);
		return;
	}
	if (n <= 0) {
		tell_end(s, s->err ? s->err : n < 0 ? ERR_IO : OK);
		return;
	}
	s->calling = true;
	s->s.events->on_data(s->s.ctx, buf, (size_t)n);
	returned(s);
}

static void ready(void *ctx, int events)
{
	struct socket_stream *s = ctx;
	if ((events & LOOP_WRITE) && s->out.len > 0 && !flush(s))
		return;
	if ((events & LOOP_READ) && s->reading)
		read_some(s);
}

static int queue_rest(struct socket_stream *s, const struct iovec *parts, size_t n, size_t skip)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = parts[i].iov_len;
		size_t past = skip < len ? skip : len;
		skip -= past;
		if (out_queue_put(&s->out, (const uint8_t *)parts[i].iov_base + past, len - past)) {
			fail_writing(s);
			return ERR_NOMEM;
		}
	}
	return OK;
}

static int socket_sendv(struct stream *self, const struct iovec *parts, size_t n)
{
	struct socket_stream *s = socket_stream(self);
	if (s->err || s->ended)
		return ERR_IO;
	size_t left = s->out_max - s->out.len;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].iov_len > left)
			return ERR_LIMIT;
		left -= parts[i].iov_len;
	}
	ssize_t done = s->out.len > 0 ? 0 : write_parts(s, parts, n);
	if (done < 0) {
		fail_writing(s);
		return ERR_IO;
	}
	int err = queue_rest(s, parts, n, (size_t)done);
	update_io(s);
	return err;
}

static int socket_send(struct stream *self, const void *data, size_t n)
{
	struct iovec part = { (void *)(uintptr_t)data, n };
	return socket_sendv(self, &part, 1);
}

static size_t socket_queued(const struct stream *self)
{
	return ((const struct socket_stream *)self)->out.len;
}

static void socket_want_read(struct stream *self, bool on)
{
	struct socket_stream *s = socket_stream(self);
	s->reading = on && !s->ended;
	if (s->err && !s->reading && !s->ended)
		loop_task_queue(s->loop, &s->end_task);
	update_io(s);
}

static void end_orphan(struct loop_orphan *o)
{
	destroy((struct socket_stream *)((char *)o - offsetof(struct socket_stream, orphan)));
}

static void flush_timed_out(void *ctx)
{
	destroy(ctx);
}

static void socket_close(struct stream *self, bool flush_first)
{
	struct socket_stream *s = socket_stream(self);
	bool pointless = !s->loop || s->err || (s->ended && s->out.len == 0);
	if (flush_first && !pointless)
		s->flush_timer = loop_timer_create(s->loop, flush_timed_out, s);
	if (!s->flush_timer) {
		destroy(s);
		return;
	}
	loop_timer_start(s->flush_timer, FLUSH_MS);
	s->orphaned = true;
	s->orphan.end = end_orphan;
	loop_orphan_add(s->loop, &s->orphan);
	/* Closing with unread bytes would reset the connection and lose ours. */
	s->reading = !s->ended;
	update_io(s);
	if (s->out.len == 0)
		orphan_written(s);
}

static int socket_fd(const struct stream *self)
{
	return ((const struct socket_stream *)self)->fd;
}

static size_t socket_room(const struct stream *self)
{
	const struct socket_stream *s = (const struct socket_stream *)self;
	return s->out_max - s->out.len;
}

static int socket_detach(struct stream *self)
{
	struct socket_stream *s = socket_stream(self);
	assert(!s->calling);
	loop_task_cancel(s->loop, &s->end_task);
	loop_io_destroy(s->io);
	s->io = NULL;
	s->loop = NULL;
	return OK;
}

static int socket_attach(struct stream *self, struct loop *l)
{
	struct socket_stream *s = socket_stream(self);
	s->io = loop_io_create(l, s->fd, ready, s);
	if (!s->io)
		return ERR_NOMEM;
	s->loop = l;
	socket_want_read(self, s->reading);
	return OK;
}

static const struct stream_ops socket_stream_ops = {
	.name = "socket",
	.send = socket_send,
	.sendv = socket_sendv,
	.queued = socket_queued,
	.want_read = socket_want_read,
	.close = socket_close,
	.fd = socket_fd,
	.room = socket_room,
	.detach = socket_detach,
	.attach = socket_attach,
};

/* A peer that is gone without a word (power, network) is noticed 40 s later,
 * whether we wait for it or it has not confirmed what we sent. All of it is
 * refused where it does not apply. */
static void set_options(int fd)
{
	enum { IDLE_S = 30, STEP_S = 5, STEPS = 2, LOST_MS = 40 * 1000 };
	static const struct {
		int level, name, value;
	} rows[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOTSENT_LOWAT },
		{ IPPROTO_TCP, TCP_KEEPIDLE, IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, STEP_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, STEPS },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, LOST_MS },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		setsockopt(fd, rows[i].level, rows[i].name, &rows[i].value, sizeof(int));
}

struct stream *socket_stream_create(struct loop *l, int fd, size_t queue_max)
{
	struct socket_stream *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	*s = (struct socket_stream){
		.s = { .ops = &socket_stream_ops },
		.loop = l,
		.fd = fd,
		.out_max = queue_max,
		.end_task = { .run = run_end_task, .ctx = s },
	};
	s->io = loop_io_create(l, fd, ready, s);
	if (!s->io) {
		free(s);
		return NULL;
	}
	set_options(fd);
	return &s->s;
}
