#include "tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct metric_info metric_info[METRICS] = {
	[METRIC_CPU] = { "cpu_ms", "CPU ms/frame", "CPU ms/s" },
	[METRIC_KB] = { "kb", "KB/frame", "KB/s" },
	[METRIC_P50] = { "latency_p50_ms", "p50 ms", NULL },
	[METRIC_P95] = { "latency_p95_ms", "p95 ms", NULL },
	[METRIC_FPS] = { "fps", "frames/s", NULL },
	[METRIC_MEMORY] = { "memory_mb", "memory MB", NULL },
	[METRIC_HWM] = { "vm_hwm_mb", "(VmHWM)", NULL },
	[METRIC_FIRST] = { "first_picture_ms", "first ms", NULL },
};

const struct bar bars[] = {
	{ "typing, latency p50", "typing", "X0tigervnc", METRIC_P50, 0.5 },
	{ "key press to echo, p50", "echo", "X0tigervnc", METRIC_P50, 0.5 },
	{ "video, CPU a frame", "video", "X0tigervnc", METRIC_CPU, 1.1 },
	{ "peak memory", NULL, "X0tigervnc", METRIC_MEMORY, 1.25 },
};
const int n_bars = ARRAY_LEN(bars);

int tally_init(struct tally *t, int workloads_max, int contestants_max, int n_rounds)
{
	size_t w = (size_t)workloads_max, c = (size_t)contestants_max, n = w * c * (size_t)n_rounds;
	*t = (struct tally){ n_rounds, workloads_max, contestants_max,
		calloc(w, sizeof(*t->workloads)), calloc(c, sizeof(*t->contestants)),
		calloc(n, sizeof(*t->trials)) };
	if (t->workloads && t->contestants && t->trials)
		return OK;
	tally_fini(t);
	return ERR_NOMEM;
}

void tally_fini(struct tally *t)
{
	free(t->workloads);
	free(t->contestants);
	free(t->trials);
	*t = (struct tally){ 0 };
}

struct trial *tally_at(const struct tally *t, int workload, int contestant, int round)
{
	return &t->trials[(workload * t->n_contestants + contestant) * t->n_rounds + round];
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Reorders v; NAN when n is 0. */
static double median(double *v, int n)
{
	if (n == 0)
		return NAN;
	qsort(v, (size_t)n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Frames, or seconds where nothing moves: what a cost is divided by. */
static double units(const struct workload *w, const struct trial *t, unsigned frames)
{
	return w->draw ? (double)frames : t->seconds;
}

/* CPU of the X server alone, in ms a drawn frame (or a second). */
static double x_alone(const struct tally *t, int workload)
{
	const struct workload *w = t->workloads[workload];
	int none = tally_contestant(t, "none"), n = 0;
	double v[TALLY_ROUNDS_MAX];

	for (int i = 0; none >= 0 && i < t->n_rounds; i++) {
		const struct trial *r = tally_at(t, workload, none, i);
		double u = units(w, r, r->drawn);
		if (!r->failed && u > 0)
			v[n++] = r->x_cpu_ms / u;
	}
	return median(v, n);
}

/* NAN for keys: without a server nobody presses them, so there is nothing to subtract. */
static double cpu(const struct tally *t, int workload, const struct trial *r)
{
	const struct workload *w = t->workloads[workload];
	double alone = x_alone(t, workload) * units(w, r, r->drawn);
	return (r->server_cpu_ms + r->x_cpu_ms - alone) / units(w, r, r->seen);
}

double tally_value(const struct tally *t, enum metric m, int workload, int contestant, int round)
{
	const struct trial *r = tally_at(t, workload, contestant, round);
	const struct workload *w = t->workloads[workload];

	if (r->failed || !t->contestants[contestant]->fill_argv)
		return NAN;
	switch (m) {
	case METRIC_CPU: return cpu(t, workload, r);
	case METRIC_KB: return r->received_kb / units(w, r, r->seen);
	case METRIC_P50: return r->p50_ms;
	case METRIC_P95: return r->p95_ms;
	case METRIC_FPS: return w->draw && !w->keys ? r->seen / r->seconds : NAN;
	case METRIC_MEMORY: return r->memory_kb / 1024;
	case METRIC_HWM: return r->high_water_kb / 1024;
	case METRIC_FIRST: return w->draw ? NAN : r->first_ms;
	case METRICS: break;
	}
	return NAN;
}

double tally_median(const struct tally *t, enum metric m, int workload, int contestant)
{
	double v[TALLY_ROUNDS_MAX];
	int n = 0;
	for (int i = 0; i < t->n_rounds; i++) {
		double one = tally_value(t, m, workload, contestant, i);
		if (isfinite(one))
			v[n++] = one;
	}
	return median(v, n);
}

static double ratio(double ours, double theirs)
{
	return theirs > 0 ? ours / theirs : NAN;
}

double tally_ratio(const struct tally *t, enum metric m, int workload, int contestant)
{
	return ratio(tally_median(t, m, workload, 0), tally_median(t, m, workload, contestant));
}

int tally_contestant(const struct tally *t, const char *name)
{
	for (int i = 0; i < t->n_contestants; i++)
		if (strcmp(t->contestants[i]->name, name) == 0)
			return i;
	return -1;
}

int tally_workload(const struct tally *t, const char *name)
{
	for (int i = 0; i < t->n_workloads; i++)
		if (strcmp(t->workloads[i]->name, name) == 0)
			return i;
	return -1;
}

static double largest(const struct tally *t, enum metric m, int contestant)
{
	double most = NAN;
	for (int i = 0; i < t->n_workloads; i++) {
		double v = tally_median(t, m, i, contestant);
		if (isfinite(v) && !(v <= most))
			most = v;
	}
	return most;
}

double tally_bar(const struct tally *t, const struct bar *b)
{
	int against = tally_contestant(t, b->against);
	int workload = b->workload ? tally_workload(t, b->workload) : -1;

	if (against <= 0 || tally_contestant(t, "porthole") != 0 || (b->workload && workload < 0))
		return NAN;
	if (b->workload)
		return tally_ratio(t, b->metric, workload, against);
	return ratio(largest(t, b->metric, 0), largest(t, b->metric, against));
}

bool tally_is_fault(const struct tally *t, int workload, int contestant, int round)
{
	const struct trial *r = tally_at(t, workload, contestant, round);
	bool serves = t->contestants[contestant]->fill_argv != NULL;
	return r->failed || (serves && t->workloads[workload]->lossless && !r->truth.exact);
}

int tally_faults(const struct tally *t)
{
	int faults = 0;
	for (int w = 0; w < t->n_workloads; w++)
		for (int c = 0; c < t->n_contestants; c++)
			for (int i = 0; i < t->n_rounds; i++)
				faults += tally_is_fault(t, w, c, i);
	return faults;
}
