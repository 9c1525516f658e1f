#include "net/ws_text.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "net/ws_link.h"
#include "net/ws_out.h"

enum { QUEUE_MAX = 1024 * 1024, SCRATCH_MAX = 32 * 1024 * 1024 };

struct ws_text {
	struct ws_link link;
	const struct ws_text_events *events;
	void *ctx;
	size_t message_max, queue_max;
	struct buf message; /* what has come of it; with room for a final NUL */
	struct buf scratch;
};

static struct ws_text *of_link(struct ws_link *l)
{
	return (struct ws_text *)((char *)l - offsetof(struct ws_text, link));
}

static unsigned link_begins(struct ws_link *l)
{
	const struct ws_text *t = of_link(l);
	if (l->head.opcode == WS_BINARY)
		return WS_CODE_UNSUPPORTED;
	if (l->head.len > WS_TEXT_FRAME_MAX || l->head.len > t->message_max - t->message.len)
		return WS_CODE_TOO_BIG;
	return 0;
}

/* The message is freed after the call, in which the owner may close the link. */
static void message_done(struct ws_text *t)
{
	struct buf whole = t->message;
	buf_init(&t->message, t->message_max + 1);
	buf_put_u8(&whole, 0);
	if (buf_ok(&whole))
		ws_link_refuse(&t->link, WS_CODE_INTERNAL);
	else if (!utf8_valid(whole.data, whole.len - 1))
		ws_link_refuse(&t->link, WS_CODE_BAD_TEXT);
	else
		t->events->on_message(t->ctx, (const char *)whole.data, whole.len - 1);
	buf_fini(&whole);
}

static void link_payload(struct ws_link *l, uint8_t *data, size_t n)
{
	struct ws_text *t = of_link(l);
	ws_link_unmask(l, data, n);
	if (n > 0)
		buf_put(&t->message, data, n);
	if (buf_ok(&t->message))
		ws_link_refuse(l, WS_CODE_INTERNAL);
	else if (l->head.fin && l->at == l->head.len)
		message_done(t);
}

static void link_taken(struct ws_link *l)
{
	(void)l;
}

static void link_drain(struct ws_link *l)
{
	(void)l;
}

static void link_end(struct ws_link *l, int err)
{
	struct ws_text *t = of_link(l);
	buf_fini(&t->message);
	t->events->on_close(t->ctx, err, l->code, l->reason ? l->reason : "");
}

static void link_release(struct ws_link *l)
{
	struct ws_text *t = of_link(l);
	buf_fini(&t->message);
	buf_fini(&t->scratch);
	free(t);
}

static const struct ws_link_events link_events = {
	.begins = link_begins,
	.payload = link_payload,
	.taken = link_taken,
	.drain = link_drain,
	.end = link_end,
	.release = link_release,
};

struct ws_text *ws_text_create(struct loop *l, struct stream *below,
	const struct ws_text_config *config, const uint8_t *early, size_t n_early)
{
	struct ws_text *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->events = config->events;
	t->ctx = config->ctx;
	t->queue_max = config->queue_max ? config->queue_max : QUEUE_MAX;
	t->message_max = config->message_max ? config->message_max : WS_TEXT_FRAME_MAX;
	if (t->message_max > WS_TEXT_MESSAGE_MAX)
		t->message_max = WS_TEXT_MESSAGE_MAX;
	buf_init(&t->message, t->message_max + 1);
	buf_init(&t->scratch, SCRATCH_MAX);
	if (ws_link_init(&t->link, l, below, &config->ws, &link_events, early, n_early)) {
		free(t);
		return NULL;
	}
	ws_link_want_read(&t->link, true);
	return t;
}

int ws_text_send(struct ws_text *ws, const char *text, size_t n)
{
	struct ws_link *l = &ws->link;
	if (l->ended)
		return ERR_IO;
	size_t queued = ws_text_queued(ws);
	int err = ERR_LIMIT;
	/* A long message to a reader that keeps up is no fault of his. */
	if (queued == 0 || (queued < ws->queue_max && n <= ws->queue_max - queued))
		err = ws_out_text(l->below, ws_link_masks(l), &ws->scratch, text, n);
	if (err == ERR_LIMIT)
		ws_link_refuse(l, WS_CODE_AGAIN_LATER);
	return err;
}

void ws_text_want_read(struct ws_text *ws, bool on)
{
	ws_link_want_read(&ws->link, on);
}

size_t ws_text_queued(const struct ws_text *ws)
{
	return stream_queued(ws->link.below);
}

int ws_text_fd(const struct ws_text *ws)
{
	return stream_fd(ws->link.below);
}

void ws_text_close(struct ws_text *ws, unsigned code, const char *reason)
{
	if (ws)
		ws_link_close(&ws->link, true, code, reason);
}

void ws_text_destroy(struct ws_text *ws)
{
	if (!ws)
		return;
	ws->link.ended = true;
	ws_link_close(&ws->link, false, 0, NULL);
}
