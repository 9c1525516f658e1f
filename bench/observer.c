#include "observer.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "marker.h"
#include "rfb/encoding.h"

static const int32_t encodings[] = { RFB_TIGHT, RFB_COPY_RECT, RFB_CURSOR, RFB_DESKTOP_SIZE,
	RFB_LAST_RECT, RFB_FENCE, RFB_CONTINUOUS_UPDATES, RFB_QUALITY_0 + 8, RFB_COMPRESS_0 + 2 };

static void on_ready(void *ctx, int w, int h, const char *name)
{
	struct observer *o = ctx;
	(void)name;
	region_add_rect(&o->missing, (struct rect){ 0, 0, w, h });
	o->sized = true;
	/* X0tigervnc paints the pointer into the picture for a viewer that has not yet
	 * told that it is there. */
	rfb_put_pointer_event(
		client_output(o->client), false, 0, WORKLOAD_POINTER_X, WORKLOAD_POINTER_Y);
	client_request(o->client, false);
}

/* Asks while an update is still coming in, as viewers do, so that the server need
 * not wait a round trip for the question. */
static void ask_ahead(struct observer *o)
{
	if (!o->continuous && !o->requested)
		client_request(o->client, true);
	o->requested = true;
}

static void on_rect(void *ctx, struct rect r, int32_t encoding)
{
	struct observer *o = ctx;
	(void)encoding;
	ask_ahead(o);
	if (!region_empty(&o->missing))
		region_subtract_rect(&o->missing, r);
}

static void on_pseudo(void *ctx, struct rect r, int32_t encoding, struct rd body)
{
	(void)r, (void)encoding, (void)body;
	ask_ahead(ctx);
}

static void on_end_of_continuous(void *ctx)
{
	struct observer *o = ctx;
	const struct pix_canvas *c = client_canvas(o->client);
	if (o->continuous)
		return;
	rfb_put_enable_continuous_updates(
		client_output(o->client), true, 0, 0, (uint16_t)c->w, (uint16_t)c->h);
	o->continuous = true;
}

/* The number of the frame that the picture shows, or -1. */
static int read_frame(const struct observer *o)
{
	const struct workload *w = o->workload;
	int number = -1;
	for (int i = 0; i < w->n_markers; i++) {
		int n = marker_read(client_canvas(o->client), w->markers[i].x, w->markers[i].y);
		if (n < 0 || (i > 0 && n != number))
			return -1;
		number = n;
	}
	return number;
}

static void on_update(void *ctx)
{
	struct observer *o = ctx;
	ask_ahead(o);
	o->requested = false;
	int frame = read_frame(o);
	if (frame <= o->seen)
		return;
	o->seen = frame;
	o->seen_us = clock_now_us();
	uint64_t from = o->sent_us ? o->sent_us : o->ring->drawn_us[frame % RING_FRAMES];
	if (o->n_samples < OBSERVER_SAMPLES_MAX)
		o->latency_us[o->n_samples++] = (uint32_t)(o->seen_us - from);
}

static const struct client_events events = {
	.on_ready = on_ready,
	.on_rect = on_rect,
	.on_update = on_update,
	.on_pseudo = on_pseudo,
	.on_end_of_continuous = on_end_of_continuous,
};

static bool is_complete(void *ctx)
{
	const struct observer *o = ctx;
	return o->sized && region_empty(&o->missing);
}

int observer_open(struct observer *o, const char *address, const struct workload *w,
	const struct ring *ring, uint64_t *took_us)
{
	enum { PATIENCE_US = 20000000 };
	struct client_config config = {
		.shared = true, .encodings = encodings, .n_encodings = ARRAY_LEN(encodings)
	};

	*o = (struct observer){ .socket.fd = -1, .workload = w, .ring = ring };
	region_init(&o->missing);
	o->client = client_create(&config, &events, o);
	if (!o->client)
		return ERR_NOMEM;
	o->latency_us = malloc(sizeof(*o->latency_us) * OBSERVER_SAMPLES_MAX);
	if (!o->latency_us)
		return ERR_NOMEM;
	uint64_t start = clock_now_us();
	int err = client_socket_open(&o->socket, address, o->client);
	if (!err)
		err = client_socket_pump(&o->socket, start + PATIENCE_US, is_complete, o);
	*took_us = clock_now_us() - start;
	return err;
}

void observer_close(struct observer *o)
{
	if (!o->client)
		return;
	client_socket_close(&o->socket);
	client_destroy(o->client);
	free(o->latency_us);
	region_fini(&o->missing);
	o->client = NULL;
	o->latency_us = NULL;
}

void observer_reset(struct observer *o)
{
	o->n_samples = 0;
}

int observer_look(struct observer *o, uint64_t until_us)
{
	int err = client_socket_pump(&o->socket, until_us, NULL, NULL);
	return err == ERR_AGAIN ? OK : err;
}

static bool is_echoed(void *ctx)
{
	const struct observer *o = ctx;
	return o->n_samples > 0 && o->seen_us > o->sent_us;
}

int observer_press(struct observer *o, uint64_t until_us)
{
	enum { KEYSYM_A = 0x61 };
	struct buf *out = client_output(o->client);

	o->sent_us = clock_now_us();
	rfb_put_key_event(out, true, KEYSYM_A);
	rfb_put_key_event(out, false, KEYSYM_A);
	return client_socket_pump(&o->socket, until_us, is_echoed, o);
}
