#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs.h"
#include "http/client.h"
#include "script.h"

/* The nth allocation of ours fails. */
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

/* A client, its server, and what came of the last request. */
struct talk {
	struct loop *loop;
	struct script script;
	struct http_client_config config;
	struct http_client *client;
	struct http_client_request request;
	char url[200];
	int done, status;
	char *body;
	size_t n_body;
	char cookie[200], error[700];
	long long date;
	bool ends_client; /* from inside on_done */
	int more;         /* requests that on_done sends */
};

static int set_up(void **state)
{
	struct talk *t = calloc(1, sizeof(*t));
	assert_non_null(t);
	t->loop = loop_create();
	assert_non_null(t->loop);
	script_start(&t->script, t->loop);
	snprintf(t->url, sizeof(t->url), "http://127.0.0.1:%d/a/../b%%20c?d=e", t->script.port);
	t->request = (struct http_client_request){ .method = "GET", .url = t->url };
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct talk *t = *state;
	http_client_destroy(t->client);
	script_stop(&t->script);
	loop_destroy(t->loop);
	free(t->body);
	free(t);
	return 0;
}

static void on_done(void *ctx, const struct http_client_answer *a)
{
	struct talk *t = ctx;
	t->done++;
	t->status = a->status;
	free(t->body);
	t->n_body = a->n_body;
	t->body = __real_malloc(a->n_body + 1);
	memcpy(t->body, a->body, a->n_body + 1);
	assert_int_equal(t->body[a->n_body], 0);
	snprintf(t->cookie, sizeof(t->cookie), "%s", a->cookie);
	snprintf(t->error, sizeof(t->error), "%s", a->error);
	t->date = a->date;
	assert_int_equal(a->status == 0, *a->error != '\0');
	if (t->more-- > 0)
		assert_true(http_client_send(t->client, &t->request, on_done, t) > 0);
	if (t->ends_client) {
		http_client_destroy(t->client);
		t->client = NULL;
	}
}

static void ask(struct talk *t, const char *answer)
{
	t->done = 0;
	t->script.answer = answer;
	if (!t->client)
		t->client = http_client_create(t->loop, &t->config);
	assert_non_null(t->client);
	assert_true(http_client_send(t->client, &t->request, on_done, t) > 0);
	assert_int_equal(t->done, 0);
	script_wait(&t->script, &t->done);
	assert_int_equal(t->done, 1);
}

#define EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static void has(const struct talk *t, const char *text)
{
	if (!strstr(t->script.request, text))
		fail_msg("no \"%s\" in %s", text, t->script.request);
}

