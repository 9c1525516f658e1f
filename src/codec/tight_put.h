#pragma once
#include <turbojpeg.h>

#include "codec/encoder.h"
#include "codec/palette.h"
#include "codec/wire.h"
#include "codec/zout.h"

/* The stream each kind of data goes through, so that each keeps its own
 * statistics, as other servers do. */
enum tight_put_stream { TIGHT_PUT_FULL, TIGHT_PUT_MONO, TIGHT_PUT_INDEXED, TIGHT_PUT_STREAMS };

enum { TIGHT_PUT_BYTES = 16384 };

/* What the writers of Tight rectangles share: one per encoder. The fields of
 * the call are borrowed and set by the encoder before it calls any of them. */
struct tight_put {
	struct zout zout[TIGHT_PUT_STREAMS];
	tjhandle jpeg;                  /* made when first needed */
	struct palette palette;         /* of the rectangle at hand */
	size_t len;                     /* bytes gathered in .bytes */
	uint8_t bytes[TIGHT_PUT_BYTES]; /* filtered rows on their way to a stream */

	/* of the call */
	const struct encoder_job *job;
	const struct pix_view *view; /* of the job: what .pixel puts */
	struct wire_pixel pixel;
	struct buf *out;
	int rects; /* put so far */
};

void tight_put_fini(struct tight_put *t);

/* Each appends one rectangle, header and payload: the part `r` of the job, in
 * its coordinates, inside Tight's limits of size. OK or an error. */
MUST_USE int tight_put_fill(struct tight_put *t, struct rect r, uint32_t colour);
/* The palette has two colours, and all of those in r. */
MUST_USE int tight_put_mono(struct tight_put *t, struct rect r);
MUST_USE int tight_put_indexed(struct tight_put *t, struct rect r);
MUST_USE int tight_put_full(struct tight_put *t, struct rect r);
/* At the job's quality, 0 to 9. */
MUST_USE int tight_put_jpeg(struct tight_put *t, struct rect r);
