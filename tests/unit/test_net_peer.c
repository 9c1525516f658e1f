#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/peer.h"

enum { NOBODY = 65534 };

enum how { CLIENT_V4, CLIENT_V4_BY_V6, CLIENT_V6 };

static struct sockaddr_in6 v6_loopback(in_port_t port, bool mapped)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = port };
	a.sin6_addr = in6addr_loopback;
	if (mapped)
		inet_pton(AF_INET6, "::ffff:127.0.0.1", &a.sin6_addr);
	return a;
}

static int listen_on(enum how how, in_port_t *port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = v6_loopback(0, false);
	bool is_v6 = how == CLIENT_V6;
	int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
	struct sockaddr *sa = is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
	socklen_t len = is_v6 ? sizeof(v6) : sizeof(v4);
	if (bind(fd, sa, len) || listen(fd, 4) || getsockname(fd, sa, &len)) {
		close(fd);
		return -1;
	}
	*port = is_v6 ? v6.sin6_port : v4.sin_port;
	return fd;
}

static int connect_to(enum how how, in_port_t port)
{
	if (how == CLIENT_V4) {
		struct sockaddr_in a = { .sin_family = AF_INET,
			.sin_port = port,
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		return connect(fd, (struct sockaddr *)&a, sizeof(a)) ? -1 : fd;
	}
	struct sockaddr_in6 a = v6_loopback(port, how == CLIENT_V4_BY_V6);
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) ? -1 : fd;
}

/* Connects from another process, as another user when uid is not ours. What
 * the process does then: 'w' waits, 'c' closes its end and waits. */
static pid_t start_client(enum how how, in_port_t port, uid_t uid, char then, const int gate[2])
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	char c;
	close(gate[1]);
	if (uid != geteuid() && setuid(uid))
		_exit(1);
	int fd = connect_to(how, port);
	if (fd < 0)
		_exit(1);
	if (then == 'c')
		close(fd);
	_exit(read(gate[0], &c, 1) == 0 ? 0 : 1);
}

/* 1 ours, 0 not, -1 the machine cannot do it. */
static int ask(enum how how, uid_t uid, char then)
{
	struct peer_table *t = peer_table_create();
	assert_non_null(t);
	in_port_t port;
	int gate[2], listener = listen_on(how, &port);
	if (listener < 0) {
		peer_table_destroy(t);
		return -1;
	}
	assert_int_equal(pipe(gate), 0);
	pid_t pid = start_client(how, port, uid, then, gate);
	int fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	char c;
	if (then == 'c')
		assert_int_equal(read(fd, &c, 1), 0);
	bool ours = peer_is_ours(t, fd);
	if (then != 'c')
		assert_int_equal(peer_is_ours(t, fd), ours); /* the table is read again */
	close(gate[0]);
	close(gate[1]);
	close(fd);
	close(listener);
	waitpid(pid, NULL, 0);
	peer_table_destroy(t);
	return ours;
}

static void own_user_is_ours(void **state)
{
	(void)state;
	assert_int_equal(ask(CLIENT_V4, geteuid(), 'w'), true);
	assert_int_equal(ask(CLIENT_V4_BY_V6, geteuid(), 'w'), true);
	assert_int_not_equal(ask(CLIENT_V6, geteuid(), 'w'), false);
}

static void other_user_is_not(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(ask(CLIENT_V4, NOBODY, 'w'), false);
	assert_int_equal(ask(CLIENT_V4_BY_V6, NOBODY, 'w'), false);
	assert_int_not_equal(ask(CLIENT_V6, NOBODY, 'w'), true);
}

/* A closed socket is root's in the kernel's table, whoever made it. */
static void one_who_left_is_not(void **state)
{
	(void)state;
	assert_int_equal(ask(CLIENT_V4, geteuid(), 'c'), false);
	if (geteuid() == 0)
		assert_int_equal(ask(CLIENT_V4, NOBODY, 'c'), false);
}

/* The table is longer than one read of it. */
static void found_among_many(void **state)
{
	(void)state;
	in_port_t port;
	int pairs[150][2], listener = listen_on(CLIENT_V4, &port);
	struct peer_table *t = peer_table_create();
	for (size_t i = 0; i < 150; i++) {
		pairs[i][0] = connect_to(CLIENT_V4, port);
		pairs[i][1] = accept(listener, NULL, NULL);
		assert_true(pairs[i][0] >= 0 && pairs[i][1] >= 0);
	}
	for (size_t i = 0; i < 150; i++)
		assert_true(peer_is_ours(t, pairs[i][1]));
	for (size_t i = 0; i < 150; i++) {
		close(pairs[i][0]);
		close(pairs[i][1]);
	}
	close(listener);
	peer_table_destroy(t);
}

static bool ask_unix(uid_t uid)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "" };
	socklen_t len = sizeof(sa_family_t);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	/* An abstract name of the kernel's choice: no file to reach or remove. */
	assert_int_equal(bind(listener, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	len = sizeof(a);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (uid != geteuid() && setuid(uid))
			_exit(1);
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		_exit(connect(fd, (struct sockaddr *)&a, len) ? 1 : 0);
	}
	int fd = accept(listener, NULL, NULL);
	struct peer_table *t = peer_table_create();
	bool ours = peer_is_ours(t, fd);
	peer_table_destroy(t);
	close(fd);
	close(listener);
	waitpid(pid, NULL, 0);
	return ours;
}

static void unix_peers_too(void **state)
{
	(void)state;
	assert_true(ask_unix(geteuid()));
	if (geteuid() == 0)
		assert_false(ask_unix(NOBODY));
}

static void what_is_no_connection_is_not(void **state)
{
	(void)state;
	struct peer_table *t = peer_table_create();
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_false(peer_is_ours(t, fd));
	close(fd);
	assert_false(peer_is_ours(t, fd));
	peer_table_destroy(t);
	peer_table_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_user_is_ours),
		cmocka_unit_test(other_user_is_not),
		cmocka_unit_test(one_who_left_is_not),
		cmocka_unit_test(found_among_many),
		cmocka_unit_test(unix_peers_too),
		cmocka_unit_test(what_is_no_connection_is_not),
	};
	return cmocka_run_group_tests_name("net/peer", tests, NULL, NULL);
}
