#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xcb/xfixes.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/loop.h"
#include "screen/x11/x11_atoms.h"
#include "screen/x11/x11_selection.h"
#include "xvfb.h"

enum { WAIT_US = 20000000, LARGE = 3000000 };

/* An X server, our selections on a loop, and a place for another client. */
struct board {
	struct xvfb server;
	struct loop *loop;
	struct loop_io *io;
	struct loop_hook *hook;
	struct loop_timer *tick; /* so that a test that waits in vain ends */
	xcb_connection_t *c;
	struct x11_selection *sel;
	bool destroy_in_callback;
	unsigned n_changed, n_texts;
	char *text; /* of the last answer, owned */
	size_t len;
	/* The other client: `server.client`, with its own way to answer. */
	void (*other)(struct board *b, const xcb_generic_event_t *ev);
	xcb_atom_t atoms[X11_ATOMS];
	xcb_window_t window;
	unsigned n_pieces;
};

static void on_changed(void *ctx)
{
	struct board *b = ctx;
	b->n_changed++;
}

static void on_text(void *ctx, const char *text, size_t len)
{
	struct board *b = ctx;
	free(b->text);
	b->text = malloc(len + 1);
	assert_non_null(b->text);
	memcpy(b->text, text, len);
	b->text[len] = '\0';
	b->len = len;
	b->n_texts++;
	if (b->destroy_in_callback) {
		x11_selection_destroy(b->sel);
		b->sel = NULL;
	}
}

static const struct x11_selection_events events = { on_changed, on_text };

/* What x11.c does before it sleeps. */
static void drain(void *ctx)
{
	struct board *b = ctx;
	xcb_generic_event_t *ev;
	while ((ev = xcb_poll_for_event(b->c))) {
		if (b->sel)
			x11_selection_event(b->sel, ev);
		free(ev);
	}
	if (b->sel)
		x11_selection_poll(b->sel);
	xcb_flush(b->c);
}

static void ready(void *ctx, int io_events)
{
	(void)ctx;
	(void)io_events; /* the hook reads */
}

static void ticked(void *ctx)
{
	struct board *b = ctx;
	loop_timer_start(b->tick, 10);
}

static void turn(struct board *b)
{
	xcb_generic_event_t *ev;
	loop_turn(b->loop);
	while ((ev = xcb_poll_for_event(b->server.client))) {
		if (b->other)
			b->other(b, ev);
		free(ev);
	}
	xcb_flush(b->server.client);
}

static int open_board(void **state)
{
	struct board *b = calloc(1, sizeof(*b));
	assert_non_null(b);
	xvfb_start(&b->server, "320x240x24", NULL, NULL);
	b->loop = loop_create();
	assert_non_null(b->loop);
	b->c = xcb_connect(b->server.display, NULL);
	free(xcb_xfixes_query_version_reply(b->c, xcb_xfixes_query_version(b->c, 5, 0), NULL));
	b->sel = x11_selection_create(b->c, b->server.root, b->loop, NULL, &events, b);
	assert_non_null(b->sel);
	free(xcb_get_input_focus_reply(b->c, xcb_get_input_focus(b->c), NULL)); /* it is heard */
	b->hook = loop_hook_create(b->loop, drain, b);
	b->io = loop_io_create(b->loop, xcb_get_file_descriptor(b->c), ready, b);
	loop_io_want(b->io, LOOP_READ);
	b->tick = loop_timer_create(b->loop, ticked, b);
	loop_timer_start(b->tick, 10);
	assert_int_equal(x11_atoms_intern(b->server.client, b->atoms), OK);
	b->window = xcb_generate_id(b->server.client);
	const uint32_t mask = XCB_EVENT_MASK_PROPERTY_CHANGE;
	xcb_create_window(b->server.client, 0, b->window, b->server.root, 0, 0, 1, 1, 0,
		XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT, XCB_CW_EVENT_MASK, &mask);
	xvfb_sync(&b->server);
	*state = b;
	return 0;
}

static int close_board(void **state)
{
	struct board *b = *state;
	x11_selection_destroy(b->sel);
	loop_hook_destroy(b->hook);
	loop_io_destroy(b->io);
	loop_timer_destroy(b->tick);
	xcb_disconnect(b->c);
	loop_destroy(b->loop);
	xvfb_stop(&b->server);
	free(b->text);
	free(b);
	return 0;
}

