#pragma once
#include "harness.h"
#include "xvfb.h"

/* The screens that pass test_screen_conformance.c. */
extern const struct kind kind_pattern, kind_x11, kind_fake;

/* What kind_x11 starts; a test may set it before, zero is a good default. */
struct x11_peer {
	struct xvfb xvfb;
	const char *size; /* of Xvfb's screen; NULL: "640x480x24" */
	int monitor;
	bool no_shm;
};
