#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/hmac.h"
#include "crypto/request_signature.h"
#include "crypto/text.h"

static void assert_hex(const uint8_t *got, size_t n, const char *want)
{
	char text[TEXT_HEX_SIZE(HASH_SHA256)];
	text_put_hex(got, n, text);
	assert_string_equal(text, want);
}

/* Made with Python's hmac; the keys are k repeated key_len times. */
static const struct {
	size_t key_len;
	const char *data, *sha1, *sha256;
} macs[] = {
	{ 0, "", "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d",
		"b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
	{ 64, "data", NULL, "93244b031118b8060c6619e5900fcf916faefb2d8d020fecb22ae0f62275db08" },
	{ 200, "data", "25d441286313849e132956d254784282bd8e8afd",
		"0163658d479ec73f2b801df07141db1426aaae2c6b5e8e6d9e6789f92f5e2b4f" },
};

static void macs_match_known_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(macs); i++) {
		char key[200];
		uint8_t sha1[HASH_SHA1], sha256[HASH_SHA256];
		size_t n = strlen(macs[i].data);
		memset(key, 'k', sizeof(key));
		hmac_sha256(key, macs[i].key_len, macs[i].data, n, sha256);
		assert_hex(sha256, sizeof(sha256), macs[i].sha256);
		if (!macs[i].sha1)
			continue;
		hmac_sha1(key, macs[i].key_len, macs[i].data, n, sha1);
		assert_hex(sha1, sizeof(sha1), macs[i].sha1);
	}
	/* RFC 4231 test case 2, in pieces */
	static const struct hmac_part parts[] = { { "what do ", 8 }, { "", 0 },
		{ "ya want for nothing?", 20 } };
	uint8_t mac[HASH_SHA256];
	hmac_sha256_parts("Jefe", 4, parts, ARRAY_LEN(parts), mac);
	assert_hex(mac, sizeof(mac),
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static const char secret[] = "0123456789abcdef0123456789abcdef";
static const char token[] = "abababababababababababababababababababababababababababababababab";

/* Signatures that a gateway in the field accepts. */
static const struct {
	const char *method, *path, *body, *run_id, *token, *signature;
} requests[] = {
	{ "GET", "/api/runs/l_fbQxUaawc5/commands", "", "l_fbQxUaawc5", token,
		"23228ccb11372730e87a929f108a2384d67cc9df18191b91967a2a2b353786d1" },
	{ "POST", "/api/ingest/event", "{\"type\": \"info\", \"data\": \"hi\", \"sequence\": 0}",
		"l_fbQxUaawc5", token,
		"aac0f26e9f47d80ecdfa038e419694f777db6f1997add2422ee6fc002d83853e" },
	{ "POST", "/api/runs/claim", "{\"agentId\":\"agent-1\"}", "", "",
		"4a8cebcc5808a5927e5fa1e25a831ae357ab3859c78b77c1a43281e24e176143" },
};

static struct request_signature request(size_t i, char body_sha256[TEXT_HEX_SIZE(HASH_SHA256)])
{
	uint8_t hash[HASH_SHA256];
	hash_sha256(requests[i].body, strlen(requests[i].body), hash);
	text_put_hex(hash, sizeof(hash), body_sha256);
	return (struct request_signature){
		.method = requests[i].method,
		.path = requests[i].path,
		.body_sha256 = body_sha256,
		.timestamp = "1700000000",
		.nonce = "0011223344556677",
		.run_id = requests[i].run_id,
		.token = requests[i].token,
	};
}

static void requests_match_known_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		char hash[TEXT_HEX_SIZE(HASH_SHA256)], signature[REQUEST_SIGNATURE_TEXT];
		struct request_signature s = request(i, hash);
		assert_int_equal(request_signature_make(&s, secret, strlen(secret), signature), OK);
		assert_string_equal(signature, requests[i].signature);
		assert_true(request_signature_check(&s, secret, strlen(secret), signature));
	}
}

static const char **field(struct request_signature *s, int i)
{
	const char **fields[] = { &s->method, &s->path, &s->body_sha256, &s->timestamp, &s->nonce,
		&s->run_id, &s->token };
	return fields[i];
}

