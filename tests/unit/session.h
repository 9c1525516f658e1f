#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "client/client.h"
#include "desktop/desktop.h"
#include "pix/convert.h"
#include "rfb/encoding.h"
#include "stage.h"

/* A desktop with a stage for a screen and viewers on socket pairs, all in one
 * thread, for tests of desktop/. */
enum { SEATS_MAX = 6, SEAT_JOURNAL = 64 };

enum seat_event {
	SEAT_PIXELS,
	SEAT_COPY,
	SEAT_RESIZE, /* a: reason, b: result, w, h */
	SEAT_PSEUDO, /* a: encoding, b: first byte of the body or -1, w, h */
	SEAT_UPDATE,
	SEAT_FENCE, /* a: flags, b: length, w: first byte */
	SEAT_BELL,
	SEAT_CUT_TEXT,      /* text */
	SEAT_EXT_CLIPBOARD, /* a: flags, text */
	SEAT_END_OF_CONTINUOUS,
};

/* Pixels and updates are counted, the rest is written down. */
struct seat_entry {
	enum seat_event event;
	int a, b, w, h;
	char text[64];
};

/* One viewer. */
struct seat {
	struct client *client;
	uint32_t id;     /* what the desktop knows it by */
	int n_left;      /* how often it was told that this viewer left */
	int fd;          /* -1: closed by it or by us */
	int end;         /* what ended it: an err of client_feed(), or 1 for an end of file */
	bool asks, deaf; /* asks: for more after each update; deaf: it does not read */
	struct pix_convert convert;
	int w, h; /* as last told */
	int n_updates, n_pixels, n_copies;
	struct seat_entry journal[SEAT_JOURNAL];
	int n_journal;
};

struct session {
	struct loop *loop;
	struct loop_timer *tick, *watchdog;
	struct desktop_config config;
	struct desktop *desktop;
	struct stage *stage;
	struct seat seats[SEATS_MAX];
	int n_seats;
	int n_gone;
	bool inside;                /* the server's code runs, not the viewers' */
	enum desktop_rights rights; /* what a VncAuth response is answered with */
};

/* Without a desktop yet: `config` may be changed first. */
struct session *session_create(void);
void session_start(struct session *s, int w, int h);
void session_destroy(struct session *s);

struct seat_wish {
	const int32_t *encodings;
	uint16_t n;
	const struct pix_format *format; /* NULL: native */
	bool shared, asks, view_only;
	const char *password; /* VncAuth is offered */
	const char *refusal;
};
/* NULL: the server had no memory for it. A viewer that says ClientInit and, with `asks`, keeps its
 * picture up to date. */
struct seat *session_join(struct session *s, const struct seat_wish *wish);
/* One that shares, with the native pixel format and no password. */
struct seat *session_seat(struct session *s, const int32_t *encodings, uint16_t n, bool asks);
void seat_leave(struct session *s, struct seat *seat);

/* One turn of the loop and of all viewers. */
void session_turn(struct session *s);
/* Turns until done(ctx); fails the test when that takes a minute. */
void session_until(struct session *s, bool (*done)(void *ctx), void *ctx);
void session_until_count(struct session *s, const int *count, int n);
/* Turns until the seat is gone. */
void session_until_end(struct session *s, struct seat *seat);
/* Turns until the server has done all that the seats asked for by now. */
void session_settle(struct session *s);
/* Until the viewer shows the stage's picture, and still after settling. */
void session_expect_picture(struct session *s, struct seat *seat);
bool seat_shows(const struct session *s, const struct seat *seat);

/* The n-th (from 0) journal entry of this kind, or NULL. */
const struct seat_entry *seat_find(const struct seat *seat, enum seat_event e, int n);
int seat_count(const struct seat *seat, enum seat_event e);
/* The same for a pseudo-encoding. */
const struct seat_entry *seat_pseudo(const struct seat *seat, int32_t encoding, int n);
