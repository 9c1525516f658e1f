#include "trial.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "observer.h"

enum {
	MS = 1000,
	SLICE_US = 50 * MS,    /* between two looks at the memory */
	QUIET_US = 300 * MS,   /* a server that sent nothing for so long has done its work */
	REST_US = 4000 * MS,   /* to come to rest, or to an exact picture */
	START_US = 15000 * MS, /* for a program to be ready */
	IDLE_CONNECTIONS = 5,
};

/* A trial under way. */
struct run {
	const struct arena *arena;
	const struct workload *workload;
	const struct contestant *contestant;
	struct trial *trial;
	struct proc workload_proc, server;
	struct contestant_line line;
	struct observer observer;
};

static int complain(const struct run *r, const char *what)
{
	fprintf(stderr, "bench: %s under %s: %s\n", r->workload->name, r->contestant->name, what);
	return ERR_IO;
}

static int start_workload(struct run *r, const struct nature *film)
{
	struct ring *ring = r->arena->ring;
	pid_t parent = getpid();

	ring->state = RING_STARTING;
	ring->drawn = 0;
	fflush(NULL);
	r->workload_proc.pid = fork();
	if (r->workload_proc.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			workload_play(r->workload, r->arena->display, ring, film);
		_exit(1);
	}
	for (uint64_t until = clock_now_us() + START_US; clock_now_us() < until; usleep(MS)) {
		if (ring->state == RING_READY)
			return OK;
		if (!proc_alive(&r->workload_proc))
			break;
	}
	return complain(r, "the workload could not draw its stage");
}

static void sample_memory(struct run *r)
{
	struct proc_memory m = proc_memory(&r->server);
	if ((double)m.kept_kb > r->trial->memory_kb)
		r->trial->memory_kb = (double)m.kept_kb;
	if ((double)m.peak_kb > r->trial->high_water_kb)
		r->trial->high_water_kb = (double)m.peak_kb;
}

static int look(struct run *r, uint64_t us)
{
	uint64_t until = clock_now_us() + us;
	int err = OK;
	do {
		uint64_t slice = clock_now_us() + SLICE_US;
		err = observer_look(&r->observer, slice < until ? slice : until);
		sample_memory(r);
	} while (!err && clock_now_us() < until);
	return err ? complain(r, "the connection broke") : OK;
}

static int look_until_quiet(struct run *r)
{
	uint64_t end = clock_now_us() + REST_US, received;
	int err;
	do {
		received = r->observer.socket.received;
		err = look(r, QUIET_US);
	} while (!err && r->observer.socket.received != received && clock_now_us() < end);
	return err;
}

static int connect_once(struct run *r, double *took_ms)
{
	uint64_t took_us = 0;
	int err =
		observer_open(&r->observer, r->line.address, r->workload, r->arena->ring, &took_us);
	*took_ms = (double)took_us / MS;
	return err;
}