static void wait_changed(struct board *b, unsigned n)
{
	uint64_t end = clock_now_us() + WAIT_US;
	while (b->n_changed < n && clock_now_us() < end)
		turn(b);
	assert_true(b->n_changed >= n);
}

static void wait_text(struct board *b, const char *text, size_t len)
{
	uint64_t end = clock_now_us() + WAIT_US;
	while (b->n_texts == 0 && clock_now_us() < end)
		turn(b);
	assert_int_equal(b->n_texts, 1);
	b->n_texts = 0;
	assert_int_equal(b->len, len);
	assert_memory_equal(b->text, text, len);
}

/* Runs a shell command on the display while our side goes on. */
static void run(struct board *b, const char *command)
{
	int status = -1;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setenv("DISPLAY", b->server.display, 1);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	uint64_t end = clock_now_us() + WAIT_US;
	while (waitpid(pid, &status, WNOHANG) == 0 && clock_now_us() < end)
		turn(b);
	if (status == -1) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	assert_int_equal(status, 0);
}

static void write_file(const char *path, const char *data, size_t len)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void check_file(const char *path, const char *data, size_t len)
{
	char *found = malloc(len + 2);
	FILE *f = fopen(path, "r");
	assert_non_null(found);
	assert_non_null(f);
	size_t n = fread(found, 1, len + 2, f);
	bool same = n == len && memcmp(found, data, len) == 0;
	fclose(f);
	free(found);
	assert_int_equal(n, len);
	assert_true(same);
}

static const char *scratch(void)
{
	static char path[] = "/tmp/porthole-selection-XXXXXX";
	if (path[sizeof(path) - 2] == 'X')
		close(mkstemp(path));
	return path;
}

/* Text of more than one request, with characters of 1 to 4 bytes. */
static char *large_text(void)
{
	static const char unit[] = "Hello, Wörld € 😀 0123456789\r\n";
	char *text = malloc(LARGE);
	assert_non_null(text);
	memset(text, '.', LARGE);
	for (size_t at = 0; at + sizeof(unit) < LARGE; at += sizeof(unit) - 1)
		memcpy(text + at, unit, sizeof(unit) - 1);
	return text;
}

static void others_put(struct board *b, const char *program, const char *text, size_t len)
{
	char command[256];
	unsigned changed = b->n_changed;
	write_file(scratch(), text, len);
	snprintf(command, sizeof(command), "%s <%s >/dev/null 2>&1", program, scratch());
	run(b, command);
	wait_changed(b, changed + 1);
	b->n_texts = 0;
	x11_selection_want(b->sel);
	wait_text(b, text, len);
}

static const char *const putters[] = { "xclip -i -selection clipboard",
	"xclip -i -selection primary", "xsel -i -b", "xsel -i -p" };
static const char *const getters[] = { "xclip -o -selection clipboard",
	"xclip -o -selection primary", "xsel -o -b", "xsel -o -p" };

static void fetches_what_others_put(void **state)
{
	struct board *b = *state;
	char *large = large_text();
	for (unsigned i = 0; i < ARRAY_LEN(putters); i++) {
		others_put(b, putters[i], "x", 1);
		others_put(b, putters[i], "Hello, Wörld € 😀\n", strlen("Hello, Wörld € 😀\n"));
		others_put(b, putters[i], large, LARGE);
		others_put(b, putters[i], "one\r\ntwo", 8);
	}
	free(large);
}

static void others_get(struct board *b, const char *program, const char *text, size_t len)
{
	char command[256];
	snprintf(command, sizeof(command), "%s >%s", program, scratch());
	run(b, command);
	check_file(scratch(), text, len);
}

static void serves_what_was_set(void **state)
{
	static const char *const texts[] = { "x", "Hello, Wörld € 😀\n", "a\r\nb" };
	struct board *b = *state;
	char *large = large_text();
	for (unsigned i = 0; i < ARRAY_LEN(getters); i++) {
		for (unsigned k = 0; k < ARRAY_LEN(texts); k++) {
			x11_selection_set(b->sel, texts[k], strlen(texts[k]));
			others_get(b, getters[i], texts[k], strlen(texts[k]));
		}
		x11_selection_set(b->sel, large, LARGE);
		others_get(b, getters[i], large, LARGE);
	}
	assert_int_equal(b->n_changed, 0); /* our own claims are no change */
	free(large);
}

