#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/argon2.h"
#include "crypto/text.h"
#include "crypto/totp.h"

/* Made with python3-cryptography's Argon2id. */
static const struct {
	const char *password, *hash;
	bool ours;
} foreign[] = {
	{ "correct horse",
		"$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$"
		"0AuQxA+RjPiJeA19Op7DwrFxnfh9xeTU2T6mFj2wThc",
		true },
	{ "correct horse",
		"$argon2id$v=19$m=65536,t=3,p=4$AAECAwQFBgcICQoLDA0ODw$"
		"V38f836aPlLJfTn46DiRwbc7Dof/4EKc7o7eL7AF/kQ",
		false },
	{ "p\xc3\xa4ssw\xc3\xb6rd",
		"$argon2id$v=19$m=64,t=1,p=8$ZGVmZ2hpamtsbW5vcHFycw$"
		"QloQTiA8BWRGJWMCsj+hcBx0PSrzPElSSakwankORas",
		false },
	{ "correct horse",
		"$argon2id$v=19$m=262144,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$"
		"/MCI5Is8jpUhE8+kEimpimuPD3YSbofDyPiXq+UMeiM",
		false },
	{ "correct horse",
		"$argon2id$v=19$m=8,t=10,p=1$AAECAwQFBgcICQoLDA0ODw$"
		"czOQXkMPJwXS4Y2uzCtQr0d8pcKLOwPxrZvtzMS1Xyk",
		false },
};

static void hashes_made_elsewhere_are_verified(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
		assert_true(argon2_verify(foreign[i].hash, foreign[i].password));
		assert_false(argon2_verify(foreign[i].hash, "wrong horse"));
		assert_false(argon2_verify(foreign[i].hash, ""));
		assert_int_equal(argon2_needs_rehash(foreign[i].hash), !foreign[i].ours);
	}
}

static void a_hash_verifies_its_password_only(void **state)
{
	(void)state;
	char a[ARGON2_TEXT], b[ARGON2_TEXT];
	assert_int_equal(argon2_init(), OK);
	assert_int_equal(argon2_init(), OK);
	assert_int_equal(argon2_hash("tr0ub4dor", a), OK);
	assert_int_equal(argon2_hash("tr0ub4dor", b), OK);
	assert_string_not_equal(a, b);
	assert_memory_equal(a, "$argon2id$v=19$m=19456,t=2,p=1$", 31);
	assert_true(argon2_verify(a, "tr0ub4dor"));
	assert_false(argon2_verify(a, "tr0ub4dor "));
	assert_false(argon2_verify(a, "Tr0ub4dor"));
	assert_false(argon2_needs_rehash(a));
	argon2_waste("tr0ub4dor");
}

static void dear_and_broken_hashes_are_refused(void **state)
{
	(void)state;
	static const char *const starts[] = {
		"$argon2id$v=19$m=262145,t=1,p=1$",
		"$argon2id$v=19$m=4294967295,t=1,p=1$",
		"$argon2id$v=19$m=99999999999999999999999,t=1,p=1$",
		"$argon2id$v=19$m=8,t=11,p=1$",
		"$argon2id$v=19$m=8,t=4294967295,p=1$",
		"$argon2id$v=19$m=64,t=1,p=17$",
		"$argon2id$v=19$m=0,t=1,p=1$",
		"$argon2id$v=19$m=8,t=0,p=1$",
		"$argon2id$v=19$m=-8,t=1,p=1$",
		"$argon2id$v=19$m=+8,t=1,p=1$",
		"$argon2id$v=19$m= 8,t=1,p=1$",
		"$argon2id$v=19$m=08,t=1,p=1$",
		"$argon2id$v=19$t=10,m=8,p=1$",
		"$argon2id$v=16$m=8,t=10,p=1$",
		"$argon2id$m=8,t=10,p=1$",
		"$argon2i$v=19$m=8,t=10,p=1$",
		"$argon2d$v=19$m=8,t=10,p=1$",
		"$argon2id$v=19$m=8,t=10,p=1,x=1$",
	};
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		char hash[200];
		snprintf(hash, sizeof(hash), "%s%s", starts[i],
			"AAECAwQFBgcICQoLDA0ODw$czOQXkMPJwXS4Y2uzCtQr0d8pcKLOwPxrZvtzMS1Xyk");
		assert_false(argon2_verify(hash, "correct horse"));
		assert_true(argon2_needs_rehash(hash));
	}
	assert_false(argon2_verify("", ""));
	assert_false(argon2_verify("$2b$12$abcdefghijklmnopqrstuu", "x"));
	char endless[2000];
	snprintf(endless, sizeof(endless), "%01999d", 0);
	memcpy(endless, foreign[4].hash, strlen(foreign[4].hash));
	assert_false(argon2_verify(endless, "correct horse"));
}

static void every_prefix_of_a_hash_is_refused(void **state)
{
	(void)state;
	const char *hash = foreign[4].hash;
	for (size_t n = 0; n < strlen(hash); n++) {
		char prefix[128] = { 0 };
		memcpy(prefix, hash, n);
		assert_false(argon2_verify(prefix, "correct horse"));
	}
}

