#include "screen/x11/x11_layout.h"

#include <string.h>
#include <xcb/randr.h>

static struct screen_output *add_output(struct x11_layout *l, uint32_t id, struct rect area)
{
	if (l->next.n == SCREEN_OUTPUTS_MAX || rect_empty(area))
		return NULL;
	struct screen_output *o = &l->next.outputs[l->next.n++];
	*o = (struct screen_output){ .id = id, .area = area };
	return o;
}

/* The primary one goes to the front, the others keep their order. */
static void sort(struct screen_layout *s)
{
	for (int i = 1; i < s->n; i++) {
		if (!s->outputs[i].primary)
			continue;
		struct screen_output primary = s->outputs[i];
		memmove(&s->outputs[1], &s->outputs[0], (size_t)i * sizeof(primary));
		s->outputs[0] = primary;
		return;
	}
}

static void finish(struct x11_layout *l)
{
	if (l->next.n == 0)
		add_output(l, 0, (struct rect){ 0, 0, l->next.w, l->next.h });
	sort(&l->next);
	l->found = l->next;
	l->busy = false;
	if (l->again)
		x11_layout_query(l);
	else
		l->done(l->ctx);
}

static void set_name(struct screen_output *o, const char *name, int len)
{
	size_t n = len < 0 ? 0 : (size_t)len;
	if (n > sizeof(o->name) - 1)
		n = sizeof(o->name) - 1;
	memcpy(o->name, name, n);
	o->name[n] = 0;
}

static void on_atom_name(void *ctx, const void *reply, const xcb_generic_error_t *error)
{
	struct x11_layout *l = ctx;
	const xcb_get_atom_name_reply_t *r = reply;
	(void)error;
	if (r)
		set_name(&l->next.outputs[l->n_named], xcb_get_atom_name_name(r),
			xcb_get_atom_name_name_length(r));
	if (++l->n_named == l->next.n)
		finish(l);
}

static void on_monitors(void *ctx, const void *reply, const xcb_generic_error_t *error)
{
	struct x11_layout *l = ctx;
	(void)error;
	if (reply) {
		xcb_randr_monitor_info_iterator_t it =
			xcb_randr_get_monitors_monitors_iterator(reply);
		for (; it.rem; xcb_randr_monitor_info_next(&it)) {
			const xcb_randr_monitor_info_t *m = it.data;
			struct screen_output *o = add_output(
				l, m->name, (struct rect){ m->x, m->y, m->width, m->height });
			if (o)
				o->primary = m->primary;
		}
	}
	if (l->next.n == 0)
		finish(l);
	for (int i = 0; l->busy && i < l->next.n; i++)
		x11_conn_expect(l->conn,
			xcb_get_atom_name(l->conn->xcb, l->next.outputs[i].id).sequence,
			on_atom_name, l);
}

static void on_output(void *ctx, const void *reply, const xcb_generic_error_t *error)
{
	struct x11_layout *l = ctx;
	const xcb_randr_get_output_info_reply_t *r = reply;
	(void)error;
	if (r)
		set_name(&l->next.outputs[l->n_named],
			(const char *)xcb_randr_get_output_info_name(r),
			xcb_randr_get_output_info_name_length(r));
	if (++l->n_named == l->next.n)
		finish(l);
}

/* Before RANDR 1.5 a monitor is a CRTC with an output. */
static void on_crtc(void *ctx, const void *reply, const xcb_generic_error_t *error)
{
	struct x11_layout *l = ctx;
	const xcb_randr_get_crtc_info_reply_t *r = reply;
	(void)error;
	if (r && r->mode && xcb_randr_get_crtc_info_outputs_length(r) > 0) {
		uint32_t output = xcb_randr_get_crtc_info_outputs(r)[0];
		struct screen_output *o =
			add_output(l, output, (struct rect){ r->x, r->y, r->width, r->height });
		if (o)
			o->primary = output == l->primary_output;
	}
	if (--l->n_named > 0)
		return;
	if (l->next.n == 0)
		finish(l);
	for (int i = 0; l->busy && i < l->next.n; i++)
		x11_conn_expect(l->conn,
			xcb_randr_get_output_info(
				l->conn->xcb, l->next.outputs[i].id, XCB_CURRENT_TIME)
				.sequence,
			on_output, l);
}

static void on_primary(void *ctx, const void *reply, const xcb_generic_error_t *error)
{
	struct x11_layout *l = ctx;
	const xcb_randr_get_output_primary_reply_t *r = reply;
	(void)error;
	l->primary_output = r ? r->output : 0;
}

