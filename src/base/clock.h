#pragma once
#include <stdint.h>

/* Monotonic time in microseconds. The one place that asks, so that tests can
 * put a clock of their own in its place (-Wl,--wrap=clock_now_us). */
uint64_t clock_now_us(void);