static void answers_are_read(void **state)
{
	struct talk *t = *state;
	ask(t, "HTTP/1.1 201 Created\r\nContent-Length: 5\r\nDate: Tue, 16 Dec 2025 12:00:00 "
	       "GMT\r\n"
	       "set-cookie: sid=1; Path=/\r\nSet-Cookie: other=2\r\n\r\nhello");
	assert_int_equal(t->status, 201);
	assert_string_equal(t->body, "hello");
	assert_string_equal(t->cookie, "sid=1");
	assert_int_equal(t->date, 1765886400);
	assert_int_equal(strncmp(t->script.request, "GET /a/../b%20c?d=e HTTP/1.1\r\n", 30), 0);
	has(t, "\r\nUser-Agent: porthole\r\n");
	assert_null(strstr(t->script.request, "Content-"));
	ask(t, "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n");
	assert_int_equal(t->status, 404);
	assert_string_equal(t->body, "no");
	assert_string_equal(t->cookie, "");
	assert_int_equal(t->date, -1);
	ask(t, "HTTP/1.1 302 Found\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(t->status, 302); /* not followed */
	ask(t, "HTTP/1.1 103 Hints\r\nSet-Cookie: early=1\r\n\r\nHTTP/1.1 204 No\r\n\r\n");
	assert_int_equal(t->status, 204);
	assert_string_equal(t->cookie, "");
	assert_int_equal(t->script.requests, 4);
	assert_int_equal(t->script.connections, 1); /* one for all */
	has(t, "GET");
	assert_null(strstr(t->script.request, "ookie:"));
}

static void bodies_and_fields_are_sent(void **state)
{
	struct talk *t = *state;
	static const char *const fields[] = { "Content-Type: application/json", "X-Nonce: 00ff",
		"User-Agent: python-vnc-runner", NULL };
	char body[] = "{\"a\": \"\0b\"}"; /* 11 bytes with a 0 among them */
	t->request.method = "POST";
	t->request.fields = fields;
	t->request.body = body;
	t->request.n_body = 11;
	ask(t, EMPTY);
	has(t, "POST ");
	has(t, "\r\nContent-Type: application/json\r\n");
	has(t, "\r\nX-Nonce: 00ff\r\n");
	has(t, "\r\nUser-Agent: python-vnc-runner\r\n");
	has(t, "\r\nContent-Length: 11\r\n");
	assert_memory_equal(t->script.request + t->script.request_len - 11, body, 11);
	static char large[20000];
	memset(large, 'x', sizeof(large));
	t->request.fields = NULL;
	t->request.body = large;
	t->request.n_body = sizeof(large);
	ask(t, EMPTY);
	assert_null(strstr(t->script.request, "Content-Type"));
	assert_null(strstr(t->script.request, "Expect"));
	t->request.n_body = 0;
	ask(t, EMPTY);
	has(t, "\r\nContent-Length: 0\r\n");
	t->request.method = "DELETE";
	ask(t, EMPTY);
	has(t, "DELETE ");
	t->request.method = "HEAD";
	ask(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
	assert_int_equal(t->status, 200);
	assert_int_equal(t->n_body, 0);
}

static void answers_have_a_ceiling(void **state)
{
	struct talk *t = *state;
	static char text[2 * 1024 * 1024];
	t->request.answer_max = 100;
	t->script.hang_up = true;
	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n\r\n%0100d", 7);
	ask(t, text);
	assert_int_equal(t->n_body, 100);
	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n\r\n%0101d", 7);
	ask(t, text);
	assert_int_equal(t->status, 0);
	assert_non_null(strstr(t->error, "longer"));
	t->request.answer_max = 0;
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "HTTP/1.1 200 OK\r\n\r\n", 19);
	ask(t, text);
	assert_int_equal(t->status, 0);
	size_t n = (size_t)snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n");
	while (n < 70000)
		n += (size_t)sprintf(text + n, "A: %0100d\r\n", 1);
	strcpy(text + n, "\r\n");
	ask(t, text);
	assert_non_null(strstr(t->error, "longer"));
}

static void failures_are_sentences(void **state)
{
	struct talk *t = *state;
	t->script.hang_up = true;
	ask(t, "");
	assert_non_null(strstr(t->error, "hung up"));
	ask(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nless");
	assert_non_null(strstr(t->error, "hung up"));
	assert_string_equal(t->body, "");
	ask(t, "RFB 003.008\n");
	assert_non_null(strstr(t->error, "no HTTP"));
	t->script.hang_up = false;
	t->request.timeout_ms = 100;
	ask(t, NULL);
	assert_non_null(strstr(t->error, "in time"));
	char host[100];
	snprintf(host, sizeof(host), "127.0.0.1:%d: ", t->script.port);
	assert_int_equal(strncmp(t->error, host, strlen(host)), 0);
	t->request.timeout_ms = 0;
	listener_destroy(t->script.listener);
	t->script.listener = NULL;
	http_client_destroy(t->client); /* or it would use the connection again */
	t->client = NULL;
	ask(t, NULL);
	assert_non_null(strstr(t->error, "nobody answers"));
}

static void odd_requests_are_refused(void **state)
{
	struct talk *t = *state;
	static const char *const urls[] = { "", "127.0.0.1", "ftp://127.0.0.1/",
		"file:///etc/passwd", "http://", "http://u:p@a/", "http://a b/",
		"http://a/\r\nB: c", "http://a:99999/", "gopher://a" };
	t->client = http_client_create(t->loop, &t->config);
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		t->request.url = urls[i];
		assert_int_equal(http_client_send(t->client, &t->request, on_done, t), ERR_PROTO);
	}
	t->request.url = t->url;
	static const char *const lines[] = { "", "A", "A b: c", "A: b\r\nC: d" };
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		const char *const fields[] = { lines[i], NULL };
		t->request.fields = fields;
		assert_int_equal(http_client_send(t->client, &t->request, on_done, t), ERR_PROTO);
	}
	http_client_destroy(t->client);
	t->request.fields = NULL;
	t->config.pin = "sha256:00";
	t->client = http_client_create(t->loop, &t->config);
	assert_int_equal(http_client_send(t->client, &t->request, on_done, t), ERR_PROTO);
	http_client_destroy(NULL);
}

static void many_are_under_way(void **state)
{
	struct talk *t = *state;
	t->script.answer = EMPTY;
	t->client = http_client_create(t->loop, &t->config);
	int first = http_client_send(t->client, &t->request, on_done, t);
	assert_true(first > 0);
	for (int i = 1; i < 64; i++)
		assert_true(http_client_send(t->client, &t->request, on_done, t) > first);
	assert_int_equal(http_client_send(t->client, &t->request, on_done, t), ERR_LIMIT);
	http_client_cancel(t->client, first);
	http_client_cancel(t->client, first); /* and again: nothing */
	http_client_cancel(t->client, -1);
	while (t->done < 63) {
		int before = t->done, moved = 0;
		while (t->done == before)
			loop_turn(t->loop), moved++;
		assert_true(moved < 100000);
	}
	assert_int_equal(t->status, 200);
	assert_int_equal(t->done, 63);
}

static void do_nothing(void *ctx)
{
	(void)ctx;
}

