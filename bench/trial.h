#pragma once
#include "arena.h"
#include "contestant.h"
#include "truth.h"

/* What one run of a workload under one server gave. */
struct trial {
	bool failed; /* nothing below counts */
	double seconds;
	double server_cpu_ms, x_cpu_ms;
	unsigned drawn; /* frames */
	unsigned seen;  /* distinct ones, decoded */
	unsigned lost_keys;
	double received_kb;
	double p50_ms, p95_ms; /* drawn (or key pressed) to decoded; NAN: no frames */
	double first_ms;       /* connection to first whole picture */
	double memory_kb, high_water_kb;
	struct truth truth; /* after a while of rest */
	double exact_ms;    /* from the last frame until an exact picture was seen; NAN: never */
};

/* Runs it; says what fails on standard error. */
void trial_run(const struct arena *a, const struct workload *w, const struct contestant *c,
	const struct nature *film, struct trial *t);