static void serves_every_target(void **state)
{
	struct board *b = *state;
	x11_selection_set(b->sel, "Wörld €", strlen("Wörld €"));
	others_get(b, "xclip -o -selection clipboard -t UTF8_STRING", "Wörld €", 10);
	others_get(b, "xclip -o -selection clipboard -t 'text/plain;charset=utf-8'", "Wörld €", 10);
	others_get(b, "xclip -o -selection clipboard -t TEXT", "Wörld €", 10);
	others_get(b, "xclip -o -selection clipboard -t STRING", "W\xf6rld ?", 7);
	others_get(b, "xclip -o -selection clipboard -t TARGETS | LC_ALL=C sort | tr '\\n' ' '",
		"MULTIPLE STRING TARGETS TEXT TIMESTAMP UTF8_STRING text/plain;charset=utf-8 ", 76);
	run(b, "! xclip -o -selection clipboard -t image/png 2>/dev/null");
	char *large = large_text();
	x11_selection_set(b->sel, large, LARGE);
	run(b, "test $(xclip -o -selection primary -t STRING | wc -c) -gt 2000000");
	free(large);
}

static void set_and_fetch_meet(void **state)
{
	struct board *b = *state;
	char *large = large_text();
	x11_selection_set(b->sel, "", 0);
	x11_selection_want(b->sel);
	wait_text(b, "", 0);
	x11_selection_set(b->sel, "mine", 4);
	x11_selection_want(b->sel);
	wait_text(b, "mine", 4);
	x11_selection_set(b->sel, large, LARGE);
	x11_selection_want(b->sel);
	wait_text(b, large, LARGE);
	free(large);
	others_put(b, putters[0], "theirs", 6);
	x11_selection_set(b->sel, "mine", 4);
	others_get(b, getters[0], "mine", 4);
	others_put(b, putters[1], "theirs", 6);
	others_get(b, getters[0], "mine", 4); /* only one of the two was taken */
}

static void what_is_not_utf8_becomes_so(void **state)
{
	struct board *b = *state;
	write_file(scratch(), "a\xff\xc3z\xed\xa0\x80", 7);
	char command[256];
	snprintf(command, sizeof(command), "xclip -i -selection clipboard <%s >/dev/null 2>&1",
		scratch());
	run(b, command);
	wait_changed(b, 1);
	x11_selection_want(b->sel);
	static const char expected[] =
		"a\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd";
	wait_text(b, expected, sizeof(expected) - 1);
}

static void nobody_has_text(void **state)
{
	struct board *b = *state;
	x11_selection_want(b->sel);
	wait_text(b, "", 0);
}

/* The other client as an owner. */

static void other_owns(struct board *b, void (*other)(struct board *, const xcb_generic_event_t *))
{
	unsigned changed = b->n_changed;
	b->other = other;
	b->n_pieces = 0;
	xcb_set_selection_owner(
		b->server.client, b->window, b->atoms[X11_ATOM_CLIPBOARD], XCB_CURRENT_TIME);
	xvfb_sync(&b->server);
	wait_changed(b, changed + 1);
}

static void notify(struct board *b, const xcb_selection_request_event_t *r, xcb_atom_t property)
{
	union {
		xcb_selection_notify_event_t notify;
		char bytes[32];
	} ev = { .bytes = { 0 } };
	ev.notify = (xcb_selection_notify_event_t){ .response_type = XCB_SELECTION_NOTIFY,
		.time = r->time,
		.requestor = r->requestor,
		.selection = r->selection,
		.target = r->target,
		.property = property };
	xcb_send_event(b->server.client, 0, r->requestor, 0, ev.bytes);
}

