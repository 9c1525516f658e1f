#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "certs.h"
#include "net/dial.h"
#include "net/dial_race.h"
#include "net/listener.h"
#include "net/resolver.h"
#include "net/socket_stream.h"

enum { WAIT_MS = 30000, TEXT_MAX = 8192 };

/* Names end here: no test asks a name server. "slow.test" is answered when the
 * gate opens. */
int __real_getaddrinfo(
	const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out);
int __wrap_getaddrinfo(
	const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out);

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static bool gate_open;
static int waiting;

static void wait_at_gate(void)
{
	pthread_mutex_lock(&gate);
	waiting++;
	pthread_cond_broadcast(&gate_moved);
	while (!gate_open)
		pthread_cond_wait(&gate_moved, &gate);
	waiting--;
	pthread_cond_broadcast(&gate_moved);
	pthread_mutex_unlock(&gate);
}

static void gate_set(bool open)
{
	pthread_mutex_lock(&gate);
	gate_open = open;
	pthread_cond_broadcast(&gate_moved);
	pthread_mutex_unlock(&gate);
}

static void wait_for_waiting(int n)
{
	pthread_mutex_lock(&gate);
	while (waiting != n)
		pthread_cond_wait(&gate_moved, &gate);
	pthread_mutex_unlock(&gate);
}

int __wrap_getaddrinfo(
	const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
	int err = __real_getaddrinfo(host, port,
		&(struct addrinfo){ .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
			.ai_socktype = hints->ai_socktype },
		out);
	if (!err || (hints->ai_flags & AI_NUMERICHOST))
		return err;
	if (strcmp(host, "offline.test") == 0)
		return EAI_AGAIN;
	if (strcmp(host, "slow.test") == 0)
		wait_at_gate();
	else if (strcmp(host, "good.test") != 0)
		return EAI_NONAME;
	return __real_getaddrinfo("127.0.0.1", port, hints, out);
}

struct fixture {
	struct loop *loop;
	struct loop_timer *watchdog;
	char directory[64];
	struct cert cert;
	struct tls_context *server, *client;
	struct listener *listener;
	int port;
	/* What came of the dial. */
	int done;
	struct stream *s;
	char why[600];
	/* The other side. */
	struct stream *accepted;
	int accepted_fd; /* instead of a stream, when `raw` */
	bool raw, speak_tls, accepted_ready;
	char got[TEXT_MAX];
	size_t got_len;
	int ends;
};

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct fixture *f = ctx;
	assert_true(f->got_len + n < sizeof(f->got));
	memcpy(f->got + f->got_len, data, n);
	f->got_len += n;
	f->got[f->got_len] = '\0';
}

static void on_drain(void *ctx)
{
	(void)ctx;
}

static void on_end(void *ctx, int err)
{
	(void)err;
	((struct fixture *)ctx)->ends++;
}

static const struct stream_events events = { on_data, on_drain, on_end };

static void on_accept(void *ctx, int fd, const struct address *peer)
{
	(void)peer;
	struct fixture *f = ctx;
	if (f->raw) {
		if (f->accepted_fd >= 0)
			close(f->accepted_fd);
		f->accepted_fd = fd;
		return;
	}
	f->accepted = socket_stream_create(f->loop, fd, 100000);
	assert_non_null(f->accepted);
	if (f->speak_tls)
		f->accepted = tls_stream_server(f->loop, f->server, f->accepted, NULL, 0);
	assert_non_null(f->accepted);
	stream_set_events(f->accepted, &events, f);
	stream_want_read(f->accepted, true);
}

static void on_done(void *ctx, struct stream *s, const char *why)
{
	struct fixture *f = ctx;
	f->done++;
	f->s = s;
	assert_true((s != NULL) == (why == NULL));
	snprintf(f->why, sizeof(f->why), "%s", why ? why : "");
	if (s)
		stream_set_events(s, &events, f);
}

static void give_up(void *ctx)
{
	(void)ctx;
	fail_msg("nothing came for %d ms", WAIT_MS);
}

