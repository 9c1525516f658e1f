#pragma once
/* What the files of desktop/ share: the two objects and how they are walked. */
#include "base/buf.h"
#include "codec/encoder.h"
#include "desktop/desktop.h"
#include "desktop/held.h"
#include "desktop/move.h"
#include "desktop/pace.h"
#include "pix/dsp.h"
#include "rfb/client_msg.h"

enum {
	VIEWER_IN_MAX = 16 * 1024,          /* longest message head is 4088 bytes */
	VIEWER_QUEUE_MAX = 4 * 1024 * 1024, /* and one frame */
	VIEWER_READ_STOP = 256 * 1024,      /* queued for a viewer: it is not read any more */
	VIEWER_HANDSHAKE_MS = 15 * 1000,
	VIEWERS_IN_HANDSHAKE = 256, /* one more ends the oldest of them */
	VIEWER_STALL_MS = 30 * 1000,
	DESKTOP_REST_MS = 2000, /* without a viewer: the screen's input rests */
	VIEWER_ENCODERS = 16,
	/* Rectangles that a viewer can ask for one by one: each costs time with every
	 * further one. */
	REQUESTS_MAX = 64,
	DIRTY_MAX = 4096,
	VIEWER_REPLIES = 8, /* SetDesktopSize answers that wait for an update */
	FRAME_MAX_BYTES = 256 * 1024 * 1024,
	CUT_TEXT_MAX = 1024 * 1024,       /* plain or compressed, as it comes */
	CLIPBOARD_MAX = 16 * 1024 * 1024, /* text */
};

enum viewer_state {
	VIEWER_HANDSHAKE,
	VIEWER_DECIDING, /* the supervisor checks the password */
	VIEWER_RUNNING,
	VIEWER_CLOSED, /* freed by the ready list */
};

/* Extensions a viewer listed in SetEncodings. */
enum viewer_feature {
	FEATURE_DESKTOP_SIZE = 1 << 0,
	FEATURE_EXTENDED_DESKTOP_SIZE = 1 << 1,
	FEATURE_DESKTOP_NAME = 1 << 2,
	FEATURE_FENCE = 1 << 3,
	FEATURE_CONTINUOUS = 1 << 4,
	FEATURE_QEMU_KEY = 1 << 5,
	FEATURE_MOUSE = 1 << 6,
	FEATURE_QEMU_LED = 1 << 7,
	FEATURE_VMWARE_LED = 1 << 8,
	FEATURE_EXT_CLIPBOARD = 1 << 9,
	FEATURE_CURSOR = 1 << 10,
	FEATURE_XCURSOR = 1 << 11,
	FEATURE_ALPHA_CURSOR = 1 << 12,
	FEATURE_VMWARE_CURSOR = 1 << 13,
	FEATURE_COPY_RECT = 1 << 14,
	FEATURE_ANY_CURSOR =
		FEATURE_CURSOR | FEATURE_XCURSOR | FEATURE_ALPHA_CURSOR | FEATURE_VMWARE_CURSOR,
};

/* What a viewer is to be told with its next update, besides pixels. */
enum viewer_news {
	NEWS_CURSOR = 1 << 0,
	NEWS_NAME = 1 << 1,
	NEWS_LEDS = 1 << 2,
	NEWS_QEMU_KEY_ACK = 1 << 3,
	NEWS_MOUSE_ACK = 1 << 4,
	NEWS_LAYOUT = 1 << 5, /* size or monitors */
};

/* To a SetDesktopSize. */
struct viewer_reply {
	int result; /* enum screen_resized; REPLY_LATER: the screen has not answered */
	struct screen_layout layout; /* what was asked for, for a refusal */
};

enum { REPLY_LATER = -1 };

/* What SetEncodings chooses. */
struct viewer_choice {
	unsigned features;
	struct encoder_settings settings;
	const struct encoder_ops *encoding; /* NULL while none of ours was listed */
};

struct viewer {
	struct viewer *next, *prev;
	struct desktop *desktop;
	uint32_t id;
	char label[64];
	enum viewer_state state;
	struct loop_task free_task;
	struct stream *stream;       /* owned; NULL when closed */
	struct loop_timer *deadline; /* handshake, later: progress */
	size_t stalled_at;           /* bytes written when the stall timer was started */
	uint64_t sent, joined_us;
	const char *refusal;
	void (*on_left)(void *ctx);
	void *left_ctx;
	enum desktop_rights rights; /* what its password or its ticket allows */
	bool view_only;             /* and what it has to do without for now */
	bool control;               /* both together */
	bool admitted;              /* past the password: it counts as one of max_viewers */
	bool asking;                /* inside on_authenticate */
	bool waiting;               /* its link is away */
	struct rfb_handshake handshake;

	struct buf in;  /* the beginning of a message */
	struct buf out; /* what is being put together */
	struct rfb_client_msg msg;
	uint32_t body;               /* bulk bytes still to come for msg */
	struct buf cut;              /* of a cut text */
	bool cut_dropped;            /* it is over the ceiling: its bytes are skipped */
	struct viewer_choice choice; /* of a SetEncodings that is being read */

