#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/err.h"

/* A byte stream: a socket, a WebSocket over a stream, or a test. All calls and
 * events are on the loop thread. */
struct stream;

/* What a stream tells its owner; all mandatory. No event comes from inside a
 * call on the same stream, and none after stream_close(). */
struct stream_events {
	/* Borrowed bytes, all of which the owner takes; at most 32 KB a turn. It
	 * may close the stream or give it other events from here. They lie in
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
	 * written for up to 2 s when `flush` (what the peer sends meanwhile is
	 * thrown away), else dropped. */
	void (*close)(struct stream *self, bool flush);
	/* The descriptor below, -1 when there is none: for TCP_INFO and peer checks. */
	int (*fd)(const struct stream *self);
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

static inline void stream_close(struct stream *s, bool flush) /* NULL is fine */
{
	if (s)
		s->ops->close(s, flush);
}
