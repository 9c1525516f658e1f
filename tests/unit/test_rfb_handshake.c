#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "rfb/handshake.h"

static const uint8_t challenge[16] = "CHALLENGE-BYTES.";
#define RESPONSE "response-16bytes"

enum result { LETS_IN, KEEPS_OUT };

/* A whole conversation: `client` is all that the viewer says, `server` all that
 * it must hear after the greeting. */
struct flow {
	const char *client, *server;
	size_t client_len, server_len;
	enum rfb_security security;
	enum result result;
	int err; /* of the last step */
	int minor;
};

#define SAYS(client, server) (client), (server), sizeof(client) - 1, sizeof(server) - 1
#define CHALLENGE "CHALLENGE-BYTES."
#define NO "\0\0\0\2no"
#define NOT_OFFERED "\0\0\0\1\0\0\0\x23This security type was not offered."

static const struct flow flows[] = {
	{ SAYS("RFB 003.008\n\1\1", "\1\1\0\0\0\0"), RFB_SECURITY_NONE, LETS_IN, OK, 8 },
	{ SAYS("RFB 003.007\n\1\1", "\1\1"), RFB_SECURITY_NONE, LETS_IN, OK, 7 },
	{ SAYS("RFB 003.003\n\1", "\0\0\0\1"), RFB_SECURITY_NONE, LETS_IN, OK, 3 },
	{ SAYS("RFB 003.008\n\1\1", "\0" NO), RFB_SECURITY_NONE, KEEPS_OUT, ERR_AUTH, 8 },
	{ SAYS("RFB 003.007\n\1\1", "\0" NO), RFB_SECURITY_NONE, KEEPS_OUT, ERR_AUTH, 7 },
	{ SAYS("RFB 003.003\n\1", "\0\0\0\0" NO), RFB_SECURITY_NONE, KEEPS_OUT, ERR_AUTH, 3 },
	{ SAYS("RFB 003.008\n\2" RESPONSE "\1", "\1\2" CHALLENGE "\0\0\0\0"), RFB_SECURITY_VNC_AUTH,
		LETS_IN, OK, 8 },
	{ SAYS("RFB 003.007\n\2" RESPONSE "\1", "\1\2" CHALLENGE "\0\0\0\0"), RFB_SECURITY_VNC_AUTH,
		LETS_IN, OK, 7 },
	{ SAYS("RFB 003.003\n" RESPONSE "\1", "\0\0\0\2" CHALLENGE "\0\0\0\0"),
		RFB_SECURITY_VNC_AUTH, LETS_IN, OK, 3 },
	{ SAYS("RFB 003.008\n\2" RESPONSE "\1", "\1\2" CHALLENGE "\0\0\0\1" NO),
		RFB_SECURITY_VNC_AUTH, KEEPS_OUT, ERR_AUTH, 8 },
	{ SAYS("RFB 003.007\n\2" RESPONSE "\1", "\1\2" CHALLENGE "\0\0\0\1"), RFB_SECURITY_VNC_AUTH,
		KEEPS_OUT, ERR_AUTH, 7 },
	{ SAYS("RFB 003.003\n" RESPONSE "\1", "\0\0\0\2" CHALLENGE "\0\0\0\1"),
		RFB_SECURITY_VNC_AUTH, KEEPS_OUT, ERR_AUTH, 3 },
	/* A type that was not offered, and what a bypass would then send. */
	{ SAYS("RFB 003.008\n\1\1", "\1\2" NOT_OFFERED), RFB_SECURITY_VNC_AUTH, LETS_IN, ERR_AUTH,
		8 },
	{ SAYS("RFB 003.008\n\0\1", "\1\2" NOT_OFFERED), RFB_SECURITY_VNC_AUTH, LETS_IN, ERR_AUTH,
		8 },
	{ SAYS("RFB 003.008\n\x10\1", "\1\2" NOT_OFFERED), RFB_SECURITY_VNC_AUTH, LETS_IN, ERR_AUTH,
		8 },
	{ SAYS("RFB 003.008\n\x13\1", "\1\2" NOT_OFFERED), RFB_SECURITY_VNC_AUTH, LETS_IN, ERR_AUTH,
		8 },
	{ SAYS("RFB 003.008\n\xff\1", "\1\2" NOT_OFFERED), RFB_SECURITY_VNC_AUTH, LETS_IN, ERR_AUTH,
		8 },
	{ SAYS("RFB 003.008\n\2\1", "\1\1" NOT_OFFERED), RFB_SECURITY_NONE, LETS_IN, ERR_AUTH, 8 },
	{ SAYS("RFB 003.007\n\1\1", "\1\2\0\0\0\1"), RFB_SECURITY_VNC_AUTH, LETS_IN, ERR_AUTH, 7 },
};

struct run {
	struct rfb_handshake h;
	struct buf in, out;
	enum rfb_handshake_want want;
	bool accept, decided;
	int err;
};

static void start(struct run *t, enum rfb_security security, bool accept)
{
	*t = (struct run){ .accept = accept };
	buf_init(&t->in, 1000);
	buf_init(&t->out, 1000);
	rfb_handshake_start(
		&t->h, security, security == RFB_SECURITY_NONE ? NULL : challenge, &t->out);
	assert_int_equal(t->out.len, 12);
	assert_memory_equal(t->out.data, "RFB 003.008\n", 12);
	buf_reset(&t->out);
}

static void step(struct run *t)
{
	struct rd r = rd_of(t->in.data, t->in.len);
	t->err = rfb_handshake_step(&t->h, &r, &t->out, &t->want);
	buf_consume(&t->in, t->in.len - r.left);
}

