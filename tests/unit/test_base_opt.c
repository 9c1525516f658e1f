#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/opt.h"

struct options {
	bool view_only, wheel;
	int port, mode;
	const char *listen;
	struct opt_size size;
	struct opt_list host;
};

struct other {
	bool quiet;
};

static const char *const modes[] = { "auto", "x11", "pattern", NULL };

static const struct opt rows[] = {
	{ "view-only", 'o', .help = "Watch", OPT_AT(struct options, view_only) },
	{ "wheel", .help = "Wheel", OPT_AT(struct options, wheel), .negatable = true },
	{ "port", 'p', "PORT", "Port", OPT_AT(struct options, port), .min = 0, .max = 65535 },
	{ "mode", .arg = "MODE", .help = "Mode", OPT_AT(struct options, mode), .choices = modes },
	{ "listen", 'l', "ADDRESS", "Where", OPT_AT(struct options, listen) },
	{ "size", 's', "WxH", "Size", OPT_AT(struct options, size), .min = 1, .max = 16384 },
	{ "host", .arg = "NAME", .help = "Name", OPT_AT(struct options, host), .shown = "none" },
};

static const struct opt other_rows[] = {
	{ "quiet", 'q', .help = "Hush", OPT_AT(struct other, quiet) },
};

static const struct opt_group group = { "Options", rows, ARRAY_LEN(rows) };
static const struct opt_group other_group = { "Others", other_rows, ARRAY_LEN(other_rows) };

struct outcome {
	struct options o;
	struct other other;
	const char *argv[40];
	int n_operands;
	int err;
	char error[OPT_ERROR_MAX];
};

/* `line` is cut at its spaces. */
static void parse(struct outcome *out, const char *line)
{
	static char text[1024];
	memset(out, 0, sizeof(*out));
	out->o = (struct options){ .wheel = true, .port = 5900, .listen = "home" };
	strcpy(text, line);
	int argc = 0;
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		out->argv[argc++] = word;
	const struct opt_set sets[] = { { &group, &out->o }, { &other_group, &out->other } };
	out->err = opt_parse(sets, 2, argc, (char **)out->argv, &out->n_operands, out->error);
}

static void every_form_is_understood(void **state)
{
	(void)state;
	struct outcome t;
	parse(&t, "");
	assert_int_equal(t.err, OK);
	assert_int_equal(t.n_operands, 0);
	assert_int_equal(t.o.port, 5900);
	assert_string_equal(t.o.listen, "home");

	parse(&t, "--port 1 --listen=a=b --mode pattern --view-only --size=640x480 --no-wheel");
	assert_int_equal(t.err, OK);
	assert_int_equal(t.o.port, 1);
	assert_string_equal(t.o.listen, "a=b");
	assert_int_equal(t.o.mode, 2);
	assert_true(t.o.view_only);
	assert_false(t.o.wheel);
	assert_int_equal(t.o.size.w, 640);
	assert_int_equal(t.o.size.h, 480);

	parse(&t, "-p5901 -l x -qos 1x2 --no-wheel --wheel");
	assert_int_equal(t.err, OK);
	assert_int_equal(t.o.port, 5901);
	assert_string_equal(t.o.listen, "x");
	assert_true(t.other.quiet);
	assert_true(t.o.view_only);
	assert_true(t.o.wheel);
	assert_int_equal(t.o.size.h, 2);

	parse(&t, "--listen= --port=0 --port 65535");
	assert_int_equal(t.err, OK);
	assert_string_equal(t.o.listen, "");
	assert_int_equal(t.o.port, 65535);
	parse(&t, "--listen --view-only"); /* a value may look like an option */
	assert_string_equal(t.o.listen, "--view-only");
	assert_false(t.o.view_only);
}

static void operands_come_to_the_front(void **state)
{
	(void)state;
	struct outcome t;
	parse(&t, "one --port 7 two - -- --port -o");
	assert_int_equal(t.err, OK);
	assert_int_equal(t.n_operands, 5);
	assert_int_equal(t.o.port, 7);
	static const char *const expected[] = { "one", "two", "-", "--port", "-o" };
	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		assert_string_equal(t.argv[i], expected[i]);
}