static void listen_on(struct fixture *f, const char *where)
{
	struct address a;
	assert_int_equal(address_parse(where, &a), OK);
	f->listener = listener_create(f->loop, NULL, &a, on_accept, f);
	assert_non_null(f->listener);
	f->port = address_port(listener_address(f->listener));
}

static int set_up(void **state)
{
	static struct fixture f;
	char error[TLS_ERROR_MAX];
	f = (struct fixture){ .loop = loop_create(), .accepted_fd = -1 };
	certs_directory(f.directory);
	f.cert = certs_make(f.directory, "dial", &(struct cert_spec){ .san = "DNS:good.test" });
	f.server = tls_context_server(f.cert.cert_path, f.cert.key_path, error, sizeof(error));
	f.client = tls_context_client(
		&(struct tls_client_config){ .ca_file = f.cert.cert_path }, error, sizeof(error));
	assert_non_null(f.server);
	assert_non_null(f.client);
	f.watchdog = loop_timer_create(f.loop, give_up, NULL);
	loop_timer_start(f.watchdog, WAIT_MS);
	listen_on(&f, "127.0.0.1:0");
	gate_set(false);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	stream_close(f->s, false);
	stream_close(f->accepted, false);
	if (f->accepted_fd >= 0)
		close(f->accepted_fd);
	listener_destroy(f->listener);
	tls_context_unref(f->server);
	tls_context_unref(f->client);
	certs_free(&f->cert);
	rmdir(f->directory);
	loop_timer_destroy(f->watchdog);
	loop_destroy(f->loop);
	return 0;
}

static struct dial *start(struct fixture *f, struct dial_config config)
{
	struct dial *d = dial_start(f->loop, &config, on_done, f);
	assert_non_null(d);
	assert_int_equal(f->done, 0);
	return d;
}

static void finish(struct fixture *f)
{
	while (!f->done)
		loop_turn(f->loop);
	assert_int_equal(f->done, 1);
}

static void greet(struct fixture *f)
{
	assert_string_equal(f->why, "");
	assert_non_null(f->s);
	assert_int_equal(stream_send(f->s, "hello", 5), OK);
	while (f->got_len < 5)
		loop_turn(f->loop);
	assert_string_equal(f->got, "hello");
}

static void by_address(void **state)
{
	struct fixture *f = *state;
	start(f, (struct dial_config){ .host = "127.0.0.1", .port = f->port });
	finish(f);
	greet(f);
}

static void by_name(void **state)
{
	struct fixture *f = *state;
	start(f, (struct dial_config){ .host = "good.test", .port = f->port });
	finish(f);
	greet(f);
}

static void with_tls(void **state)
{
	struct fixture *f = *state;
	f->speak_tls = true;
	start(f, (struct dial_config){ .host = "good.test", .port = f->port, .tls = f->client });
	finish(f);
	greet(f);
}

static void a_certificate_that_does_not_fit_is_told(void **state)
{
	struct fixture *f = *state;
	f->speak_tls = true;
	start(f, (struct dial_config){ .host = "127.0.0.1", .port = f->port, .tls = f->client });
	finish(f);
	assert_null(f->s);
	assert_non_null(strstr(f->why, "the certificate of 127.0.0.1 is for another name"));
}

static void over_a_unix_socket(void **state)
{
	struct fixture *f = *state;
	char path[100], where[110];
	snprintf(path, sizeof(path), "%s/socket", f->directory);
	snprintf(where, sizeof(where), "unix:%s", path);
	start(f, (struct dial_config){ .unix_path = path });
	finish(f);
	assert_non_null(strstr(f->why, "there is no socket /tmp/"));
	f->done = 0;
	listener_destroy(f->listener);
	listen_on(f, where);
	start(f, (struct dial_config){ .unix_path = path });
	finish(f);
	greet(f);
}

