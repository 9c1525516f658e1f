#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs.h"
#include "http/ws_dial.h"
#include "net/ws_stream.h"
#include "script.h"

/* The nth allocation fails. */
static long fail_at, allocations;
static bool failing;

void *__real_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool allocation_fails(void)
{
	return failing && ++allocations == fail_at;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return allocation_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
	return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return allocation_fails() ? NULL : __real_realloc(p, size);
}

/* A dialler, what it dials, and what came of it. */
struct talk {
	struct loop *loop;
	struct script script;
	struct ws_dial_config config;
	struct ws_dial *dial;
	char url[200];
	int done, status;
	struct stream *stream;
	char early[100], protocol[100], body[5000], error[1000];
	bool cancels; /* from inside on_done */
};

#define ACCEPTED                                                                                   \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"        \
	"Sec-WebSocket-Accept: {accept}\r\n"

static int set_up(void **state)
{
	struct talk *t = calloc(1, sizeof(*t));
	assert_non_null(t);
	t->loop = loop_create();
	assert_non_null(t->loop);
	script_start(&t->script, t->loop);
	snprintf(t->url, sizeof(t->url), "ws://127.0.0.1:%d/ws?a=b", t->script.port);
	t->config.url = t->url;
	t->config.queue_max = 100000;
	*state = t;
	return 0;
}

static void forget(struct talk *t)
{
	stream_close(t->stream, false);
	t->stream = NULL;
	t->done = 0;
}

static int tear_down(void **state)
{
	struct talk *t = *state;
	forget(t);
	ws_dial_cancel(t->dial);
	script_stop(&t->script);
	loop_destroy(t->loop);
	free(t);
	return 0;
}

static void give_nothing(void *ctx)
{
	(void)ctx;
}

static void on_done(void *ctx, const struct ws_dial_answer *a)
{
	struct talk *t = ctx;
	if (t->cancels)
		ws_dial_cancel(t->dial);
	t->dial = NULL;
	t->done++;
	t->stream = a->stream;
	t->status = a->status;
	snprintf(t->early, sizeof(t->early), "%.*s", (int)a->n_early, (const char *)a->early);
	snprintf(t->protocol, sizeof(t->protocol), "%s", a->protocol);
	snprintf(t->body, sizeof(t->body), "%s", a->body);
	snprintf(t->error, sizeof(t->error), "%s", a->error);
	assert_true((a->stream == NULL) == (*a->error != '\0'));
}

static void dial(struct talk *t, const char *answer)
{
	forget(t);
	t->script.answer = answer;
	t->dial = ws_dial_start(t->loop, &t->config, on_done, t);
	assert_non_null(t->dial);
	assert_int_equal(t->done, 0);
	script_wait(&t->script, &t->done);
	assert_int_equal(t->done, 1);
}

static void has_line(const struct talk *t, const char *line)
{
	char text[400];
	snprintf(text, sizeof(text), "\r\n%s\r\n", line);
	if (!strstr(t->script.request, text))
		fail_msg("no \"%s\" in %s", line, t->script.request);
}

static void servers_accept(void **state)
{
	struct talk *t = *state;
	static const char *const fields[] = { "X-Signature: 00ff", "Cookie: sid=1", NULL };
	char host[100];
	dial(t, ACCEPTED "\r\n");
	assert_int_equal(t->status, 101);
	assert_non_null(t->stream);
	assert_string_equal(t->protocol, "");
	assert_string_equal(t->early, "");
	assert_int_equal(strncmp(t->script.request, "GET /ws?a=b HTTP/1.1\r\n", 22), 0);
	snprintf(host, sizeof(host), "Host: 127.0.0.1:%d", t->script.port);
	has_line(t, host);
	snprintf(host, sizeof(host), "Origin: http://127.0.0.1:%d", t->script.port);
	has_line(t, host);
	has_line(t, "User-Agent: porthole");
	has_line(t, "Sec-WebSocket-Version: 13");
	assert_null(strstr(t->script.request, "Protocol"));

	t->config.protocol = "binary";
	t->config.origin = "https://page.example";
	t->config.fields = fields;
	dial(t, ACCEPTED "Sec-WebSocket-Protocol: binary\r\n\r\nearly");
	assert_string_equal(t->protocol, "binary");
	assert_string_equal(t->early, "early");
	has_line(t, "X-Signature: 00ff");
	has_line(t, "Cookie: sid=1");
	has_line(t, "Origin: https://page.example");
	has_line(t, "Sec-WebSocket-Protocol: binary");
	dial(t, ACCEPTED "\r\n"); /* none chosen is fine */
	assert_string_equal(t->protocol, "");
	assert_non_null(t->stream);
}

