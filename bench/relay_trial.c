#include "relay_trial.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "relay_house.h"

enum {
	BULK = 65536,
	TINY = 64,
	PING = 16,
	PINGS_MAX = 20000,
	PACE_US = 2000,
	TICK_MS = 1,
	STALLED = 16,
	OPEN_US = 10 * 1000 * 1000,
	SECOND_US = 1000 * 1000,
};

/* The two ends of a tunnel. */
struct pair {
	struct relay_end viewer, agent;
};

struct trial {
	const struct relay_bench *bench;
	const struct relay_contestant *who;
	struct loop *loop;
	struct loop_timer *tick;
	struct relay_child child;
	int listener;              /* for agents that are connected to; -1: none */
	struct relay_house *house; /* BY_GATEWAY */
};

static void ticked(void *ctx)
{
	struct trial *t = ctx;
	loop_timer_start(t->tick, TICK_MS);
}

static int listen_for_agent(int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof(a)) && !listen(fd, 128) &&
		!getsockname(fd, (struct sockaddr *)&a, &len)) {
		*port = ntohs(a.sin_port);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static int start_child(struct trial *t)
{
	const struct relay_bench *b = t->bench;
	const char *cert = t->who->tls ? b->cert : NULL, *key = t->who->tls ? b->key : NULL;
	struct relay_child *c = &t->child;
	int spare = -1, err = OK;
	switch (t->who->by) {
	case BY_NOBODY: t->listener = listen_for_agent(&c->viewer_port); break;
	case BY_COPY: return relay_child_start(c, RELAY_COPY, NULL, NULL);
	case BY_PUMP: return relay_child_start(c, RELAY_PUMP, cert, key);
	case BY_NGINX:
		t->listener = listen_for_agent(&c->agent_port);
		spare = listen_for_agent(&c->viewer_port);
		close(spare);
		err = relay_child_start_nginx(c, b->out, cert, key);
		usleep(SECOND_US / 2); /* until it listens */
		return err;
	case BY_GATEWAY:
		t->house = relay_house_create(
			b->porthole, t->loop, cert, key, t->who->tls ? b->client : NULL);
		if (!t->house)
			return ERR_IO;
		c->proc = *relay_house_proc(t->house);
		break;
	}
	return OK;
}

static int open_trial(
	struct trial *t, const struct relay_bench *b, const struct relay_contestant *c)
{
	*t = (struct trial){ .bench = b, .who = c, .listener = -1 };
	/* A child must not have our loop. */
	int err = c->by == BY_GATEWAY ? OK : start_child(t);
	t->loop = loop_create();
	t->tick = t->loop ? loop_timer_create(t->loop, ticked, t) : NULL;
	if (!t->tick)
		return ERR_NOMEM;
	loop_timer_start(t->tick, TICK_MS);
	return c->by == BY_GATEWAY ? start_child(t) : err;
}

static void close_trial(struct trial *t)
{
	if (t->who->by != BY_GATEWAY)
		relay_child_stop(&t->child);
	relay_house_destroy(t->house);
	if (t->listener >= 0)
		close(t->listener);
	loop_timer_destroy(t->tick);
	loop_destroy(t->loop);
}

static void connect_ends(struct trial *t, struct pair *p)
{
	struct relay_address viewer = { .port = t->child.viewer_port,
		.path = t->who->by == BY_COPY ? NULL : "/",
		.tls = t->who->tls ? t->bench->client : NULL };
	struct relay_address agent = viewer;
	agent.port = t->child.agent_port;
	if (t->house) {
		p->agent.failed = relay_house_open(t->house, &p->viewer, &p->agent);
		return;
	}
	if (t->listener < 0) {
		relay_end_connect(&p->agent, t->loop, &agent);
		while (!p->agent.open && !p->agent.failed)
			loop_turn(t->loop);
	}
	relay_end_connect(&p->viewer, t->loop, &viewer);
	if (t->listener < 0)
		return;
	agent.tls = t->who->tls ? t->bench->server : NULL;
	int fd = -1;
	for (uint64_t end = clock_now_us() + OPEN_US; fd < 0 && clock_now_us() < end;) {
		loop_turn(t->loop);
		fd = accept(t->listener, NULL, NULL);
	}
	relay_end_accept(&p->agent, t->loop, &agent, fd);
}

static bool open_pair(struct trial *t, struct pair *p)
{
	connect_ends(t, p);
	uint64_t end = clock_now_us() + OPEN_US;
	while ((!p->viewer.open || !p->agent.open) && !p->viewer.failed && !p->agent.failed &&
		clock_now_us() < end)
		loop_turn(t->loop);
	return p->viewer.open && p->agent.open;
}

static void close_pair(struct pair *p)
{
	relay_end_close(&p->viewer);
	relay_end_close(&p->agent);
}

static void turn_for(struct trial *t, double seconds)
{
	for (uint64_t end = clock_now_us() + (uint64_t)(seconds * SECOND_US); clock_now_us() < end;)
		loop_turn(t->loop);
}

static void flood(struct pair *p, const uint8_t *masked, size_t n_masked, const uint8_t *plain,
	size_t n_plain)
{
	relay_end_flood(&p->viewer, masked, n_masked);
	relay_end_flood(
		&p->agent, p->agent.server ? plain : masked, p->agent.server ? n_plain : n_masked);
}

/* CPU seconds of the relay per GB that arrived. */
static double measure_cpu(struct trial *t, size_t size)
{
	size_t n_masked, n_plain, n = 16 * BULK / size;
	uint8_t *masked = relay_wire(size, n, true, &n_masked);
	uint8_t *plain = relay_wire(size, n, false, &n_plain);
	struct pair p = { 0 };
	double result = NAN;
	if (masked && plain && open_pair(t, &p)) {
		flood(&p, masked, n_masked, plain, n_plain);
		turn_for(t, t->bench->seconds / 4);
		uint64_t bytes = p.viewer.bytes + p.agent.bytes;
		uint64_t cpu = proc_cpu_ns(&t->child.proc);
		turn_for(t, t->bench->seconds);
		cpu = proc_cpu_ns(&t->child.proc) - cpu;
		bytes = p.viewer.bytes + p.agent.bytes - bytes;
		if (!p.viewer.failed && !p.agent.failed && bytes > 0)
			result = (double)cpu / (double)bytes;
	}
	close_pair(&p);
	free(masked);
	free(plain);
	return result;
}

struct pings {
	uint8_t *to_agent, *to_viewer;
	size_t n_to_agent, n_to_viewer;
	uint64_t sent_us;
	double *us;
	size_t n;
	/* A ping every PACE_US at most: sent back to back, most of them would fall into
	 * the few moments in which nothing else is going on. */
	bool paced, back;
};

static void agent_got(void *ctx, struct relay_end *e)
{
	struct pings *p = ctx;
	relay_end_send(e, p->to_viewer, p->n_to_viewer);
}

static void send_ping(struct pings *p, struct relay_end *viewer)
{
	p->sent_us = clock_now_us();
	p->back = false;
	relay_end_send(viewer, p->to_agent, p->n_to_agent);
}

static void viewer_got(void *ctx, struct relay_end *e)
{
	struct pings *p = ctx;
	if (p->n < PINGS_MAX)
		p->us[p->n++] = (double)(clock_now_us() - p->sent_us);
	p->back = true;
	if (!p->paced)
		send_ping(p, e);
}

static void ping_for(struct trial *t, struct pings *p, struct relay_end *viewer)
{
	uint64_t end = clock_now_us() + (uint64_t)(t->bench->seconds * SECOND_US);
	send_ping(p, viewer);
	while (clock_now_us() < end) {
		loop_turn(t->loop);
		if (p->back && clock_now_us() - p->sent_us >= PACE_US)
			send_ping(p, viewer);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double measure_ping(struct trial *t, size_t size, bool paced)
{
	struct pair p = { 0 };
	struct pings pings = { .us = calloc(PINGS_MAX, sizeof(double)), .paced = paced };
	double result = NAN;
	if (pings.us && open_pair(t, &p)) {
		pings.to_agent = relay_wire(size, 1, true, &pings.n_to_agent);
		pings.to_viewer = relay_wire(size, 1, !p.agent.server, &pings.n_to_viewer);
		p.agent.on_message = agent_got;
		p.viewer.on_message = viewer_got;
		p.agent.ctx = p.viewer.ctx = &pings;
		ping_for(t, &pings, &p.viewer);
		qsort(pings.us, pings.n, sizeof(double), compare);
		if (pings.n > 10 && !p.viewer.failed && !p.agent.failed)
			result = pings.us[pings.n / 2];
	}
	close_pair(&p);
	free(pings.to_agent);
	free(pings.to_viewer);
	free(pings.us);
	return result;
}

/* The load runs in a process of its own, so that only the relay is shared. */
static void flood_four(struct trial *t, int ready)
{
	size_t n_masked;
	uint8_t *masked = relay_wire(BULK, 16, true, &n_masked);
	struct pair p[4];
	bool open = masked;
	for (int i = 0; i < 4 && open; i++)
		open = open_pair(t, &p[i]);
	for (int i = 0; i < 4 && open; i++)
		flood(&p[i], masked, n_masked, masked, n_masked);
	ssize_t told = open ? write(ready, "x", 1) : 0;
	if (told == 1)
		turn_for(t, 3600);
	_exit(1);
}

static double measure_beside(struct trial *t)
{
	int ready[2];
	char byte;
	if (pipe(ready))
		return NAN;
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* A loop of its own: the parent's epoll is shared. */
		t->loop = loop_create();
		t->tick = loop_timer_create(t->loop, ticked, t);
		loop_timer_start(t->tick, TICK_MS);
		if (t->house)
			relay_house_move(t->house, t->loop);
		flood_four(t, ready[1]);
	}
	close(ready[1]);
	bool flooding = pid > 0 && read(ready[0], &byte, 1) == 1;
	double result = flooding ? measure_ping(t, PING, true) : NAN;
	close(ready[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return result;
}

/* After one tunnel has been opened and used, what the others cost. */
static double measure_memory(struct trial *t, int n, bool stalled)
{
	size_t n_masked;
	uint8_t *masked = relay_wire(BULK, 16, true, &n_masked);
	struct pair *p = calloc((size_t)n + 1, sizeof(*p));
	bool open = masked && p && open_pair(t, &p[0]);
	turn_for(t, 0.2);
	long before = proc_kept_kb(&t->child.proc);
	for (int i = 1; i <= n && open; i++) {
		open = open_pair(t, &p[i]);
		if (!open || !stalled)
			continue;
		stream_want_read(p[i].viewer.s, false);
		relay_end_flood(&p[i].agent, masked, n_masked);
	}
	turn_for(t, stalled ? 1 : 0.2);
	double kb = (double)(proc_kept_kb(&t->child.proc) - before);
	for (int i = 0; p && i <= n; i++)
		close_pair(&p[i]);
	free(p);
	free(masked);
	return open ? kb / n : NAN;
}

double relay_trial(
	const struct relay_bench *b, const struct relay_contestant *c, enum relay_metric metric)
{
	struct trial t;
	double result = NAN;
	bool nobody = c->by == BY_NOBODY;
	if (nobody && metric != RELAY_PING && metric != RELAY_PING64)
		return NAN;
	if (c->by == BY_NGINX && metric == RELAY_BESIDE)
		return NAN; /* its agents would have to be accepted by two processes */
	if (open_trial(&t, b, c) == OK) {
		switch (metric) {
		case RELAY_BULK: result = measure_cpu(&t, BULK); break;
		case RELAY_TINY: result = measure_cpu(&t, TINY); break;
		case RELAY_PING: result = measure_ping(&t, PING, false); break;
		case RELAY_PING64: result = measure_ping(&t, BULK, false); break;
		case RELAY_BESIDE: result = measure_beside(&t); break;
		case RELAY_IDLE: result = measure_memory(&t, b->idle, false); break;
		case RELAY_STALL: result = measure_memory(&t, STALLED, true); break;
		case RELAY_METRICS: break;
		}
	}
	close_trial(&t);
	return result;
}
