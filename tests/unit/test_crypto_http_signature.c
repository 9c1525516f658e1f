#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/http_date.h"
#include "crypto/http_signature.h"
#include "crypto/text.h"
#include "key_room.h"

static int setup(void **state)
{
	int failed = key_room_setup(state);
	if (!failed)
		key_room_make(*state);
	return failed;
}

#define MD5 "52:ae:6c:5d:77:f8:ab:65:5b:0e:54:bd:e4:c0:69:84"
static const char date[] = "Tue, 16 Dec 2025 12:00:00 GMT";
static const int64_t date_s = 1765886400;

static void dates_there_and_back(void **state)
{
	(void)state;
	static const struct {
		int64_t unix_s;
		const char *text;
	} known[] = { { 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" },
		{ 951782400, "Tue, 29 Feb 2000 00:00:00 GMT" }, { date_s, date },
		{ 253402300799, "Fri, 31 Dec 9999 23:59:59 GMT" } };
	char text[HTTP_DATE_TEXT];
	int64_t back;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		http_date_put(known[i].unix_s, text);
		assert_string_equal(text, known[i].text);
		assert_int_equal(http_date_parse(text, strlen(text), &back), OK);
		assert_int_equal(back, known[i].unix_s);
	}
	for (int64_t at = 1; at < 253402300800; at += 86400 * 97 + 12345) {
		http_date_put(at, text);
		assert_int_equal(http_date_parse(text, strlen(text), &back), OK);
		assert_int_equal(back, at);
	}
	static const char leap[] = "Sat, 31 Dec 2016 23:59:60 GMT";
	assert_int_equal(http_date_parse(leap, strlen(leap), &back), OK);
	assert_int_equal(back, 1483228799);
}

static void other_dates_are_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = { "Mon, 16 Dec 2025 12:00:00 GMT",
		"Tue, 16 Dec 2025 12:00:00 UTC", "tue, 16 Dec 2025 12:00:00 GMT",
		"Tue, 16 dec 2025 12:00:00 GMT", "Tue, 16 Dec 2025 24:00:00 GMT",
		"Tue, 16 Dec 2025 12:60:00 GMT", "Tue, 16 Dec 2025 12:00:61 GMT",
		"Tue, 16 Dec 2025 12.00.00 GMT", "Tue, 16-Dec-2025 12:00:00 GMT",
		"Tue  16 Dec 2025 12:00:00 GMT", "Tue, 00 Dec 2025 12:00:00 GMT",
		"Tue, 32 Dec 2025 12:00:00 GMT", "Mon, 30 Feb 2026 12:00:00 GMT",
		"Wed, 29 Feb 2100 12:00:00 GMT", "Tue, 16 Dec -025 12:00:00 GMT",
		"Wed, 31 Dec 1969 23:59:59 GMT", "Tue, 16 Dec 2025 12:00:00 GM\0",
		"Tuesday, 16-Dec-25 12:00:00 GMT", "Tue Dec 16 12:00:00 2025",
		"Tue, 16 Dec 2025 12:00:00 +0000", "Tue, 6 Dec 2025 12:00:00 GMT",
		" Tue, 16 Dec 2025 12:00:00 GMT", "", "Tue, +6 Dec 2025 12:00:00 GMT" };
	int64_t at;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(http_date_parse(wrong[i], strlen(wrong[i]), &at), ERR_PROTO);
	for (size_t n = 0; n < strlen(date); n++) {
		char *exact = malloc(n + 1);
		memcpy(exact, date, n);
		assert_int_equal(http_date_parse(exact, n, &at), ERR_PROTO);
		free(exact);
	}
	assert_int_equal(http_date_parse("Tue, 16 Dec 2025 12:00:00 GM\0", 29, &at), ERR_PROTO);
}

static int parse(const char *value, struct http_signature *s)
{
	size_t n = strlen(value);
	char *exact = malloc(n ? n : 1);
	assert_non_null(exact);
	memcpy(exact, value, n);
	int err = http_signature_parse(exact, n, s);
	free(exact);
	return err;
}

static const char good[] = "Signature keyId=\"/acme/keys/" MD5 "\",algorithm=\"rsa-sha256\","
			   "headers=\"(request-target) date\",signature=\"Zm9v\"";

