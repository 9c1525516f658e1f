#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "desktop/desktop_private.h"
#include "rfb/server_msg.h"

/* One viewer's life: greeting, rights, running, gone. */

static void unlink_viewer(struct viewer *v)
{
	if (v->prev)
		v->prev->next = v->next;
	else
		v->desktop->viewers = v->next;
	if (v->next)
		v->next->prev = v->prev;
}

static void destroy(struct viewer *v)
{
	if (!v)
		return;
	loop_task_cancel(v->desktop->loop, &v->free_task);
	unlink_viewer(v);
	loop_timer_destroy(v->deadline);
	for (size_t i = 0; i < ARRAY_LEN(v->encoders); i++)
		encoder_destroy(v->encoders[i]);
	region_fini(&v->dirty);
	region_fini(&v->requested);
	buf_fini(&v->in);
	buf_fini(&v->out);
	buf_fini(&v->cut);
	free(v);
}

void viewer_bury(void *ctx)
{
	struct viewer *v = ctx;
	void (*on_left)(void *ctx) = v->on_left;
	void *left_ctx = v->left_ctx;
	destroy(v);
	if (on_left)
		on_left(left_ctx);
}

unsigned viewer_others_buttons(const struct viewer *v)
{
	unsigned buttons = 0;
	for (const struct viewer *o = v->desktop->viewers; o; o = o->next)
		if (o != v)
			buttons |= o->held.buttons;
	return buttons;
}

void viewer_close(struct viewer *v, const char *why)
{
	if (v->state == VIEWER_CLOSED)
		return;
	struct desktop *d = v->desktop;
	if (v->state == VIEWER_RUNNING)
		log_info(d->log, "viewer %u: left: %s", v->id, why);
	else
		log_debug(d->log, "viewer %u (%s): not let in: %s", v->id, v->label, why);
	v->state = VIEWER_CLOSED;
	if (d->screen)
		held_release(&v->held, d->screen, viewer_others_buttons(v));
	stream_close(v->stream, true);
	v->stream = NULL;
	loop_timer_stop(v->deadline);
	loop_task_queue(d->loop, &v->free_task);
	if (desktop_viewers(d) == 0)
		loop_timer_start(d->rest, DESKTOP_REST_MS);
	frame_schedule(d);
}

bool viewer_paced(const struct viewer *v)
{
	return v->features & FEATURE_FENCE && v->continuous;
}

bool viewer_ready(const struct viewer *v)
{
	return v->state == VIEWER_RUNNING && stream_queued(v->stream) == 0 &&
	       (!viewer_paced(v) || pace_open(&v->pace)) &&
	       (v->continuous || !region_empty(&v->requested));
}

bool viewer_pending(const struct viewer *v)
{
	bool reply = v->n_replies > 0 && v->replies[0].result != REPLY_LATER;
	return v->news || reply || v->copies || update_due(v);
}

void viewer_damage_all(struct viewer *v)
{
	struct desktop *d = v->desktop;
	v->copies = false;
	region_clear(&v->dirty);
	region_add_rect(&v->dirty, (struct rect){ 0, 0, d->shadow.w, d->shadow.h });
}

size_t viewer_queue_limit(const struct desktop *d)
{
	return VIEWER_QUEUE_MAX + (size_t)d->shadow.w * (size_t)d->shadow.h * sizeof(uint32_t);
}

/* A viewer that does not read is not read either, so that what it asks for
 * cannot pile up; and it has 30 s to take something of what waits for it. */
static void watch_queue(struct viewer *v)
{
	size_t queued = stream_queued(v->stream);
	if (queued > VIEWER_READ_STOP)
		stream_want_read(v->stream, false);
	if (queued > 0 && v->state == VIEWER_RUNNING && !loop_timer_active(v->deadline)) {
		v->stalled_at = v->sent - queued;
		loop_timer_start(v->deadline, VIEWER_STALL_MS);
	}
}

void viewer_flush(struct viewer *v)
{
	if (v->state == VIEWER_CLOSED)
		return;
	int err = buf_ok(&v->out);
	if (!err && stream_queued(v->stream) + v->out.len > viewer_queue_limit(v->desktop))
		err = ERR_LIMIT;
	if (!err && v->out.len > 0)
		err = stream_send(v->stream, v->out.data, v->out.len);
	if (err) {
		viewer_close(v, err_str(err));
		return;
	}
	v->sent += v->out.len;
	if (v->out.cap > 256 * 1024)
		buf_fini(&v->out);
	buf_reset(&v->out);
	v->out.max = viewer_queue_limit(v->desktop);
	watch_queue(v);
}

static void on_deadline(void *ctx)
{
	struct viewer *v = ctx;
	if (v->state != VIEWER_RUNNING) {
		viewer_close(v, "the handshake took too long");
		return;
	}
	if (v->waiting) {
		watch_queue(v);
		return;
	}
	/* It is less than before when answers to pings were queued meanwhile. */
	size_t written = v->sent - stream_queued(v->stream);
	if ((ptrdiff_t)(written - v->stalled_at) <= 0) {
		viewer_close(v, "it has taken nothing for 30 s");
		return;
	}
	watch_queue(v);
}

