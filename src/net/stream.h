#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/err.h"

/* A byte stream: a socket, a WebSocket over a stream, or a test. All calls and
 * events are on the loop thread. */
struct stream;
struct loop;

enum { STREAM_READ_MAX = 48 * 1024 }; /* bytes of one on_data */

/* What a stream tells its owner; all mandatory. No event comes from inside a
 * call on the same stream, and none after stream_close(). */
struct stream_events {
	/* Borrowed bytes, all of which the owner takes; at most STREAM_READ_MAX a turn.
	 * It may close the stream or give it other events from here. They lie in
	 * writable memory: a layer above, which unmasks, works on them in place. */
	void (*on_data)(void *ctx, const uint8_t *data, size_t n);
	/* The queue, once not empty, has drained to empty. */
	void (*on_drain)(void *ctx);
	/* The peer is gone: OK for an orderly end, else why. Only stream_close()
	 * is left to do. */
	void (*on_end)(void *ctx, int err);
};

struct stream_ops {
	const char *name;
	/* Writes what the transport takes now and queues a copy of the rest.
	 * ERR_LIMIT when the queue could pass its ceiling: nothing was sent. Any
	 * other error: the peer is gone, and on_end will say so too. */
	int (*send)(struct stream *self, const void *data, size_t n);
	/* The same for n pieces that leave as one. May be NULL (a test's stream):
	 * then each piece is sent by itself. */
	int (*sendv)(struct stream *self, const struct iovec *parts, size_t n);
	size_t (*queued)(const struct stream *self);     /* bytes accepted but not written */
	void (*want_read)(struct stream *self, bool on); /* new streams do not read */
	/* Frees at once from the owner's point of view. Queued bytes are still
	 * written for up to 2 s when `flush` (of what the peer sends meanwhile 1 MB is
	 * thrown away, and no more read), else dropped. */
	void (*close)(struct stream *self, bool flush);
	/* The descriptor below, -1 when there is none: for TCP_INFO and peer checks. */
	int (*fd)(const struct stream *self);
	/* How many bytes one send() would take now. NULL: no ceiling. */
	size_t (*room)(const struct stream *self);
	/* See stream_detach(). NULL: cannot move. */
	int (*detach)(struct stream *self);
	int (*attach)(struct stream *self, struct loop *l);
};

struct stream {
	const struct stream_ops *ops;
	const struct stream_events *events; /* borrowed */
	void *ctx;
};

static inline void stream_set_events(
	struct stream *s, const struct stream_events *events, void *ctx)
{
	s->events = events;
	s->ctx = ctx;
}

MUST_USE static inline int stream_send(struct stream *s, const void *data, size_t n)
{
	return s->ops->send(s, data, n);
}

MUST_USE static inline int stream_sendv(struct stream *s, const struct iovec *parts, size_t n)
{
	if (s->ops->sendv)
		return s->ops->sendv(s, parts, n);
	int err = OK;
	for (size_t i = 0; i < n && !err; i++)
		err = s->ops->send(s, parts[i].iov_base, parts[i].iov_len);
	return err;
}

static inline size_t stream_queued(const struct stream *s)
{
	return s->ops->queued(s);
}

static inline void stream_want_read(struct stream *s, bool on)
{
	s->ops->want_read(s, on);
}

static inline int stream_fd(const struct stream *s)
{
	return s->ops->fd(s);
}

static inline size_t stream_room(const struct stream *s)
{
	return s->ops->room ? s->ops->room(s) : SIZE_MAX;
}

/* Takes a stream off its loop, with all below it and every byte on its way, so
 * that another loop (another thread) can have it. No event comes in between, and
 * only stream_attach(), stream_set_events() and stream_close() (which then drops
 * what is queued) may be called. Not from inside an event of the stream or of one
 * below it: queue a task. ERR_IO: it cannot be moved, nothing has changed. */
MUST_USE static inline int stream_detach(struct stream *s)
{
	return s->ops->detach ? s->ops->detach(s) : ERR_IO;
}

/* On the thread of `l`. The stream reads if it did before. ERR_NOMEM, ERR_IO: it
 * is still detached. */
MUST_USE static inline int stream_attach(struct stream *s, struct loop *l)
{
	return s->ops->attach(s, l);
}

static inline void stream_close(struct stream *s, bool flush) /* NULL is fine */
{
	if (s)
		s->ops->close(s, flush);
}
