#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/hash.h"
#include "crypto/secret.h"
#include "crypto/vncauth.h"

static void assert_hex(const uint8_t *got, size_t n, const char *want)
{
	char text[2 * HASH_SHA256 + 1];
	assert_int_equal(strlen(want), 2 * n);
	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", got[i]);
	assert_string_equal(text, want);
}

static void from_hex(const char *hex, uint8_t *out)
{
	for (size_t i = 0; hex[2 * i]; i++) {
		unsigned v;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
		out[i] = (uint8_t)v;
	}
}

/* Made with: openssl enc -des-ecb -nopad -provider legacy -K KEY, where KEY is
 * the padded password with each byte's bits reversed. */
static const struct {
	const char *password, *challenge, *response;
} vncauth_cases[] = {
	{ "password", "000102030405060708090a0b0c0d0e0f", "b866924125c8eebb9debc1db61c538e2" },
	{ "", "00000000000000000000000000000000", "8ca64de9c1b123a78ca64de9c1b123a7" },
	{ "a", "ffffffffffffffffffffffffffffffff", "1a6448e0ea6e98cf1a6448e0ea6e98cf" },
	{ "longerthan8", "4b1d6f0e92c3a85577f01e2d3c4b5a69", "00d0a65691ff0d472bdf684ee56f2ecb" },
	{ "W\xc3\xb6rt\xe2\x82\xac", "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
		"0f58e1a9a79b2a866af65f4aa9c47aed" },
};

static void vncauth_answers_as_openssl_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vncauth_cases); i++) {
		uint8_t challenge[VNCAUTH_CHALLENGE], out[VNCAUTH_CHALLENGE];
		from_hex(vncauth_cases[i].challenge, challenge);
		vncauth_response(challenge, vncauth_cases[i].password, out);
		assert_hex(out, sizeof(out), vncauth_cases[i].response);
		/* in place */
		vncauth_response(challenge, vncauth_cases[i].password, challenge);
		assert_memory_equal(challenge, out, sizeof(out));
	}
}

static void vncauth_reads_eight_bytes_of_password(void **state)
{
	(void)state;
	uint8_t challenge[VNCAUTH_CHALLENGE] = { 1, 2, 3 }, a[VNCAUTH_CHALLENGE],
		b[VNCAUTH_CHALLENGE];
	char unended[8] = { 'l', 'o', 'n', 'g', 'e', 'r', 't', 'h' };
	vncauth_response(challenge, unended, a);
	vncauth_response(challenge, "longerth and more", b);
	assert_memory_equal(a, b, sizeof(a));
	vncauth_response(challenge, "longert", b);
	assert_memory_not_equal(a, b, sizeof(a));
}

static void hashes_match_known_answers(void **state)
{
	(void)state;
	uint8_t md5[HASH_MD5], sha1[HASH_SHA1], sha256[HASH_SHA256], data[1000];
	hash_md5("", 0, md5);
	assert_hex(md5, sizeof(md5), "d41d8cd98f00b204e9800998ecf8427e");
	hash_sha1("", 0, sha1);
	assert_hex(sha1, sizeof(sha1), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	hash_sha1("abc", 3, sha1);
	assert_hex(sha1, sizeof(sha1), "a9993e364706816aba3e25717850c26c9cd0d89d");
	hash_sha256("", 0, sha256);
	assert_hex(sha256, sizeof(sha256),
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	hash_sha256("abc", 3, sha256);
	assert_hex(sha256, sizeof(sha256),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	hash_md5(data, sizeof(data), md5);
	assert_hex(md5, sizeof(md5), "cbecbdb0fdd5cec1e242493b6008cc79");
	hash_sha1(data, sizeof(data), sha1);
	assert_hex(sha1, sizeof(sha1), "af0b191c2de46fe13fe0908f5a6a4e90e0cafc46");
	hash_sha256(data, sizeof(data), sha256);
	assert_hex(sha256, sizeof(sha256),
		"a8af099bf2e878609558dbf69d8f88f4a31040a8cf84b549a0cfa912f12ffc3f");
}

static void secrets_are_hex_and_differ(void **state)
{
	(void)state;
	char a[SECRET_TEXT], b[SECRET_TEXT];
	assert_int_equal(secret_make(a), OK);
	assert_int_equal(secret_make(b), OK);
	assert_int_equal(strlen(a), 32);
	assert_int_equal(strspn(a, "0123456789abcdef"), 32);
	assert_string_not_equal(a, b);
}

static void secrets_compare_by_all_bytes(void **state)
{
	(void)state;
	assert_true(secret_equal("abc", 3, "abc", 3));
	assert_true(secret_equal(NULL, 0, "", 0));
	assert_false(secret_equal("abc", 3, "abd", 3));
	assert_false(secret_equal("xbc", 3, "abc", 3));
	assert_false(secret_equal("abc", 3, "abcd", 4));
	assert_false(secret_equal("abc", 3, "", 0));
}

static void wipe_leaves_nothing(void **state)
{
	(void)state;
	char secret[] = "secret", zero[sizeof(secret)] = { 0 };
	secret_wipe(secret, sizeof(secret));
	assert_memory_equal(secret, zero, sizeof(secret));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vncauth_answers_as_openssl_does),
		cmocka_unit_test(vncauth_reads_eight_bytes_of_password),
		cmocka_unit_test(hashes_match_known_answers),
		cmocka_unit_test(secrets_are_hex_and_differ),
		cmocka_unit_test(secrets_compare_by_all_bytes),
		cmocka_unit_test(wipe_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
