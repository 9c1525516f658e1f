#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/child_wire.h"

enum {
	PAIR_FD = 3,
	SPAWNED_MAX = 64,
	TERM_US = 2000 * 1000,
	KILL_US = 500 * 1000,
	AGAIN_US = 500 * 1000, /* for those that were adopted meanwhile */
	ENDING_STEP_MS = 50,
};

struct spawned {
	pid_t pid; /* and its process group; 0: free */
	int id;
};

struct server {
	int pair;
	int signals;
	bool lost; /* the other side is gone */
	child_handler *handler;
	void *handler_ctx;
	struct spawned spawned[SPAWNED_MAX];
	struct child_packet in;
	uint8_t out[CHILD_PACKET_MAX];
};

/* Waits when the other side is slow: it always reads. */
static void answer(struct server *s, struct child_head head, const void *body, size_t n, int fd)
{
	if (child_packet_send(s->pair, &head, body, n, &fd, fd >= 0, 0) == ERR_IO)
		s->lost = true;
}

static void tell_exit(struct server *s, int id, int status, int error)
{
	answer(s, (struct child_head){ CHILD_EXITED, id, status, error }, NULL, 0, -1);
}

static struct spawned *find(struct server *s, pid_t pid, int id)
{
	for (size_t i = 0; i < SPAWNED_MAX; i++)
		if (s->spawned[i].pid == pid || (id && s->spawned[i].id == id))
			return &s->spawned[i];
	return NULL;
}

static void on_spawn(struct server *s)
{
	int error = EAGAIN;
	struct spawned *slot = find(s, 0, 0);
	pid_t pid = slot ? child_exec(&s->in, &error) : -1;
	if (pid < 0) {
		tell_exit(s, s->in.head.id, -1, error);
		return;
	}
	*slot = (struct spawned){ pid, s->in.head.id };
}

static void on_signal(struct server *s)
{
	const struct spawned *p = find(s, -1, s->in.head.id);
	if (p && s->in.head.id > 0)
		kill(-p->pid, s->in.head.a);
}

static void on_open(struct server *s)
{
	const struct child_head *h = &s->in.head;
	int fd = -1, error = EINVAL;
	if (s->in.n > 0 && memchr(s->in.body, '\0', s->in.n)) {
		fd = open((const char *)s->in.body, h->a | O_CLOEXEC | O_NOCTTY, (mode_t)h->b);
		error = fd < 0 ? errno : 0;
	}
	answer(s, (struct child_head){ CHILD_OPENED, h->id, 0, error }, NULL, 0, fd);
	if (fd >= 0)
		close(fd);
}

static void on_ask(struct server *s)
{
	size_t n = s->handler ? s->handler(s->handler_ctx, s->in.body, s->in.n, s->out) : 0;
	answer(s, (struct child_head){ CHILD_ANSWER, s->in.head.id, 0, 0 }, s->out, n, -1);
	/* A password may have been among them. */
	explicit_bzero(s->out, n);
	explicit_bzero(s->in.body, s->in.n);
}

static void on_packet(struct server *s)
{
	int err = child_packet_recv(s->pair, &s->in, MSG_DONTWAIT);
	if (err == ERR_IO)
		s->lost = true;
	if (err)
		return;
	switch (s->in.head.kind) {
	case CHILD_SPAWN: on_spawn(s); break;
	case CHILD_SIGNAL: on_signal(s); break;
	case CHILD_OPEN: on_open(s); break;
	case CHILD_ASK: on_ask(s); break;
	default: break;
	}
	child_packet_close_fds(&s->in);
}

/* False when no child is left. */
static bool reap(struct server *s)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);
		if (pid <= 0)
			return pid == 0;
		struct spawned *p = find(s, pid, 0);
		if (!p)
			continue; /* adopted, or an exec that failed */
		int id = p->id;
		*p = (struct spawned){ 0 };
		if (!s->lost)
			tell_exit(s, id, status, 0);
	}
}

static void drain_signals(struct server *s)
{
	struct signalfd_siginfo info;
	while (read(s->signals, &info, sizeof(info)) > 0)
		;
}

/* What left its group is our child as soon as its parent has ended, for we are
 * the reaper of all below us. */
static void signal_children(struct server *s, int signum)
{
	for (size_t i = 0; i < SPAWNED_MAX; i++)
		if (s->spawned[i].pid > 0)
			kill(-s->spawned[i].pid, signum);
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	FILE *f = fopen(path, "re");
	int pid;
	while (f && fscanf(f, "%d", &pid) == 1)
		if (!find(s, pid, 0))
			kill(pid, signum);
	if (f)
		fclose(f);
}

/* False when some are left after `limit_us`. */
static bool end_with(struct server *s, int signum, uint64_t limit_us)
{
	uint64_t begin = clock_now_us(), next = begin;
	while (reap(s)) {
		uint64_t now = clock_now_us();
		if (now - begin >= limit_us)
			return false;
		if (now >= next || signum == SIGKILL) {
			signal_children(s, signum);
			next = now + AGAIN_US;
		}
		struct pollfd p = { .fd = s->signals, .events = POLLIN };
		poll(&p, 1, ENDING_STEP_MS);
		drain_signals(s);
	}
	return true;
}

/* A Ctrl+C on the terminal must not end us before what we spawned, and ending
 * children must reach us as descriptors do. */
static int set_signals(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP };
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void serve(struct server *s)
{
	struct pollfd fds[2] = {
		{ .fd = s->pair, .events = POLLIN },
		{ .fd = s->signals, .events = POLLIN },
	};
	while (!s->lost) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents) {
			drain_signals(s);
			reap(s);
		}
		if (fds[0].revents)
			on_packet(s);
	}
}

_Noreturn void child_server_run(int pair, child_handler *handler, void *handler_ctx)
{
	struct server *s = calloc(1, sizeof(*s));
	if (!s || dup2(pair, PAIR_FD) < 0)
		_exit(1);
	closefrom(PAIR_FD + 1);
	fcntl(PAIR_FD, F_SETFD, FD_CLOEXEC);
	setsid();
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	s->pair = PAIR_FD;
	s->handler = handler;
	s->handler_ctx = handler_ctx;
	s->signals = set_signals();
	if (s->signals < 0)
		_exit(1);
	serve(s);
	close(s->pair);
	if (!end_with(s, SIGTERM, TERM_US))
		end_with(s, SIGKILL, KILL_US);
	_exit(0);
}
