#include "workload.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "scenery.h"
#include "workload_list.h"

const struct workload *const workloads[] = { &workload_idle, &workload_typing, &workload_echo,
	&workload_scroll, &workload_drag, &workload_video, &workload_full, NULL };

enum { TURN_US = 10000 }; /* how often to look at the ring when nothing is to be done */

static int attach_film(struct stage *s)
{
	/* xcb closes the descriptor that it is given. */
	int fd = dup(s->film->fd);
	if (fd < 0)
		return ERR_IO;
	s->film_seg = xcb_generate_id(s->paint.conn);
	xcb_shm_attach_fd(s->paint.conn, s->film_seg, fd, 1);
	return OK;
}

static int set_up(struct stage *s, const struct workload *w, const char *display)
{
	if (xpaint_open(&s->paint, display))
		return ERR_IO;
	xcb_warp_pointer(s->paint.conn, XCB_NONE, s->paint.screen->root, 0, 0, 0, 0,
		WORKLOAD_POINTER_X, WORKLOAD_POINTER_Y);
	scenery_desktop(s);
	if (s->film && attach_film(s))
		return ERR_IO;
	w->setup(s);
	return xpaint_sync(&s->paint);
}

static int draw(struct stage *s, const struct workload *w, struct ring *ring, uint32_t frame)
{
	ring->drawn_us[frame % RING_FRAMES] = clock_now_us();
	ring->drawn = frame;
	w->draw(s, frame);
	/* As a player waits until its picture has been taken. */
	return xpaint_sync(&s->paint);
}

static int play_by_key(struct stage *s, const struct workload *w, struct ring *ring)
{
	xcb_connection_t *c = s->paint.conn;
	uint32_t frame = 0;
	int err = OK;

	while (!err && ring->state == RING_RUNNING) {
		xcb_generic_event_t *e;
		while (!err && (e = xcb_poll_for_event(c))) {
			if ((e->response_type & 0x7f) == XCB_KEY_PRESS)
				err = draw(s, w, ring, ++frame);
			free(e);
		}
		struct pollfd p = { .fd = xcb_get_file_descriptor(c), .events = POLLIN };
		poll(&p, 1, TURN_US / 1000);
		if (xcb_connection_has_error(c))
			err = ERR_IO;
	}
	return err;
}

static uint64_t pause_us(struct stage *s, const struct workload *w)
{
	s->random = s->random * 1664525u + 1013904223u;
	return (uint64_t)w->min_us + (s->random >> 8) % (uint32_t)(w->max_us - w->min_us + 1);
}

static int play_by_clock(struct stage *s, const struct workload *w, struct ring *ring)
{
	uint64_t due = clock_now_us();
	uint32_t frame = 0;
	int err = OK;

	while (!err && ring->state == RING_RUNNING) {
		uint64_t now = clock_now_us();
		if (now < due) {
			usleep((useconds_t)(due - now));
			continue;
		}
		err = draw(s, w, ring, ++frame);
		due += pause_us(s, w);
		/* Late by a frame: that one is left out, as a player does. */
		if (due < now)
			due = now;
	}
	return err;
}

static void wait_while(const struct ring *ring, int state)
{
	while (ring->state == state)
		usleep(TURN_US / 10);
}

void workload_play(
	const struct workload *w, const char *display, struct ring *ring, const struct nature *film)
{
	struct stage s = { .film = film, .random = 1 };
	int err = set_up(&s, w, display);
	if (err)
		return;
	ring->state = RING_READY;
	wait_while(ring, RING_READY);
	if (w->keys)
		err = play_by_key(&s, w, ring);
	else if (w->draw)
		err = play_by_clock(&s, w, ring);
	else
		wait_while(ring, RING_RUNNING);
	if (err)
		return;
	ring->state = RING_STOPPED;
	wait_while(ring, RING_STOPPED);
}