static void headers_are_taken_apart(void **state)
{
	(void)state;
	struct http_signature s;
	assert_int_equal(parse(good, &s), OK);
	assert_string_equal(s.key_id, "/acme/keys/" MD5);
	assert_string_equal(s.algorithm, "rsa-sha256");
	assert_int_equal(s.n_headers, 2);
	assert_string_equal(s.headers[0], "(request-target)");
	assert_string_equal(s.headers[1], "date");
	assert_int_equal(s.n_bytes, 3);
	assert_memory_equal(s.bytes, "foo", 3);
	assert_int_equal(
		parse("sIGNATURE  signature=\"Zg==\" ,\talgorithm=\"x\", keyId=\"a b\"  ", &s), OK);
	assert_string_equal(s.key_id, "a b");
	assert_int_equal(s.n_headers, 1);
	assert_string_equal(s.headers[0], "date");
	assert_int_equal(parse("Signature keyId=\"k\",algorithm=\"a\",signature=\"Zg==\","
			       "headers=\"date host x-api_version content-md5 (request-target)\"",
				 &s),
		OK);
	assert_int_equal(s.n_headers, 5);
	assert_true(http_signature_is_one(good, strlen(good)));
	assert_true(http_signature_is_one("signature x", 11));
	assert_false(http_signature_is_one("Signature", 9));
	assert_false(http_signature_is_one("Signatures x", 12));
	assert_false(http_signature_is_one("Bearer abc", 10));
	assert_false(http_signature_is_one("", 0));
}

static void every_prefix_of_a_header_is_refused(void **state)
{
	(void)state;
	char part[sizeof(good)];
	struct http_signature s;
	for (size_t n = 0; n < strlen(good); n++) {
		snprintf(part, sizeof(part), "%.*s", (int)n, good);
		assert_int_equal(parse(part, &s), ERR_PROTO);
	}
}

static void other_headers_are_refused(void **state)
{
	(void)state;
	/* after: Signature keyId="k",algorithm="a",signature="Zg==" */
	static const char *const more[] = { ",keyId=\"k\"", ",algorithm=\"a\"",
		",signature=\"Zg==\"", ",headers=\"date\",headers=\"date\"", ",opaque=\"x\"",
		",created=1", ",expires=\"1\"", ",", ",,", ", ", "x", " x", ",headers=\"\"",
		",headers=\" date\"", ",headers=\"date \"", ",headers=\"date  host\"",
		",headers=\"Date\"", ",headers=\"date date\"", ",headers=\"date,host\"",
		",headers=\"(created)\"", ",headers=\"date\thost\"", ",headers=date",
		",headers=\"date", ",headers", ",headers=", ",headers=\"", ",=\"x\"",
		";headers=\"date\"", ",headers =\"date\"", ",headers= \"date\"",
		",Headers=\"date\"", ",headers=\"d\\ate\"", ",headers=\"d\xc3\xa4te\"",
		"headers=\"date\"" };
	static const char *const whole[] = {
		"",
		"Signature",
		"Signature ",
		"Basic keyId=\"k\",algorithm=\"a\",signature=\"Zg==\"",
		"SignaturekeyId=\"k\",algorithm=\"a\",signature=\"Zg==\"",
		" Signature keyId=\"k\",algorithm=\"a\",signature=\"Zg==\"",
		"Signature keyId=\"k\",algorithm=\"a\"",
		"Signature keyId=\"k\",signature=\"Zg==\"",
		"Signature algorithm=\"a\",signature=\"Zg==\"",
		"Signature keyId=\"\",algorithm=\"a\",signature=\"Zg==\"",
		"Signature keyId=\"k\",algorithm=\"\",signature=\"Zg==\"",
		"Signature keyId=\"k\",algorithm=\"a\",signature=\"\"",
		"Signature keyId=\"k\",algorithm=\"a\",signature=\"Zg\"",
		"Signature keyId=\"k\",algorithm=\"a\",signature=\"Zh==\"",
		"Signature keyId=\"k\n\",algorithm=\"a\",signature=\"Zg==\"",
		"Signature keyId=\"k\\\"\",algorithm=\"a\",signature=\"Zg==\"",
		"Signature keyId=\"k\x7f\",algorithm=\"a\",signature=\"Zg==\"",
	};
	static const char start[] = "Signature keyId=\"k\",algorithm=\"a\",signature=\"Zg==\"";
	struct http_signature s;
	char value[256];
	assert_int_equal(parse(start, &s), OK);
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		snprintf(value, sizeof(value), "%s%s", start, more[i]);
		assert_int_equal(parse(value, &s), ERR_PROTO);
	}
	for (size_t i = 0; i < ARRAY_LEN(whole); i++)
		assert_int_equal(parse(whole[i], &s), ERR_PROTO);
}

