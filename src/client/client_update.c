/* FramebufferUpdate, RFC 6143 section 7.6.1. */
#include "client/client_private.h"
#include "client/payload.h"
#include "codec/decoder.h"
#include "rfb/encoding.h"

/* As a count it means: until LastRect (rfbproto "LastRect Pseudo-encoding"). */
enum { UNTIL_LAST_RECT = 65535 };

static client_step_fn step_rect, step_payload;

static int next_rect(struct client *c)
{
	if (c->rects_left > 0) {
		c->step = step_rect;
		return OK;
	}
	c->step = client_step_message;
	if (c->events->on_update)
		c->events->on_update(c->ctx);
	return OK;
}

int client_step_update(struct client *c, struct rd *in)
{
	rd_skip(in, 1);
	c->rects_left = rd_u16(in);
	return rd_ok(in) ? ERR_AGAIN : next_rect(c);
}

/* The one check of where a rectangle lies, before anything decodes it. */
static int check_rect(struct client *c)
{
	struct rect r = c->rect;
	struct rect all = { 0, 0, c->canvas.w, c->canvas.h };
	if (payload_is_pseudo(c->encoding) || (!rect_empty(r) && rect_contains(all, r)))
		return OK;
	return client_fail(c, ERR_PROTO, "a rectangle of %dx%d at %d,%d in %dx%d", r.w, r.h, r.x,
		r.y, all.w, all.h);
}

static int step_rect(struct client *c, struct rd *in)
{
	c->rect.x = rd_u16(in);
	c->rect.y = rd_u16(in);
	c->rect.w = rd_u16(in);
	c->rect.h = rd_u16(in);
	c->encoding = rd_s32(in);
	if (rd_ok(in))
		return ERR_AGAIN;
	if (c->rects_left != UNTIL_LAST_RECT)
		c->rects_left--;
	c->step = step_payload;
	return check_rect(c);
}

/* Where the decoder of `ops` is kept, or would be. NULL: there are too many. */
static struct decoder **find_place(struct client *c, const struct decoder_ops *ops)
{
	for (size_t i = 0; i < ARRAY_LEN(c->decoders); i++)
		if (!c->decoders[i] || c->decoders[i]->ops == ops)
			return &c->decoders[i];
	return NULL;
}

/* The decoder of the current encoding, made when it is first seen. */
static int find_decoder(struct client *c, struct decoder **d)
{
	const struct decoder_ops *ops = decoder_find(c->encoding);
	struct decoder **place = ops ? find_place(c, ops) : NULL;
	if (!place)
		return client_fail(c, ERR_PROTO, "no decoder for encoding %d", c->encoding);
	if (!*place)
		*place = ops->create();
	*d = *place;
	return *d ? OK : client_fail(c, ERR_NOMEM, "no memory for a decoder");
}

static int decode(struct client *c, struct rd *body)
{
	struct decoder *d;
	int err = find_decoder(c, &d);
	if (err)
		return err;
	err = decoder_decode(d, body, c->rect, &c->convert, client_target(c));
	/* All of it is there: wanting more, or less, is the server's mistake. */
	if (err == ERR_AGAIN || (!err && body->left > 0))
		err = ERR_PROTO;
	return err ? client_fail(c, err, "%s: %s", d->ops->name, err_str(err)) : OK;
}

static int paint(struct client *c, struct rd *body)
{
	int err = c->no_decode ? OK : decode(c, body);
	if (err)
		return err;
	client_painted(c, c->rect);
	if (c->events->on_rect)
		c->events->on_rect(c->ctx, c->rect, c->encoding);
	return OK;
}

static int resized(struct client *c, int reason, int result)
{
	int err = result == 0 ? client_resize(c, c->rect.w, c->rect.h) : OK;
	if (!err && c->events->on_resize)
		c->events->on_resize(c->ctx, c->canvas.w, c->canvas.h, reason, result);
	return err;
}

static int take_pseudo(struct client *c, struct rd body)
{
	enum { REASON_THIS_CLIENT = 1 };
	int err = OK;

	/* x and y of an extended size are its reason and result, and the result
	 * means something only to the client that asked. */
	if (c->encoding == RFB_DESKTOP_SIZE)
		err = resized(c, 0, 0);
	else if (c->encoding == RFB_EXTENDED_DESKTOP_SIZE)
		err = resized(c, c->rect.x, c->rect.x == REASON_THIS_CLIENT ? c->rect.y : 0);
	else if (c->encoding == RFB_LAST_RECT)
		c->rects_left = 0;
	if (!err && c->events->on_pseudo)
		c->events->on_pseudo(c->ctx, c->rect, c->encoding, body);
	return err;
}

static int step_payload(struct client *c, struct rd *in)
{
	size_t len = 0;
	int err = payload_length(c->encoding, *in, c->rect, &c->asked, &len);
	if (err == ERR_AGAIN) {
		c->need = len;
		return ERR_AGAIN;
	}
	if (err)
		return client_fail(c, err, "encoding %d: %s", c->encoding, err_str(err));
	struct rd body = rd_of(rd_bytes(in, len), len);
	err = payload_is_pseudo(c->encoding) ? take_pseudo(c, body) : paint(c, &body);
	return err ? err : next_rect(c);
}
