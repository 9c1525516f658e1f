#pragma once
#include "codec/decoder.h"
#include "codec/encoder.h"

enum { LINK_DECODERS = 32 };

/* An encoder, its viewer's decoders and their framebuffer, joined by memory. */
struct link {
	struct encoder *encoder;
	struct decoder *decoders[LINK_DECODERS]; /* by encoding number, made when met */
	struct pix_convert convert;
	struct buf wire;          /* what the last link_encode() put */
	struct pix_canvas value;  /* the picture in the viewer's values */
	struct pix_canvas screen; /* what the decoders painted */
	int rects;                /* in .wire */
	int jpegs;                /* among those that link_decode() saw */
};

/* For pictures of up to w x h. 0, or an error with everything freed. */
int link_init(struct link *l, const struct encoder_ops *ops, const struct pix_format *format, int w,
	int h);
void link_fini(struct link *l);
/* Encodes the picture at (x, y) into .wire. */
int link_encode(struct link *l, const struct pix_view *v, int x, int y,
	const struct encoder_settings *settings);
/* Reads a rectangle's header; its decoder, or NULL if the header is bad. */
struct decoder *link_header(struct link *l, struct rd *in, struct rect *at);
/* Decodes all of .wire onto the screen; ERR_PROTO also when anything is left
 * over. */
int link_decode(struct link *l);