/* A value whose parameter `name` is n times `fill`. */
static int parse_long(const char *name, const char *fill, size_t n)
{
	static char value[20000];
	struct http_signature s;
	char *at = value;
	static const char *const others[] = { "keyId", "algorithm", "signature" };
	at += sprintf(at, "Signature %s=\"", name);
	for (size_t i = 0; i < n; i++)
		at += sprintf(at, "%s", fill);
	at += sprintf(at, "\"");
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (strcmp(others[i], name) != 0)
			at += sprintf(at, ",%s=\"Zg==\"", others[i]);
	return parse(value, &s);
}

static void sizes_have_a_ceiling(void **state)
{
	(void)state;
	char headers[400] = "a";
	assert_int_equal(parse_long("keyId", "x", HTTP_SIGNATURE_KEY_ID - 1), OK);
	assert_int_equal(parse_long("keyId", "x", HTTP_SIGNATURE_KEY_ID), ERR_LIMIT);
	assert_int_equal(parse_long("algorithm", "x", HTTP_SIGNATURE_ALGORITHM - 1), OK);
	assert_int_equal(parse_long("algorithm", "x", HTTP_SIGNATURE_ALGORITHM), ERR_LIMIT);
	assert_int_equal(parse_long("headers", "x", HTTP_SIGNATURE_NAME - 1), OK);
	assert_int_equal(parse_long("headers", "x", HTTP_SIGNATURE_NAME), ERR_LIMIT);
	assert_int_equal(parse_long("signature", "AAAA", SSH_SIGNATURE_MAX / 3), OK);
	assert_int_equal(parse_long("signature", "AAAA", SSH_SIGNATURE_MAX / 3 + 1), ERR_LIMIT);
	assert_int_equal(parse_long("keyId", "x", HTTP_SIGNATURE_VALUE_MAX), ERR_LIMIT);
	for (char c = 'b'; c <= 'p'; c++)
		sprintf(headers + strlen(headers), " %c", c);
	assert_int_equal(parse_long("headers", headers, 1), OK);
	strcat(headers, " q");
	assert_int_equal(parse_long("headers", headers, 1), ERR_LIMIT);
}

static void key_ids_are_split(void **state)
{
	(void)state;
	static const char sha256[] = "SHA256:EdHHUKe3PPsR7tMCpPOwFCKgpRQjzPfc7xYEEQli14w";
	static const char slashes[] = "SHA256:Ed/HUKe3PPsR7/MCpPOwFCKgpRQjzPfc7xYEEQli+4w";
	struct http_signature_key k;
	char text[256];
	assert_int_equal(http_signature_split_key_id("/acme/keys/" MD5, &k), OK);
	assert_string_equal(k.account, "acme");
	assert_string_equal(k.user, "");
	assert_string_equal(k.fingerprint, MD5);
	assert_int_equal(
		http_signature_split_key_id("/a.b@c.d/users/x_y-z+1/keys/MD5:" MD5, &k), OK);
	assert_string_equal(k.account, "a.b@c.d");
	assert_string_equal(k.user, "x_y-z+1");
	assert_string_equal(k.fingerprint, MD5);
	snprintf(text, sizeof(text), "/acme/keys/%s", sha256);
	assert_int_equal(http_signature_split_key_id(text, &k), OK);
	assert_string_equal(k.fingerprint, sha256);
	snprintf(text, sizeof(text), "/acme/users/u/keys/%s", slashes);
	assert_int_equal(http_signature_split_key_id(text, &k), OK);
	assert_string_equal(k.fingerprint, slashes);
	static const char *const wrong[] = { "", "/", "acme/keys/" MD5, "//keys/" MD5,
		"/acme/keys/", "/acme/keys", "/acme", "/acme/" MD5, "/acme/key/" MD5,
		"/acme/users/keys/" MD5, "/acme/users//keys/" MD5, "/acme/users/u/" MD5,
		"/acme/users/u/key/" MD5, "/../keys/" MD5, "/./keys/" MD5, "/a%2fb/keys/" MD5,
		"/a b/keys/" MD5, "/acme/keys/" MD5 "/", "/acme/keys//" MD5,
		"/acme/users/u/users/v/keys/" MD5, "/acme/users/../keys/" MD5, MD5,
		"/acme\n/keys/" MD5 };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(http_signature_split_key_id(wrong[i], &k), ERR_PROTO);
	for (size_t n = 0; n < strlen("/acme/users/u/keys/" MD5); n++) {
		snprintf(text, sizeof(text), "%.*s", (int)n, "/acme/users/u/keys/" MD5);
		assert_int_equal(http_signature_split_key_id(text, &k), ERR_PROTO);
	}
	snprintf(text, sizeof(text), "/%064d/keys/" MD5, 0);
	assert_int_equal(http_signature_split_key_id(text, &k), ERR_LIMIT);
}

