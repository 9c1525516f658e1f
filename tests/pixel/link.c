#include "link.h"

#include <stdlib.h>
#include <string.h>

enum { WIRE_MAX = 64 << 20 };

static int canvas_init(struct pix_canvas *c, int w, int h)
{
	*c = (struct pix_canvas){ calloc((size_t)w * (size_t)h, 4), w, w, h };
	return c->px ? OK : ERR_NOMEM;
}

int link_init(struct link *l, const struct encoder_ops *ops, const struct pix_format *format, int w,
	int h)
{
	*l = (struct link){ .rects = 0 };
	buf_init(&l->wire, WIRE_MAX);
	pix_convert_init(&l->convert, format);
	if (canvas_init(&l->value, w, h) || canvas_init(&l->screen, w, h))
		goto fail;
	l->encoder = ops->create();
	if (l->encoder)
		return OK;
fail:
	link_fini(l);
	return ERR_NOMEM;
}

void link_fini(struct link *l)
{
	encoder_destroy(l->encoder);
	for (int i = 0; i < LINK_DECODERS; i++)
		decoder_destroy(l->decoders[i]);
	free(l->value.px);
	free(l->screen.px);
	buf_fini(&l->wire);
	*l = (struct link){ .rects = 0 };
}

int link_encode(struct link *l, const struct pix_view *v, int x, int y,
	const struct encoder_settings *settings)
{
	struct rect at = { x, y, v->w, v->h };
	/* Nonsense where nobody may look, as the encoder says. */
	if (encoder_needs_value(l->encoder, &l->convert) || l->convert.identity)
		pix_convert_view(&l->convert, v, &l->value);
	else
		memset(l->value.px, 0x5a, (size_t)l->value.w * (size_t)l->value.h * 4);
	struct encoder_job job = {
		.rgb = *v,
		.value = { l->value.px, l->value.stride, v->w, v->h },
		.convert = &l->convert,
		.settings = settings,
		.at = at,
	};
	buf_reset(&l->wire);
	l->rects = encoder_encode(l->encoder, &job, &l->wire);
	return l->rects < 0 ? l->rects : OK;
}

struct decoder *link_header(struct link *l, struct rd *in, struct rect *at)
{
	at->x = rd_u16(in);
	at->y = rd_u16(in);
	at->w = rd_u16(in);
	at->h = rd_u16(in);
	int32_t id = rd_s32(in);
	struct rect screen = { 0, 0, l->screen.w, l->screen.h };
	if (rd_ok(in) || rect_empty(*at) || !rect_contains(screen, *at) || id < 0 ||
		id >= LINK_DECODERS)
		return NULL;
	const struct decoder_ops *ops = decoder_find(id);
	if (!l->decoders[id] && ops)
		l->decoders[id] = ops->create();
	return l->decoders[id];
}

int link_decode(struct link *l)
{
	struct rd in = rd_of(l->wire.data, l->wire.len);
	l->jpegs = 0;
	for (int i = 0; i < l->rects; i++) {
		struct rect at;
		struct decoder *d = link_header(l, &in, &at);
		if (!d)
			return ERR_NOMEM;
		/* Tight's control byte. */
		if (d->ops->wire_id == 7 && in.left > 0 && in.p[0] >> 4 == 9)
			l->jpegs++;
		int err = decoder_decode(d, &in, at, &l->convert, &l->screen);
		if (err)
			return err;
	}
	return in.left == 0 ? OK : ERR_PROTO;
}