static void who_we_are_may_be_said_otherwise(void **state)
{
	struct talk *t = *state;
	static const char *const fields[] = { "user-agent: python-vnc-runner", NULL };
	t->config.fields = fields;
	snprintf(t->url, sizeof(t->url), "WS://127.0.0.1:%d", t->script.port);
	dial(t, "HTTP/1.0 100 Go\r\n\r\n" ACCEPTED "\r\n");
	assert_non_null(t->stream);
	has_line(t, "user-agent: python-vnc-runner");
	assert_null(strstr(t->script.request, "porthole"));
	assert_int_equal(strncmp(t->script.request, "GET / HTTP/1.1\r\n", 16), 0);
}

static void answers_may_come_byte_by_byte(void **state)
{
	struct talk *t = *state;
	t->script.step = 1;
	dial(t, ACCEPTED "\r\n");
	assert_non_null(t->stream);
	dial(t, "HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nhello");
	assert_int_equal(t->status, 403);
	assert_string_equal(t->body, "hello");
}

static void what_is_no_websocket_fails(void **state)
{
	struct talk *t = *state;
	static const char *const answers[] = {
		"HTTP/1.1 101 x\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n",
		"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n",
		"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
		"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
		ACCEPTED "Sec-WebSocket-Accept: x\r\n\r\n",
		ACCEPTED "Sec-WebSocket-Protocol: other\r\n\r\n",
		ACCEPTED "Sec-WebSocket-Protocol: binary\r\nSec-WebSocket-Protocol: binary\r\n\r\n",
		ACCEPTED "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
		"RFB 003.008\n",
		"HTTP/1.1 101 x\nUpgrade: websocket\n\n",
		"SSH-2.0-OpenSSH\r\n",
		"HTTP/2 101 x\r\n\r\n",
	};
	t->config.protocol = "binary";
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		dial(t, answers[i]);
		assert_null(t->stream);
		assert_int_equal(t->status, 0);
	}
	t->config.protocol = NULL;
	dial(t, ACCEPTED "Sec-WebSocket-Protocol: binary\r\n\r\n");
	assert_null(t->stream);
	t->script.hang_up = true;
	dial(t, "");
	assert_non_null(strstr(t->error, "hung up"));
	dial(t, "HTTP/1.1 101 Swi");
	assert_non_null(strstr(t->error, "hung up"));
}

static void refusals_are_read(void **state)
{
	struct talk *t = *state;
	dial(t, "HTTP/1.1 401 Un\tauthorized\r\nContent-Length: 25\r\n\r\n"
		"{\"error\":\"\x1b[31m\xffno\"}\r\n\n\n");
	assert_int_equal(t->status, 401);
	assert_string_equal(t->body, "{\"error\":\" [31m?no\"}");
	assert_non_null(strstr(t->error, "401 Un authorized"));
	assert_non_null(strstr(t->error, "token"));
	dial(t, "HTTP/1.1 503\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
	assert_int_equal(t->status, 503);
	assert_string_equal(t->body, "abc");
	dial(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(t->status, 200);
	assert_string_equal(t->body, "");
	dial(t, "HTTP/1.1 304 \r\n\r\n");
	assert_int_equal(t->status, 304);
	t->script.hang_up = true;
	dial(t, "HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\nto the end");
	assert_int_equal(t->status, 302);
	assert_string_equal(t->body, "to the end");
	dial(t, "HTTP/1.1 404 No\r\nContent-Length: 10\r\n\r\nless");
	assert_string_equal(t->body, "less");
}

static void long_answers_are_cut(void **state)
{
	struct talk *t = *state;
	static char text[60000];
	t->cancels = true; /* which is too late, and harmless */
	strcpy(text, "HTTP/1.1 500 x\r\n\r\n");
	memset(text + strlen(text), 'a', sizeof(text) - 1 - strlen(text));
	dial(t, text);
	assert_int_equal(t->status, 500);
	assert_int_equal(strlen(t->body), 4096);
	strcpy(text, "HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\n1001\r\n");
	dial(t, text);
	assert_int_equal(t->status, 500);
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "HTTP/1.1 101 x\r\nA: ", 19);
	dial(t, text);
	assert_int_equal(t->status, 0);
	assert_null(t->stream);
}

static void silence_has_an_end(void **state)
{
	struct talk *t = *state;
	t->config.timeout_ms = 100;
	dial(t, NULL);
	assert_null(t->stream);
	assert_int_equal(t->status, 0);
	assert_non_null(strstr(t->error, "no answer in 1 s"));
	dial(t, "HTTP/1.1 403 No\r\nContent-Length: 500\r\n\r\nbegun");
	assert_int_equal(t->status, 403);
	assert_string_equal(t->body, "begun");
}

static void nobody_there_is_told(void **state)
{
	struct talk *t = *state;
	listener_destroy(t->script.listener);
	t->script.listener = NULL;
	dial(t, NULL);
	assert_int_equal(t->status, 0);
	assert_non_null(strstr(t->error, "nobody listens"));
}

static void odd_configurations_are_refused(void **state)
{
	struct talk *t = *state;
	static const char *const urls[] = { "", "http://a/", "ws:/a", "ws://", "ws://a b",
		"ws://a:0/", "ws://a:65536", "ws://u:p@a/", "ws://a/#f", "ws://a/\r\nX: y",
		"ws://[::1", "ws://a:1x/", "wss://a/", "ws://a\\b/" };
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		t->config.url = urls[i];
		assert_null(ws_dial_start(t->loop, &t->config, on_done, t));
	}
	t->config.url = t->url;
	static const char *const lines[] = { "", "A", ": b", "A b: c", "A: b\r\nC: d", "A: b\n" };
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		const char *const fields[] = { lines[i], NULL };
		t->config.fields = fields;
		assert_null(ws_dial_start(t->loop, &t->config, on_done, t));
	}
	t->config.fields = NULL;
	t->config.protocol = "a, b";
	assert_null(ws_dial_start(t->loop, &t->config, on_done, t));
	t->config.protocol = NULL;
	t->config.origin = "http://a\r\nB: c";
	assert_null(ws_dial_start(t->loop, &t->config, on_done, t));
	ws_dial_cancel(NULL);
}

