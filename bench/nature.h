#pragma once
#include <stdint.h>

/* A film without a camera: smooth light, and layers of natural texture (each finer
 * one weaker, as in photographs) that move over one another in different
 * directions, so that no part of a picture is a moved part of the last one. Free
 * of noise, seeded, and drawn once: showing it costs a copy. */
struct nature {
	int w, h;
	int n_frames;
	int fd;       /* memory that an X server can be given */
	uint32_t *px; /* frame after frame, rows without gaps; owned */
};

/* ERR_NOMEM or ERR_IO. */
int nature_init(struct nature *n, int w, int h, int n_frames);
void nature_fini(struct nature *n); /* a zeroed one is fine */
/* The i-th frame of two or more; past the last the film runs backwards, and so on. */
int nature_frame(const struct nature *n, uint32_t i);
