#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/text.h"
#include "crypto/token.h"

/* RFC 4648 section 10. */
static const struct {
	const char *plain, *hex, *base64, *base32, *base32_padded;
} vectors[] = {
	{ "", "", "", "", "" },
	{ "f", "66", "Zg==", "MY", "MY======" },
	{ "fo", "666f", "Zm8=", "MZXQ", "MZXQ====" },
	{ "foo", "666f6f", "Zm9v", "MZXW6", "MZXW6===" },
	{ "foob", "666f6f62", "Zm9vYg==", "MZXW6YQ", "MZXW6YQ=" },
	{ "fooba", "666f6f6261", "Zm9vYmE=", "MZXW6YTB", "MZXW6YTB" },
	{ "foobar", "666f6f626172", "Zm9vYmFy", "MZXW6YTBOI", "MZXW6YTBOI======" },
};

static void known_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		char text[32];
		uint8_t back[8];
		size_t n = strlen(vectors[i].plain), got;
		text_put_hex(vectors[i].plain, n, text);
		assert_string_equal(text, vectors[i].hex);
		assert_int_equal(text_parse_hex(text, 2 * n, back, n), OK);
		assert_memory_equal(back, vectors[i].plain, n);
		text_put_base64(vectors[i].plain, n, text);
		assert_string_equal(text, vectors[i].base64);
		assert_int_equal(text_parse_base64(text, strlen(text), back, n, &got), OK);
		assert_int_equal(got, n);
		assert_memory_equal(back, vectors[i].plain, n);
		text_put_base32(vectors[i].plain, n, text);
		assert_string_equal(text, vectors[i].base32);
		assert_int_equal(text_parse_base32(text, strlen(text), back, n, &got), OK);
		assert_int_equal(got, n);
		assert_memory_equal(back, vectors[i].plain, n);
		const char *padded = vectors[i].base32_padded;
		assert_int_equal(text_parse_base32(padded, strlen(padded), back, n, &got), OK);
		assert_int_equal(got, n);
	}
}

static void every_length_there_and_back(void **state)
{
	(void)state;
	for (size_t n = 0; n < 70; n++) {
		/* exactly as long as promised, so that a byte more is seen */
		uint8_t *data = malloc(n + 1), *back = malloc(n + 1);
		char *hex = malloc(TEXT_HEX_SIZE(n)), *base64 = malloc(TEXT_BASE64_SIZE(n)),
		     *base32 = malloc(TEXT_BASE32_SIZE(n));
		size_t got;
		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)(i * 151 + n * 37);
		text_put_hex(data, n, hex);
		assert_int_equal(text_parse_hex(hex, strlen(hex), back, n), OK);
		assert_memory_equal(back, data, n);
		text_put_base64(data, n, base64);
		assert_int_equal(strlen(base64) + 1, TEXT_BASE64_SIZE(n));
		assert_int_equal(text_parse_base64(base64, strlen(base64), back, n, &got), OK);
		assert_int_equal(got, n);
		assert_memory_equal(back, data, n);
		text_put_base32(data, n, base32);
		assert_int_equal(strlen(base32) + 1, TEXT_BASE32_SIZE(n));
		assert_int_equal(text_parse_base32(base32, strlen(base32), back, n, &got), OK);
		assert_int_equal(got, n);
		assert_memory_equal(back, data, n);
		if (n) {
			assert_int_equal(
				text_parse_base64(base64, strlen(base64), back, n - 1, &got),
				ERR_LIMIT);
			assert_int_equal(
				text_parse_base32(base32, strlen(base32), back, n - 1, &got),
				ERR_LIMIT);
		}
		free(data);
		free(back);
		free(hex);
		free(base64);
		free(base32);
	}
}