static void only_latin1(struct board *b, const xcb_generic_event_t *ev)
{
	const xcb_selection_request_event_t *r = (const void *)ev;
	if (ev->response_type != XCB_SELECTION_REQUEST)
		return;
	b->n_pieces++;
	if (r->target == XCB_ATOM_STRING)
		xcb_change_property(b->server.client, XCB_PROP_MODE_REPLACE, r->requestor,
			r->property, XCB_ATOM_STRING, 8, 3, "\xe4\xf6!");
	notify(b, r, r->target == XCB_ATOM_STRING ? r->property : XCB_ATOM_NONE);
}

static void falls_back_to_latin1(void **state)
{
	struct board *b = *state;
	other_owns(b, only_latin1);
	x11_selection_want(b->sel);
	wait_text(b, "äö!", 5);
	assert_int_equal(b->n_pieces, 3); /* two refusals before */
}

static void only_pictures(struct board *b, const xcb_generic_event_t *ev)
{
	static const char zeros[64];
	const xcb_selection_request_event_t *r = (const void *)ev;
	if (ev->response_type != XCB_SELECTION_REQUEST)
		return;
	xcb_change_property(b->server.client, XCB_PROP_MODE_REPLACE, r->requestor, r->property,
		XCB_ATOM_PIXMAP, 32, 16, zeros);
	notify(b, r, r->property);
}

static void silence(struct board *b, const xcb_generic_event_t *ev)
{
	(void)ev;
	b->n_pieces++;
}

static void an_owner_that_hangs_is_given_up(void **state)
{
	struct board *b = *state;
	other_owns(b, silence);
	x11_selection_want(b->sel);
	x11_selection_want(b->sel); /* one answer for both */
	wait_text(b, "", 0);
	other_owns(b, only_pictures);
	x11_selection_want(b->sel);
	wait_text(b, "", 0);
	/* A new owner is asked without waiting for the end of the first attempt. */
	other_owns(b, silence);
	x11_selection_want(b->sel);
	uint64_t start = clock_now_us();
	others_put(b, putters[0], "at last", 7);
	assert_true(clock_now_us() - start < WAIT_US);
	assert_int_equal(b->n_texts, 0);
}

enum { PIECE = 250000 };

/* Announces a large text, then puts a piece each time the last one was taken. */
static void pieces(struct board *b, const xcb_generic_event_t *ev, unsigned n)
{
	static char piece[PIECE];
	static xcb_window_t requestor;
	static xcb_atom_t property;
	const uint32_t size = PIECE, mask = XCB_EVENT_MASK_PROPERTY_CHANGE;
	const xcb_property_notify_event_t *p = (const void *)ev;
	if (ev->response_type == XCB_SELECTION_REQUEST) {
		const xcb_selection_request_event_t *r = (const void *)ev;
		requestor = r->requestor;
		property = r->property;
		memset(piece, 'p', sizeof(piece));
		xcb_change_window_attributes(b->server.client, requestor, XCB_CW_EVENT_MASK, &mask);
		xcb_change_property(b->server.client, XCB_PROP_MODE_REPLACE, requestor, property,
			b->atoms[X11_ATOM_INCR], 32, 1, &size);
		notify(b, r, property);
	} else if (ev->response_type == XCB_PROPERTY_NOTIFY && p->window == requestor &&
		   p->state == XCB_PROPERTY_DELETE && b->n_pieces <= n) {
		xcb_change_property(b->server.client, XCB_PROP_MODE_REPLACE, requestor, property,
			b->atoms[X11_ATOM_UTF8_STRING], 8, b->n_pieces < n ? PIECE : 0, piece);
		b->n_pieces++;
	}
}

static void four_pieces(struct board *b, const xcb_generic_event_t *ev)
{
	pieces(b, ev, 4);
}

static void endless_pieces(struct board *b, const xcb_generic_event_t *ev)
{
	pieces(b, ev, UINT32_MAX - 1);
}

static void dies_after_two(struct board *b, const xcb_generic_event_t *ev)
{
	if (b->n_pieces < 2)
		pieces(b, ev, UINT32_MAX - 1);
	if (b->n_pieces == 2)
		xcb_destroy_window(b->server.client, b->window);
}

static void stops_after_two(struct board *b, const xcb_generic_event_t *ev)
{
	if (b->n_pieces < 2)
		pieces(b, ev, UINT32_MAX - 1);
}