static void put_init(struct viewer *v)
{
	struct desktop *d = v->desktop;
	v->w = d->shadow.w;
	v->h = d->shadow.h;
	rfb_put_server_init(&v->out, (uint16_t)v->w, (uint16_t)v->h, &pix_format_native, d->name);
}

static void start_running(struct viewer *v)
{
	struct desktop *d = v->desktop;
	loop_timer_stop(v->deadline);
	v->state = VIEWER_RUNNING;
	v->joined_us = clock_now_us();
	viewer_damage_all(v); /* it has nothing, even if it never says so */
	if (d->exclusive || (!v->handshake.shared && v->control))
		desktop_send_away_others(d, v);
	put_init(v);
	log_info(d->log, "viewer %u: joined from %s, %s", v->id, v->label,
		v->control ? "control" : "view only");
}

static int admitted(const struct desktop *d)
{
	int n = 0;
	for (const struct viewer *v = d->viewers; v; v = v->next)
		n += v->admitted && v->state != VIEWER_CLOSED;
	return n;
}

static const char *why_not(const struct viewer *v)
{
	const struct desktop *d = v->desktop;
	if (v->refusal)
		return v->refusal;
	if (!d->screen || !d->shadow.px)
		return "The screen is not ready yet: try again in a moment.";
	if (d->max_viewers > 0 && !d->exclusive && admitted(d) >= d->max_viewers)
		return "As many viewers as are allowed are connected: try again later.";
	return NULL;
}

static void judge_control(struct viewer *v)
{
	v->control = v->rights == DESKTOP_CONTROL && !v->view_only && !v->desktop->view_only;
}

static void decide(struct viewer *v, enum desktop_rights rights)
{
	struct desktop *d = v->desktop;
	const char *refusal = rights == DESKTOP_REFUSED ? "Wrong password." : why_not(v);
	v->state = VIEWER_HANDSHAKE;
	v->admitted = !refusal;
	v->rights = rights;
	judge_control(v);
	rfb_handshake_decide(&v->handshake, !refusal, refusal, &v->out);
	viewer_flush(v);
	if (!refusal || v->state == VIEWER_CLOSED)
		return;
	log_warn(d->log, "viewer %u (%s): refused: %s", v->id, v->label, refusal);
	viewer_close(v, "refused");
}

static void ask_rights(struct viewer *v)
{
	struct desktop *d = v->desktop;
	v->state = VIEWER_DECIDING;
	v->asking = true;
	if (v->handshake.security == RFB_SECURITY_NONE)
		decide(v, DESKTOP_CONTROL);
	else
		d->events->on_authenticate(
			d->ctx, v->id, v->handshake.challenge, v->handshake.response);
	v->asking = false;
}

static int step_handshake(struct viewer *v, struct rd *in)
{
	while (v->state == VIEWER_HANDSHAKE) {
		enum rfb_handshake_want want = RFB_HANDSHAKE_BYTES;
		int err = rfb_handshake_step(&v->handshake, in, &v->out, &want);
		if (!err && want == RFB_HANDSHAKE_INIT)
			start_running(v);
		viewer_flush(v);
		if (err)
			return err;
		if (want == RFB_HANDSHAKE_DECIDE)
			ask_rights(v);
		if (want == RFB_HANDSHAKE_BYTES)
			break;
	}
	return OK;
}

/* All that can be done with the bytes at hand. */
static int take(struct viewer *v, struct rd *in)
{
	int err = step_handshake(v, in);
	if (!err && v->state == VIEWER_RUNNING)
		err = viewer_msg_read(v, in);
	return err == ERR_AGAIN ? OK : err;
}

static void take_from_buffer(struct viewer *v)
{
	struct rd in = rd_of(v->in.data, v->in.len);
	int err = take(v, &in);
	if (v->state == VIEWER_CLOSED)
		return;
	buf_consume(&v->in, v->in.len - in.left);
	if (err)
		viewer_close(v, err_str(err));
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct viewer *v = ctx;
	struct rd in = rd_of(data, n);
	if (v->state == VIEWER_HANDSHAKE && !loop_timer_active(v->deadline))
		loop_timer_start(v->deadline, VIEWER_HANDSHAKE_MS);
	if (v->in.len == 0 && v->state != VIEWER_DECIDING) {
		int err = take(v, &in);
		if (err)
			viewer_close(v, err_str(err));
		if (v->state == VIEWER_CLOSED)
			return;
	}
	/* The rest is the beginning of a message, which fits; what does not fit
	 * goes through the buffer piece by piece. */
	while (in.left > 0 && v->state != VIEWER_CLOSED) {
		size_t room = v->in.max - v->in.len;
		size_t part = in.left < room ? in.left : room;
		size_t before = v->in.len;
		buf_put(&v->in, rd_bytes(&in, part), part);
		if (part == 0 || buf_ok(&v->in)) {
			viewer_close(v, "it sent too much before it was let in");
			return;
		}
		take_from_buffer(v);
		if (v->state != VIEWER_CLOSED && v->in.len == before + part && room == part) {
			viewer_close(v, "a message is too long");
			return;
		}
	}
}

