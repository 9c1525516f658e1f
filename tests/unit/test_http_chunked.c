#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/chunked.h"

enum { BODY_MAX = 1000 };

struct outcome {
	int err;
	size_t left; /* of what came */
	char body[BODY_MAX + 1];
};

/* Gives `text` in pieces of `step` bytes, each in memory of its own. */
static struct outcome take(const char *text, size_t n, size_t step)
{
	struct outcome o = { .err = ERR_AGAIN };
	struct chunked c = { 0 };
	struct buf out;
	buf_init(&out, BODY_MAX);
	size_t at = 0;
	while (at < n && o.err == ERR_AGAIN) {
		size_t len = step < n - at ? step : n - at;
		uint8_t *piece = malloc(len);
		assert_non_null(piece);
		memcpy(piece, text + at, len);
		struct rd in = rd_of(piece, len);
		o.err = chunked_take(&c, &in, &out);
		if (o.err == ERR_AGAIN)
			assert_int_equal(in.left, 0);
		at += len - in.left;
		free(piece);
	}
	o.left = n - at;
	if (out.len > 0)
		memcpy(o.body, out.data, out.len);
	buf_fini(&out);
	return o;
}

/* The same outcome however it is cut. */
static struct outcome take_all(const char *text)
{
	size_t n = strlen(text);
	struct outcome whole = take(text, n, n ? n : 1);
	for (size_t step = 1; step < n; step++) {
		struct outcome o = take(text, n, step);
		assert_int_equal(o.err, whole.err);
		assert_int_equal(o.left, whole.left);
		assert_string_equal(o.body, whole.body);
	}
	return whole;
}

static void bodies_are_put_together(void **state)
{
	(void)state;
	static const struct {
		const char *text, *body;
		size_t left;
	} rows[] = {
		{ "0\r\n\r\n", "", 0 },
		{ "5\r\nhello\r\n0\r\n\r\n", "hello", 0 },
		{ "5\r\nhello\r\n0\r\n\r\nGET /", "hello", 5 },
		{ "1\r\nh\r\n00003\r\nell\r\n01\r\no\r\n000\r\n\r\n", "hello", 0 },
		{ "A\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0 },
		{ "a;x=y;\t z=\"\xff\"\r\n0123456789\r\n0;last\r\n\r\n", "0123456789", 0 },
		{ "2\r\n\r\n\r\n0\r\nA: b\r\nC:\r\n\r\n", "\r\n", 0 },
		{ "0000000000000001\r\nx\r\n0\r\n\r\n", "x", 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct outcome o = take_all(rows[i].text);
		assert_int_equal(o.err, OK);
		assert_int_equal(o.left, rows[i].left);
		assert_string_equal(o.body, rows[i].body);
	}
}

static void every_prefix_asks_for_more(void **state)
{
	(void)state;
	static const char text[] = "5;a=b\r\nhello\r\n2\r\n!!\r\n0\r\nTrailer: x\r\n\r\n";
	for (size_t n = 1; n < strlen(text); n++) {
		struct outcome o = take(text, n, n);
		assert_int_equal(o.err, ERR_AGAIN);
		assert_int_equal(o.left, 0);
	}
}

static void other_codings_are_refused(void **state)
{
	(void)state;
	static const char *const rows[] = { "\r\n", "\n", ";", "g", "-1", "+1", "0x5", " 5\r\n",
		"5 ", "5 ;a", "5\n", "5\rx", "5\r\nhello\n", "5\r\nhello!", "5\r\nhello\rx",
		"5\r\nhello\r\n\r\n", "1\r\nx\r\n;", "0\r\n:", "0\r\n x: y", "0\r\nA : b",
		"0\r\nA\r\n", "0\r\nA: b\n", "0\r\nA: b\r\n folded", "0\r\nA: \x01", "0\r\n\n",
		"0\r\n\rx", "5;a\x01", "5;a\n", "00000000000000001", "10000000000000000",
		"FFFFFFFFFFFFFFFFF" };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(take_all(rows[i]).err, ERR_PROTO);
	struct outcome o = take("5;\0", 3, 3);
	assert_int_equal(o.err, ERR_PROTO);
}

static void sizes_have_a_ceiling(void **state)
{
	(void)state;
	assert_int_equal(take_all("3E8\r\n").err, ERR_AGAIN);
	assert_int_equal(take_all("3E9\r\n").err, ERR_LIMIT);
	assert_int_equal(take_all("1\r\nx\r\n3E8\r\n").err, ERR_LIMIT);
	assert_int_equal(take_all("FFFFFFFFFFFFFFFF\r\n").err, ERR_LIMIT);
	assert_int_equal(take_all("8000000000000000\r\n").err, ERR_LIMIT);
}

/* `n` bytes of `fill` between two texts. */
static int with_filling(const char *before, size_t n, const char *after)
{
	char *text = malloc(strlen(before) + n + strlen(after) + 1);
	assert_non_null(text);
	strcpy(text, before);
	memset(text + strlen(before), 'e', n);
	strcpy(text + strlen(before) + n, after);
	int err = take(text, strlen(text), 1).err;
	free(text);
	return err;
}

static void what_is_ignored_has_a_ceiling(void **state)
{
	(void)state;
	assert_int_equal(with_filling("1;", CHUNK_EXTENSION_MAX, "\r\nx\r\n0\r\n\r\n"), OK);
	assert_int_equal(with_filling("1;", CHUNK_EXTENSION_MAX + 1, ""), ERR_PROTO);
	assert_int_equal(with_filling("0\r\nA:", CHUNK_TRAILERS_MAX - 5, "\r\n\r\n"), OK);
	assert_int_equal(with_filling("0\r\nA:", CHUNK_TRAILERS_MAX - 4, "\r\n\r\n"), ERR_PROTO);

	/* many small extensions are a large one */
	enum { EACH = 200 };
	char chunk[EACH + 10] = "1;", text[100 * (EACH + 10)] = "";
	memset(chunk + 2, 'e', EACH);
	strcpy(chunk + 2 + EACH, "\r\nx\r\n");
	size_t n = 0, len = strlen(chunk), many = CHUNK_EXTENSIONS_MAX / EACH;
	for (size_t i = 0; i < many; i++, n += len)
		memcpy(text + n, chunk, len);
	assert_int_equal(take(text, n, 100).err, ERR_AGAIN);
	memcpy(text + n, chunk, len);
	assert_int_equal(take(text, n + len, 100).err, ERR_PROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_put_together),
		cmocka_unit_test(every_prefix_asks_for_more),
		cmocka_unit_test(other_codings_are_refused),
		cmocka_unit_test(sizes_have_a_ceiling),
		cmocka_unit_test(what_is_ignored_has_a_ceiling),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