static void large_texts_come_in_pieces(void **state)
{
	struct board *b = *state;
	char *expected = malloc(4 * PIECE);
	assert_non_null(expected);
	memset(expected, 'p', 4 * PIECE);
	other_owns(b, four_pieces);
	x11_selection_want(b->sel);
	wait_text(b, expected, 4 * PIECE);
	free(expected);
}

static void too_large_texts_are_refused(void **state)
{
	struct board *b = *state;
	other_owns(b, endless_pieces);
	x11_selection_want(b->sel);
	wait_text(b, "", 0);
	assert_true((size_t)b->n_pieces * PIECE < X11_SELECTION_MAX + 3 * (size_t)PIECE);
	others_put(b, putters[0], "small", 5);

	char *text = calloc(1, X11_SELECTION_MAX + 1);
	assert_non_null(text);
	x11_selection_set(b->sel, text, X11_SELECTION_MAX + 1);
	free(text);
	others_get(b, getters[0], "small", 5);
}

static void owners_die_and_stop_in_the_middle(void **state)
{
	struct board *b = *state;
	other_owns(b, stops_after_two);
	x11_selection_want(b->sel);
	wait_text(b, "", 0);
	other_owns(b, dies_after_two);
	x11_selection_want(b->sel);
	wait_text(b, "", 0);
	assert_int_equal(b->n_pieces, 2);
	b->other = NULL;
	others_put(b, putters[0], "alive", 5);
}

/* The other client as a reader. */

static xcb_atom_t answered_property;

static void keep_answer(struct board *b, const xcb_generic_event_t *ev)
{
	const xcb_selection_notify_event_t *n = (const void *)ev;
	if (ev->response_type == (XCB_SELECTION_NOTIFY | 0x80)) {
		answered_property = n->property;
		b->n_pieces++;
	}
}

static void other_asks(struct board *b, xcb_atom_t target, xcb_atom_t property)
{
	uint64_t end = clock_now_us() + WAIT_US;
	b->other = keep_answer;
	b->n_pieces = 0;
	xcb_convert_selection(b->server.client, b->window, b->atoms[X11_ATOM_CLIPBOARD], target,
		property, XCB_CURRENT_TIME);
	xcb_flush(b->server.client);
	while (b->n_pieces == 0 && clock_now_us() < end)
		turn(b);
	assert_int_equal(b->n_pieces, 1);
}

static void check_property(
	struct board *b, xcb_atom_t property, xcb_atom_t type, const void *value, size_t len)
{
	xcb_get_property_reply_t *r = xcb_get_property_reply(b->server.client,
		xcb_get_property(b->server.client, 0, b->window, property, 0, 0, 1000), NULL);
	assert_non_null(r);
	assert_int_equal(r->type, type);
	assert_int_equal(xcb_get_property_value_length(r), len);
	if (value)
		assert_memory_equal(xcb_get_property_value(r), value, len);
	free(r);
}

static void answers_for_several_targets_at_once(void **state)
{
	struct board *b = *state;
	const xcb_atom_t *a = b->atoms;
	const uint32_t list[] = { a[X11_ATOM_UTF8_STRING], XCB_ATOM_CUT_BUFFER0, XCB_ATOM_PIXMAP,
		XCB_ATOM_CUT_BUFFER1, a[X11_ATOM_TIMESTAMP], XCB_ATOM_CUT_BUFFER2,
		a[X11_ATOM_MULTIPLE], XCB_ATOM_CUT_BUFFER3, a[X11_ATOM_STRING] };
	const uint32_t done[] = { list[0], list[1], list[2], 0, list[4], list[5], list[6], 0 };
	x11_selection_set(b->sel, "ä", 2);
	xcb_change_property(b->server.client, XCB_PROP_MODE_REPLACE, b->window, a[X11_ATOM_TEXT],
		a[X11_ATOM_ATOM_PAIR], 32, ARRAY_LEN(list), list);
	for (int i = 0; i < 5; i++)
		turn(b);
	other_asks(b, a[X11_ATOM_MULTIPLE], a[X11_ATOM_TEXT]);
	assert_int_equal(answered_property, a[X11_ATOM_TEXT]);
	check_property(b, a[X11_ATOM_TEXT], a[X11_ATOM_ATOM_PAIR], done, sizeof(done));
	check_property(b, XCB_ATOM_CUT_BUFFER0, a[X11_ATOM_UTF8_STRING], "ä", 2);
	check_property(b, XCB_ATOM_CUT_BUFFER1, 0, NULL, 0);
	check_property(b, XCB_ATOM_CUT_BUFFER2, XCB_ATOM_INTEGER, NULL, 4);
	/* Without a list, without a property to put it, with a foreign target. */
	other_asks(b, a[X11_ATOM_MULTIPLE], XCB_ATOM_CUT_BUFFER7);
	assert_int_equal(answered_property, 0);
	other_asks(b, a[X11_ATOM_MULTIPLE], 0);
	assert_int_equal(answered_property, 0);
	other_asks(b, XCB_ATOM_PIXMAP, XCB_ATOM_CUT_BUFFER7);
	assert_int_equal(answered_property, 0);
	other_asks(b, XCB_ATOM_STRING, 0); /* as before the ICCCM */
	check_property(b, XCB_ATOM_STRING, XCB_ATOM_STRING, "\xe4", 1);
}

