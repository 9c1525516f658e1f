#pragma once
#include "harness.h"
#include "xvfb.h"

/* The screens that pass test_screen_conformance.c. */
extern const struct kind kind_pattern, kind_fake;
extern const struct kind kind_x11; /* 640x480, with each: an xvfb as its peer */
extern const struct kind kind_x11_without_shm, kind_x11_without_randr;