static void failures_are_told(void **state)
{
	struct fixture *f = *state;
	int closed = f->port;
	char expected[100];
	listener_destroy(f->listener);
	f->listener = NULL;
	snprintf(expected, sizeof(expected), "nobody listens at good.test:%d", closed);
	char long_name[300];
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	const struct {
		struct dial_config config;
		const char *why;
	} rows[] = {
		{ { .host = "good.test", .port = closed }, expected },
		{ { .host = "unknown.test", .port = 1 }, "no address for the name unknown.test" },
		{ { .host = "offline.test", .port = 1 },
			"no name server answers for offline.test" },
		{ { .host = "", .port = 1 }, "not a host" },
		{ { .host = NULL, .port = 1 }, "not a host" },
		{ { .host = "a b", .port = 1 }, "not a host" },
		{ { .host = "a\r\nX: y", .port = 1 }, "not a host" },
		{ { .host = long_name, .port = 1 }, "not a host" },
		{ { .host = "good.test", .port = 0 }, "not a host" },
		{ { .host = "good.test", .port = 65536 }, "not a host" },
		{ { .host = "good.test", .port = 1, .proxy_host = "", .proxy_port = 1 },
			"not a proxy" },
		{ { .host = "good.test",
			  .port = 1,
			  .proxy_host = "good.test",
			  .proxy_port = closed },
			"nobody listens at the proxy good.test" },
		{ { .unix_path = long_name }, "too long" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		f->done = 0;
		start(f, rows[i].config);
		finish(f);
		assert_null(f->s);
		if (!strstr(f->why, rows[i].why))
			fail_msg("\"%s\" instead of \"%s\"", f->why, rows[i].why);
	}
}

static void a_cancelled_lookup_may_still_run(void **state)
{
	struct fixture *f = *state;
	struct dial *d = start(f, (struct dial_config){ .host = "slow.test", .port = f->port });
	wait_for_waiting(1);
	dial_cancel(d);
	loop_turn(f->loop);
	gate_set(true);
	wait_for_waiting(0);
	assert_int_equal(f->done, 0);
}

static void a_lookup_may_outlive_its_loop(void **state)
{
	struct fixture *f = *state;
	struct loop *l = loop_create();
	dial_cancel(
		dial_start(l, &(struct dial_config){ .host = "slow.test", .port = 1 }, on_done, f));
	wait_for_waiting(1);
	loop_destroy(l);
	gate_set(true);
	wait_for_waiting(0);
}

static void a_slow_name_is_waited_for(void **state)
{
	struct fixture *f = *state;
	start(f, (struct dial_config){ .host = "slow.test", .port = f->port });
	wait_for_waiting(1);
	gate_set(true);
	finish(f);
	greet(f);
}

static void lookups_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct dial *d[8];
	for (int i = 0; i < 8; i++)
		d[i] = start(f, (struct dial_config){ .host = "slow.test", .port = f->port });
	wait_for_waiting(8);
	start(f, (struct dial_config){ .host = "good.test", .port = f->port });
	finish(f);
	assert_non_null(strstr(f->why, "no name server answers"));
	/* A numeric address needs none. */
	f->done = 0;
	start(f, (struct dial_config){ .host = "127.0.0.1", .port = f->port });
	finish(f);
	for (int i = 0; i < 8; i++)
		dial_cancel(d[i]);
	gate_set(true);
	wait_for_waiting(0);
	greet(f);
}

static void time_runs_out(void **state)
{
	struct fixture *f = *state;
	start(f, (struct dial_config){ .host = "slow.test", .port = 1, .timeout_ms = 20 });
	finish(f);
	assert_non_null(strstr(f->why, "no name server has answered for slow.test:1 in 1 s"));
	gate_set(true);
	wait_for_waiting(0);
	/* One that accepts and says nothing. */
	f->done = 0;
	f->raw = true;
	start(f,
		(struct dial_config){
			.host = "127.0.0.1", .port = f->port, .tls = f->client, .timeout_ms = 20 });
	finish(f);
	assert_non_null(strstr(f->why, "was reached, but says nothing"));
}

