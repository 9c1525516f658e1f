#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/response.h"

static const struct asset files[] = {
	{ "/assets/app-1a2b.js", "text/javascript", "\"js\"", (const uint8_t *)"GZ", 2,
		(const uint8_t *)"plain", 5 },
	{ "/index.html", "text/html; charset=utf-8", "\"page\"", (const uint8_t *)"gz!", 3,
		(const uint8_t *)"<html>", 6 },
};
static const struct asset_table table = { files, ARRAY_LEN(files) };

static struct response ask(const char *line, const char *fields)
{
	static char text[600]; /* the request's texts point into it */
	struct http_request r;
	int status;
	int n = snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: a\r\n%s\r\n", line, fields);
	struct rd in = rd_of(text, (size_t)n);
	assert_int_equal(http_request_parse(&in, &r, &status), OK);
	return response_for_file(&table, &r);
}

static void files_are_found(void **state)
{
	(void)state;
	struct response r = ask("GET /", "");
	assert_int_equal(r.status, 200);
	assert_string_equal(r.type, "text/html; charset=utf-8");
	assert_null(r.encoding);
	assert_int_equal(r.body_len, 6);
	assert_memory_equal(r.body, "<html>", 6);
	assert_false(r.immutable);
	r = ask("HEAD /assets/app-1a2b.js?v=1", "Accept-Encoding: gzip\r\n");
	assert_int_equal(r.status, 200);
	assert_string_equal(r.encoding, "gzip");
	assert_memory_equal(r.body, "GZ", 2);
	assert_true(r.immutable);
	assert_int_equal(ask("GET /assets/../index.html", "").status, 404);
	assert_int_equal(ask("GET /%69ndex.html", "").status, 404);
	assert_int_equal(ask("POST /", "").status, 405);
	assert_int_equal(ask("get /", "").status, 405);
}

static bool is_gzip(const char *accepted)
{
	char fields[200];
	snprintf(fields, sizeof(fields), "Accept-Encoding: %s\r\n", accepted);
	struct response r = ask("GET /", fields);
	assert_int_equal(r.body_len, r.encoding ? 3 : 6);
	return r.encoding;
}

static void gzip_is_sent_to_who_takes_it(void **state)
{
	(void)state;
	static const char *const yes[] = { "gzip", "GZip", "deflate, gzip",
		"br;q=1.0, gzip;q=0.001", "gzip;q=1", "*", "identity;q=0, *;q=0.5", "gzip ; q=0.5",
		"*;q=0, gzip" };
	static const char *const no[] = { "", "br", "gzip;q=0", "gzip;q=0.000", "gzip ; Q=0.",
		"*;q=0", "xgzip", "gzip;q=0, *", "identity", "gzipp" };
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		assert_true(is_gzip(yes[i]));
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		assert_false(is_gzip(no[i]));
	assert_non_null(ask("GET /", "Accept-Encoding: br\r\naccept-encoding: gzip\r\n").encoding);
}

static void what_the_client_has_is_not_sent(void **state)
{
	(void)state;
	static const char *const has[] = { "\"page\"", "W/\"page\"", "\"x\", \"page\"", "*" };
	static const char *const other[] = { "\"js\"", "page", "\"PAGE\"", "\"page", "" };
	char fields[100];
	for (size_t i = 0; i < ARRAY_LEN(has); i++) {
		snprintf(fields, sizeof(fields), "If-None-Match: %s\r\n", has[i]);
		struct response r = ask("GET /", fields);
		assert_int_equal(r.status, 304);
		assert_int_equal(r.body_len, 0);
		assert_null(r.type);
	}
	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		snprintf(fields, sizeof(fields), "If-None-Match: %s\r\n", other[i]);
		assert_int_equal(ask("GET /", fields).status, 200);
	}
}

static void assert_head(const struct response *r, bool keep_alive, time_t now, const char *want)
{
	struct buf out;
	buf_init(&out, 4096);
	response_put_head(&out, r, keep_alive, now);
	buf_put_u8(&out, 0);
	assert_int_equal(buf_ok(&out), OK);
	assert_string_equal((const char *)out.data, want);
	buf_fini(&out);
}