	struct pix_convert convert;
	unsigned features, news;
	unsigned announced; /* features told to this viewer once already */
	struct encoder
		*encoders[VIEWER_ENCODERS]; /* owned; zlib streams outlive a change of mind */
	const struct encoder_ops *encoding;
	struct encoder_settings settings;

	int w, h;                /* the framebuffer as this viewer knows it */
	struct region dirty;     /* differs from what the viewer has */
	struct region requested; /* may be sent */
	bool continuous;
	struct rect continuous_area;
	struct pace pace; /* of continuous updates to a viewer with fences */
	bool copies;      /* `copy` goes out before the pixels of the next update */
	struct move copy;
	int layout_reason;
	struct viewer_reply replies[VIEWER_REPLIES];
	int n_replies;

	struct held held;
	bool clip_wanted; /* asked for the clipboard's text */
	bool drew_first;
};

struct cursor {
	int w, h, hot_x, hot_y;
	uint32_t *argb; /* owned */
	bool known;
	int x, y; /* of the hot spot, as far as viewers moved it */
	bool placed;
};

struct desktop {
	struct loop *loop;
	const struct log *log;
	const struct desktop_events *events;
	void *ctx;
	char name[256];
	int framerate, max_viewers;
	bool exclusive, view_only;

	struct screen *screen; /* owned; NULL before it is set and after it is lost */
	struct screen_layout layout;
	struct pix_dsp dsp;
	struct pix_canvas shadow; /* owned; the frame as viewers are shown it */
	struct region changed;    /* of the frame at hand */
	struct cursor cursor;
	unsigned leds;
	bool leds_known;

	struct viewer *viewers; /* all, newest first */
	uint32_t next_id;
	struct loop_timer *rest; /* runs for a moment after the last viewer has left */
	struct loop_timer *tick; /* runs only while a frame is due but too early */
	uint64_t last_frame_us;
	bool armed, armed_now;
	unsigned vain_looks; /* for a move, in a row */
	bool hurry;          /* input came since the last frame: the next one does not wait */

	struct buf scratch; /* pixels in a viewer's format */
	struct buf blended; /* pixels with a cursor in them */
	struct buf clip;    /* text, when clip_valid */
	bool clip_valid, clip_any;
	bool clip_pending; /* the screen is asked for its text */
	bool clip_stale;   /* and what it will answer is not the text any more */

	uint32_t resizing[VIEWER_REPLIES]; /* ids of viewers whose resize the screen has */
	int n_resizing;
};

/* desktop.c */
struct viewer *desktop_find(struct desktop *d, uint32_t id);
/* Ends all other viewers. */
void desktop_send_away_others(struct desktop *d, const struct viewer *keep);
/* Destroys the screen and tells the owner. */
void desktop_lose_screen(struct desktop *d, const char *why);

/* frame.c */
/* Arms the screen if some viewer may be sent something, and disarms it if none. */
void frame_schedule(struct desktop *d);
void frame_tick(void *desktop);
void frame_take(void *desktop, const struct screen_frame *f); /* the screen's on_frame */

/* size.c */
void size_on_layout(void *desktop, const struct screen_layout *layout);
void size_on_resized(void *desktop, enum screen_resized result);
/* A viewer asks for another size; it gets exactly one reply, now or later. */
void size_request(struct desktop *d, struct viewer *v, const struct rfb_client_msg *m);

/* viewer.c */
void viewer_bury(void *viewer); /* frees a closed one and tells who brought it */
/* Idempotent. `why` goes to the log. The object lives until the ready list runs. */
void viewer_close(struct viewer *v, const char *why);
/* Sends what is in v->out. A viewer that cannot take it is closed. */
void viewer_flush(struct viewer *v);
/* Buttons that other viewers hold down. */
unsigned viewer_others_buttons(const struct viewer *v);
/* Updates go out by themselves, and fences tell how they arrive. */
bool viewer_paced(const struct viewer *v);
/* May be sent an update now. */
bool viewer_ready(const struct viewer *v);
/* Has something to be sent in an update. */
bool viewer_pending(const struct viewer *v);
/* Bytes that may wait for a viewer. */
size_t viewer_queue_limit(const struct desktop *d);
void viewer_damage_all(struct viewer *v);

/* viewer_msg.c */
/* Takes what it can of the reader; OK, or why the viewer must go. */
MUST_USE int viewer_msg_read(struct viewer *v, struct rd *in);

/* update.c */
/* Sends one update of all that is due to a viewer that is ready. */
void update_send(struct viewer *v);
/* Some pixels that the viewer lacks may go out. */
bool update_due(const struct viewer *v);
/* All pixels of r may go out with the next update. */
bool update_covers(const struct viewer *v, struct rect r);

/* clipboard.c */
void clipboard_from_viewer(struct viewer *v); /* v->cut holds a whole cut text */
/* Sends the text if the viewer asked for it. One answer does for all requests of
 * one read: each costs 12 bytes to ask and up to CLIPBOARD_MAX to deflate. */
void clipboard_answer(struct viewer *v);
void clipboard_announce(struct viewer *v); /* the viewer listed the extension */
void clipboard_screen_changed(struct desktop *d);
void clipboard_screen_text(struct desktop *d, const char *text, size_t len);