static void dials_may_be_cancelled(void **state)
{
	struct talk *t = *state;
	t->script.answer = "HTTP/1.1 403 No\r\nContent-Length: 500\r\n\r\nbegun";
	for (int turns = 0; turns < 12; turns++) {
		t->dial = ws_dial_start(t->loop, &t->config, on_done, t);
		assert_non_null(t->dial);
		for (int i = 0; i < turns; i++) {
			struct loop_timer *tick = loop_timer_create(t->loop, give_nothing, NULL);
			loop_timer_start(tick, 2);
			loop_turn(t->loop);
			loop_timer_destroy(tick);
		}
		ws_dial_cancel(t->dial);
		t->dial = NULL;
	}
	assert_int_equal(t->done, 0);
}

static void bytes_flow_over_tls(void **state)
{
	struct talk *t = *state;
	char directory[64], error[TLS_ERROR_MAX];
	certs_directory(directory);
	struct cert c = certs_make(
		directory, "server", &(struct cert_spec){ .san = "IP:127.0.0.1", .ca = true });
	struct tls_client_config trust = { .ca_file = c.cert_path };
	t->script.tls = tls_context_server(c.cert_path, c.key_path, error, sizeof(error));
	t->config.tls = tls_context_client(&trust, error, sizeof(error));
	assert_non_null(t->script.tls);
	assert_non_null(t->config.tls);
	snprintf(t->url, sizeof(t->url), "wss://127.0.0.1:%d/", t->script.port);
	dial(t, ACCEPTED "\r\nearly");
	assert_non_null(t->stream);
	assert_string_equal(t->early, "early");
	char host[100];
	snprintf(host, sizeof(host), "Origin: https://127.0.0.1:%d", t->script.port);
	has_line(t, host);
	assert_int_equal(stream_send(t->stream, "hello", 5), OK);
	while (t->script.later.len < 5)
		loop_turn(t->loop);
	assert_memory_equal(t->script.later.data, "hello", 5);

	/* and not to whom nobody vouches for */
	struct tls_context *trusting = t->config.tls;
	trust = (struct tls_client_config){ 0 };
	t->config.tls = tls_context_client(&trust, error, sizeof(error));
	dial(t, ACCEPTED "\r\n");
	assert_null(t->stream);
	assert_int_equal(t->status, 0);
	tls_context_unref(t->config.tls);
	tls_context_unref(trusting);
	tls_context_unref(t->script.tls);
	certs_free(&c);
}

static void every_allocation_may_fail(void **state)
{
	struct talk *t = *state;
	t->script.answer = ACCEPTED "\r\n";
	assert_non_null(buf_room(&t->script.later, 1000));
	bool whole = false;
	long n = 1;
	for (; !whole; n++) {
		forget(t);
		fail_at = n;
		allocations = 0;
		failing = true;
		t->dial = ws_dial_start(t->loop, &t->config, on_done, t);
		failing = false;
		whole = allocations < n;
		if (!t->dial) /* the rest of it fails in net's own tests */
			continue;
		assert_true(whole);
		script_wait(&t->script, &t->done);
	}
	assert_non_null(t->stream);
	assert_true(n > 5);
}

#define TALK_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TALK_TEST(servers_accept),
		TALK_TEST(who_we_are_may_be_said_otherwise),
		TALK_TEST(answers_may_come_byte_by_byte),
		TALK_TEST(what_is_no_websocket_fails),
		TALK_TEST(refusals_are_read),
		TALK_TEST(long_answers_are_cut),
		TALK_TEST(silence_has_an_end),
		TALK_TEST(nobody_there_is_told),
		TALK_TEST(odd_configurations_are_refused),
		TALK_TEST(dials_may_be_cancelled),
		TALK_TEST(bytes_flow_over_tls),
		TALK_TEST(every_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
