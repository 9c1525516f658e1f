#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/child.h"

enum { WAIT_MS = 30000 };

struct fixture {
	struct child *child;
	struct loop *loop;
	struct loop_timer *watchdog;
	int exits, status, error;
	int opens, fd, open_error;
	int answers, lost;
	uint8_t answer[CHILD_PACKET_MAX];
	size_t n_answer;
	bool destroy;
};

/* Answers with the request turned round, after the first byte has chosen. */
static size_t turn_round(void *ctx, const uint8_t *in, size_t n, uint8_t *out)
{
	assert_string_equal(ctx, "secret of the supervisor");
	if (n > 0 && in[0] == '!')
		raise(SIGKILL);
	for (size_t i = 0; i < n; i++)
		out[i] = in[n - 1 - i];
	return n;
}

static void give_up(void *ctx)
{
	(void)ctx;
	fail_msg("nothing came for %d ms", WAIT_MS);
}

static void on_lost(void *ctx)
{
	struct fixture *f = ctx;
	f->lost++;
	if (f->destroy) {
		child_destroy(f->child);
		f->child = NULL;
	}
}

static int set_up(void **state)
{
	static struct fixture f;
	static char secret[] = "secret of the supervisor";
	f = (struct fixture){ .fd = -1 };
	setenv("PORTHOLE_TEST_GONE", "x", 1);
	f.child = child_create(turn_round, secret);
	assert_non_null(f.child);
	memset(secret, 0, sizeof(secret)); /* its copy is its own */
	int n = child_ask_now(f.child, "early", 5, f.answer, sizeof(f.answer));
	memcpy(secret, "secret of the supervisor", sizeof(secret));
	assert_int_equal(n, 5);
	assert_memory_equal(f.answer, "ylrae", 5);
	f.loop = loop_create();
	assert_int_equal(child_attach(f.child, f.loop, on_lost, &f), OK);
	f.watchdog = loop_timer_create(f.loop, give_up, NULL);
	loop_timer_start(f.watchdog, WAIT_MS);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	child_destroy(f->child);
	loop_timer_destroy(f->watchdog);
	loop_destroy(f->loop);
	return 0;
}

static void on_exit_status(void *ctx, int status, int error)
{
	struct fixture *f = ctx;
	f->exits++;
	f->status = status;
	f->error = error;
	if (f->destroy) {
		child_destroy(f->child);
		f->child = NULL;
	}
}

static void on_open(void *ctx, int fd, int error)
{
	struct fixture *f = ctx;
	f->opens++;
	f->fd = fd;
	f->open_error = error;
}

static void on_answer(void *ctx, const uint8_t *answer, size_t n)
{
	struct fixture *f = ctx;
	f->answers++;
	f->n_answer = n;
	if (n > 0)
		memcpy(f->answer, answer, n);
}

/* Starts `sh -c script` with `fd` (or -1) as its descriptor 9. */
static int spawn_shell(struct fixture *f, const char *script, int fd)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	const char *env[] = { "PORTHOLE_TEST=a b=c", "PORTHOLE_TEST_GONE", NULL };
	struct child_spawn what = {
		.argv = argv,
		.env = env,
		.keep = &fd,
		.keep_as = (const int[]){ 9 },
		.n_keep = fd >= 0,
	};
	int id = child_spawn(f->child, &what, on_exit_status, f);
	assert_true(id > 0);
	return id;
}

static int run_shell(struct fixture *f, const char *script)
{
	int before = f->exits;
	spawn_shell(f, script, -1);
	while (f->exits == before)
		loop_turn(f->loop);
	assert_int_equal(f->error, 0);
	return f->status;
}

