#pragma once
#include <stdbool.h>

#include "pix/view.h"
#include "xpaint.h"

/* How near a viewer's picture is to what the X server shows. */
struct truth {
	bool exact;
	double psnr_db;   /* meaningless when exact */
	int wrong_pixels; /* and where the first of them is */
	int x, y;
};

/* ERR_IO: the X server does not answer; ERR_PROTO: the sizes differ. */
MUST_USE int truth_compare(const struct xpaint *x, const struct pix_canvas *seen, struct truth *t);