static void feed(struct run *t, const void *p, size_t n)
{
	buf_put(&t->in, p, n);
	step(t);
	if (!t->err && t->want == RFB_HANDSHAKE_DECIDE) {
		assert_false(t->decided);
		t->decided = true;
		rfb_handshake_decide(&t->h, t->accept, "no", &t->out);
		step(t);
	}
}

static void fini(struct run *t)
{
	buf_fini(&t->in);
	buf_fini(&t->out);
}

static void check(struct run *t, const struct flow *f)
{
	assert_int_equal(t->err, f->err);
	assert_int_equal(t->h.minor, f->minor);
	assert_int_equal(buf_ok(&t->out), OK);
	assert_int_equal(t->out.len, f->server_len);
	assert_memory_equal(t->out.data, f->server, f->server_len);
	if (f->err)
		return;
	assert_int_equal(t->want, RFB_HANDSHAKE_INIT);
	assert_true(t->decided);
	assert_true(t->h.shared);
	if (f->security == RFB_SECURITY_VNC_AUTH)
		assert_memory_equal(t->h.response, RESPONSE, 16);
}

static void every_version_and_security(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flows); i++) {
		struct run t;
		start(&t, flows[i].security, flows[i].result == LETS_IN);
		feed(&t, flows[i].client, flows[i].client_len);
		check(&t, &flows[i]);
		fini(&t);
	}
}

static void byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flows); i++) {
		struct run t;
		start(&t, flows[i].security, flows[i].result == LETS_IN);
		for (size_t n = 0; n < flows[i].client_len && !t.err; n++) {
			assert_int_equal(t.want, RFB_HANDSHAKE_BYTES);
			feed(&t, flows[i].client + n, 1);
		}
		check(&t, &flows[i]);
		fini(&t);
	}
}

static void a_failure_is_final(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flows); i++) {
		if (!flows[i].err)
			continue;
		struct run t;
		start(&t, flows[i].security, flows[i].result == LETS_IN);
		feed(&t, flows[i].client, flows[i].client_len);
		buf_reset(&t.out);
		buf_reset(&t.in);
		feed(&t, "\2" RESPONSE "\1\1\1\1", 20);
		assert_int_equal(t.err, ERR_AUTH);
		rfb_handshake_decide(&t.h, true, NULL, &t.out);
		step(&t);
		assert_int_equal(t.err, ERR_AUTH);
		assert_int_equal(t.in.len, 20);
		assert_int_equal(t.out.len, 0);
		fini(&t);
	}
}

static void version_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *says;
		int minor;
	} rows[] = {
		{ "RFB 003.000\n", 3 },
		{ "RFB 003.004\n", 3 },
		{ "RFB 003.005\n", 3 },
		{ "RFB 003.006\n", 3 },
		{ "RFB 003.009\n", 8 },
		{ "RFB 003.889\n", 8 },
		{ "RFB 004.000\n", 8 },
		{ "RFB 004.001\n", 8 },
		{ "RFB 005.000\n", 8 },
		{ "RFB 999.999\n", 8 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run t;
		start(&t, RFB_SECURITY_VNC_AUTH, true);
		feed(&t, rows[i].says, 12);
		assert_int_equal(t.err, OK);
		assert_int_equal(t.h.minor, rows[i].minor);
		fini(&t);
	}
}

static void what_is_not_rfb_is_met_with_silence(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"GET / HTTP/1.1\r\n",
		"\x16\x03\x01\x02",
		"RFB 002.008\n",
		"RFB 000.000\n",
		"RFB 003.008\r",
		"RFB 003.08\n\n",
		"RFB 03.008\nx",
		"rfb 003.008\n",
		"RFB 003,008\n",
		"RFB -03.008\n",
		"RFB 003.00:\n",
		"X",
		"RFB 003.X",
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run t;
		start(&t, RFB_SECURITY_NONE, true);
		feed(&t, rows[i], strlen(rows[i]));
		assert_int_equal(t.err, ERR_PROTO);
		assert_int_equal(t.out.len, 0);
		feed(&t, "RFB 003.008\n", 12);
		assert_int_equal(t.err, ERR_AUTH);
		assert_int_equal(t.out.len, 0);
		fini(&t);
	}
}

static void bytes_wait_for_the_decision(void **state)
{
	(void)state;
	struct run t;
	start(&t, RFB_SECURITY_VNC_AUTH, true);
	buf_put(&t.in, "RFB 003.008\n\2" RESPONSE "\0rest", 34);
	for (int i = 0; i < 3; i++) {
		step(&t);
		assert_int_equal(t.want, RFB_HANDSHAKE_DECIDE);
		assert_int_equal(t.in.len, 5);
	}
	assert_int_equal(t.out.len, 18);
	rfb_handshake_decide(&t.h, true, NULL, &t.out);
	rfb_handshake_decide(&t.h, false, "too late", &t.out);
	assert_int_equal(t.out.len, 22);
	for (int i = 0; i < 3; i++) {
		step(&t);
		assert_int_equal(t.err, OK);
		assert_int_equal(t.want, RFB_HANDSHAKE_INIT);
		assert_false(t.h.shared);
		assert_int_equal(t.in.len, 4);
	}
	fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_and_security),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(a_failure_is_final),
		cmocka_unit_test(version_numbers),
		cmocka_unit_test(what_is_not_rfb_is_met_with_silence),
		cmocka_unit_test(bytes_wait_for_the_decision),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
