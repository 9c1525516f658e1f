#include "client/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client_private.h"
#include "codec/decoder.h"
#include "crypto/secret.h"
#include "rfb/encoding.h"
#include "rfb/server_msg.h"

static client_step_fn step_colour_map, step_bell, step_cut_text, step_end_of_continuous, step_fence;

int client_fail(struct client *c, int err, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(c->error, sizeof(c->error), fmt, args);
	va_end(args);
	return err;
}

int client_start(struct client *c, uint16_t w, uint16_t h, const char *name, size_t len)
{
	int err = client_resize(c, w, h);
	if (err)
		return err;
	char *text = malloc(len + 1);
	if (!text)
		return client_fail(c, ERR_NOMEM, "no memory for the name");
	memcpy(text, name, len);
	text[len] = 0;
	rfb_put_set_pixel_format(&c->out, &c->asked);
	if (c->n_encodings > 0)
		rfb_put_set_encodings(&c->out, c->encodings, c->n_encodings);
	c->ready = true;
	if (c->events->on_ready)
		c->events->on_ready(c->ctx, w, h, text);
	free(text);
	return OK;
}

static client_step_fn *const messages[256] = {
	[RFB_FRAMEBUFFER_UPDATE] = client_step_update,
	[RFB_SET_COLOUR_MAP] = step_colour_map,
	[RFB_BELL] = step_bell,
	[RFB_SERVER_CUT_TEXT] = step_cut_text,
	[RFB_END_OF_CONTINUOUS_UPDATES] = step_end_of_continuous,
	[RFB_SERVER_FENCE] = step_fence,
};

/* One message; of an update only its head, for its rectangles are steps. */
int client_step_message(struct client *c, struct rd *in)
{
	uint8_t type = rd_u8(in);
	if (rd_ok(in))
		return ERR_AGAIN;
	if (!messages[type])
		return client_fail(c, ERR_PROTO, "unknown message %u", type);
	return messages[type](c, in);
}

static int step_colour_map(struct client *c, struct rd *in)
{
	rd_skip(in, 1);
	unsigned first = rd_u16(in);
	unsigned n = rd_u16(in);
	if (first + n > ARRAY_LEN(c->map))
		return client_fail(c, ERR_PROTO, "a colour map up to %u", first + n);
	struct rd entries = rd_of(rd_bytes(in, n * (size_t)6), n * (size_t)6);
	if (rd_ok(in))
		return ERR_AGAIN;
	for (unsigned i = first; i < first + n; i++) {
		uint32_t r = rd_u16(&entries), g = rd_u16(&entries), b = rd_u16(&entries);
		c->map[i] = (r >> 8) << 16 | (g >> 8) << 8 | b >> 8;
	}
	/* A map is live: what was painted before changes its colours too. */
	client_painted(c, (struct rect){ 0, 0, c->canvas.w, c->canvas.h });
	return OK;
}

static int step_bell(struct client *c, struct rd *in)
{
	(void)in;
	if (c->events->on_bell)
		c->events->on_bell(c->ctx);
	return OK;
}

static int step_cut_text(struct client *c, struct rd *in)
{
	rd_skip(in, 3);
	int64_t len = rd_s32(in);
	bool extended = len < 0;
	if (extended)
		len = -len;
	if (extended && (len < 4 || !c->ext_clipboard))
		return client_fail(c, ERR_PROTO, "a cut text of -%d bytes", (int)len);
	if (len > CLIENT_CUT_TEXT_MAX)
		return client_fail(c, ERR_LIMIT, "a cut text of %lld bytes", (long long)len);
	const uint8_t *text = rd_bytes(in, (size_t)len);
	if (!text)
		return ERR_AGAIN;
	if (extended && c->events->on_ext_clipboard)
		c->events->on_ext_clipboard(c->ctx, text, (size_t)len);
	if (!extended && c->events->on_cut_text)
		c->events->on_cut_text(c->ctx, (const char *)text, (size_t)len);
	return OK;
}

static int step_end_of_continuous(struct client *c, struct rd *in)
{
	(void)in;
	if (c->events->on_end_of_continuous)
		c->events->on_end_of_continuous(c->ctx);
	return OK;
}

