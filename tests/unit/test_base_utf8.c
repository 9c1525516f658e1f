#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

static void known_texts(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool valid;
	} rows[] = {
		{ "", true },
		{ "plain text, longer than a word of the machine", true },
		{ "\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf", true },
		{ "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf", true },
		{ "\x80", false },
		{ "\xc0\xaf", false }, /* overlong */
		{ "\xc1\xbf", false },
		{ "\xe0\x9f\xbf", false },
		{ "\xf0\x8f\xbf\xbf", false },
		{ "\xed\xa0\x80", false }, /* a surrogate */
		{ "\xf4\x90\x80\x80", false },
		{ "\xf5\x80\x80\x80", false },
		{ "\xff", false },
		{ "eight by\xe2\x82 ", false },
		{ "12345678\xe2\x28\xa1", false },
		{ "\xf0\x9f\x92\x29", false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (utf8_valid(rows[i].text, strlen(rows[i].text)) != rows[i].valid)
			fail_msg("row %zu", i);
}

/* Against the definition: encode each number, look at each cut of it. */
static void every_character_and_every_prefix(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 0x110100; c += c < 0x3000 ? 1 : 61) {
		uint8_t t[4];
		size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		static const uint8_t marks[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
		for (size_t i = n; i-- > 0;)
			t[i] = (uint8_t)((i ? 0x80 : marks[n]) |
					 ((c >> (6 * (n - 1 - i))) & (i ? 0x3f : 0x7f)));
		bool is_one = c < 0x110000 && (c < 0xd800 || c > 0xdfff);
		uint32_t decoded = c + 1;
		assert_int_equal(utf8_valid(t, n), is_one);
		assert_int_equal(utf8_decode(t, n, &decoded), is_one ? n : 0);
		assert_int_equal(decoded, is_one ? c : c + 1);
		for (size_t cut = 1; cut < n; cut++) {
			uint8_t *exact = malloc(cut);
			memcpy(exact, t, cut);
			assert_false(utf8_valid(exact, cut));
			assert_int_equal(utf8_decode(exact, cut, &decoded), 0);
			free(exact);
			assert_int_equal(utf8_cut((const char *)t, n, cut), 0);
		}
	}
}

static void a_cut_is_between_characters(void **state)
{
	(void)state;
	assert_int_equal(utf8_cut("abc", 3, 5), 3);
	assert_int_equal(utf8_cut("abc", 3, 2), 2);
	assert_int_equal(utf8_cut("ab\xc3\xa9", 4, 3), 2);
	assert_int_equal(utf8_cut("ab\xc3\xa9z", 5, 4), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_texts),
		cmocka_unit_test(every_character_and_every_prefix),
		cmocka_unit_test(a_cut_is_between_characters),
	};
	return cmocka_run_group_tests_name("base/utf8", tests, NULL, NULL);
}
