#include "desktop/held.h"

/* The same key is the same scan code where the viewer sends one, and else the
 * same keysym (a viewer that changes Shift in between may release `a` as `A`;
 * the screen sorts that out, so both names of a key are kept as they came). */
static int find(const struct held *h, uint32_t keysym, uint32_t code)
{
	for (int i = 0; i < h->n; i++)
		if (code ? h->keys[i].code == code
			 : h->keys[i].code == 0 && h->keys[i].keysym == keysym)
			return i;
	return -1;
}

void held_key(struct held *h, struct screen *s, uint32_t keysym, uint32_t code, bool down)
{
	int i = find(h, keysym, code);
	if (down && i < 0) {
		if (h->n == HELD_MAX)
			return;
		i = h->n++;
		h->keys[i].keysym = keysym;
		h->keys[i].code = code;
	} else if (!down && i >= 0) {
		h->keys[i] = h->keys[--h->n];
	}
	s->ops->key(s, keysym, code, down);
}

void held_pointer(struct held *h, struct screen *s, int x, int y, unsigned buttons, unsigned others)
{
	h->x = x;
	h->y = y;
	h->buttons = buttons;
	s->ops->pointer(s, x, y, buttons | others);
}

void held_release(struct held *h, struct screen *s, unsigned others)
{
	while (h->n > 0) {
		h->n--;
		s->ops->key(s, h->keys[h->n].keysym, h->keys[h->n].code, false);
	}
	if (h->buttons)
		held_pointer(h, s, h->x, h->y, 0, others);
}
