#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/listener.h"

enum { WAIT_MS = 20000 };

struct fixture {
	struct loop *loop;
	struct loop_timer *watchdog, *timer;
	struct listener *listener;
	struct address peer;
	int accepted, last_fd, warnings;
	bool destroy, over;
	char dir[32], path[64];
};

static void give_up(void *ctx)
{
	(void)ctx;
	fail_msg("nothing came for %d ms", WAIT_MS);
}

static void note_over(void *ctx)
{
	((struct fixture *)ctx)->over = true;
}

static void count_line(void *ctx, enum log_level level, const char *line)
{
	(void)line;
	((struct fixture *)ctx)->warnings += level == LOG_LEVEL_WARN;
}

static int set_up(void **state)
{
	static struct fixture f;
	f = (struct fixture){ .loop = loop_create(), .last_fd = -1, .dir = "/tmp/listener-XXXXXX" };
	if (!mkdtemp(f.dir))
		return -1;
	snprintf(f.path, sizeof(f.path), "%s/s", f.dir);
	f.watchdog = loop_timer_create(f.loop, give_up, NULL);
	loop_timer_start(f.watchdog, WAIT_MS);
	f.timer = loop_timer_create(f.loop, note_over, &f);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	listener_destroy(f->listener);
	loop_timer_destroy(f->watchdog);
	loop_timer_destroy(f->timer);
	loop_destroy(f->loop);
	unlink(f->path);
	return rmdir(f->dir);
}

static void on_accept(void *ctx, int fd, const struct address *peer)
{
	struct fixture *f = ctx;
	f->accepted++;
	f->peer = *peer;
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	if (!f->destroy)
		return;
	listener_destroy(f->listener);
	f->listener = NULL;
}

static struct listener *listen_on(struct fixture *f, const char *text)
{
	struct address a;
	assert_int_equal(address_parse(text, &a), OK);
	return listener_create(f->loop, NULL, &a, on_accept, f);
}

static int connect_to(const struct address *a)
{
	int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	int err = connect(fd, (const struct sockaddr *)&a->sa, a->len);
	assert_true(err == 0 || errno == EINPROGRESS);
	return fd;
}

static void accepts_on(struct fixture *f, const char *text)
{
	f->listener = listen_on(f, text);
	assert_non_null(f->listener);
	int fd = connect_to(listener_address(f->listener));
	while (!f->accepted)
		loop_turn(f->loop);
	assert_true(address_is_local(&f->peer));
	close(fd);
}

static void accepts_ipv4_on_a_port_of_the_kernels_choice(void **state)
{
	struct fixture *f = *state;
	accepts_on(f, "127.0.0.1:0");
	assert_true(address_port(listener_address(f->listener)) > 0);
}

static void ipv6_leaves_ipv4_alone(void **state)
{
	struct fixture *f = *state;
	struct listener *v4 = NULL;
	/* Somebody else may have the port that the kernel chooses for IPv6. */
	for (int i = 0; i < 20 && !v4; i++) {
		char text[ADDRESS_TEXT_MAX];
		listener_destroy(f->listener);
		f->listener = listen_on(f, "[::]:0");
		if (!f->listener)
			skip(); /* a machine without IPv6 */
		snprintf(text, sizeof(text), "0.0.0.0:%d",
			address_port(listener_address(f->listener)));
		v4 = listen_on(f, text);
	}
	assert_non_null(v4);
	listener_destroy(v4);
}

static void busy_port_says_so(void **state)
{
	struct fixture *f = *state;
	f->listener = listen_on(f, "127.0.0.1:0");
	char text[ADDRESS_TEXT_MAX];
	address_text(listener_address(f->listener), text);
	errno = 0;
	assert_null(listen_on(f, text));
	assert_int_equal(errno, EADDRINUSE);
	listener_destroy(NULL);
}

static void unix_socket_is_private_and_removed(void **state)
{
	struct fixture *f = *state;
	char text[ADDRESS_TEXT_MAX];
	struct stat st;
	mode_t mask = umask(0);
	snprintf(text, sizeof(text), "unix:%s", f->path);
	accepts_on(f, text);
	umask(mask);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_null(listen_on(f, text));
	assert_int_equal(errno, EADDRINUSE);
	listener_destroy(f->listener);
	f->listener = NULL;
	assert_int_equal(access(f->path, F_OK), -1);
}

static void stale_unix_socket_is_replaced(void **state)
{
	struct fixture *f = *state;
	char text[ADDRESS_TEXT_MAX];
	struct address a;
	snprintf(text, sizeof(text), "unix:%s", f->path);
	assert_int_equal(address_parse(text, &a), OK);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a.sa, a.len), 0);
	close(fd);
	accepts_on(f, text);
}

static void other_files_are_left_alone(void **state)
{
	struct fixture *f = *state;
	char text[ADDRESS_TEXT_MAX];
	snprintf(text, sizeof(text), "unix:%s", f->path);
	int fd = open(f->path, O_CREAT | O_WRONLY, 0600);
	assert_null(listen_on(f, text));
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(access(f->path, F_OK), 0);
	unlink(f->path);
	/* Nor is the socket of a successor at the same path removed. */
	f->listener = listen_on(f, text);
	unlink(f->path);
	struct listener *next = listen_on(f, text);
	assert_non_null(next);
	listener_destroy(f->listener);
	f->listener = next;
	assert_int_equal(access(f->path, F_OK), 0);
	close(fd);
}

static void destroy_inside_accept(void **state)
{
	struct fixture *f = *state;
	f->listener = listen_on(f, "127.0.0.1:0");
	struct address a = *listener_address(f->listener);
	f->destroy = true;
	int fds[3];
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = connect_to(&a);
	while (!f->accepted)
		loop_turn(f->loop);
	assert_int_equal(f->accepted, 1);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
}

/* Out of descriptors it waits instead of spinning, then goes on. */
static void starved_listener_pauses(void **state)
{
	struct fixture *f = *state;
	struct log log = { count_line, f, LOG_LEVEL_WARN };
	struct address a;
	assert_int_equal(address_parse("127.0.0.1:0", &a), OK);
	f->listener = listener_create(f->loop, &log, &a, on_accept, f);
	int client = connect_to(listener_address(f->listener));
	struct rlimit old, low;
	getrlimit(RLIMIT_NOFILE, &old);
	low = old;
	low.rlim_cur = (rlim_t)client + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	loop_timer_start(f->timer, 450);
	clock_t before = clock();
	int turns = 0;
	for (; !f->over; turns++)
		loop_turn(f->loop);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(f->accepted, 0);
	assert_int_equal(f->warnings, 1);
	assert_true(turns < 40);
	assert_true(clock() - before < CLOCKS_PER_SEC / 5);
	while (!f->accepted)
		loop_turn(f->loop);
	close(client);
}

#define LISTENER_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LISTENER_TEST(accepts_ipv4_on_a_port_of_the_kernels_choice),
		LISTENER_TEST(ipv6_leaves_ipv4_alone),
		LISTENER_TEST(busy_port_says_so),
		LISTENER_TEST(unix_socket_is_private_and_removed),
		LISTENER_TEST(stale_unix_socket_is_replaced),
		LISTENER_TEST(other_files_are_left_alone),
		LISTENER_TEST(destroy_inside_accept),
		LISTENER_TEST(starved_listener_pauses),
	};
	return cmocka_run_group_tests_name("net/listener", tests, NULL, NULL);
}
