#include "screen/x11/x11_input.h"

#include <stdlib.h>
#include <string.h>

/* So many fit into what xcb gathers between two flushes. */
enum { BURST = 16 };

static struct x11_input_item *item(struct x11_input *in, unsigned i)
{
	return &in->items[(in->first + i) % X11_INPUT_MAX];
}

static bool push(struct x11_input *in, const struct x11_input_item *new, bool release)
{
	bool room = in->n < X11_INPUT_MAX - (release ? 0 : X11_INPUT_RELEASES);
	if (room)
		*item(in, in->n++) = *new;
	return room;
}

void x11_input_fini(struct x11_input *in)
{
	free(in->text);
	in->text = NULL;
}

void x11_input_key(struct x11_input *in, uint32_t keysym, uint32_t code, bool down)
{
	const struct x11_input_item k = { true, down, keysym, code, 0, 0, 0 };
	push(in, &k, !down);
}

void x11_input_pointer(struct x11_input *in, int x, int y, unsigned buttons)
{
	struct x11_input_item *last = in->n ? item(in, in->n - 1) : NULL;
	const struct x11_input_item p = { .x = x, .y = y, .buttons = buttons };
	if (last && !last->is_key && last->buttons == buttons)
		*last = p;
	else if (!push(in, &p, last && (buttons & ~last->buttons) == 0)) {
		/* What was between is lost, but not how it ends. */
		in->last_move = p;
		in->move_waits = true;
		return;
	}
	in->move_waits = false;
}

void x11_input_set_clipboard(struct x11_input *in, const char *text, size_t len)
{
	if (len > X11_SELECTION_MAX)
		return;
	char *copy = malloc(len + 1);
	if (!copy)
		return;
	if (len)
		memcpy(copy, text, len);
	free(in->text);
	in->text = copy;
	in->text_len = len;
}

void x11_input_want_clipboard(struct x11_input *in)
{
	in->want_text = true;
}

static void send_item(struct x11_input *in, const struct x11_input_item *i)
{
	if (!i->is_key)
		x11_pointer_set(&in->pointer, in->area, i->x, i->y, i->buttons);
	else if (in->keyboard)
		x11_keyboard_key(in->keyboard, i->keysym, i->code, i->down);
}

static void send_clipboard(struct x11_input *in)
{
	if (in->selection && in->text)
		x11_selection_set(in->selection, in->text, in->text_len);
	free(in->text);
	in->text = NULL;
	if (in->selection && in->want_text)
		x11_selection_want(in->selection);
	in->want_text = false;
}

/* A click must not overtake the key that was pressed for it. */
static bool must_wait(struct x11_input *in)
{
	return in->n && !item(in, 0)->is_key && in->keyboard && x11_keyboard_busy(in->keyboard);
}

bool x11_input_send(struct x11_input *in)
{
	while (in->n || in->move_waits || in->text || in->want_text) {
		if (!x11_conn_flush(in->conn))
			return true;
		for (int i = 0; i < BURST && in->n && !must_wait(in); i++) {
			send_item(in, item(in, 0));
			in->first = (in->first + 1) % X11_INPUT_MAX;
			in->n--;
		}
		if (!in->n && in->move_waits) {
			in->move_waits = false;
			send_item(in, &in->last_move);
		}
		if (!in->n)
			send_clipboard(in);
		if (must_wait(in))
			break; /* the keyboard's answers wake us */
	}
	return !x11_conn_flush(in->conn);
}