/* A request as its head says. */
struct head {
	const char *date, *host;
};

static const char *field(void *data, const char *name)
{
	const struct head *h = data;
	if (strcmp(name, "date") == 0)
		return h->date;
	return strcmp(name, "host") == 0 ? h->host : NULL;
}

static struct http_signature covering(const char *headers)
{
	char value[512];
	struct http_signature s;
	snprintf(value, sizeof(value),
		"Signature keyId=\"k\",algorithm=\"a\",headers=\"%s\",signature=\"Zg==\"", headers);
	assert_int_equal(parse(value, &s), OK);
	return s;
}

static void assert_text(
	const char *headers, const struct http_signature_request *r, const char *want)
{
	struct http_signature s = covering(headers);
	struct buf text;
	buf_init(&text, HTTP_SIGNATURE_TEXT_MAX);
	assert_int_equal(http_signature_text(&s, r, &text), want ? OK : ERR_PROTO);
	if (want) {
		assert_int_equal(text.len, strlen(want));
		assert_memory_equal(text.data, want, text.len);
	}
	buf_fini(&text);
}

static void signing_strings_follow_the_headers(void **state)
{
	(void)state;
	struct head head = { .date = date, .host = "api.example:8443" };
	struct http_signature_request r = { .method = "GET",
		.target = "/acme/machines?as-role=a,b&x=%2F",
		.field = field,
		.data = &head };
	assert_text("(request-target) date", &r,
		"(request-target): get /acme/machines?as-role=a,b&x=%2F\n"
		"date: Tue, 16 Dec 2025 12:00:00 GMT");
	assert_text("date (request-target)", &r,
		"date: Tue, 16 Dec 2025 12:00:00 GMT\n"
		"(request-target): get /acme/machines?as-role=a,b&x=%2F");
	assert_text("host date", &r, "host: api.example:8443\ndate: Tue, 16 Dec 2025 12:00:00 GMT");
	assert_text("date x-missing", &r, NULL);
	head.host = "a\r\nb";
	assert_text("host date", &r, NULL);
	head.host = "";
	assert_text("host", &r, "host: ");
	r.target = "/a\nb";
	assert_text("(request-target)", &r, NULL);
	r.target = "/";
	r.method = "GET\n";
	assert_text("(request-target)", &r, NULL);
	r.method = "GET";
	char *large = malloc(HTTP_SIGNATURE_TEXT_MAX + 1);
	memset(large, 'x', HTTP_SIGNATURE_TEXT_MAX);
	large[HTTP_SIGNATURE_TEXT_MAX] = 0;
	r.target = large;
	struct http_signature s = covering("(request-target)");
	struct buf text;
	buf_init(&text, HTTP_SIGNATURE_TEXT_MAX);
	assert_int_equal(http_signature_text(&s, &r, &text), ERR_LIMIT);
	buf_fini(&text);
	free(large);
}

static int sign(void *data, const void *text, size_t n, struct ssh_signature *out)
{
	return ssh_private_sign(data, text, n, out);
}

struct exchange {
	struct head head;
	struct http_signature_request request;
	struct ssh_key *key;
	struct http_signature signature;
	char value[HTTP_SIGNATURE_VALUE_MAX];
};

static void open_exchange(struct exchange *x, const char *dir, const char *name)
{
	struct ssh_private *private = key_room_private(dir, name);
	*x = (struct exchange){ .head = { .date = date, .host = "h" } };
	x->request = (struct http_signature_request){ .method = "GET",
		.target = "/acme/machines/1/vnc?as-role=a",
		.field = field,
		.data = &x->head };
	x->key = key_room_public(dir, name);
	assert_int_equal(http_signature_build("GET", x->request.target, date, "/acme/keys/" MD5,
				 sign, private, x->value, sizeof(x->value)),
		OK);
	assert_int_equal(parse(x->value, &x->signature), OK);
	ssh_private_destroy(private);
}

