/* TLS with other programs at the far end: openssl(1) and curl(1). */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "certs.h"
#include "net/dial.h"
#include "net/listener.h"
#include "net/socket_stream.h"
#include "net/tls.h"

enum { WAIT_MS = 30000, BODY = 3 * 1000 * 1000, QUEUE_MAX = 4 * 1024 * 1024 };

struct fixture {
	struct loop *loop;
	struct loop_timer *watchdog;
	char directory[64];
	struct cert cert;
	struct tls_context *server, *client;
	struct listener *listener;
	char where[64], port[16];
	struct stream *s;
	struct buf got;
	bool http, echo;
	int ends, err;
	bool dialled;
	pid_t child;
	int to_child, from_child;
};

static bool have(const char *program)
{
	char command[100];
	snprintf(command, sizeof(command), "command -v %s >/dev/null", program);
	return system(command) == 0;
}

static void answer_http(struct fixture *f)
{
	static char body[BODY];
	char head[100];
	if (!memmem(f->got.data, f->got.len, "\r\n\r\n", 4))
		return;
	int n = snprintf(head, sizeof(head),
		"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", BODY);
	memset(body, 'b', sizeof(body));
	struct iovec parts[] = { { head, (size_t)n }, { body, BODY } };
	assert_int_equal(stream_sendv(f->s, parts, 2), OK);
	stream_want_read(f->s, false);
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct fixture *f = ctx;
	buf_put(&f->got, data, n);
	if (f->echo)
		assert_int_equal(stream_send(f->s, data, n), OK);
	if (f->http)
		answer_http(f);
}

static void on_drain(void *ctx)
{
	(void)ctx;
}

static void on_end(void *ctx, int err)
{
	struct fixture *f = ctx;
	f->ends++;
	f->err = err;
}

static const struct stream_events events = { on_data, on_drain, on_end };

static void own(struct fixture *f, struct stream *s)
{
	assert_non_null(s);
	stream_close(f->s, true);
	f->s = s;
	stream_set_events(s, &events, f);
	stream_want_read(s, true);
}

static void on_accept(void *ctx, int fd, const struct address *peer)
{
	(void)peer;
	struct fixture *f = ctx;
	struct stream *below = socket_stream_create(f->loop, fd, QUEUE_MAX);
	assert_non_null(below);
	own(f, tls_stream_server(f->loop, f->server, below, NULL, 0));
}

static void give_up(void *ctx)
{
	(void)ctx;
	fail_msg("nothing came for %d ms", WAIT_MS);
}

static int set_up(void **state)
{
	static struct fixture f;
	char error[TLS_ERROR_MAX];
	struct address a;
	f = (struct fixture){ .loop = loop_create(), .child = -1 };
	certs_directory(f.directory);
	f.cert = certs_make(f.directory, "foreign",
		&(struct cert_spec){ .san = "DNS:example.test,IP:127.0.0.1" });
	f.server = tls_context_server(f.cert.cert_path, f.cert.key_path, error, sizeof(error));
	f.client = tls_context_client(
		&(struct tls_client_config){ .ca_file = f.cert.cert_path }, error, sizeof(error));
	assert_int_equal(address_parse("127.0.0.1:0", &a), OK);
	f.listener = listener_create(f.loop, NULL, &a, on_accept, &f);
	snprintf(f.port, sizeof(f.port), "%d", address_port(listener_address(f.listener)));
	snprintf(f.where, sizeof(f.where), "127.0.0.1:%s", f.port);
	buf_init(&f.got, QUEUE_MAX);
	f.watchdog = loop_timer_create(f.loop, give_up, NULL);
	loop_timer_start(f.watchdog, WAIT_MS);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	stream_close(f->s, false);
	listener_destroy(f->listener);
	tls_context_unref(f->server);
	tls_context_unref(f->client);
	certs_free(&f->cert);
	rmdir(f->directory);
	buf_fini(&f->got);
	loop_timer_destroy(f->watchdog);
	loop_destroy(f->loop);
	return 0;
}

