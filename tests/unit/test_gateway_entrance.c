#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "certs.h"
#include "gateway/entrance.h"
#include "net/socket_stream.h"

struct fixture {
	struct loop *loop;
	struct loop_timer *tick;
	struct entrance_config config;
	struct entrance *entrance;
	struct address address;
	int requests;
};

static struct fixture f;

static void do_nothing(void *ctx)
{
	(void)ctx;
}

static void turn(void)
{
	loop_timer_start(f.tick, 5);
	loop_turn(f.loop);
}

static void on_request(void *ctx, struct http_exchange *x, int peer)
{
	struct response r = response_for_error(404);
	(void)ctx;
	assert_true(peer >= 0);
	assert_string_equal(http_exchange_peer(x), "127.0.0.1");
	f.requests++;
	http_answer(x, &r);
}

static int set_up(void **state)
{
	(void)state;
	f = (struct fixture){ .loop = loop_create() };
	f.tick = loop_timer_create(f.loop, do_nothing, NULL);
	f.config = (struct entrance_config){ .on_request = on_request };
	assert_int_equal(address_parse("127.0.0.1:0", &f.address), OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	entrance_destroy(f.entrance);
	loop_timer_destroy(f.tick);
	loop_destroy(f.loop);
	return 0;
}

static void open_entrance(struct tls_context *tls)
{
	f.entrance = entrance_create(f.loop, &f.config, &f.address, tls);
	assert_non_null(f.entrance);
	assert_true(address_port(&f.address) > 0);
}

/* From 127.0.0.`last`. */
static int come(int last)
{
	struct address from;
	char text[32];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(text, sizeof(text), "127.0.0.%d:0", last);
	assert_int_equal(address_parse(text, &from), OK);
	assert_int_equal(bind(fd, (struct sockaddr *)&from.sa, from.len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&f.address.sa, f.address.len), 0);
	return fd;
}

static bool is_closed(int fd)
{
	char c;
	return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

static void there_is_room_for_so_many(void **state)
{
	enum { NEAR = ENTRANCE_MAX / 2 };
	static int fds[NEAR + 1];
	struct rlimit l = { 2 * ENTRANCE_MAX + 1000, 2 * ENTRANCE_MAX + 1000 };
	(void)state;
	if (setrlimit(RLIMIT_NOFILE, &l))
		skip();
	open_entrance(NULL);
	for (int i = 0; i < NEAR; i++) {
		fds[i] = come(1);
		while (entrance_count(f.entrance) <= i)
			turn();
	}
	fds[NEAR] = come(1);
	while (!is_closed(fds[NEAR]))
		turn();
	assert_int_equal(entrance_count(f.entrance), NEAR);
	close(fds[0]);
	while (entrance_count(f.entrance) == NEAR)
		turn();
	fds[0] = come(1);
	while (entrance_count(f.entrance) < NEAR)
		turn();
	for (int i = 0; i <= NEAR; i++)
		close(fds[i]);
	while (entrance_count(f.entrance) > 0)
		turn();
}

static void drained_it_takes_nobody(void **state)
{
	(void)state;
	open_entrance(NULL);
	int idle = come(1);
	while (entrance_count(f.entrance) < 1)
		turn();
	entrance_drain(f.entrance);
	while (entrance_count(f.entrance) > 0)
		turn();
	assert_true(is_closed(idle));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_not_equal(connect(fd, (struct sockaddr *)&f.address.sa, f.address.len), 0);
	close(fd);
	close(idle);
}

/* A client of TLS: who the server is, and that it answers. */
struct visit {
	struct stream *stream;
	bool answered, ended;
};

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	((struct visit *)ctx)->answered = n >= 12 && memcmp(data, "HTTP/1.1 404", 12) == 0;
}

static void on_drain(void *ctx)
{
	(void)ctx;
}

static void on_end(void *ctx, int err)
{
	(void)err;
	((struct visit *)ctx)->ended = true;
}

static const struct stream_events events = { on_data, on_drain, on_end };

static void visit(struct visit *v, const struct cert *trusted)
{
	char error[TLS_ERROR_MAX];
	struct tls_client_config config = { .pin = trusted->pin };
	struct tls_context *tls = tls_context_client(&config, error, sizeof(error));
	assert_non_null(tls);
	struct stream *below = socket_stream_create(f.loop, come(1), 64 * 1024);
	*v = (struct visit){ .stream = tls_stream_client(f.loop, tls, below, "127.0.0.1") };
	tls_context_unref(tls);
	stream_set_events(v->stream, &events, v);
	stream_want_read(v->stream, true);
}

static void request(struct visit *v)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "GET /x HTTP/1.1\r\nHost: localhost:%d\r\n\r\n",
		address_port(&f.address));
	v->answered = false;
	assert_int_equal(stream_send(v->stream, text, (size_t)n), OK);
	while (!v->answered && !v->ended)
		turn();
}

static struct tls_context *server_of(const struct cert *c)
{
	char error[TLS_ERROR_MAX];
	struct tls_context *tls =
		tls_context_server(c->cert_path, c->key_path, error, sizeof(error));
	if (!tls)
		fail_msg("%s", error);
	return tls;
}

static void a_new_certificate_leaves_who_is_there(void **state)
{
	char directory[64];
	struct visit old, next;
	(void)state;
	certs_directory(directory);
	struct cert first =
		certs_make(directory, "first", &(struct cert_spec){ .san = "IP:127.0.0.1" });
	struct cert second =
		certs_make(directory, "second", &(struct cert_spec){ .san = "IP:127.0.0.1" });
	struct tls_context *tls = server_of(&first);
	open_entrance(tls);
	tls_context_unref(tls);
	visit(&old, &first);
	request(&old);
	assert_true(old.answered);
	tls = server_of(&second);
	entrance_set_tls(f.entrance, tls);
	tls_context_unref(tls);
	visit(&next, &second);
	request(&next);
	assert_true(next.answered);
	request(&old);
	assert_true(old.answered);
	assert_false(old.ended);
	assert_int_equal(f.requests, 3);
	stream_close(old.stream, false);
	stream_close(next.stream, false);
	certs_free(&first);
	certs_free(&second);
	rmdir(directory);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(there_is_room_for_so_many),
		TEST(drained_it_takes_nobody),
		TEST(a_new_certificate_leaves_who_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