static int check(struct exchange *x, int64_t now_s)
{
	const char *why = NULL;
	int err = http_signature_check(&x->signature, &x->request, x->key, now_s, 0, &why);
	assert_true(err == OK || why);
	return err;
}

static void what_a_client_builds_is_accepted(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(key_room_types); i++) {
		struct exchange x;
		char want[128];
		open_exchange(&x, *state, key_room_types[i].name);
		snprintf(want, sizeof(want),
			"Signature keyId=\"/acme/keys/" MD5 "\",algorithm=\"%s\",headers=\"",
			key_room_types[i].algorithm);
		assert_memory_equal(x.value, want, strlen(want));
		assert_int_equal(check(&x, date_s), OK);
		assert_int_equal(http_signature_check(&x.signature, &x.request, x.key, date_s,
					 HTTP_SIGNATURE_DATE_ONLY, NULL),
			OK);
		ssh_key_destroy(x.key);
	}
}

static void a_changed_request_is_refused(void **state)
{
	struct exchange x;
	open_exchange(&x, *state, "p256");
	x.request.method = "POST";
	assert_int_equal(check(&x, date_s), ERR_AUTH);
	x.request.method = "GET";
	x.request.target = "/acme/machines/1/vnc?as-role=b";
	assert_int_equal(check(&x, date_s), ERR_AUTH);
	x.request.target = "/acme/machines/1/vnc";
	assert_int_equal(check(&x, date_s), ERR_AUTH);
	x.request.target = "/acme/machines/1/vnc?as-role=a";
	x.head.date = "Tue, 16 Dec 2025 12:00:01 GMT";
	assert_int_equal(check(&x, date_s), ERR_AUTH);
	x.head.date = date;
	assert_int_equal(check(&x, date_s), OK);
	struct ssh_key *own = x.key;
	x.key = key_room_public(*state, "p384");
	assert_int_equal(check(&x, date_s), ERR_AUTH);
	ssh_key_destroy(x.key);
	x.key = own;
	strcpy(x.signature.headers[0], "date");
	strcpy(x.signature.headers[1], "(request-target)");
	assert_int_equal(check(&x, date_s), ERR_AUTH);
	ssh_key_destroy(x.key);
}

static void the_clock_may_differ_by_five_minutes(void **state)
{
	struct exchange x;
	open_exchange(&x, *state, "ed25519");
	assert_int_equal(check(&x, date_s - 300), OK);
	assert_int_equal(check(&x, date_s + 300), OK);
	assert_int_equal(check(&x, date_s - 301), ERR_AUTH);
	assert_int_equal(check(&x, date_s + 301), ERR_AUTH);
	assert_int_equal(check(&x, 0), ERR_AUTH);
	x.head.date = NULL;
	assert_int_equal(check(&x, date_s), ERR_PROTO);
	x.head.date = "yesterday";
	assert_int_equal(check(&x, date_s), ERR_PROTO);
	ssh_key_destroy(x.key);
}

/* Signs what `headers` names. */
static void cover(struct exchange *x, const char *dir, const char *name, const char *headers)
{
	struct ssh_private *private = key_room_private(dir, name);
	struct ssh_signature s;
	struct buf text;
	buf_init(&text, HTTP_SIGNATURE_TEXT_MAX);
	x->signature = covering(headers);
	assert_int_equal(http_signature_text(&x->signature, &x->request, &text), OK);
	assert_int_equal(ssh_private_sign(private, text.data, text.len, &s), OK);
	strcpy(x->signature.algorithm, s.algorithm);
	memcpy(x->signature.bytes, s.bytes, s.n);
	x->signature.n_bytes = s.n;
	buf_fini(&text);
	ssh_private_destroy(private);
}

static void target_and_date_must_be_covered(void **state)
{
	struct exchange x;
	open_exchange(&x, *state, "ed25519");
	cover(&x, *state, "ed25519", "date (request-target)");
	assert_int_equal(check(&x, date_s), OK);
	cover(&x, *state, "ed25519", "host (request-target) date");
	assert_int_equal(check(&x, date_s), OK);
	cover(&x, *state, "ed25519", "(request-target)");
	assert_int_equal(check(&x, date_s), ERR_AUTH);
	assert_int_equal(http_signature_check(&x.signature, &x.request, x.key, date_s,
				 HTTP_SIGNATURE_DATE_ONLY, NULL),
		ERR_AUTH);
	cover(&x, *state, "ed25519", "date");
	assert_int_equal(check(&x, date_s), ERR_AUTH);
	assert_int_equal(http_signature_check(&x.signature, &x.request, x.key, date_s,
				 HTTP_SIGNATURE_DATE_ONLY, NULL),
		OK);
	assert_int_equal(http_signature_check(&x.signature, &x.request, x.key, date_s + 301,
				 HTTP_SIGNATURE_DATE_ONLY, NULL),
		ERR_AUTH);
	ssh_key_destroy(x.key);
}