static void hex_takes_either_case(void **state)
{
	(void)state;
	uint8_t out[4];
	assert_int_equal(text_parse_hex("DeadBEEF", 8, out, 4), OK);
	assert_memory_equal(out, "\xde\xad\xbe\xef", 4);
	assert_int_equal(text_parse_hex("", 0, out, 0), OK);
	static const char *const wrong[] = { "deadbee", "deadbeef0", "deadbeeg", "dead beef",
		"deadbe", "0xdeadbe", "deadbe\xff\xff", "deadbee:", "deadbee@", "deadbee`",
		"deadbee/" };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(text_parse_hex(wrong[i], strlen(wrong[i]), out, 4), ERR_PROTO);
	assert_int_equal(text_parse_hex("dead\0eef", 8, out, 4), ERR_PROTO);
}

static void base64_is_strict(void **state)
{
	(void)state;
	uint8_t out[16];
	size_t n;
	static const char *const wrong[] = { "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8", "=",
		"==", "===", "====", "Zg==Zg==", "Zm9v====", "Zm9v\n", "Zm 9v", "Zm-_",
		"Zm9v=", "Z===", "Zm8=Zm8=", "Zg=g", "\xff\xff\xff\xff" };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(
			text_parse_base64(wrong[i], strlen(wrong[i]), out, sizeof(out), &n),
			ERR_PROTO);
	assert_int_equal(text_parse_base64("+/+/", 4, out, sizeof(out), &n), OK);
	assert_memory_equal(out, "\xfb\xff\xbf", 3);
}

static void base32_is_strict(void **state)
{
	(void)state;
	uint8_t out[16];
	size_t n;
	static const char *const wrong[] = { "M", "MZ", "MYA", "MYAAAA", "MY=====", "MY=", "=",
		"========", "MZXW6YTB========", "MZ1W", "MZ8W", "MZ0W", "MZ W",
		"MZX=6===", "MY======MY======", "MZXQ\n" };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(
			text_parse_base32(wrong[i], strlen(wrong[i]), out, sizeof(out), &n),
			ERR_PROTO);
	assert_int_equal(text_parse_base32("mzxw6ytb", 8, out, sizeof(out), &n), OK);
	assert_memory_equal(out, "fooba", 5);
}

static void tokens_are_hex_and_differ(void **state)
{
	(void)state;
	char a[65], b[65], hash[TOKEN_HASH];
	assert_int_equal(token_make(a, 32), OK);
	assert_int_equal(token_make(b, 32), OK);
	assert_int_equal(strlen(a), 64);
	assert_int_equal(strspn(a, "0123456789abcdef"), 64);
	assert_string_not_equal(a, b);
	assert_int_equal(token_make(a, 257), ERR_LIMIT);
	char long_one[513];
	assert_int_equal(token_make(long_one, 256), OK);
	assert_int_equal(strlen(long_one), 512);
	token_hash("abababababababababababababababababababababababababababababababab", hash);
	assert_string_equal(
		hash, "271a413bd339c5709fdceaec41f14f11e9fbfb5042d72d331c65f32b284cd09a");
}

static void ids_use_the_whole_alphabet(void **state)
{
	(void)state;
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t seen[64] = { 0 };
	for (int i = 0; i < 1000; i++) {
		char id[TOKEN_ID];
		assert_int_equal(token_make_id(id), OK);
		assert_int_equal(strlen(id), 12);
		for (const char *p = id; *p; p++) {
			assert_non_null(strchr(alphabet, *p));
			seen[strchr(alphabet, *p) - alphabet]++;
		}
	}
	/* 187 of each are expected */
	for (size_t i = 0; i < ARRAY_LEN(seen); i++)
		assert_in_range(seen[i], 50, 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(every_length_there_and_back),
		cmocka_unit_test(hex_takes_either_case),
		cmocka_unit_test(base64_is_strict),
		cmocka_unit_test(base32_is_strict),
		cmocka_unit_test(tokens_are_hex_and_differ),
		cmocka_unit_test(ids_use_the_whole_alphabet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
