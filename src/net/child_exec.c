#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "net/child_wire.h"

enum {
	KEEP_AS_MAX = 63,
	OUT_OF_THE_WAY = 64, /* of the numbers that may be kept */
};

/* A CHILD_SPAWN packet, taken apart; strings lie in the packet. */
struct program {
	char *argv[CHILD_STRINGS_MAX + 1];
	char *env[CHILD_STRINGS_MAX + 1];
	int keep_as[CHILD_FDS_MAX];
	bool quiet;
};

/* False when the strings do not end inside the body. */
static bool take_strings(char **at, const char *end, size_t n, char **out)
{
	for (size_t i = 0; i < n; i++) {
		char *zero = memchr(*at, '\0', (size_t)(end - *at));
		if (!zero)
			return false;
		out[i] = *at;
		*at = zero + 1;
	}
	out[n] = NULL;
	return true;
}

static bool parse(const struct child_packet *p, struct program *out)
{
	struct child_spawn_body b;
	if (p->n < sizeof(b))
		return false;
	memcpy(&b, p->body, sizeof(b));
	if (b.n_argv < 1 || b.n_argv > CHILD_STRINGS_MAX || b.n_env > CHILD_STRINGS_MAX)
		return false;
	for (int i = 0; i < p->n_fds; i++)
		if (b.keep_as[i] < 1 || b.keep_as[i] > KEEP_AS_MAX)
			return false;
	memcpy(out->keep_as, b.keep_as, sizeof(out->keep_as));
	out->quiet = b.quiet;
	char *at = (char *)(uintptr_t)p->body + sizeof(b), *end = (char *)(uintptr_t)p->body + p->n;
	return take_strings(&at, end, b.n_argv, out->argv) &&
	       take_strings(&at, end, b.n_env, out->env);
}

static void reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;
	for (int s = 1; s < NSIG; s++)
		sigaction(s, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int set_descriptors(const struct child_packet *p, const struct program *prog)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0)
		return -1;
	if (prog->quiet && dup2(null, 2) < 0)
		return -1;
	if (dup2(2, 1) < 0)
		return -1;
	/* First all to numbers nobody asked for, or one would overwrite another. */
	int high[CHILD_FDS_MAX];
	for (int i = 0; i < p->n_fds; i++) {
		high[i] = fcntl(p->fds[i], F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
		if (high[i] < 0)
			return -1;
	}
	for (int i = 0; i < p->n_fds; i++)
		if (dup2(high[i], prog->keep_as[i]) < 0)
			return -1;
	return 0;
}

/* Everything else is closed by the exec. */
static _Noreturn void become(
	const struct child_packet *p, struct program *prog, pid_t supervisor, int report)
{
	int high = fcntl(report, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
	if (high < 0)
		_exit(127);
	setsid();
	reset_signals();
	/* For a supervisor that is killed and ends nothing any more. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != supervisor)
		_exit(127);
	bool failed = set_descriptors(p, prog) != 0;
	for (char **row = prog->env; *row && !failed; row++)
		failed = putenv(*row) != 0;
	if (!failed)
		execvp(prog->argv[0], prog->argv);
	int error = errno;
	if (write(high, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

pid_t child_exec(const struct child_packet *p, int *error)
{
	struct program prog;
	int report[2];
	*error = EINVAL;
	if (!parse(p, &prog))
		return -1;
	if (pipe2(report, O_CLOEXEC)) {
		*error = errno;
		return -1;
	}
	pid_t supervisor = getpid();
	/* Not fork(): what libraries registered for it (libuv) would look after
	 * descriptors that were closed here and mean others now. */
	pid_t pid = _Fork();
	*error = errno;
	if (pid == 0)
		become(p, &prog, supervisor, report[1]);
	close(report[1]);
	/* Nothing comes when the exec closes the other end. */
	ssize_t n = 0;
	if (pid > 0)
		n = read(report[0], error, sizeof(*error));
	close(report[0]);
	return n == 0 ? pid : -1;
}
