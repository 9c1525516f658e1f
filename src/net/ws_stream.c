#include "net/ws_stream.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/random.h"
#include "net/ws_batch.h"
#include "net/ws_forward.h"
#include "net/ws_link.h"
#include "net/ws_out.h"

enum { SCRATCH_MAX = 256 * 1024 * 1024 };

struct ws_stream {
	struct stream s; /* first: a struct stream * is a struct ws_stream * */
	struct ws_link link;
	struct buf scratch;
	struct ws_forward forward; /* instead of on_data, unless write is NULL */
	struct ws_batch batch;
	uint8_t mask[4]; /* of the frame that goes out, for a client's */
	uint64_t mask_at;
};

/* Defined last, after the operations it names. */
static const struct stream_ops ws_stream_ops;

static struct ws_stream *ws_stream(struct stream *s)
{
	assert(s->ops == &ws_stream_ops);
	return (struct ws_stream *)s;
}

static const struct ws_stream *ws_stream_const(const struct stream *s)
{
	assert(s->ops == &ws_stream_ops);
	return (const struct ws_stream *)s;
}

static struct ws_stream *of_link(struct ws_link *l)
{
	return (struct ws_stream *)((char *)l - offsetof(struct ws_stream, link));
}

static unsigned link_begins(struct ws_link *l)
{
	bool refused = l->head.opcode == WS_TEXT && !l->config.text_as_binary;
	return refused ? WS_CODE_UNSUPPORTED : 0;
}

/* Hands over what was put; false when the link was closed meanwhile. */
static bool forward_batch(struct ws_stream *s)
{
	struct ws_batch *b = &s->batch;
	struct iovec parts[WS_BATCH_PARTS];
	struct ws_forwarded what = { parts, 0, b->payload, b->n_messages, b->rest };
	what.n = ws_batch_parts(b, parts);
	if (b->begin)
		s->forward.write(s->forward.ctx, &what);
	ws_batch_reset(b);
	return !s->link.gone;
}

/* A message of up to 64 KiB leaves as one, though it may not be here as a whole yet. Of
 * a longer one each piece is a message: nobody who speaks of bytes minds, and there are
 * peers that cannot put fragments together. */
static size_t frame_len(const struct ws_stream *s, size_t n)
{
	uint64_t left = s->link.head.len - s->link.at; /* after these n */
	bool whole = !s->forward.whole && left <= WS_OUT_MESSAGE_MAX - n;
	return n <= WS_OUT_MESSAGE_MAX && whole ? n + (size_t)left : n;
}

static void put_forward(struct ws_stream *s, uint8_t *data, size_t n)
{
	const struct ws_link *l = &s->link;
	struct ws_batch_frame f = {
		.len = frame_len(s, n),
		.ends = l->head.fin && l->at == l->head.len,
		.masked = s->forward.mask,
	};
	ws_mask_turn(f.key, l->head.mask, l->at - n);
	if (s->batch.rest == 0) {
		s->mask_at = 0;
		if (f.masked && random_bytes(s->mask, sizeof(s->mask))) {
			ws_link_refuse(&s->link, WS_CODE_INTERNAL);
			return;
		}
	}
	ws_mask_turn(f.mask, s->mask, s->mask_at);
	s->mask_at += n;
	while (!ws_batch_put(&s->batch, data, n, &f) && forward_batch(s))
		;
}

static size_t link_whole(struct ws_link *l, uint8_t *data, size_t n)
{
	struct ws_stream *s = of_link(l);
	bool may = s->forward.write && !s->forward.mask;
	return may ? ws_batch_take(&s->batch, data, n, !ws_link_masks(l)) : 0;
}

static void link_payload(struct ws_link *l, uint8_t *data, size_t n)
{
	struct ws_stream *s = of_link(l);
	if (s->forward.write) {
		put_forward(s, data, n);
		return;
	}
	ws_link_unmask(l, data, n);
	if (n > 0)
		s->s.events->on_data(s->s.ctx, data, n);
}

static void link_taken(struct ws_link *l)
{
	forward_batch(of_link(l));
}

static void link_drain(struct ws_link *l)
{
	struct ws_stream *s = of_link(l);
	s->s.events->on_drain(s->s.ctx);
}

