#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket_stream.h"
#include "rfb/ext_clipboard.h"

enum { TICK_MS = 1, PATIENCE_MS = 60 * 1000, QUEUE_MAX = 16 * 1024 * 1024 };

static struct seat_entry *note(struct seat *s, enum seat_event e, int a, int b, int w, int h)
{
	static struct seat_entry overflow;
	struct seat_entry *to =
		s->n_journal < SEAT_JOURNAL ? &s->journal[s->n_journal++] : &overflow;
	*to = (struct seat_entry){ .event = e, .a = a, .b = b, .w = w, .h = h };
	return to;
}

static void on_rect(void *ctx, struct rect r, int32_t encoding)
{
	struct seat *s = ctx;
	(void)r;
	s->n_pixels++;
	s->n_copies += encoding == RFB_COPY_RECT;
}

static void on_update(void *ctx)
{
	struct seat *s = ctx;
	s->n_updates++;
	if (s->asks)
		client_request(s->client, true);
}

static void on_pseudo(void *ctx, struct rect r, int32_t encoding, struct rd body)
{
	int first = body.left > 0 ? body.p[0] : -1;
	note(ctx, SEAT_PSEUDO, encoding, first, r.w, r.h);
}

static void on_resize(void *ctx, int w, int h, int reason, int result)
{
	struct seat *s = ctx;
	bool new = w != s->w || h != s->h;
	note(s, SEAT_RESIZE, reason, result, w, h);
	s->w = w;
	s->h = h;
	if (s->asks && new)
		client_request(s->client, false);
}

static void on_bell(void *ctx)
{
	note(ctx, SEAT_BELL, 0, 0, 0, 0);
}

static void on_cut_text(void *ctx, const char *latin1, size_t n)
{
	struct seat_entry *e = note(ctx, SEAT_CUT_TEXT, (int)n, 0, 0, 0);
	snprintf(e->text, sizeof(e->text), "%.*s", (int)n, latin1);
}

static void on_ext_clipboard(void *ctx, const uint8_t *body, size_t n)
{
	struct ext_clipboard_msg m;
	struct buf text;
	buf_init(&text, 1 << 20);
	assert_int_equal(ext_clipboard_parse(body, n, &m, &text), OK);
	struct seat_entry *e = note(ctx, SEAT_EXT_CLIPBOARD, (int)m.flags, 0, 0, 0);
	snprintf(e->text, sizeof(e->text), "%.*s", (int)text.len, (const char *)text.data);
	buf_fini(&text);
}

static void on_fence(void *ctx, const struct rfb_fence *f)
{
	note(ctx, SEAT_FENCE, (int)f->flags, f->len, f->len ? f->payload[0] : 0, 0);
}

static void on_end_of_continuous(void *ctx)
{
	note(ctx, SEAT_END_OF_CONTINUOUS, 0, 0, 0, 0);
}

static void on_ready(void *ctx, int w, int h, const char *name)
{
	struct seat *s = ctx;
	(void)name;
	s->w = w;
	s->h = h;
	if (s->asks)
		client_request(s->client, false);
}

static const struct client_events events = {
	.on_ready = on_ready,
	.on_rect = on_rect,
	.on_update = on_update,
	.on_pseudo = on_pseudo,
	.on_resize = on_resize,
	.on_bell = on_bell,
	.on_cut_text = on_cut_text,
	.on_ext_clipboard = on_ext_clipboard,
	.on_fence = on_fence,
	.on_end_of_continuous = on_end_of_continuous,
};

static void do_nothing(void *ctx)
{
	(void)ctx;
}

static void give_up(void *ctx)
{
	(void)ctx;
	fail_msg("nothing happened for too long");
}

static void on_gone(void *ctx, const char *why)
{
	struct session *s = ctx;
	assert_true(why[0]);
	s->n_gone++;
}

static void on_authenticate(
	void *ctx, uint32_t viewer, const uint8_t challenge[16], const uint8_t response[16])
{
	struct session *s = ctx;
	assert_memory_not_equal(challenge, response, 16);
	desktop_authenticated(s->desktop, viewer, s->rights);
}

static const struct desktop_events desktop_events = { on_gone, on_authenticate };

struct session *session_create(void)
{
	struct session *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->stage = calloc(1, sizeof(*s->stage));
	assert_non_null(s->stage);
	s->loop = loop_create();
	s->tick = loop_timer_create(s->loop, do_nothing, s);
	s->watchdog = loop_timer_create(s->loop, give_up, s);
	s->config = (struct desktop_config){ .name = "Bühne", .framerate = 240 };
	s->rights = DESKTOP_CONTROL;
	return s;
}

void session_start(struct session *s, int w, int h)
{
	s->desktop = desktop_create(s->loop, &s->config, &desktop_events, s);
	assert_non_null(s->desktop);
	stage_init(s->stage, s->loop, w, h, &desktop_screen_events, s->desktop);
	desktop_set_screen(s->desktop, &s->stage->base);
	while (s->stage->n_queue > 0)
		session_turn(s);
}

void seat_leave(struct session *s, struct seat *seat)
{
	(void)s;
	if (seat->fd >= 0)
		close(seat->fd);
	seat->fd = -1;
}

void session_destroy(struct session *s)
{
	for (int i = 0; i < s->n_seats; i++) {
		seat_leave(s, &s->seats[i]);
		client_destroy(s->seats[i].client);
	}
	desktop_destroy(s->desktop);
	assert_false(s->stage->alive);
	loop_timer_destroy(s->tick);
	loop_timer_destroy(s->watchdog);
	loop_destroy(s->loop);
	free(s->stage);
	free(s);
}

static void on_left(void *ctx)
{
	struct seat *seat = ctx;
	seat->n_left++;
}

