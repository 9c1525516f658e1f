#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { TREE_MAX = 16 };

static void run_child(char *const *argv, int log, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1); /* the bench ended before it could be noticed */
	if (dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0)
		execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

int proc_start(struct proc *p, char *const *argv, const char *log_path)
{
	pid_t parent = getpid();
	int log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	p->pid = log >= 0 ? fork() : -1;
	if (p->pid == 0)
		run_child(argv, log, parent);
	if (log >= 0)
		close(log);
	if (p->pid > 0)
		return OK;
	p->pid = 0;
	return ERR_IO;
}

bool proc_alive(struct proc *p)
{
	if (p->pid > 0 && waitpid(p->pid, NULL, WNOHANG) != 0)
		p->pid = 0;
	return p->pid > 0;
}

void proc_stop(struct proc *p)
{
	enum { PATIENCE_US = 3000000, POLL_US = 2000 };

	if (!proc_alive(p))
		return;
	kill(p->pid, SIGTERM);
	for (uint64_t until = clock_now_us() + PATIENCE_US; clock_now_us() < until;) {
		if (!proc_alive(p))
			return;
		usleep(POLL_US);
	}
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	p->pid = 0;
}

/* The process and all below it, parents first. Returns how many. */
static int list_tree(pid_t top, pid_t tree[TREE_MAX])
{
	int n = 0;
	tree[n++] = top;
	for (int i = 0; i < n; i++) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/%d/task/%d/children", tree[i], tree[i]);
		FILE *f = fopen(path, "r");
		if (!f)
			continue;
		while (n < TREE_MAX && fscanf(f, "%d", &tree[n]) == 1)
			n++;
		fclose(f);
	}
	return n;
}

static uint64_t cpu_ns(pid_t pid)
{
	/* To the nanosecond, and with threads that have ended, unlike what /proc has. */
	clockid_t clock;
	struct timespec t;
	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		return 0;
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t proc_cpu_ns(const struct proc *p)
{
	pid_t tree[TREE_MAX];
	uint64_t sum = 0;
	int n = p->pid > 0 ? list_tree(p->pid, tree) : 0;
	for (int i = 0; i < n; i++)
		sum += cpu_ns(tree[i]);
	return sum;
}

static struct proc_memory memory_of(pid_t pid)
{
	struct proc_memory m = { 0 };
	char path[64], line[128];
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		long kb;
		if (sscanf(line, "RssAnon: %ld", &kb) == 1 ||
			sscanf(line, "RssShmem: %ld", &kb) == 1)
			m.kept_kb += kb;
		else if (sscanf(line, "VmHWM: %ld", &kb) == 1)
			m.peak_kb = kb;
	}
	if (f)
		fclose(f);
	return m;
}

struct proc_memory proc_memory(const struct proc *p)
{
	pid_t tree[TREE_MAX];
	struct proc_memory most = { 0 };
	int n = p->pid > 0 ? list_tree(p->pid, tree) : 0;
	for (int i = 0; i < n; i++) {
		struct proc_memory m = memory_of(tree[i]);
		if (m.kept_kb > most.kept_kb)
			most = m;
	}
	return most;
}

long proc_kept_kb(const struct proc *p)
{
	pid_t tree[TREE_MAX];
	long sum = 0;
	int n = p->pid > 0 ? list_tree(p->pid, tree) : 0;
	for (int i = 0; i < n; i++)
		sum += memory_of(tree[i]).kept_kb;
	return sum;
}