static void lists_have_a_ceiling(void **state)
{
	(void)state;
	struct outcome t;
	parse(&t, "--host a --host=b");
	assert_int_equal(t.o.host.n, 2);
	assert_string_equal(t.o.host.v[1], "b");
	char line[512] = "";
	for (int i = 0; i < OPT_LIST_MAX; i++)
		strcat(line, "--host=x ");
	parse(&t, line);
	assert_int_equal(t.err, OK);
	assert_int_equal(t.o.host.n, OPT_LIST_MAX);
	strcat(line, "--host=x");
	parse(&t, line);
	assert_int_equal(t.err, ERR_PROTO);
	assert_string_equal(t.error, "--host may be given 16 times at most");
}

static void wrong_usage_is_explained(void **state)
{
	(void)state;
	static const struct {
		const char *line, *error;
	} cases[] = {
		{ "--lisen=x", "unknown option --lisen; did you mean --listen?" },
		{ "--prot 5", "unknown option --prot; did you mean --port?" },
		{ "--view", "unknown option --view; did you mean --view-only?" },
		{ "--quite", "unknown option --quite; did you mean --quiet?" },
		{ "--listening-socket", "unknown option --listening-socket" },
		{ "--no-port", "unknown option --no-port" },
		{ "--=x", "unknown option --" },
		{ "---", "unknown option ---" },
		{ "--an-option-that-is-a-good-deal-longer-than-any-of-ours-can-be",
			"unknown option --an-option-that-is-a-good-deal-lo" },
		{ "-z", "unknown option -z" },
		{ "-oz", "unknown option -z" },
		{ "--port", "--port needs a value: --port PORT" },
		{ "-p", "-p needs a value: -p PORT" },
		{ "--view-only=yes", "--view-only takes no value" },
		{ "--no-wheel=1", "--no-wheel takes no value" },
		{ "--port=", "--port must be a number from 0 to 65535, not ''" },
		{ "--port 65536", "--port must be a number from 0 to 65535, not '65536'" },
		{ "-p -1", "-p must be a number from 0 to 65535, not '-1'" },
		{ "-p 4294967296", "-p must be a number from 0 to 65535, not '4294967296'" },
		{ "-p 0x10", "-p must be a number from 0 to 65535, not '0x10'" },
		{ "--mode wayland", "--mode must be one of auto, x11, pattern, not 'wayland'" },
		{ "--size 0x1", "--size must be WIDTHxHEIGHT, each from 1 to 16384, not '0x1'" },
		{ "--size 640", "--size must be WIDTHxHEIGHT, each from 1 to 16384, not '640'" },
		{ "-s 1x2x3", "-s must be WIDTHxHEIGHT, each from 1 to 16384, not '1x2x3'" },
		{ "-s x", "-s must be WIDTHxHEIGHT, each from 1 to 16384, not 'x'" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct outcome t;
		parse(&t, cases[i].line);
		assert_int_equal(t.err, ERR_PROTO);
		assert_string_equal(t.error, cases[i].error);
	}
}

static void shortened_names_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t len = 1; len < strlen(rows[i].name); len++) {
			char line[64] = "--";
			strncat(line, rows[i].name, len);
			struct outcome t;
			parse(&t, line);
			assert_int_equal(t.err, ERR_PROTO);
		}
	}
}

static void defaults_are_read_from_the_struct(void **state)
{
	(void)state;
	const struct options o = { .wheel = true, .port = 7, .mode = 1, .size = { 8, 9 } };
	static const char *const expected[] = { "", "on", "7", "x11", "", "8x9", "none" };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[OPT_TEXT_MAX];
		opt_default(&rows[i], &o, text);
		assert_string_equal(text, expected[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_understood),
		cmocka_unit_test(operands_come_to_the_front),
		cmocka_unit_test(lists_have_a_ceiling),
		cmocka_unit_test(wrong_usage_is_explained),
		cmocka_unit_test(shortened_names_are_refused),
		cmocka_unit_test(defaults_are_read_from_the_struct),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