static void *verify_some(void *data)
{
	bool *ok = data;
	*ok = true;
	for (int i = 0; i < 20; i++)
		*ok = *ok && argon2_verify(foreign[4].hash, foreign[4].password) &&
		      !argon2_verify(foreign[4].hash, "wrong");
	return NULL;
}

static void threads_do_not_meet(void **state)
{
	(void)state;
	pthread_t threads[4];
	bool ok[4] = { false };
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, verify_some, &ok[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_true(ok[i]);
	}
}

/* "12345678901234567890", the secret of RFC 6238 appendix B, whose codes of 8
 * digits end with these. */
static const char rfc_secret[] = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
static const struct {
	int64_t unix_s;
	const char *code;
} rfc_codes[] = {
	{ 59, "287082" },
	{ 1111111109, "081804" },
	{ 1111111111, "050471" },
	{ 1234567890, "005924" },
	{ 2000000000, "279037" },
	{ 20000000000, "353130" },
};

static void codes_are_those_of_the_rfc(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rfc_codes); i++) {
		int64_t step = -1, at = rfc_codes[i].unix_s;
		assert_true(totp_check(rfc_secret, rfc_codes[i].code, at, &step));
		assert_int_equal(step, at / 30);
	}
}

static void a_step_either_side_is_accepted(void **state)
{
	(void)state;
	int64_t start = 1234567890 / 30 * 30, step = 0;
	assert_true(totp_check(rfc_secret, "005924", start - 30, &step));
	assert_int_equal(step, start / 30);
	assert_true(totp_check(rfc_secret, "005924", start + 59, &step));
	assert_int_equal(step, start / 30);
	assert_false(totp_check(rfc_secret, "005924", start - 31, &step));
	assert_false(totp_check(rfc_secret, "005924", start + 60, &step));
}

static void other_codes_are_refused(void **state)
{
	(void)state;
	int64_t step = 77;
	static const char *const codes[] = { "", "00592", "0059240", "005925", " 05924", "005 924",
		"89005924", "00592\n", "5924" };
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		assert_false(totp_check(rfc_secret, codes[i], 1234567890, &step));
	assert_int_equal(step, 77);
	assert_false(totp_check("", "328482", 0, &step));
	assert_false(totp_check("", "328482", 1234567890, &step));
	assert_false(totp_check("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ!", "005924", 1234567890, &step));
	assert_false(totp_check(rfc_secret, "287082", -59, &step));
	assert_false(totp_check(rfc_secret, "287082", INT64_MIN, &step));
	assert_false(totp_check(rfc_secret, "287082", 0, &step));
	(void)totp_check(rfc_secret, "287082", INT64_MAX, &step);
}

static void secrets_differ_and_work(void **state)
{
	(void)state;
	char a[TOTP_SECRET_TEXT], b[TOTP_SECRET_TEXT];
	uint8_t bytes[20];
	size_t n;
	assert_int_equal(totp_make_secret(a), OK);
	assert_int_equal(totp_make_secret(b), OK);
	assert_string_not_equal(a, b);
	assert_int_equal(text_parse_base32(a, strlen(a), bytes, sizeof(bytes), &n), OK);
	assert_int_equal(n, 20);
}

static void uris_are_encoded(void **state)
{
	(void)state;
	char uri[256];
	assert_int_equal(
		totp_uri("My Porthole", "a:b/c?d&e=%\xc3\xa4~", "ABC", uri, sizeof(uri)), OK);
	static const char want[] =
		"otpauth://totp/My%20Porthole:a%3Ab%2Fc%3Fd%26e%3D%25%C3%A4~?secret=ABC&"
		"issuer=My%20Porthole&algorithm=SHA1&digits=6&period=30";
	assert_string_equal(uri, want);
	assert_int_equal(totp_uri("My Porthole", "a:b/c?d&e=%\xc3\xa4~", "ABC", uri, strlen(want)),
		ERR_LIMIT);
	char long_name[800];
	memset(long_name, ' ', sizeof(long_name));
	long_name[799] = 0;
	char wide[8000];
	assert_int_equal(totp_uri("x", long_name, "ABC", wide, sizeof(wide)), ERR_LIMIT);
	long_name[255] = 0;
	assert_int_equal(totp_uri("x", long_name, "ABC", wide, sizeof(wide)), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_made_elsewhere_are_verified),
		cmocka_unit_test(a_hash_verifies_its_password_only),
		cmocka_unit_test(dear_and_broken_hashes_are_refused),
		cmocka_unit_test(every_prefix_of_a_hash_is_refused),
		cmocka_unit_test(threads_do_not_meet),
		cmocka_unit_test(codes_are_those_of_the_rfc),
		cmocka_unit_test(a_step_either_side_is_accepted),
		cmocka_unit_test(other_codes_are_refused),
		cmocka_unit_test(secrets_differ_and_work),
		cmocka_unit_test(uris_are_encoded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
