#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "pix/region.h"
#include "pix/view.h"

/* A screen: where pixels come from and input goes to. Everything is
 * asynchronous and happens on the loop thread: an operation returns at once
 * and what it leads to arrives as an event. A back end never blocks the loop;
 * it polls its descriptor for replies or has a thread of its own. No event is
 * sent from inside an operation, so a caller never meets itself. */

enum screen_cap {
	SCREEN_CAP_INPUT = 1 << 0,     /* key, pointer */
	SCREEN_CAP_RESIZE = 1 << 1,    /* resize */
	SCREEN_CAP_CLIPBOARD = 1 << 2, /* set_clipboard, want_clipboard */
	SCREEN_CAP_CURSOR = 1 << 3,    /* on_cursor is sent; frames hold no cursor */
	SCREEN_CAP_LEDS = 1 << 4,      /* on_leds is sent */
};

enum { SCREEN_OUTPUTS_MAX = 16, SCREEN_NAME_MAX = 32 };

/* One monitor of the screen, in frame coordinates. */
struct screen_output {
	uint32_t id; /* stable for a monitor as long as it stays plugged in */
	struct rect area;
	bool primary;
	char name[SCREEN_NAME_MAX]; /* "" when the system has none; always ended by 0 */
};

/* Size of the frame and how monitors lie in it (n >= 1). */
struct screen_layout {
	int w, h; /* 1 to 16384 */
	int n;
	struct screen_output outputs[SCREEN_OUTPUTS_MAX];
};

/* Lent until screen_release(): the back end writes no pixel of it before. */
struct screen_frame {
	struct pix_view view;        /* the whole screen, internal format, but the top byte of a
				      * pixel may hold anything: an X server leaves it undefined */
	const struct region *damage; /* where pixels may have changed since the last frame;
				      * outside it the view holds what earlier frames held */
	uint64_t time_us;            /* when it was captured, clock_now_us() */
};

struct screen_cursor {
	int w, h;             /* 0 x 0: hidden */
	int hot_x, hot_y;     /* hot spot from the top left */
	const uint32_t *argb; /* 0xAARRGGBB, alpha premultiplied, w*h pixels without gaps */
};

/* Answers to resize, with the numbers of rfbproto's ExtendedDesktopSize. */
enum screen_resized {
	SCREEN_RESIZED_OK = 0,
	SCREEN_RESIZED_PROHIBITED = 1,
	SCREEN_RESIZED_NO_RESOURCES = 2,
	SCREEN_RESIZED_BAD_LAYOUT = 3,
};

enum screen_led { SCREEN_LED_SCROLL = 1, SCREEN_LED_NUM = 2, SCREEN_LED_CAPS = 4 };

/* What a screen tells its owner. All mandatory; `ctx` as given at creation.
 * Pointers are borrowed for the call, but for the frame (see above). A screen
 * may be destroyed from inside any of them. */
struct screen_events {
	/* Answers want_frame(), once for each that was not replaced or cancelled. */
	void (*on_frame)(void *ctx, const struct screen_frame *frame);
	/* Size or monitors changed; also sent once after creation, before any other
	 * event. The next frame is of the new size and damaged all over. */
	void (*on_layout)(void *ctx, const struct screen_layout *layout);
	/* One for each resize(), after the on_layout that it led to. */
	void (*on_resized)(void *ctx, enum screen_resized result);
	void (*on_cursor)(void *ctx, const struct screen_cursor *cursor);
	void (*on_leds)(void *ctx, unsigned leds); /* bits of enum screen_led */
	void (*on_bell)(void *ctx);
	/* Somebody else put text into a selection; want_clipboard() fetches it. */
	void (*on_clipboard_changed)(void *ctx);
	/* Answers want_clipboard(): UTF-8 without a final NUL, LF line ends;
	 * len 0 when there is no text. */
	void (*on_clipboard)(void *ctx, const char *text, size_t len);
	void (*on_name)(void *ctx, const char *name); /* UTF-8, ended by 0 */
	/* The screen is lost (X server died, ...); `why` for the log and the user.
	 * The only thing to do with it now is screen_destroy(). */
	void (*on_gone)(void *ctx, const char *why);
};

struct screen;

/* A back end. Mandatory: destroy, want_frame, release. The others belong to
 * their capability bit and are called only when it is set. */
struct screen_ops {
	const char *name; /* "x11", "pattern" */
	void (*destroy)(struct screen *self);
	/* Arms one on_frame: as soon as something inside `region` (borrowed for the
	 * call) is or becomes damaged, it is captured and delivered (what else is
	 * damaged may come with it). `now`: answer even when nothing is damaged,
	 * with empty damage, after making sure that all drawn before this call is
	 * in the view. Region NULL: cancel. A second call replaces the first. While
	 * not armed nothing is captured and no timer runs. */
	void (*want_frame)(struct screen *self, const struct region *region, bool now);
	void (*release)(struct screen *self);
	/* Keysym (X11 numbering) and, when the viewer sent it, the key's XT scan
	 * code as QEMU numbers it (0: not known). keysym 0: only the code is known. */
	void (*key)(struct screen *self, uint32_t keysym, uint32_t code, bool down);
	/* Position in frame coordinates (clamped here) and the buttons held: bit 0
	 * left, 1 middle, 2 right, 3..6 wheel up, down, left, right, 7 back, 8 forward. */
	void (*pointer)(struct screen *self, int x, int y, unsigned buttons);
	/* Nobody has been using the input for a while: what was lent for it (spare key
	 * codes) goes back. May be NULL. */
	void (*rest)(struct screen *self);
	/* Asks for another size (checked by the caller: 1..16384, 256 MB). */
	void (*resize)(struct screen *self, const struct screen_layout *layout);
	void (*set_clipboard)(struct screen *self, const char *text, size_t len);
	void (*want_clipboard)(struct screen *self);
};

struct screen {
	const struct screen_ops *ops;
	unsigned caps; /* of enum screen_cap; fixed after on_layout first came */
};

static inline void screen_destroy(struct screen *s) /* NULL is fine */
{
	if (s)
		s->ops->destroy(s);
}

static inline void screen_want_frame(struct screen *s, const struct region *region, bool now)
{
	s->ops->want_frame(s, region, now);
}

static inline void screen_release(struct screen *s) /* no frame is lent: nothing */
{
	s->ops->release(s);
}