static void spawn(struct fixture *f, const char *const *argv)
{
	int in[2], out[2];
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	f->child = fork();
	if (f->child == 0) {
		int null = open("/dev/null", O_WRONLY);
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(null, 2);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	f->to_child = in[1];
	f->from_child = out[0];
	fcntl(f->from_child, F_SETFL, O_NONBLOCK);
}

/* What happens at the far end may be no event of ours. */
static void turn_for_10_ms(struct fixture *f)
{
	struct loop_timer *t = loop_timer_create(f->loop, on_drain, NULL);
	loop_timer_start(t, 10);
	loop_turn(f->loop);
	loop_timer_destroy(t);
}

/* What it has written, up to `n` bytes or its end. */
static size_t read_child(struct fixture *f, char *out, size_t n)
{
	size_t done = 0;
	while (done < n) {
		ssize_t got = read(f->from_child, out + done, n - done);
		if (got == 0)
			break;
		if (got > 0) {
			done += (size_t)got;
			continue;
		}
		turn_for_10_ms(f);
	}
	return done;
}

static int reap(struct fixture *f, bool end_it)
{
	int status = 0;
	close(f->to_child);
	close(f->from_child);
	if (end_it)
		kill(f->child, SIGKILL);
	assert_int_equal(waitpid(f->child, &status, 0), f->child);
	f->child = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void openssl_is_our_client(void **state)
{
	static const char *const versions[] = { "-tls1_2", "-tls1_3" };
	struct fixture *f = *state;
	if (!have("openssl"))
		skip();
	f->echo = true;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		const char *const argv[] = { "openssl", "s_client", "-connect", f->where, "-CAfile",
			f->cert.cert_path, "-servername", "example.test", "-verify_hostname",
			"example.test", "-verify_return_error", "-quiet", "-alpn", "h2,http/1.1",
			versions[i], NULL };
		char got[6] = "";
		spawn(f, argv);
		assert_int_equal(write(f->to_child, "hello\n", 6), 6);
		assert_int_equal(read_child(f, got, 6), 6);
		assert_memory_equal(got, "hello\n", 6);
		assert_int_equal(f->ends, 0);
		/* Its end is orderly, whatever its exit status. */
		stream_close(f->s, true);
		f->s = NULL;
		assert_int_equal(read_child(f, got, 1), 0);
		reap(f, false);
	}
}

/* Until it has read the line. */
static void write_child(struct fixture *f, const char *line)
{
	int waiting = 1;
	assert_int_equal(write(f->to_child, line, strlen(line)), strlen(line));
	while (waiting > 0) {
		turn_for_10_ms(f);
		assert_int_equal(ioctl(f->to_child, FIONREAD, &waiting), 0);
	}
}

/* A line of K makes it change its keys and ask us for new ones. */
static void openssl_changes_its_keys(void **state)
{
	struct fixture *f = *state;
	static const char *const suites[] = { "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
		"TLS_CHACHA20_POLY1305_SHA256" };
	if (!have("openssl"))
		skip();
	f->echo = true;
	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		const char *const argv[] = { "openssl", "s_client", "-connect", f->where, "-brief",
			"-ciphersuites", suites[i], "-tls1_3", NULL };
		char got[6];
		spawn(f, argv);
		for (int round = 0; round < 3; round++) {
			write_child(f, "hello\n");
			assert_int_equal(read_child(f, got, 6), 6);
			assert_memory_equal(got, "hello\n", 6);
			write_child(f, round == 1 ? "k\n" : "K\n");
		}
		assert_int_equal(f->ends, 0);
		stream_close(f->s, true);
		f->s = NULL;
		reap(f, true);
	}
}

/* Old versions and protocols we do not speak are refused. */
static void what_we_do_not_speak_is_refused(void **state)
{
	struct fixture *f = *state;
	if (!have("openssl"))
		skip();
	static const char *const options[][2] = {
		{ "-tls1_1", "-quiet" },
		{ "-alpn", "h2" },
		{ "-cipher", "AES128-SHA" },
	};
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const char *const argv[] = { "openssl", "s_client", "-connect", f->where,
			options[i][0], options[i][1], i == 2 ? "-tls1_2" : "-no_ign_eof", NULL };
		f->ends = 0;
		spawn(f, argv);
		while (!f->ends)
			loop_turn(f->loop);
		assert_int_equal(f->err, ERR_PROTO);
		assert_non_null(strstr(tls_stream_error(f->s), "TLS with the peer failed"));
		reap(f, true);
	}
}

static void curl_is_our_client(void **state)
{
	struct fixture *f = *state;
	static char got[BODY + 1];
	char url[100], resolve[100];
	if (!have("curl"))
		skip();
	snprintf(url, sizeof(url), "https://example.test:%s/", f->port);
	snprintf(resolve, sizeof(resolve), "example.test:%s:127.0.0.1", f->port);
	const char *const argv[] = { "curl", "-s", "--noproxy", "*", "--cacert", f->cert.cert_path,
		"--resolve", resolve, url, NULL };
	f->http = true;
	spawn(f, argv);
	assert_int_equal(read_child(f, got, BODY), BODY);
	for (size_t i = 0; i < BODY; i++)
		assert_true(got[i] == 'b');
	stream_close(f->s, true);
	f->s = NULL;
	assert_int_equal(read_child(f, got, 1), 0);
	assert_int_equal(reap(f, false), 0);
}

static void on_dialled(void *ctx, struct stream *s, const char *why)
{
	struct fixture *f = ctx;
	f->dialled = true;
	(void)why;
	if (s)
		own(f, s);
}

/* It takes a moment until it listens. */
static void dial_until(struct fixture *f, int port)
{
	struct dial_config config = { .host = "127.0.0.1", .port = port, .tls = f->client };
	while (!f->s) {
		f->dialled = false;
		assert_non_null(dial_start(f->loop, &config, on_dialled, f));
		while (!f->dialled)
			loop_turn(f->loop);
	}
}

static void openssl_is_our_server(void **state)
{
	static const char *const versions[] = { "-tls1_2", "-tls1_3" };
	struct fixture *f = *state;
	if (!have("openssl"))
		skip();
	/* A port that was free a moment ago. */
	int port = address_port(listener_address(f->listener));
	listener_destroy(f->listener);
	f->listener = NULL;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		const char *const argv[] = { "openssl", "s_server", "-accept", f->where, "-cert",
			f->cert.cert_path, "-key", f->cert.key_path, "-rev", versions[i], NULL };
		buf_reset(&f->got);
		spawn(f, argv);
		dial_until(f, port);
		assert_int_equal(stream_send(f->s, "hello\n", 6), OK);
		while (f->got.len < 6)
			loop_turn(f->loop);
		assert_memory_equal(f->got.data, "olleh\n", 6);
		assert_int_equal(f->ends, 0);
		stream_close(f->s, true);
		f->s = NULL;
		reap(f, true);
	}
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
		ROW(openssl_is_our_client),
		ROW(openssl_changes_its_keys),
		ROW(what_we_do_not_speak_is_refused),
		ROW(curl_is_our_client),
		ROW(openssl_is_our_server),
#undef ROW
	};
	return cmocka_run_group_tests_name("net/tls_foreign", tests, NULL, NULL);
}