static int step_fence(struct client *c, struct rd *in)
{
	struct rfb_fence f;
	rd_skip(in, 3);
	if (rfb_fence_parse(in, &f))
		return client_fail(c, ERR_PROTO, "a fence of %u bytes", f.len);
	if (rd_ok(in))
		return ERR_AGAIN;
	if (f.flags & RFB_FENCE_REQUEST) {
		struct rfb_fence answer = f;
		answer.flags &=
			RFB_FENCE_BLOCK_BEFORE | RFB_FENCE_BLOCK_AFTER | RFB_FENCE_SYNC_NEXT;
		rfb_put_fence(&c->out, &answer);
	}
	if (c->events->on_fence)
		c->events->on_fence(c->ctx, &f);
	return OK;
}

static int copy_config(struct client *c, const struct client_config *config)
{
	c->minor = config->minor ? config->minor : 8;
	c->shared = config->shared;
	c->no_decode = config->no_decode;
	c->asked = config->format ? *config->format : pix_format_native;
	c->has_password = config->password != NULL;
	if (config->password)
		memcpy(c->password, config->password, strnlen(config->password, 8));
	if (config->n_encodings == 0)
		return OK;
	c->n_encodings = config->n_encodings;
	c->encodings = malloc(c->n_encodings * sizeof(*c->encodings));
	if (!c->encodings)
		return ERR_NOMEM;
	memcpy(c->encodings, config->encodings, c->n_encodings * sizeof(*c->encodings));
	for (unsigned i = 0; i < c->n_encodings; i++)
		c->ext_clipboard |= c->encodings[i] == RFB_EXTENDED_CLIPBOARD;
	return OK;
}

struct client *client_create(
	const struct client_config *config, const struct client_events *events, void *ctx)
{
	static const struct client_events none;
	struct client *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	buf_init(&c->in, CLIENT_INPUT_MAX);
	buf_init(&c->out, CLIENT_OUTPUT_MAX);
	c->events = events ? events : &none;
	c->ctx = ctx;
	c->step = client_step_version;
	if (copy_config(c, config)) {
		client_destroy(c);
		return NULL;
	}
	pix_convert_init(&c->convert, &c->asked);
	for (unsigned i = 0; i < ARRAY_LEN(c->map); i++)
		c->map[i] = pix_convert_back(&c->convert, i);
	return c;
}

void client_destroy(struct client *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < ARRAY_LEN(c->decoders); i++)
		decoder_destroy(c->decoders[i]);
	client_canvas_fini(c);
	buf_fini(&c->in);
	buf_fini(&c->out);
	free(c->encodings);
	secret_wipe(c->password, sizeof(c->password));
	free(c);
}

/* Takes every whole item from `in`. */
static int run(struct client *c, struct rd *in)
{
	for (;;) {
		struct rd r = *in;
		c->need = 0;
		int err = c->step(c, &r);
		if (!err)
			err = buf_ok(&c->out);
		if (err)
			return err == ERR_AGAIN ? OK : err;
		*in = r;
	}
}

static int feed_kept(struct client *c, const void *data, size_t n)
{
	buf_put(&c->in, data, n);
	if (buf_ok(&c->in))
		return buf_ok(&c->in);
	if (c->in.len < c->need)
		return OK;
	struct rd in = rd_of(c->in.data, c->in.len);
	int err = run(c, &in);
	buf_consume(&c->in, c->in.len - in.left);
	return err;
}

int client_feed(struct client *c, const void *data, size_t n)
{
	if (c->failed)
		return c->failed;
	if (c->in.len > 0) {
		c->failed = feed_kept(c, data, n);
	} else {
		struct rd in = rd_of(data, n);
		c->failed = run(c, &in);
		if (!c->failed) {
			buf_put(&c->in, in.p, in.left);
			c->failed = buf_ok(&c->in);
		}
	}
	if (c->failed && !c->error[0])
		client_fail(c, c->failed, "%s", err_str(c->failed));
	return c->failed;
}

const char *client_error(const struct client *c)
{
	return c->error;
}

struct buf *client_output(struct client *c)
{
	return &c->out;
}

bool client_ready(const struct client *c)
{
	return c->ready;
}

const struct pix_canvas *client_canvas(const struct client *c)
{
	return &c->canvas;
}

void client_request(struct client *c, bool incremental)
{
	rfb_put_update_request(
		&c->out, incremental, 0, 0, (uint16_t)c->canvas.w, (uint16_t)c->canvas.h);
}