/* Of the first connection that is not closed at once: a cancelled dial's is. */
static void read_request(struct fixture *f, char *out, size_t cap)
{
	size_t n = 0;
	out[0] = '\0';
	while (!strstr(out, "\r\n\r\n")) {
		ssize_t got = f->accepted_fd < 0
				      ? -1
				      : recv(f->accepted_fd, out + n, cap - n - 1, MSG_DONTWAIT);
		if (got == 0) {
			close(f->accepted_fd);
			f->accepted_fd = -1;
		}
		n += got > 0 ? (size_t)got : 0;
		out[n] = '\0';
		if (got <= 0)
			loop_turn(f->loop);
	}
}

static struct dial_config proxied(struct fixture *f)
{
	return (struct dial_config){
		.host = "far.test", .port = 443, .proxy_host = "good.test", .proxy_port = f->port
	};
}

enum { AT_ONCE, AFTER_A_TURN, AFTER_CONNECT, AFTER_REQUEST, IN_ANSWER, IN_HANDSHAKE, STEPS };

static void any_step_can_be_cancelled(void **state)
{
	struct fixture *f = *state;
	char request[2000];
	f->raw = true;
	for (int step = AT_ONCE; step < STEPS; step++) {
		struct dial_config config = proxied(f);
		config.tls = f->client;
		struct dial *d = start(f, config);
		if (step == AFTER_A_TURN)
			loop_turn(f->loop);
		while (step >= AFTER_CONNECT && f->accepted_fd < 0)
			loop_turn(f->loop);
		if (step >= AFTER_REQUEST)
			read_request(f, request, sizeof(request));
		if (step == IN_ANSWER) {
			assert_int_equal(send(f->accepted_fd, "HTTP/1.1 2", 10, 0), 10);
			loop_turn(f->loop);
		}
		if (step == IN_HANDSHAKE) {
			assert_int_equal(send(f->accepted_fd, "HTTP/1.1 200 \r\n\r\n", 17, 0), 17);
			while (recv(f->accepted_fd, request, sizeof(request), MSG_DONTWAIT) < 0)
				loop_turn(f->loop);
		}
		dial_cancel(d);
		if (f->accepted_fd >= 0)
			close(f->accepted_fd);
		f->accepted_fd = -1;
	}
	assert_int_equal(f->done, 0);
}

static void through_a_proxy(void **state)
{
	struct fixture *f = *state;
	char request[2000];
	static const char answer[] = "HTTP/1.1 200 OK\r\nX: y\r\n\r\nfrom afar";
	/* However the answer is cut. */
	for (size_t cut = 0; cut < sizeof(answer) - 1; cut++) {
		f->raw = true;
		f->done = 0;
		f->got_len = 0;
		struct dial_config config = proxied(f);
		config.proxy_login = cut % 2 ? "me:secret" : NULL;
		start(f, config);
		read_request(f, request, sizeof(request));
		assert_string_equal(request,
			cut % 2 ? "CONNECT far.test:443 HTTP/1.1\r\nHost: far.test:443\r\n"
				  "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
				: "CONNECT far.test:443 HTTP/1.1\r\nHost: far.test:443\r\n\r\n");
		send(f->accepted_fd, answer, cut, 0);
		loop_timer_start(f->watchdog, WAIT_MS);
		if (!f->done && cut > 0)
			loop_turn(f->loop);
		send(f->accepted_fd, answer + cut, sizeof(answer) - 1 - cut, 0);
		finish(f);
		assert_string_equal(f->why, "");
		stream_want_read(f->s, true);
		while (f->got_len < 9)
			loop_turn(f->loop);
		assert_string_equal(f->got, "from afar");
		stream_close(f->s, false);
		f->s = NULL;
		close(f->accepted_fd);
		f->accepted_fd = -1;
	}
}