static void every_field_is_signed(void **state)
{
	(void)state;
	for (int i = 0; i < 7; i++) {
		char hash[TEXT_HEX_SIZE(HASH_SHA256)], other[65];
		struct request_signature s = request(0, hash);
		strcpy(other, *field(&s, i));
		other[strlen(other) - 1] ^= 1;
		*field(&s, i) = other;
		assert_false(
			request_signature_check(&s, secret, strlen(secret), requests[0].signature));
		*field(&s, i) = i == 2 ? "" : "a\nb";
		char out[REQUEST_SIGNATURE_TEXT];
		assert_int_equal(
			request_signature_make(&s, secret, strlen(secret), out), ERR_PROTO);
		assert_false(
			request_signature_check(&s, secret, strlen(secret), requests[0].signature));
	}
	char hash[TEXT_HEX_SIZE(HASH_SHA256)];
	struct request_signature s = request(0, hash);
	assert_false(request_signature_check(
		&s, "0123456789abcdef0123456789abcdeF", 32, requests[0].signature));
	assert_false(request_signature_check(&s, secret, 31, requests[0].signature));
}

/* A field cannot take over what belongs to the next one. */
static void fields_do_not_run_together(void **state)
{
	(void)state;
	char hash[TEXT_HEX_SIZE(HASH_SHA256)], a[REQUEST_SIGNATURE_TEXT], b[REQUEST_SIGNATURE_TEXT];
	struct request_signature s = request(0, hash);
	s.nonce = "ab";
	s.run_id = "c";
	assert_int_equal(request_signature_make(&s, secret, strlen(secret), a), OK);
	s.nonce = "a";
	s.run_id = "bc";
	assert_int_equal(request_signature_make(&s, secret, strlen(secret), b), OK);
	assert_string_not_equal(a, b);
}

static void malformed_signatures_are_unequal(void **state)
{
	(void)state;
	char hash[TEXT_HEX_SIZE(HASH_SHA256)], text[66];
	struct request_signature s = request(0, hash);
	for (size_t n = 0; n < 64; n++) {
		memcpy(text, requests[0].signature, n);
		text[n] = 0;
		assert_false(request_signature_check(&s, secret, strlen(secret), text));
	}
	strcpy(text, requests[0].signature);
	strcat(text, "0");
	assert_false(request_signature_check(&s, secret, strlen(secret), text));
	for (size_t i = 0; i < 64; i++) {
		strcpy(text, requests[0].signature);
		text[i] = 'g';
		assert_false(request_signature_check(&s, secret, strlen(secret), text));
		text[i] = requests[0].signature[i] == '0' ? '1' : '0';
		assert_false(request_signature_check(&s, secret, strlen(secret), text));
	}
	char upper[] = "23228CCB11372730E87A929F108A2384D67CC9DF18191B91967A2A2B353786D1";
	assert_true(request_signature_check(&s, secret, strlen(secret), upper));
}

static void bodies_are_hashed_in_lower_case(void **state)
{
	(void)state;
	char hash[TEXT_HEX_SIZE(HASH_SHA256)], out[REQUEST_SIGNATURE_TEXT];
	struct request_signature s = request(0, hash);
	hash[0] = 'E';
	assert_int_equal(request_signature_make(&s, secret, strlen(secret), out), ERR_PROTO);
	hash[0] = 'e';
	hash[63] = 0;
	assert_int_equal(request_signature_make(&s, secret, strlen(secret), out), ERR_PROTO);
}

static void short_secrets_are_refused(void **state)
{
	(void)state;
	const char *why = NULL;
	assert_int_equal(request_key_judge(NULL, &why), ERR_AUTH);
	assert_non_null(strstr(why, "HMAC_SECRET"));
	assert_int_equal(request_key_judge("", &why), ERR_AUTH);
	assert_non_null(strstr(why, "no shared secret"));
	assert_int_equal(request_key_judge("0123456789abcdef0123456789abcde", &why), ERR_AUTH);
	assert_non_null(strstr(why, "too short"));
	assert_int_equal(request_key_judge(secret, &why), OK);
	assert_int_equal(request_key_judge("0123456789abcdef0123456789abcdef0", &why), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(macs_match_known_answers),
		cmocka_unit_test(requests_match_known_answers),
		cmocka_unit_test(every_field_is_signed),
		cmocka_unit_test(fields_do_not_run_together),
		cmocka_unit_test(malformed_signatures_are_unequal),
		cmocka_unit_test(bodies_are_hashed_in_lower_case),
		cmocka_unit_test(short_secrets_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