struct seat *session_join(struct session *s, const struct seat_wish *wish)
{
	assert_true(s->n_seats < SEATS_MAX);
	struct seat *seat = &s->seats[s->n_seats++];
	struct client_config config = {
		.password = wish->password,
		.shared = wish->shared,
		.format = wish->format,
		.encodings = wish->encodings,
		.n_encodings = wish->n,
	};
	int fds[2];
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	seat->fd = fds[1];
	seat->asks = wish->asks;
	seat->client = client_create(&config, &events, seat);
	pix_convert_init(&seat->convert, wish->format ? wish->format : &pix_format_native);
	struct stream *stream = socket_stream_create(s->loop, fds[0], QUEUE_MAX);
	struct desktop_viewer_config viewer = {
		.label = "seat",
		.security = wish->password ? RFB_SECURITY_VNC_AUTH : RFB_SECURITY_NONE,
		.refusal = wish->refusal,
		.view_only = wish->view_only,
		.on_left = on_left,
		.ctx = seat,
	};
	s->inside = true;
	int err = desktop_add_viewer(s->desktop, &viewer, stream, NULL, 0, &seat->id);
	s->inside = false;
	if (!err)
		return seat;
	assert_int_equal(err, ERR_NOMEM);
	stream_close(stream, false);
	seat_leave(s, seat);
	return NULL;
}

struct seat *session_seat(struct session *s, const int32_t *encodings, uint16_t n, bool asks)
{
	return session_join(
		s, &(struct seat_wish){
			   .encodings = encodings, .n = n, .shared = true, .asks = asks });
}

static void end(struct seat *s, int why)
{
	s->end = why;
	close(s->fd);
	s->fd = -1;
}

static void speak(struct seat *s)
{
	struct buf *out = client_output(s->client);
	ssize_t n = out->len ? send(s->fd, out->data, out->len, MSG_NOSIGNAL) : 0;
	if (n > 0)
		buf_consume(out, (size_t)n);
}

static void listen_to(struct seat *s)
{
	static uint8_t bytes[64 * 1024];
	ssize_t n = recv(s->fd, bytes, sizeof(bytes), 0);
	if (n < 0 && errno == EAGAIN)
		return;
	int err = n > 0 ? client_feed(s->client, bytes, (size_t)n) : 1;
	if (err)
		end(s, err);
}

void session_turn(struct session *s)
{
	for (int i = 0; i < s->n_seats; i++) {
		struct seat *seat = &s->seats[i];
		if (seat->fd >= 0)
			speak(seat);
		if (seat->fd >= 0 && !seat->deaf)
			listen_to(seat);
	}
	loop_timer_start(s->tick, TICK_MS);
	s->inside = true;
	loop_turn(s->loop);
	s->inside = false;
	loop_timer_stop(s->tick);
}

void session_until(struct session *s, bool (*done)(void *ctx), void *ctx)
{
	loop_timer_start(s->watchdog, PATIENCE_MS);
	while (!done(ctx))
		session_turn(s);
	loop_timer_stop(s->watchdog);
}

struct count {
	const int *at;
	int n;
};

static bool reached(void *ctx)
{
	const struct count *c = ctx;
	return *c->at >= c->n;
}

void session_until_count(struct session *s, const int *count, int n)
{
	session_until(s, reached, &(struct count){ count, n });
}

static bool has_ended(void *ctx)
{
	return ((struct seat *)ctx)->fd < 0;
}

void session_until_end(struct session *s, struct seat *seat)
{
	session_until(s, has_ended, seat);
}

/* Nothing to measure by but time: twenty turns in which the loop had nothing to do
 * but tick, long after the shortest frame interval. */
void session_settle(struct session *s)
{
	for (int i = 0; i < 20; i++)
		session_turn(s);
}

static int first_difference(const struct session *s, const struct seat *seat)
{
	const struct pix_canvas *have = client_canvas(seat->client), *want = &s->stage->picture;
	if (have->w != want->w || have->h != want->h)
		return 0;
	for (int i = 0; i < want->w * want->h; i++) {
		uint32_t rgb = pix_convert_back(
			&seat->convert, pix_convert_one(&seat->convert, want->px[i] & 0xffffff));
		if (have->px[i / want->w * have->stride + i % want->w] != rgb)
			return i;
	}
	return -1;
}

bool seat_shows(const struct session *s, const struct seat *seat)
{
	return first_difference(s, seat) < 0;
}

void session_expect_picture(struct session *s, struct seat *seat)
{
	int turns = 0;
	while (!seat_shows(s, seat) && seat->fd >= 0 && turns++ < 3000)
		session_turn(s);
	session_settle(s);
	int at = first_difference(s, seat);
	int w = s->stage->picture.w;
	if (at >= 0)
		fail_msg("viewer %d (%s) of %dx%d differs at %d,%d", (int)(seat - s->seats),
			seat->fd < 0 ? client_error(seat->client) : "alive",
			client_canvas(seat->client)->w, client_canvas(seat->client)->h, at % w,
			at / w);
}

const struct seat_entry *seat_find(const struct seat *seat, enum seat_event e, int n)
{
	for (int i = 0; i < seat->n_journal; i++)
		if (seat->journal[i].event == e && n-- == 0)
			return &seat->journal[i];
	return NULL;
}

int seat_count(const struct seat *seat, enum seat_event e)
{
	int n = 0;
	while (seat_find(seat, e, n))
		n++;
	return n;
}

const struct seat_entry *seat_pseudo(const struct seat *seat, int32_t encoding, int n)
{
	for (int i = 0; i < seat->n_journal; i++)
		if (seat->journal[i].event == SEAT_PSEUDO && seat->journal[i].a == encoding &&
			n-- == 0)
			return &seat->journal[i];
	return NULL;
}