static void on_drain(void *ctx)
{
	struct viewer *v = ctx;
	if (v->state == VIEWER_RUNNING)
		loop_timer_stop(v->deadline);
	stream_want_read(v->stream, true);
	frame_schedule(v->desktop);
}

static void on_end(void *ctx, int err)
{
	viewer_close(ctx, err ? err_str(err) : "it closed the connection");
}

static const struct stream_events viewer_stream_events = { on_data, on_drain, on_end };

static struct viewer *create(struct desktop *d, const struct desktop_viewer_config *config)
{
	struct viewer *v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	v->desktop = d;
	v->id = d->next_id++;
	snprintf(v->label, sizeof(v->label), "%s", config->label);
	v->free_task = (struct loop_task){ .run = viewer_bury, .ctx = v };
	v->refusal = config->refusal;
	v->view_only = config->view_only;
	v->on_left = config->on_left;
	v->left_ctx = config->ctx;
	v->settings = (struct encoder_settings){ .quality = -1, .compress = -1 };
	v->encoding = encoder_find(0);
	pix_convert_init(&v->convert, &pix_format_native);
	buf_init(&v->in, VIEWER_IN_MAX);
	buf_init(&v->out, viewer_queue_limit(d));
	buf_init(&v->cut, CUT_TEXT_MAX);
	region_init(&v->dirty);
	region_init(&v->requested);
	v->next = d->viewers;
	if (v->next)
		v->next->prev = v;
	d->viewers = v;
	v->deadline = loop_timer_create(d->loop, on_deadline, v);
	if (!v->deadline) {
		destroy(v);
		return NULL;
	}
	return v;
}

/* What a peer costs before it is let in is little, but anybody may be many. */
static void make_room(struct desktop *d)
{
	struct viewer *oldest = NULL;
	int n = 0;
	for (struct viewer *v = d->viewers; v; v = v->next) {
		if (v->state == VIEWER_RUNNING || v->state == VIEWER_CLOSED)
			continue;
		oldest = v;
		n++;
	}
	if (n > VIEWERS_IN_HANDSHAKE)
		viewer_close(oldest, "too many are at the door");
}

int desktop_add_viewer(struct desktop *d, const struct desktop_viewer_config *config,
	struct stream *s, const uint8_t *early, size_t n_early, uint32_t *id)
{
	uint8_t challenge[16];
	if (random_bytes(challenge, sizeof(challenge)))
		return ERR_IO;
	struct viewer *v = create(d, config);
	if (!v)
		return ERR_NOMEM;
	v->stream = s;
	if (id)
		*id = v->id;
	make_room(d);
	stream_set_events(s, &viewer_stream_events, v);
	rfb_handshake_start(&v->handshake, config->security,
		config->security == RFB_SECURITY_NONE ? NULL : challenge, &v->out);
	if (!config->patient)
		loop_timer_start(v->deadline, VIEWER_HANDSHAKE_MS);
	viewer_flush(v);
	if (v->state != VIEWER_CLOSED)
		stream_want_read(s, true);
	if (v->state != VIEWER_CLOSED && n_early > 0)
		on_data(v, early, n_early);
	return OK;
}

void desktop_authenticated(struct desktop *d, uint32_t viewer, enum desktop_rights rights)
{
	struct viewer *v = desktop_find(d, viewer);
	if (!v || v->state != VIEWER_DECIDING)
		return;
	decide(v, rights);
	/* From inside the question the one who asked goes on reading. */
	if (v->state != VIEWER_CLOSED && !v->asking)
		take_from_buffer(v);
}

void desktop_set_view_only(struct desktop *d, uint32_t viewer, bool view_only)
{
	struct viewer *v = desktop_find(d, viewer);
	if (!v || v->state == VIEWER_CLOSED)
		return;
	v->view_only = view_only;
	judge_control(v);
	if (!v->control && d->screen)
		held_release(&v->held, d->screen, viewer_others_buttons(v));
	if (v->state == VIEWER_RUNNING)
		log_info(d->log, "viewer %u: %s from now on", v->id,
			v->control ? "control" : "view only");
	if (v->features & FEATURE_EXT_CLIPBOARD && v->state == VIEWER_RUNNING) {
		clipboard_announce(v);
		viewer_flush(v);
	}
}

void desktop_close_viewer(struct desktop *d, uint32_t viewer, const char *why)
{
	struct viewer *v = desktop_find(d, viewer);
	if (v)
		viewer_close(v, why);
}

void desktop_set_waiting(struct desktop *d, uint32_t viewer, bool waiting)
{
	struct viewer *v = desktop_find(d, viewer);
	if (!v || v->state == VIEWER_CLOSED)
		return;
	v->waiting = waiting;
	v->stalled_at = v->sent - stream_queued(v->stream);
}