static void statuses_arrive(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(run_shell(f, "exit 0"), 0);
	int status = run_shell(f, "exit 7");
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	status = run_shell(f, "kill -9 $$");
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void programs_start_clean(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(run_shell(f, "test \"$PORTHOLE_TEST\" = 'a b=c' && "
				      "test -z \"${PORTHOLE_TEST_GONE+set}\" && test -n \"$PATH\""),
		0);
	assert_int_equal(run_shell(f, "read x; test $? = 1 && "
				      "test \"$(readlink /proc/self/fd/0)\" = /dev/null"),
		0);
	/* Group and session are its own. */
	assert_int_equal(run_shell(f, "read -r pid name state parent group session rest "
				      "</proc/$$/stat; test $pid = $group && test $pid = $session"),
		0);
	/* By exec, because a shell blocks signals for a moment when it forks. Signals 32
	 * and 33 are the C library's own: it lets nobody reset what was inherited. */
	assert_int_equal(run_shell(f, "exec awk '/^Sig(Blk|Ign):/ && $2 !~ /^0+[01][08]0000000$/ { "
				      "bad = 1; print } "
				      "END { exit bad }' /proc/self/status"),
		0);
	/* 3 is the directory that ls reads. */
	assert_int_equal(
		run_shell(f, "test \"$(ls /proc/self/fd | tr '\\n' ' ')\" = '0 1 2 3 '"), 0);
}

static void quiet_ones_write_to_nowhere(void **state)
{
	struct fixture *f = *state;
	const char *argv[] = { "sh", "-c",
		"test \"$(readlink /proc/$$/fd/1)$(readlink /proc/$$/fd/2)\" = "
		"/dev/null/dev/null",
		NULL };
	struct child_spawn what = { .argv = argv, .quiet = true };
	assert_true(child_spawn(f->child, &what, on_exit_status, f) > 0);
	while (!f->exits)
		loop_turn(f->loop);
	assert_int_equal(f->status, 0);
}

static void read_line(int fd, const char *want)
{
	char got[32] = "";
	ssize_t n = read(fd, got, sizeof(got) - 1);
	assert_true(n > 0);
	assert_string_equal(got, want);
}

/* Also where numbers change places. */
static void descriptors_are_kept(void **state)
{
	struct fixture *f = *state;
	int a[2], b[2];
	assert_int_equal(pipe2(a, O_CLOEXEC), 0);
	assert_int_equal(pipe2(b, O_CLOEXEC), 0);
	const char *argv[] = { "sh", "-c", "echo a >&4; echo b >&3", NULL };
	struct child_spawn what = {
		.argv = argv,
		.keep = (const int[]){ a[1], b[1] },
		.keep_as = (const int[]){ 4, 3 },
		.n_keep = 2,
	};
	assert_true(child_spawn(f->child, &what, on_exit_status, f) > 0);
	while (!f->exits)
		loop_turn(f->loop);
	close(a[1]);
	close(b[1]);
	read_line(a[0], "a\n");
	read_line(b[0], "b\n");
	char c;
	assert_int_equal(read(a[0], &c, 1), 0); /* nobody else kept it */
	close(a[0]);
	close(b[0]);
}

static void failures_to_start_have_a_reason(void **state)
{
	struct fixture *f = *state;
	const char *argv[] = { "/nonexistent/program", NULL };
	struct child_spawn what = { .argv = argv };
	assert_true(child_spawn(f->child, &what, on_exit_status, f) > 0);
	while (!f->exits)
		loop_turn(f->loop);
	assert_int_equal(f->status, -1);
	assert_int_equal(f->error, ENOENT);
	argv[0] = "/etc/passwd";
	assert_true(child_spawn(f->child, &what, on_exit_status, f) > 0);
	while (f->exits < 2)
		loop_turn(f->loop);
	assert_int_equal(f->status, -1);
	assert_int_equal(f->error, EACCES);
	assert_int_equal(run_shell(f, "exit 0"), 0);
}

static void requests_have_ceilings(void **state)
{
	struct fixture *f = *state;
	static char large[CHILD_PACKET_MAX + 2];
	memset(large, 'x', sizeof(large) - 1);
	const char *argv[] = { large, NULL };
	int many[5] = { 0 };
	struct child_spawn what = { .argv = argv };
	assert_int_equal(child_spawn(f->child, &what, on_exit_status, f), ERR_LIMIT);
	what = (struct child_spawn){ .argv = argv + 1, .keep = many, .keep_as = many, .n_keep = 5 };
	assert_int_equal(child_spawn(f->child, &what, on_exit_status, f), ERR_LIMIT);
	assert_int_equal(child_ask(f->child, large, sizeof(large), on_answer, f), ERR_LIMIT);
	assert_int_equal(child_open(f->child, large, O_RDONLY, 0, on_open, f), ERR_LIMIT);
	/* No program, and a number that cannot be kept: refused over there. */
	what.n_keep = 0;
	assert_true(child_spawn(f->child, &what, on_exit_status, f) > 0);
	what = (struct child_spawn){ .argv = argv, .keep = many, .keep_as = many, .n_keep = 1 };
	large[2] = '\0';
	assert_true(child_spawn(f->child, &what, on_exit_status, f) > 0);
	while (f->exits < 2) {
		loop_turn(f->loop);
		assert_int_equal(f->error, f->exits ? EINVAL : 0);
	}
}

static void sixty_four_at_once(void **state)
{
	struct fixture *f = *state;
	int gate[2], ids[65];
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		ids[i] = spawn_shell(f, "exec sleep 1000", gate[1]);
	close(gate[1]);
	while (!f->exits)
		loop_turn(f->loop);
	assert_int_equal(f->error, EAGAIN);
	for (size_t i = 0; i < 64; i++)
		child_signal(f->child, ids[i], SIGTERM);
	while (f->exits < 65)
		loop_turn(f->loop);
	assert_true(WIFSIGNALED(f->status) && WTERMSIG(f->status) == SIGTERM);
	char c;
	assert_int_equal(read(gate[0], &c, 1), 0);
	close(gate[0]);
}

static void files_are_opened(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(child_open(f->child, "/dev/null", O_RDWR, 0, on_open, f), OK);
	while (f->opens < 1)
		loop_turn(f->loop);
	assert_int_equal(f->open_error, 0);
	assert_int_equal(write(f->fd, "x", 1), 1);
	assert_int_equal(fcntl(f->fd, F_GETFD), FD_CLOEXEC);
	close(f->fd);
	assert_int_equal(child_open(f->child, "/nonexistent/file", O_RDONLY, 0, on_open, f), OK);
	while (f->opens < 2)
		loop_turn(f->loop);
	assert_int_equal(f->fd, -1);
	assert_int_equal(f->open_error, ENOENT);
}

static void handler_answers_in_any_size(void **state)
{
	struct fixture *f = *state;
	static uint8_t q[CHILD_PACKET_MAX];
	for (size_t i = 0; i < sizeof(q); i++)
		q[i] = (uint8_t)(i * 3);
	for (size_t n = 1; n <= sizeof(q); n = n < 4 ? n + 1 : n == sizeof(q) ? n + 1 : sizeof(q)) {
		f->answers = 0;
		assert_int_equal(child_ask(f->child, q, n, on_answer, f), OK);
		while (!f->answers)
			loop_turn(f->loop);
		assert_int_equal(f->n_answer, n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(f->answer[i], q[n - 1 - i]);
	}
}

/* Requests that cross find their own answers; too many are refused. */
static void outstanding_requests_are_bounded(void **state)
{
	struct fixture *f = *state;
	int asked = 0, err = OK;
	while (!err && asked < 100000) {
		err = child_ask(f->child, "abc", 3, on_answer, f);
		asked += !err;
	}
	assert_int_equal(err, ERR_LIMIT);
	while (f->answers < asked)
		loop_turn(f->loop);
	assert_memory_equal(f->answer, "cba", 3);
	assert_int_equal(child_ask(f->child, "abc", 3, on_answer, f), OK);
}

static pid_t supervisor_pid(void)
{
	char path[64];
	int pid = 0;
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return pid;
}

static void supervisor_keeps_few_descriptors(void **state)
{
	(void)state;
	char path[64];
	int n = 0;
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)supervisor_pid());
	DIR *dir = opendir(path);
	if (!dir)
		skip(); /* not root: it cannot be looked into */
	while (readdir(dir))
		n++;
	closedir(dir);
	assert_true(n <= 2 + 5); /* . and .., the three, the pair, its signals */
}