static void a_proxy_may_refuse(void **state)
{
	struct fixture *f = *state;
	static char flood[10000];
	memset(flood, 'x', sizeof(flood) - 1);
	const struct {
		const char *answer, *why;
	} rows[] = {
		{ "HTTP/1.1 407 Login\r\n\r\n", "the proxy wants a login for far.test:443" },
		{ "HTTP/1.0 403 No\r\n\r\n", "refuses to connect to far.test:443 (status 403)" },
		{ "HTTP/1.1 2xx \r\n\r\n", "is not HTTP" },
		{ "RFB 003.008\n\r\n\r\n", "is not HTTP" },
		{ "\r\n\r\n", "is not HTTP" },
		{ "", "the proxy has closed the connection" },
		{ "HTTP/1.1 200 OK\r\n", "the proxy has closed the connection" },
		{ flood, "is not HTTP" },
	};
	char request[2000];
	f->raw = true;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		f->done = 0;
		start(f, proxied(f));
		read_request(f, request, sizeof(request));
		send(f->accepted_fd, rows[i].answer, strlen(rows[i].answer), 0);
		if (!strstr(rows[i].answer, "\r\n\r\n") && rows[i].answer != flood)
			shutdown(f->accepted_fd, SHUT_WR);
		finish(f);
		assert_null(f->s);
		if (!strstr(f->why, rows[i].why))
			fail_msg("\"%s\" instead of \"%s\"", f->why, rows[i].why);
		close(f->accepted_fd);
		f->accepted_fd = -1;
	}
}

static int raced_fd, raced_error, races;

static void raced(void *ctx, int fd, int error)
{
	(void)ctx;
	raced_fd = fd;
	raced_error = error;
	races++;
}

static void run_race(struct fixture *f, const struct address *list, size_t n)
{
	races = 0;
	assert_non_null(dial_race_start(f->loop, list, n, raced, f));
	assert_int_equal(races, 0);
	while (!races)
		loop_turn(f->loop);
}

/* A listener whose queue is full: a connection to it stays under way. */
static int full_listener(struct address *a, int *fillers, int n)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	a->len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a->sa, &a->len), 0);
	for (int i = 0; i < n; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		int err = connect(fillers[i], (struct sockaddr *)&a->sa, a->len);
		assert_true(err == 0 || errno == EINPROGRESS);
	}
	return fd;
}

static void the_next_address_is_tried(void **state)
{
	struct fixture *f = *state;
	struct address list[3];
	int fillers[4];
	int full = full_listener(&list[0], fillers, 4);
	assert_int_equal(address_parse("127.0.0.1:1", &list[1]), OK);
	assert_int_equal(address_parse("127.0.0.1:1", &list[2]), OK);
	/* One hangs, one refuses, one answers. */
	address_set_port(&list[2], f->port);
	run_race(f, list, 3);
	assert_true(raced_fd >= 0);
	close(raced_fd);
	/* All refuse. */
	address_set_port(&list[2], 1);
	run_race(f, list + 1, 2);
	assert_int_equal(raced_fd, -1);
	assert_int_equal(raced_error, ECONNREFUSED);
	/* One that hangs is cancelled. */
	struct dial_race *r = dial_race_start(f->loop, list, 1, raced, f);
	loop_turn(f->loop);
	dial_race_cancel(r);
	for (int i = 0; i < 4; i++)
		close(fillers[i]);
	close(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
		ROW(by_address),
		ROW(by_name),
		ROW(with_tls),
		ROW(a_certificate_that_does_not_fit_is_told),
		ROW(over_a_unix_socket),
		ROW(failures_are_told),
		ROW(a_cancelled_lookup_may_still_run),
		ROW(a_lookup_may_outlive_its_loop),
		ROW(a_slow_name_is_waited_for),
		ROW(lookups_are_bounded),
		ROW(time_runs_out),
		ROW(any_step_can_be_cancelled),
		ROW(through_a_proxy),
		ROW(a_proxy_may_refuse),
		ROW(the_next_address_is_tried),
#undef ROW
	};
	return cmocka_run_group_tests_name("net/dial", tests, NULL, NULL);
}