static void on_resources(void *ctx, const void *reply, const xcb_generic_error_t *error)
{
	struct x11_layout *l = ctx;
	const xcb_randr_get_screen_resources_current_reply_t *r = reply;
	(void)error;
	int n = r ? xcb_randr_get_screen_resources_current_crtcs_length(r) : 0;
	if (n > 2 * SCREEN_OUTPUTS_MAX)
		n = 2 * SCREEN_OUTPUTS_MAX;
	if (n == 0) {
		finish(l);
		return;
	}
	l->n_named = n; /* how many CRTCs have still to answer */
	for (int i = 0; i < n; i++) {
		uint32_t crtc = xcb_randr_get_screen_resources_current_crtcs(r)[i];
		x11_conn_expect(l->conn,
			xcb_randr_get_crtc_info(l->conn->xcb, crtc, XCB_CURRENT_TIME).sequence,
			on_crtc, l);
	}
}

static void on_geometry(void *ctx, const void *reply, const xcb_generic_error_t *error)
{
	struct x11_layout *l = ctx;
	const xcb_get_geometry_reply_t *r = reply;
	(void)error;
	l->next.w = r ? r->width : 0;
	l->next.h = r ? r->height : 0;
	if (l->conn->randr < 102)
		finish(l);
}

void x11_layout_init(struct x11_layout *l, struct x11_conn *c, x11_layout_done *done, void *ctx)
{
	*l = (struct x11_layout){ .conn = c, .done = done, .ctx = ctx };
	uint32_t mask = XCB_EVENT_MASK_STRUCTURE_NOTIFY;
	xcb_change_window_attributes(c->xcb, c->root, XCB_CW_EVENT_MASK, &mask);
	if (c->randr >= 102)
		xcb_randr_select_input(c->xcb, c->root,
			XCB_RANDR_NOTIFY_MASK_SCREEN_CHANGE | XCB_RANDR_NOTIFY_MASK_CRTC_CHANGE |
				XCB_RANDR_NOTIFY_MASK_OUTPUT_CHANGE);
}

void x11_layout_query(struct x11_layout *l)
{
	struct x11_conn *c = l->conn;
	l->again = l->busy;
	if (l->busy)
		return;
	l->busy = true;
	l->n_named = 0;
	l->next = (struct screen_layout){ 0 };
	x11_conn_expect(c, xcb_get_geometry(c->xcb, c->root).sequence, on_geometry, l);
	if (c->randr >= 105) {
		x11_conn_expect(
			c, xcb_randr_get_monitors(c->xcb, c->root, 1).sequence, on_monitors, l);
	} else if (c->randr >= 102) {
		if (c->randr >= 103)
			x11_conn_expect(c, xcb_randr_get_output_primary(c->xcb, c->root).sequence,
				on_primary, l);
		x11_conn_expect(c, xcb_randr_get_screen_resources_current(c->xcb, c->root).sequence,
			on_resources, l);
	}
}

bool x11_layout_event(struct x11_layout *l, const xcb_generic_event_t *ev)
{
	uint8_t type = ev->response_type & 0x7f, first = l->conn->randr_event;
	if (type == XCB_CONFIGURE_NOTIFY)
		return ((const xcb_configure_notify_event_t *)ev)->window == l->conn->root;
	return l->conn->randr >= 102 &&
	       (type == first + XCB_RANDR_SCREEN_CHANGE_NOTIFY || type == first + XCB_RANDR_NOTIFY);
}

struct rect x11_layout_select(
	const struct screen_layout *root, int index, struct screen_layout *selected)
{
	struct rect area = { 0, 0, root->w, root->h };
	int first = 0, n = root->n;
	if (index > 0) {
		first = index <= root->n ? index - 1 : 0;
		n = 1;
		struct rect r = rect_intersect(area, root->outputs[first].area);
		if (!rect_empty(r))
			area = r;
	}
	*selected = (struct screen_layout){ .w = area.w, .h = area.h };
	for (int i = first; i < first + n; i++) {
		struct screen_output o = root->outputs[i];
		o.area = rect_intersect(o.area, area);
		if (rect_empty(o.area))
			continue;
		o.area.x -= area.x;
		o.area.y -= area.y;
		selected->outputs[selected->n++] = o;
	}
	if (selected->n == 0) {
		selected->outputs[0].area = (struct rect){ 0, 0, area.w, area.h };
		selected->n = 1;
	}
	return area;
}

bool x11_layout_equal(const struct screen_layout *a, const struct screen_layout *b)
{
	bool equal = a->w == b->w && a->h == b->h && a->n == b->n;
	for (int i = 0; equal && i < a->n; i++) {
		const struct screen_output *p = &a->outputs[i], *q = &b->outputs[i];
		equal = p->id == q->id && p->primary == q->primary &&
			rect_equal(p->area, q->area) && strcmp(p->name, q->name) == 0;
	}
	return equal;
}