static void terminal_signals_do_not_end_it(void **state)
{
	struct fixture *f = *state;
	pid_t pid = supervisor_pid();
	kill(pid, SIGINT);
	kill(pid, SIGTERM);
	kill(pid, SIGHUP);
	assert_int_equal(run_shell(f, "exit 0"), 0);
	assert_int_equal(f->lost, 0);
}

/* True when every holder of the pipe's other end has gone in time. */
static bool all_gone(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = 0 };
	return poll(&p, 1, timeout_ms) == 1 && (p.revents & POLLHUP);
}

static const char *const stubborn = "trap '' TERM HUP; setsid sh -c 'trap \"\" TERM; sleep 1000' & "
				    "sleep 1000 & sh -c 'sleep 1000 & exit 0'; echo >&9; wait";

static void destroy_ends_all_that_was_spawned(void **state)
{
	struct fixture *f = *state;
	int gate[2];
	char c;
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	spawn_shell(f, "exec sleep 1000", gate[1]);
	spawn_shell(f, stubborn, gate[1]);
	close(gate[1]);
	assert_int_equal(read(gate[0], &c, 1), 1);
	child_destroy(f->child);
	f->child = NULL;
	assert_true(all_gone(gate[0], 0));
	assert_int_equal(f->exits, 0);
	close(gate[0]);
}