static void clients_end_at_any_time(void **state)
{
	struct talk *t = *state;
	static const char *const answers[] = { NULL,
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx" };
	for (int turns = 0; turns < 10; turns++) {
		t->script.answer = answers[turns % 2];
		t->client = http_client_create(t->loop, &t->config);
		for (int i = 0; i < 3; i++)
			assert_true(http_client_send(t->client, &t->request, on_done, t) > 0);
		for (int i = 0; i < turns; i++) {
			struct loop_timer *tick = loop_timer_create(t->loop, do_nothing, NULL);
			loop_timer_start(tick, 2);
			loop_turn(t->loop);
			loop_timer_destroy(tick);
		}
		http_client_destroy(t->client);
		t->client = NULL;
	}
	assert_int_equal(t->done, 0);
	/* also from inside, with others under way, and after sending more there */
	t->more = 1;
	t->ends_client = true;
	ask(t, EMPTY);
	assert_null(t->client);
	t->ends_client = false;
	t->more = 3;
	ask(t, EMPTY);
	while (t->done < 4)
		loop_turn(t->loop);
}

/* The status, or 0 when `trust` does not trust that server. */
static int ask_over_tls(struct talk *t, const struct http_client_config *trust)
{
	http_client_destroy(t->client);
	t->client = NULL;
	t->config = *trust;
	ask(t, EMPTY);
	return t->status;
}

static void servers_prove_who_they_are(void **state)
{
	struct talk *t = *state;
	char directory[64], error[TLS_ERROR_MAX];
	certs_directory(directory);
	struct cert good = certs_make(
		directory, "good", &(struct cert_spec){ .san = "IP:127.0.0.1", .ca = true });
	struct cert other = certs_make(
		directory, "other", &(struct cert_spec){ .san = "DNS:other.test", .ca = true });
	struct tls_context *contexts[] = {
		tls_context_server(good.cert_path, good.key_path, error, sizeof(error)),
		tls_context_server(other.cert_path, other.key_path, error, sizeof(error)),
	};
	snprintf(t->url, sizeof(t->url), "https://127.0.0.1:%d/", t->script.port);
	t->script.tls = contexts[0];
	assert_int_equal(
		ask_over_tls(t, &(struct http_client_config){ .ca_file = good.cert_path }), 200);
	assert_int_equal(ask_over_tls(t, &(struct http_client_config){ .pin = good.pin }), 200);
	assert_int_equal(ask_over_tls(t, &(struct http_client_config){ .insecure = true }), 200);
	assert_int_equal(ask_over_tls(t, &(struct http_client_config){ 0 }), 0);
	assert_non_null(strstr(t->error, "--ca-file"));
	assert_int_equal(
		ask_over_tls(t, &(struct http_client_config){ .ca_file = other.cert_path }), 0);
	assert_int_equal(ask_over_tls(t, &(struct http_client_config){ .pin = other.pin }), 0);
	assert_non_null(strstr(t->error, "pinned"));
	assert_int_equal(
		ask_over_tls(t, &(struct http_client_config){ .pin = other.pin, .insecure = true }),
		0);
	assert_int_equal(
		ask_over_tls(t, &(struct http_client_config){ .ca_file = "/nonexistent" }), 0);
	assert_non_null(strstr(t->error, "check --ca-file"));
	/* trusted, but of another name */
	t->script.tls = contexts[1];
	assert_int_equal(
		ask_over_tls(t, &(struct http_client_config){ .ca_file = other.cert_path }), 0);
	assert_int_equal(ask_over_tls(t, &(struct http_client_config){ .pin = other.pin }), 200);
	/* no TLS there */
	t->script.tls = NULL;
	assert_int_equal(ask_over_tls(t, &(struct http_client_config){ .insecure = true }), 0);
	tls_context_unref(contexts[0]);
	tls_context_unref(contexts[1]);
	certs_free(&good);
	certs_free(&other);
}

static void every_allocation_may_fail(void **state)
{
	struct talk *t = *state;
	static const char *const fields[] = { "A: b", NULL };
	t->script.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
	t->request.fields = fields;
	t->request.method = "POST";
	t->request.body = "hello";
	t->request.n_body = 5;
	long n = 1;
	for (bool whole = false; !whole; n++) {
		http_client_destroy(t->client);
		fail_at = n;
		allocations = 0;
		failing = true;
		t->client = http_client_create(t->loop, &t->config);
		int id = t->client ? http_client_send(t->client, &t->request, on_done, t)
				   : ERR_NOMEM;
		failing = false;
		whole = allocations < n;
		assert_true(whole ? id > 0 : id == ERR_NOMEM);
	}
	script_wait(&t->script, &t->done);
	assert_string_equal(t->body, "hello");
	assert_true(n > 4);
}

#define TALK_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TALK_TEST(answers_are_read),
		TALK_TEST(bodies_and_fields_are_sent),
		TALK_TEST(answers_have_a_ceiling),
		TALK_TEST(failures_are_sentences),
		TALK_TEST(odd_requests_are_refused),
		TALK_TEST(many_are_under_way),
		TALK_TEST(clients_end_at_any_time),
		TALK_TEST(servers_prove_who_they_are),
		TALK_TEST(every_allocation_may_fail),
	};
	/* A proxy of who runs this would be asked for 127.0.0.1 too. */
	setenv("no_proxy", "*", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
