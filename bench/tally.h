#pragma once
#include "trial.h"

enum { TALLY_ROUNDS_MAX = 100 };

/* All trials of a bench, and what they come to. */
struct tally {
	int n_rounds, n_workloads, n_contestants;
	const struct workload **workloads;     /* those that ran; owned */
	const struct contestant **contestants; /* the same; owned */
	struct trial *trials;                  /* [workload][contestant][round]; owned */
};

/* What is compared: lower is better but for frames a second. */
enum metric {
	METRIC_CPU, /* ms a frame, without what the X server needs to draw it */
	METRIC_KB,  /* a frame */
	METRIC_P50, /* ms from drawn (or key pressed) to decoded */
	METRIC_P95,
	METRIC_FPS,    /* distinct frames a second, decoded */
	METRIC_MEMORY, /* MB, RssAnon + RssShmem */
	METRIC_HWM,    /* MB, VmHWM */
	METRIC_FIRST,  /* ms from connection to first whole picture */
	METRICS,
};

struct metric_info {
	const char *key;   /* in JSON */
	const char *title; /* of a column */
	const char *still; /* the title where nothing moves; NULL: the same */
};
extern const struct metric_info metric_info[METRICS];

/* Room for all trials; ERR_NOMEM. The lists are filled by the caller. */
MUST_USE int tally_init(struct tally *t, int workloads_max, int contestants_max, int n_rounds);
void tally_fini(struct tally *t);
struct trial *tally_at(const struct tally *t, int workload, int contestant, int round);
/* One round's value, or the median over the rounds; NAN when there is none. */
double tally_value(const struct tally *t, enum metric m, int workload, int contestant, int round);
double tally_median(const struct tally *t, enum metric m, int workload, int contestant);
/* Median over median, the first contestant's over another's; NAN when there is none. */
double tally_ratio(const struct tally *t, enum metric m, int workload, int contestant);
/* The contestant of that name, the workload of that name, or -1. */
int tally_contestant(const struct tally *t, const char *name);
int tally_workload(const struct tally *t, const char *name);

/* A demand of ours on a ratio to another server. */
struct bar {
	const char *what;
	const char *workload; /* NULL: the largest medians of all workloads */
	const char *against;
	enum metric metric;
	double at_most;
};
extern const struct bar bars[];
extern const int n_bars;
double tally_bar(const struct tally *t, const struct bar *b); /* the ratio, or NAN */
/* Trials that failed, or whose picture is wrong where it must be exact. */
int tally_faults(const struct tally *t);
bool tally_is_fault(const struct tally *t, int workload, int contestant, int round);