/* openssl plays the client, by the published recipe. */
static void a_request_signed_by_openssl_is_accepted(void **state)
{
	static const char text[] = "(request-target): get /acme/machines?name=x\n"
				   "date: Tue, 16 Dec 2025 12:00:00 GMT";
	const char *dir = *state;
	char value[HTTP_SIGNATURE_VALUE_MAX];
	key_room_write(dir, "text", text, strlen(text));
	key_room_run(dir, "cp rsa pem && ssh-keygen -q -p -N '' -m PEM -f pem && "
			  "openssl dgst -sha256 -sign pem text | openssl enc -e -a -A > sig");
	size_t n;
	char *sig = key_room_read(dir, "sig", &n);
	snprintf(value, sizeof(value),
		"Signature keyId=\"/acme/keys/" MD5 "\",algorithm=\"rsa-sha256\","
		"headers=\"(request-target) date\",signature=\"%s\"",
		sig);
	struct head head = { .date = date };
	struct http_signature_request r = {
		.method = "GET", .target = "/acme/machines?name=x", .field = field, .data = &head
	};
	struct http_signature s;
	struct ssh_key *key = key_room_public(dir, "rsa");
	assert_int_equal(parse(value, &s), OK);
	assert_int_equal(http_signature_check(&s, &r, key, date_s, 0, NULL), OK);
	ssh_key_destroy(key);
	free(sig);
}

static int refuse(void *data, const void *text, size_t n, struct ssh_signature *out)
{
	(void)text;
	(void)n;
	(void)out;
	return *(int *)data;
}

static void clients_hear_of_errors(void **state)
{
	char value[HTTP_SIGNATURE_VALUE_MAX];
	int err = ERR_AUTH;
	struct exchange x;
	assert_int_equal(
		http_signature_build("GET", "/", date, "k", refuse, &err, value, sizeof(value)),
		ERR_AUTH);
	assert_int_equal(
		http_signature_build("GET", "/\n", date, "k", refuse, &err, value, sizeof(value)),
		ERR_PROTO);
	assert_int_equal(
		http_signature_build("GET", "/", "a\nb", "k", refuse, &err, value, sizeof(value)),
		ERR_PROTO);
	assert_int_equal(
		http_signature_build("GET", "/", date, "k\"", refuse, &err, value, sizeof(value)),
		ERR_PROTO);
	open_exchange(&x, *state, "ed25519");
	struct ssh_private *private = key_room_private(*state, "ed25519");
	size_t n = strlen(x.value);
	assert_int_equal(http_signature_build("GET", x.request.target, date, "/acme/keys/" MD5,
				 sign, private, value, n),
		ERR_LIMIT);
	assert_int_equal(http_signature_build("GET", x.request.target, date, "/acme/keys/" MD5,
				 sign, private, value, n + 1),
		OK);
	assert_string_equal(value, x.value); /* Ed25519 signs alike each time */
	ssh_private_destroy(private);
	ssh_key_destroy(x.key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_there_and_back),
		cmocka_unit_test(other_dates_are_refused),
		cmocka_unit_test(headers_are_taken_apart),
		cmocka_unit_test(every_prefix_of_a_header_is_refused),
		cmocka_unit_test(other_headers_are_refused),
		cmocka_unit_test(sizes_have_a_ceiling),
		cmocka_unit_test(key_ids_are_split),
		cmocka_unit_test(signing_strings_follow_the_headers),
		cmocka_unit_test(what_a_client_builds_is_accepted),
		cmocka_unit_test(a_changed_request_is_refused),
		cmocka_unit_test(the_clock_may_differ_by_five_minutes),
		cmocka_unit_test(target_and_date_must_be_covered),
		cmocka_unit_test(a_request_signed_by_openssl_is_accepted),
		cmocka_unit_test(clients_hear_of_errors),
	};
	return cmocka_run_group_tests(tests, setup, key_room_teardown);
}