static void readers_may_vanish(void **state)
{
	struct board *b = *state;
	char *large = large_text();
	x11_selection_set(b->sel, large, LARGE);
	for (int i = 0; i < 5; i++)
		turn(b);
	/* More transfers than there are places, none of which is ever read. */
	for (uint32_t i = 0; i < 40; i++)
		other_asks(b, b->atoms[X11_ATOM_UTF8_STRING], 100 + i);
	xcb_destroy_window(b->server.client, b->window);
	xvfb_sync(&b->server);
	others_get(b, getters[0], large, LARGE);
	run(b, "timeout -s KILL 0.02 xclip -o -selection clipboard >/dev/null; true");
	others_get(b, getters[2], large, LARGE);
	free(large);
}

static void a_grabbed_server_delays_nothing(void **state)
{
	struct board *b = *state;
	xcb_grab_server(b->server.client);
	xvfb_sync(&b->server);
	for (int i = 0; i < 100000; i++) {
		x11_selection_set(b->sel, i % 2 ? "odd" : "even", i % 2 ? 3 : 4);
		x11_selection_want(b->sel);
		xcb_flush(b->c); /* would wait for ever if this filled the connection */
	}
	xcb_ungrab_server(b->server.client);
	xcb_flush(b->server.client);
	others_get(b, getters[0], "odd", 3);
	others_get(b, getters[1], "odd", 3);
}

static void may_be_destroyed_in_its_callback(void **state)
{
	struct board *b = *state;
	b->destroy_in_callback = true;
	x11_selection_set(b->sel, "mine", 4);
	x11_selection_want(b->sel);
	wait_text(b, "mine", 4);
	assert_null(b->sel);
	b->sel = x11_selection_create(b->c, b->server.root, b->loop, NULL, &events, b);
	assert_non_null(b->sel);
	free(xcb_get_input_focus_reply(b->c, xcb_get_input_focus(b->c), NULL));
	other_owns(b, silence);
	x11_selection_want(b->sel);
	wait_text(b, "", 0);
	assert_null(b->sel);
	x11_selection_destroy(NULL);
}

#define BOARD_TEST(f) cmocka_unit_test_setup_teardown(f, open_board, close_board)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOARD_TEST(fetches_what_others_put),
		BOARD_TEST(serves_what_was_set),
		BOARD_TEST(serves_every_target),
		BOARD_TEST(set_and_fetch_meet),
		BOARD_TEST(what_is_not_utf8_becomes_so),
		BOARD_TEST(nobody_has_text),
		BOARD_TEST(falls_back_to_latin1),
		BOARD_TEST(an_owner_that_hangs_is_given_up),
		BOARD_TEST(large_texts_come_in_pieces),
		BOARD_TEST(too_large_texts_are_refused),
		BOARD_TEST(owners_die_and_stop_in_the_middle),
		BOARD_TEST(answers_for_several_targets_at_once),
		BOARD_TEST(readers_may_vanish),
		BOARD_TEST(a_grabbed_server_delays_nothing),
		BOARD_TEST(may_be_destroyed_in_its_callback),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(scratch());
	return failed;
}