#define SAFETY                                                                                     \
	"Content-Security-Policy: default-src 'self'; connect-src 'self' ws: wss:; "               \
	"img-src 'self' data: blob:; style-src 'self'; object-src 'none'; base-uri 'none'; "       \
	"form-action 'none'; frame-ancestors 'none'\r\n"                                           \
	"X-Content-Type-Options: nosniff\r\n"                                                      \
	"Referrer-Policy: no-referrer\r\n"                                                         \
	"Cross-Origin-Opener-Policy: same-origin\r\n"                                              \
	"Cross-Origin-Resource-Policy: same-origin\r\n"

static void heads_are_written(void **state)
{
	(void)state;
	struct response r = ask("GET /", "Accept-Encoding: gzip\r\n");
	assert_head(&r, true, 784111777,
		"HTTP/1.1 200 OK\r\n"
		"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
		"Connection: keep-alive\r\n" SAFETY "ETag: W/\"page\"\r\n"
		"Vary: Accept-Encoding\r\n"
		"Cache-Control: no-cache\r\n"
		"Content-Encoding: gzip\r\n"
		"Content-Type: text/html; charset=utf-8\r\n"
		"Content-Length: 3\r\n"
		"\r\n");
	r = ask("GET /assets/app-1a2b.js", "If-None-Match: \"js\"\r\n");
	assert_head(&r, false, 951782400,
		"HTTP/1.1 304 Not Modified\r\n"
		"Date: Tue, 29 Feb 2000 00:00:00 GMT\r\n"
		"Connection: close\r\n" SAFETY "ETag: W/\"js\"\r\n"
		"Vary: Accept-Encoding\r\n"
		"Cache-Control: public, max-age=31536000, immutable\r\n"
		"\r\n");
	r = response_for_error(405);
	assert_head(&r, true, 0,
		"HTTP/1.1 405 Method Not Allowed\r\n"
		"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
		"Connection: keep-alive\r\n" SAFETY "Cache-Control: no-store\r\n"
		"Allow: GET, HEAD\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Length: 36\r\n"
		"\r\n");
	r = response_for_error(426);
	assert_head(&r, true, 0,
		"HTTP/1.1 426 Upgrade Required\r\n"
		"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
		"Connection: keep-alive\r\n" SAFETY "Cache-Control: no-store\r\n"
		"Upgrade: websocket\r\n"
		"Sec-WebSocket-Version: 13\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Length: 44\r\n"
		"\r\n");
}

static void errors_say_what_to_do(void **state)
{
	(void)state;
	static const int known[] = { 400, 403, 404, 405, 408, 414, 421, 426, 431, 500, 501, 503,
		505, 418 };
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		struct response r = response_for_error(known[i]);
		assert_int_equal(r.status, known[i]);
		assert_true(r.body_len > 5 && r.body_len < 200);
		assert_int_equal(r.body[r.body_len - 1], '\n');
	}
	struct response r = response_for_error(421);
	assert_memory_equal(r.body + r.body_len - 12, "--host NAME\n", 12);
}

static void upgrades_name_a_protocol_or_none(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 1000);
	response_put_upgrade(&out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "binary");
	buf_put_u8(&out, 0);
	assert_string_equal((const char *)out.data,
		"HTTP/1.1 101 Switching Protocols\r\n"
		"Upgrade: websocket\r\n"
		"Connection: Upgrade\r\n"
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
		"Sec-WebSocket-Protocol: binary\r\n"
		"\r\n");
	buf_reset(&out);
	response_put_upgrade(&out, "x", "");
	buf_put_u8(&out, 0);
	assert_null(strstr((const char *)out.data, "Protocol:"));
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_found),
		cmocka_unit_test(gzip_is_sent_to_who_takes_it),
		cmocka_unit_test(what_the_client_has_is_not_sent),
		cmocka_unit_test(heads_are_written),
		cmocka_unit_test(errors_say_what_to_do),
		cmocka_unit_test(upgrades_name_a_protocol_or_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