/* The first connection comes through when the server is up; it measures nothing. */
static int start_server(struct run *r)
{
	char log[4096];
	double took;
	snprintf(log, sizeof(log), "%s/%s.log", r->arena->out, r->contestant->name);
	const char *program = r->contestant->program ? r->contestant->program : r->arena->porthole;
	if (contestant_start(r->contestant, r->arena->display, program, log, &r->line, &r->server))
		return complain(r, "the server could not be started");
	for (uint64_t until = clock_now_us() + START_US; clock_now_us() < until; usleep(10 * MS)) {
		int err = connect_once(r, &took);
		observer_close(&r->observer);
		if (!err)
			return OK;
		if (!proc_alive(&r->server))
			break;
	}
	fprintf(stderr, "bench: what the server said is in %s\n", log);
	return complain(r, "the server shows no picture");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int connect_measured(struct run *r)
{
	double took[IDLE_CONNECTIONS];
	int n = r->workload->draw ? 1 : IDLE_CONNECTIONS;
	for (int i = 0; i < n; i++) {
		usleep(QUIET_US);
		if (i > 0)
			observer_close(&r->observer);
		if (connect_once(r, &took[i]))
			return complain(r, "no first picture");
	}
	qsort(took, (size_t)n, sizeof(*took), by_value);
	r->trial->first_ms = took[n / 2];
	return look_until_quiet(r);
}

/* Keys one after another, each when the last one's frame has come. */
static int press_keys(struct run *r, uint64_t until)
{
	enum { LOST_US = 1000 * MS, PAUSE_US = 40 * MS, PAUSES = 50 };
	unsigned random = 1;
	int err = OK;

	while (!err && clock_now_us() < until) {
		err = observer_press(&r->observer, clock_now_us() + LOST_US);
		r->trial->lost_keys += err == ERR_AGAIN;
		if (err == ERR_AGAIN)
			err = OK;
		random = random * 1664525u + 1013904223u;
		/* Uneven, so as not to fall into step with a server's clock. */
		if (!err)
			err = look(r, PAUSE_US + (random >> 8) % PAUSES * MS);
	}
	return err;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void take_latencies(struct run *r)
{
	struct observer *o = &r->observer;
	r->trial->seen = o->n_samples;
	if (o->n_samples == 0)
		return;
	qsort(o->latency_us, o->n_samples, sizeof(*o->latency_us), by_number);
	r->trial->p50_ms = o->latency_us[o->n_samples / 2] / (double)MS;
	r->trial->p95_ms = o->latency_us[o->n_samples * 95 / 100] / (double)MS;
}

static int spend(struct run *r, uint64_t us)
{
	uint64_t until = clock_now_us() + us;
	if (!r->contestant->fill_argv) {
		usleep((useconds_t)us);
		return OK;
	}
	return r->workload->keys ? press_keys(r, until) : look(r, us);
}

static int measure(struct run *r)
{
	const struct arena *a = r->arena;
	uint64_t received = r->observer.socket.received;
	uint64_t server = proc_cpu_ns(&r->server), x = proc_cpu_ns(&a->x);
	uint64_t start = clock_now_us();

	observer_reset(&r->observer);
	a->ring->state = RING_RUNNING;
	int err = spend(r, (uint64_t)(a->seconds * 1e6));
	r->trial->seconds = (double)(clock_now_us() - start) / 1e6;
	r->trial->server_cpu_ms = (double)(proc_cpu_ns(&r->server) - server) / 1e6;
	r->trial->x_cpu_ms = (double)(proc_cpu_ns(&a->x) - x) / 1e6;
	r->trial->received_kb = (double)(r->observer.socket.received - received) / 1024;
	take_latencies(r);
	return err;
}

static int stop_workload(struct run *r)
{
	struct ring *ring = r->arena->ring;
	ring->state = RING_STOPPING;
	for (uint64_t until = clock_now_us() + START_US; clock_now_us() < until; usleep(MS)) {
		if (ring->state == RING_STOPPED) {
			r->trial->drawn = ring->drawn;
			return OK;
		}
		if (!proc_alive(&r->workload_proc))
			break;
	}
	return complain(r, "the workload did not stop");
}

/* Until the pictures are the same, or it has had time enough. */
static int compare(struct run *r)
{
	struct trial *t = r->trial;
	uint64_t start = clock_now_us();
	int err = OK;

	while (!err && !t->truth.exact && clock_now_us() - start < REST_US) {
		err = look(r, 2 * SLICE_US);
		uint64_t now = clock_now_us();
		if (!err && truth_compare(
				    &r->arena->truth, client_canvas(r->observer.client), &t->truth))
			err = complain(r, "the true screen could not be compared");
		if (!err && t->truth.exact)
			t->exact_ms = (double)(now - start) / MS;
	}
	return err;
}

void trial_run(const struct arena *a, const struct workload *w, const struct contestant *c,
	const struct nature *film, struct trial *t)
{
	struct run r = { .arena = a, .workload = w, .contestant = c, .trial = t };
	bool serves = c->fill_argv != NULL;

	*t = (struct trial){ .p50_ms = NAN, .p95_ms = NAN, .first_ms = NAN, .exact_ms = NAN };
	int err = start_workload(&r, film);
	if (!err && serves)
		err = start_server(&r);
	if (!err && serves)
		err = connect_measured(&r);
	if (!err)
		err = measure(&r);
	if (!err)
		err = stop_workload(&r);
	if (!err && serves)
		err = compare(&r);
	t->failed = err != OK;
	observer_close(&r.observer);
	proc_stop(&r.server);
	proc_stop(&r.workload_proc);
}