static void link_end(struct ws_link *l, int err)
{
	struct ws_stream *s = of_link(l);
	s->s.events->on_end(s->s.ctx, err);
}

static void link_release(struct ws_link *l)
{
	struct ws_stream *s = of_link(l);
	buf_fini(&s->scratch);
	free(s);
}

static const struct ws_link_events link_events = {
	.begins = link_begins,
	.whole = link_whole,
	.payload = link_payload,
	.taken = link_taken,
	.drain = link_drain,
	.end = link_end,
	.release = link_release,
};

static int ws_sendv(struct stream *self, const struct iovec *parts, size_t n)
{
	struct ws_stream *s = ws_stream(self);
	if (s->link.ended)
		return ERR_IO;
	return ws_out_send(s->link.below, ws_link_masks(&s->link), &s->scratch, parts, n);
}

static int ws_send(struct stream *self, const void *data, size_t n)
{
	struct iovec part = { (void *)(uintptr_t)data, n };
	return ws_sendv(self, &part, 1);
}

static size_t ws_queued(const struct stream *self)
{
	return stream_queued(ws_stream_const(self)->link.below);
}

static void ws_want_read(struct stream *self, bool on)
{
	ws_link_want_read(&ws_stream(self)->link, on);
}

static void ws_close(struct stream *self, bool flush)
{
	ws_link_close(&ws_stream(self)->link, flush, WS_CODE_NORMAL, NULL);
}

static int ws_fd(const struct stream *self)
{
	return stream_fd(ws_stream_const(self)->link.below);
}

static size_t ws_room(const struct stream *self)
{
	return ws_out_room(stream_room(ws_stream_const(self)->link.below));
}

static int ws_detach(struct stream *self)
{
	return ws_link_detach(&ws_stream(self)->link);
}

static int ws_attach(struct stream *self, struct loop *l)
{
	return ws_link_attach(&ws_stream(self)->link, l);
}

static const struct stream_ops ws_stream_ops = {
	.name = "websocket",
	.send = ws_send,
	.sendv = ws_sendv,
	.queued = ws_queued,
	.want_read = ws_want_read,
	.close = ws_close,
	.fd = ws_fd,
	.room = ws_room,
	.detach = ws_detach,
	.attach = ws_attach,
};

struct stream *ws_stream_create(struct loop *l, struct stream *below,
	const struct ws_config *config, const uint8_t *early, size_t n_early)
{
	struct ws_stream *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->s.ops = &ws_stream_ops;
	buf_init(&s->scratch, SCRATCH_MAX);
	if (ws_link_init(&s->link, l, below, config, &link_events, early, n_early)) {
		free(s);
		return NULL;
	}
	return &s->s;
}

bool ws_stream_is(const struct stream *s)
{
	return s->ops == &ws_stream_ops;
}

void ws_stream_close(struct stream *ws, unsigned code, const char *reason)
{
	if (ws)
		ws_link_close(&ws_stream(ws)->link, true, code, reason);
}

unsigned ws_stream_close_code(const struct stream *ws)
{
	return ws_stream_const(ws)->link.code;
}

const char *ws_stream_close_reason(const struct stream *ws)
{
	const char *reason = ws_stream_const(ws)->link.reason;
	return reason ? reason : "";
}

void ws_stream_forward(struct stream *ws, const struct ws_forward *forward)
{
	struct ws_stream *s = ws_stream(ws);
	s->forward = *forward;
	s->batch.frames = forward->frames;
}

bool ws_stream_masks(const struct stream *ws)
{
	return ws_link_masks(&ws_stream_const(ws)->link);
}

int ws_stream_send_frames(struct stream *ws, const struct iovec *parts, size_t n, size_t rest)
{
	struct ws_stream *s = ws_stream(ws);
	int err = s->link.ended ? ERR_IO : stream_sendv(s->link.below, parts, n);
	if (!err)
		ws_link_in_frame(&s->link, rest > 0);
	return err;
}

bool ws_stream_peer_closed(const struct stream *ws)
{
	const struct ws_link *l = &ws_stream_const(ws)->link;
	return l->ended && l->peer_closed;
}
