#include <string.h>

#include "desktop/desktop_private.h"
#include "rfb/ext_clipboard.h"
#include "rfb/server_msg.h"

/* Text between the screen's selections and the viewers. The screen's text is
 * fetched only when somebody needs it: at once where a viewer has the plain cut
 * text only, else when one asks. */

static bool takes_part(const struct viewer *v)
{
	return v->state == VIEWER_RUNNING && v->control;
}

/* A text that the viewer's queue has no room for is not worth losing the viewer. */
static void send_if_it_fits(struct viewer *v, const struct buf *message)
{
	size_t waits = stream_queued(v->stream) + v->out.len;
	size_t limit = viewer_queue_limit(v->desktop);
	if (buf_ok(message) || waits > limit || message->len > limit - waits) {
		log_warn(v->desktop->log, "viewer %u: the clipboard's text is too long for it",
			v->id);
		return;
	}
	v->out.max = limit; /* the frame may have grown */
	buf_put(&v->out, message->data, message->len);
	viewer_flush(v);
}

static void send_plain(struct viewer *v)
{
	struct buf latin1, message;
	buf_init(&latin1, CUT_TEXT_MAX);
	buf_init(&message, CUT_TEXT_MAX + 8);
	ext_clipboard_latin1_from_utf8(
		&latin1, (const char *)v->desktop->clip.data, v->desktop->clip.len);
	message.bad = latin1.bad;
	rfb_put_server_cut_text(&message, (const char *)latin1.data, (uint32_t)latin1.len);
	send_if_it_fits(v, &message);
	buf_fini(&latin1);
	buf_fini(&message);
}

static void send_text(struct viewer *v)
{
	const struct desktop *d = v->desktop;
	struct buf message;
	buf_init(&message, 3 * CLIPBOARD_MAX);
	v->clip_wanted = false;
	message.bad =
		ext_clipboard_put_text(&message, true, (const char *)d->clip.data, d->clip.len);
	send_if_it_fits(v, &message);
	buf_fini(&message);
}

static void fetch(struct desktop *d)
{
	if (d->clip_pending || !d->screen || !(d->screen->caps & SCREEN_CAP_CLIPBOARD))
		return;
	d->clip_pending = true;
	d->screen->ops->want_clipboard(d->screen);
}

/* Tells everybody but `source` (NULL: nobody is left out) that there is text. */
static void tell_viewers(struct desktop *d, const struct viewer *source)
{
	bool plain = false;
	for (struct viewer *v = d->viewers, *next; v; v = next) {
		next = v->next;
		if (!takes_part(v) || v == source)
			continue;
		if (!(v->features & FEATURE_EXT_CLIPBOARD)) {
			plain = true;
			if (d->clip_valid)
				send_plain(v);
			continue;
		}
		ext_clipboard_put_action(&v->out, true, EXT_CLIPBOARD_NOTIFY, EXT_CLIPBOARD_TEXT);
		viewer_flush(v);
	}
	if (plain && !d->clip_valid)
		fetch(d);
}

void clipboard_screen_changed(struct desktop *d)
{
	d->clip_valid = false;
	d->clip_stale = d->clip_pending;
	d->clip_any = true;
	buf_reset(&d->clip);
	tell_viewers(d, NULL);
}

static void keep(struct desktop *d, const char *text, size_t len)
{
	buf_reset(&d->clip);
	buf_put(&d->clip, text, len);
	if (buf_ok(&d->clip))
		buf_reset(&d->clip);
	d->clip_valid = true;
}

void clipboard_screen_text(struct desktop *d, const char *text, size_t len)
{
	bool stale = d->clip_stale;
	d->clip_pending = d->clip_stale = false;
	if (stale && !d->clip_valid) {
		fetch(d);
		return;
	}
	if (!stale)
		keep(d, text, len);
	for (struct viewer *v = d->viewers, *next; v; v = next) {
		next = v->next;
		if (!takes_part(v))
			continue;
		if (v->clip_wanted)
			send_text(v);
		else if (!stale && !(v->features & FEATURE_EXT_CLIPBOARD) && d->clip.len > 0)
			send_plain(v);
	}
}

static void take_text(struct viewer *v, const struct buf *text)
{
	struct desktop *d = v->desktop;
	if (buf_ok(text) || !d->screen || !(d->screen->caps & SCREEN_CAP_CLIPBOARD))
		return;
	buf_reset(&d->clip);
	buf_put(&d->clip, text->data, text->len);
	if (buf_ok(&d->clip)) {
		buf_reset(&d->clip);
		return;
	}
	d->clip_valid = d->clip_any = true;
	d->clip_stale = d->clip_pending;
	d->screen->ops->set_clipboard(d->screen, (const char *)d->clip.data, d->clip.len);
	tell_viewers(d, v);
}

void clipboard_answer(struct viewer *v)
{
	struct desktop *d = v->desktop;
	if (!v->clip_wanted)
		return;
	if (d->clip_valid || !d->clip_any)
		send_text(v); /* nothing announced yet: an empty text */
	else
		fetch(d);
}

static void take_extended(struct viewer *v)
{
	struct ext_clipboard_msg m;
	struct buf text;
	buf_init(&text, CLIPBOARD_MAX);
	int err = ext_clipboard_parse(v->cut.data, v->cut.len, &m, &text);
	if (err)
		viewer_close(v, "a broken clipboard message");
	else if (m.flags & EXT_CLIPBOARD_PROVIDE && m.flags & EXT_CLIPBOARD_TEXT)
		take_text(v, &text);
	else if (m.flags & EXT_CLIPBOARD_NOTIFY && m.flags & EXT_CLIPBOARD_TEXT)
		ext_clipboard_put_action(&v->out, true, EXT_CLIPBOARD_REQUEST, EXT_CLIPBOARD_TEXT);
	else if (m.flags & EXT_CLIPBOARD_REQUEST)
		v->clip_wanted = true;
	else if (m.flags & EXT_CLIPBOARD_PEEK)
		ext_clipboard_put_action(&v->out, true, EXT_CLIPBOARD_NOTIFY,
			v->desktop->clip_any ? EXT_CLIPBOARD_TEXT : 0);
	buf_fini(&text);
}

void clipboard_from_viewer(struct viewer *v)
{
	if (v->msg.cut_text.extended) {
		take_extended(v);
		return;
	}
	struct buf utf8;
	buf_init(&utf8, 2 * CUT_TEXT_MAX);
	ext_clipboard_utf8_from_latin1(&utf8, v->cut.data, v->cut.len);
	take_text(v, &utf8);
	buf_fini(&utf8);
}

void clipboard_announce(struct viewer *v)
{
	if (v->control)
		ext_clipboard_put_caps(&v->out, true);
}