static void lost_supervisor_fails_what_waits(void **state)
{
	struct fixture *f = *state;
	int gate[2];
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	spawn_shell(f, "exec sleep 1000", gate[1]);
	close(gate[1]);
	assert_int_equal(child_ask(f->child, "!", 1, on_answer, f), OK);
	assert_int_equal(child_open(f->child, "/dev/null", O_RDWR, 0, on_open, f), OK);
	while (!f->lost)
		loop_turn(f->loop);
	assert_int_equal(f->exits, 1);
	assert_int_equal(f->status, -1);
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->n_answer, 0);
	assert_int_equal(f->opens, 1);
	assert_int_equal(f->fd, -1);
	assert_int_equal(child_ask(f->child, "x", 1, on_answer, f), ERR_IO);
	child_signal(f->child, 1, SIGTERM);
	assert_true(all_gone(gate[0], 10000));
	close(gate[0]);
}

static void destroy_inside_callbacks(void **state)
{
	struct fixture *f = *state;
	f->destroy = true;
	spawn_shell(f, "exit 0", -1);
	spawn_shell(f, "exit 0", -1);
	while (!f->exits)
		loop_turn(f->loop);
	assert_int_equal(f->exits, 1);
	assert_null(f->child);
}

static void destroy_inside_lost(void **state)
{
	struct fixture *f = *state;
	f->destroy = true;
	kill(supervisor_pid(), SIGKILL);
	while (!f->lost)
		loop_turn(f->loop);
	assert_null(f->child);
}

static void ask_now_of_a_dead_supervisor(void **state)
{
	(void)state;
	char secret[] = "secret of the supervisor";
	uint8_t out[4];
	struct child *c = child_create(turn_round, secret);
	assert_int_equal(child_ask_now(c, "12345", 5, out, sizeof(out)), ERR_LIMIT);
	assert_int_equal(child_ask_now(c, "!", 1, out, sizeof(out)), ERR_IO);
	assert_int_equal(child_ask_now(c, "x", 1, out, sizeof(out)), ERR_IO);
	child_destroy(c);
	child_destroy(NULL);
}

/* The process that owns the supervisor is killed: all it started must end. */
static void killed_owner_leaves_nothing(void **state)
{
	(void)state;
	int gate[2];
	char c;
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	pid_t owner = fork();
	if (owner == 0) {
		struct fixture f = { .child = child_create(NULL, NULL) };
		close(gate[0]);
		spawn_shell(&f, stubborn, gate[1]);
		spawn_shell(&f, "exec sleep 1000", gate[1]);
		for (;;)
			pause();
	}
	close(gate[1]);
	assert_int_equal(read(gate[0], &c, 1), 1);
	kill(owner, SIGKILL);
	waitpid(owner, NULL, 0);
	assert_true(all_gone(gate[0], 10000));
	close(gate[0]);
}

#define CHILD_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHILD_TEST(statuses_arrive),
		CHILD_TEST(programs_start_clean),
		CHILD_TEST(quiet_ones_write_to_nowhere),
		CHILD_TEST(descriptors_are_kept),
		CHILD_TEST(failures_to_start_have_a_reason),
		CHILD_TEST(requests_have_ceilings),
		CHILD_TEST(sixty_four_at_once),
		CHILD_TEST(files_are_opened),
		CHILD_TEST(handler_answers_in_any_size),
		CHILD_TEST(outstanding_requests_are_bounded),
		CHILD_TEST(supervisor_keeps_few_descriptors),
		CHILD_TEST(terminal_signals_do_not_end_it),
		CHILD_TEST(destroy_ends_all_that_was_spawned),
		CHILD_TEST(lost_supervisor_fails_what_waits),
		CHILD_TEST(destroy_inside_callbacks),
		CHILD_TEST(destroy_inside_lost),
		cmocka_unit_test(ask_now_of_a_dead_supervisor),
		cmocka_unit_test(killed_owner_leaves_nothing),
	};
	return cmocka_run_group_tests_name("net/child", tests, NULL, NULL);
}
