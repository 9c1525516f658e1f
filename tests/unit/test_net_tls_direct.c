#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/tls_direct.h"
#include "net/tls_keys.h"

enum {
	AES_128 = 0x1301,
	ALERT = 21,
	HANDSHAKE = 22,
	DATA = 23,
	HEAD = 5,
	ROOM = 48 * 1024,
	RECORD_MAX = HEAD + TLS_DIRECT_PLAIN_MAX + 512,
};

static const uint8_t theirs[32] = "the secret of what the peer says",
		     ours[32] = "and of what we say";

/* A server's end and the keys of a client. */
struct fixture {
	struct tls_direct *d;
	struct tls_keys to, from;
	uint8_t record[RECORD_MAX], plain[ROOM];
	size_t size, n;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->d = tls_direct_create(AES_128, theirs, ours, 32);
	assert_non_null(f->d);
	assert_int_equal(tls_keys_init(&f->to, AES_128, theirs, 32, true), OK);
	assert_int_equal(tls_keys_init(&f->from, AES_128, ours, 32, false), OK);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	tls_direct_destroy(f->d);
	tls_keys_fini(&f->to);
	tls_keys_fini(&f->from);
	free(f);
	return 0;
}

/* A client's record of any type, with n_pad zeros. */
static void seal(struct fixture *f, uint8_t type, const void *data, size_t n, size_t n_pad)
{
	uint8_t *inner = calloc(1, n + 1 + n_pad);
	assert_non_null(inner);
	memcpy(inner, data, n);
	inner[n] = type;
	n += 1 + n_pad;
	size_t len = n + TLS_KEYS_TAG;
	const uint8_t head[HEAD] = { DATA, 3, 3, (uint8_t)(len >> 8), (uint8_t)len };
	memcpy(f->record, head, HEAD);
	assert_int_equal(tls_keys_begin(&f->to, head, HEAD), OK);
	assert_int_equal(tls_keys_add(&f->to, inner, n, f->record + HEAD), OK);
	assert_int_equal(tls_keys_end_sealing(&f->to, f->record + HEAD + n), OK);
	f->size = HEAD + len;
	free(inner);
}

static int open_bytes(struct fixture *f, const uint8_t *data, size_t n)
{
	struct rd in = rd_of(data, n);
	int err = tls_direct_open(f->d, &in, f->plain, ROOM, &f->n);
	if (err == ERR_AGAIN)
		assert_int_equal(in.left, 0);
	return err;
}

static int open_record(struct fixture *f)
{
	return open_bytes(f, f->record, f->size);
}

/* What the client gets: the type, and f->plain. */
static unsigned client_opens(struct fixture *f, const uint8_t *record, size_t size)
{
	f->n = size - HEAD - TLS_KEYS_TAG;
	assert_int_equal(tls_keys_begin(&f->from, record, HEAD), OK);
	assert_int_equal(tls_keys_add(&f->from, record + HEAD, f->n, f->plain), OK);
	assert_int_equal(tls_keys_end_opening(&f->from, record + size - TLS_KEYS_TAG), OK);
	return f->plain[--f->n];
}

static int server_seals(struct fixture *f, const void *data, size_t n)
{
	struct iovec part = { (void *)(uintptr_t)data, n };
	struct tls_cursor c = { .parts = &part, .n = 1 };
	return tls_direct_seal(f->d, &c, f->record);
}

/* RFC 8448 section 3: what the client sends. */
static void the_example_of_the_rfc(void **state)
{
	(void)state;
	static const uint8_t secret[32] = { 0x9e, 0x40, 0x64, 0x6c, 0xe7, 0x9a, 0x7f, 0x9d, 0xc0,
		0x5a, 0xf8, 0x88, 0x9b, 0xce, 0x65, 0x52, 0x87, 0x5a, 0xfa, 0x0b, 0x06, 0xdf, 0x00,
		0x87, 0xf7, 0x92, 0xeb, 0xb7, 0xc1, 0x75, 0x04, 0xa5 };
	static const uint8_t record[72] = { 0x17, 0x03, 0x03, 0x00, 0x43, 0xa2, 0x3f, 0x70, 0x54,
		0xb6, 0x2c, 0x94, 0xd0, 0xaf, 0xfa, 0xfe, 0x82, 0x28, 0xba, 0x55, 0xcb, 0xef, 0xac,
		0xea, 0x42, 0xf9, 0x14, 0xaa, 0x66, 0xbc, 0xab, 0x3f, 0x2b, 0x98, 0x19, 0xa8, 0xa5,
		0xb4, 0x6b, 0x39, 0x5b, 0xd5, 0x4a, 0x9a, 0x20, 0x44, 0x1e, 0x2b, 0x62, 0x97, 0x4e,
		0x1f, 0x5a, 0x62, 0x92, 0xa2, 0x97, 0x70, 0x14, 0xbd, 0x1e, 0x3d, 0xea, 0xe6, 0x3a,
		0xee, 0xbb, 0x21, 0x69, 0x49, 0x15, 0xe4 };
	uint8_t plain[ROOM], sealed[256];
	struct rd in = rd_of(record, sizeof(record));
	size_t n;
	struct tls_direct *d = tls_direct_create(AES_128, secret, secret, sizeof(secret));
	assert_non_null(d);
	assert_int_equal(tls_direct_open(d, &in, plain, sizeof(plain), &n), ERR_AGAIN);
	assert_int_equal(n, 50);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(plain[i], i);
	struct iovec parts[] = { { plain, 3 }, { plain + 3, 0 }, { plain + 3, 47 } };
	struct tls_cursor c = { .parts = parts, .n = 3 };
	assert_int_equal(tls_direct_seal(d, &c, sealed), sizeof(record));
	assert_memory_equal(sealed, record, sizeof(record));
	assert_int_equal(tls_direct_seal(d, &c, sealed), 0);
	tls_direct_destroy(d);
}

static void suites_and_secrets_must_fit(void **state)
{
	(void)state;
	static const struct {
		unsigned suite;
		size_t n_secret;
		bool good;
	} rows[] = {
		{ 0x1301, 32, true },
		{ 0x1302, 48, true },
		{ 0x1303, 32, true },
		{ 0x1301, 48, false },
		{ 0x1302, 32, false },
		{ 0x1304, 32, false },
		{ 0xc02f, 32, false },
		{ 0x1301, 0, false },
	};
	uint8_t secret[48] = { 1 };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_direct *d =
			tls_direct_create(rows[i].suite, secret, secret, rows[i].n_secret);
		assert_int_equal(d != NULL, rows[i].good);
		tls_direct_destroy(d);
	}
}

static void every_cut_gives_the_same(void **state)
{
	struct fixture *f = *state;
	for (size_t cut = 0; cut < HEAD + 6 + TLS_KEYS_TAG; cut++) {
		seal(f, DATA, "hello", 5, 0);
		assert_int_equal(open_bytes(f, f->record, cut), ERR_AGAIN);
		assert_int_equal(f->n, 0);
		assert_int_equal(open_bytes(f, f->record + cut, f->size - cut), ERR_AGAIN);
		assert_int_equal(f->n, 5);
		assert_memory_equal(f->plain, "hello", 5);
	}
	seal(f, DATA, "byte by byte", 12, 3);
	for (size_t i = 0; i + 1 < f->size; i++)
		assert_int_equal(open_bytes(f, f->record + i, 1), ERR_AGAIN);
	assert_int_equal(open_bytes(f, f->record + f->size - 1, 1), ERR_AGAIN);
	assert_int_equal(f->n, 12);
}

static void a_full_buffer_loses_nothing(void **state)
{
	struct fixture *f = *state;
	enum { RECORDS = 4, EACH = TLS_DIRECT_PLAIN_MAX };
	uint8_t *wire = malloc(RECORDS * (size_t)RECORD_MAX), *data = malloc(EACH);
	assert_non_null(wire);
	assert_non_null(data);
	size_t len = 0;
	for (int i = 0; i < RECORDS; i++) {
		memset(data, i, EACH);
		seal(f, DATA, data, EACH, 0);
		memcpy(wire + len, f->record, f->size);
		len += f->size;
	}
	/* The third is begun; and its rest comes with more than has room. */
	size_t first = 2 * f->size + 3, total;
	assert_int_equal(open_bytes(f, wire, first), ERR_AGAIN);
	total = f->n;
	struct rd in = rd_of(wire + first, len - first);
	size_t small = EACH + 256;
	assert_int_equal(tls_direct_open(f->d, &in, f->plain, small, &f->n), OK);
	assert_int_equal(f->plain[0], 2);
	total += f->n;
	assert_int_equal(tls_direct_open(f->d, &in, f->plain, small, &f->n), ERR_AGAIN);
	assert_int_equal(f->plain[0], 3);
	assert_int_equal(total + f->n, RECORDS * (size_t)EACH);
	free(wire);
	free(data);
}

static void a_changed_bit_ends_it(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < 8 * (HEAD + 6 + TLS_KEYS_TAG); bit++) {
		void *fresh;
		enum tls_alert alert;
		set_up(&fresh);
		struct fixture *g = fresh;
		seal(g, DATA, "hello", 5, 0);
		/* A longer length is a record that never ends. */
		g->record[bit / 8] ^= (uint8_t)(1 << bit % 8);
		int err = open_record(g);
		if (err != ERR_AGAIN || bit / 8 < 3)
			assert_int_equal(err, ERR_PROTO);
		assert_int_equal(g->n, 0);
		if (err == ERR_PROTO)
			assert_non_null(tls_direct_why(g->d, &alert));
		tear_down(&fresh);
	}
}

static void records_come_in_order_and_once(void **state)
{
	struct fixture *f = *state;
	enum tls_alert alert;
	seal(f, DATA, "once", 4, 0);
	assert_int_equal(open_record(f), ERR_AGAIN);
	assert_int_equal(open_record(f), ERR_PROTO);
	assert_int_equal(f->n, 0);
	tls_direct_why(f->d, &alert);
	assert_int_equal(alert, TLS_BAD_RECORD_MAC);
}

static void what_may_not_come_ends_it(void **state)
{
	(void)state;
	static const uint8_t zeros[TLS_DIRECT_PLAIN_MAX + 1] = { 1 };
	static const struct {
		uint8_t type;
		const void *data;
		size_t n, pad;
		enum tls_alert alert;
	} rows[] = {
		{ 0, "", 0, 0, TLS_UNEXPECTED_MESSAGE },
		{ 0, "", 0, 200, TLS_UNEXPECTED_MESSAGE },
		{ 20, "\1", 1, 0, TLS_UNEXPECTED_MESSAGE },
		{ 24, "x", 1, 0, TLS_UNEXPECTED_MESSAGE },
		{ ALERT, "", 0, 0, TLS_UNEXPECTED_MESSAGE },
		{ ALERT, "\1", 1, 0, TLS_DECODE_ERROR },
		{ ALERT, "\1\0\1", 3, 0, TLS_DECODE_ERROR },
		{ HANDSHAKE, "", 0, 0, TLS_UNEXPECTED_MESSAGE },
		{ HANDSHAKE, "\x18\0\0\0\0", 5, 0, TLS_DECODE_ERROR },
		{ HANDSHAKE, "\x18\0\0\1\2", 5, 0, TLS_ILLEGAL_PARAMETER },
		{ HANDSHAKE, "\x18\0\0\1\0\x18", 6, 0, TLS_UNEXPECTED_MESSAGE },
		{ HANDSHAKE, "\1\0\0\1\0", 5, 0, TLS_UNEXPECTED_MESSAGE },
		{ DATA, zeros, sizeof(zeros), 0, TLS_RECORD_OVERFLOW },
		{ DATA, "x", 1, TLS_DIRECT_PLAIN_MAX, TLS_RECORD_OVERFLOW },
		{ DATA, zeros, TLS_DIRECT_PLAIN_MAX, 1, TLS_RECORD_OVERFLOW },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		void *fresh;
		enum tls_alert alert;
		set_up(&fresh);
		struct fixture *f = fresh;
		seal(f, rows[i].type, rows[i].data, rows[i].n, rows[i].pad);
		if (open_record(f) != ERR_PROTO)
			fail_msg("row %zu was taken", i);
		assert_int_equal(f->n, 0);
		assert_non_null(tls_direct_why(f->d, &alert));
		assert_int_equal(alert, rows[i].alert);
		int n = tls_direct_seal_alert(f->d, alert, f->record);
		assert_int_equal(client_opens(f, f->record, (size_t)n), ALERT);
		assert_int_equal(f->plain[0], 2);
		assert_int_equal(f->plain[1], alert);
		tear_down(&fresh);
	}
}

static void records_are_padded_up_to_the_limit(void **state)
{
	struct fixture *f = *state;
	seal(f, DATA, "x", 1, TLS_DIRECT_PLAIN_MAX - 1);
	assert_int_equal(open_record(f), ERR_AGAIN);
	assert_int_equal(f->n, 1);
}

static void no_record_is_shorter_than_its_seal(void **state)
{
	(void)state;
	for (uint8_t len = 0; len <= TLS_KEYS_TAG; len++) {
		void *fresh;
		enum tls_alert alert;
		set_up(&fresh);
		struct fixture *f = fresh;
		const uint8_t record[HEAD + TLS_KEYS_TAG] = { DATA, 3, 3, 0, len };
		assert_int_equal(open_bytes(f, record, sizeof(record)), ERR_PROTO);
		tls_direct_why(f->d, &alert);
		assert_int_equal(alert, TLS_BAD_RECORD_MAC);
		tear_down(&fresh);
	}
}

static void an_alert_is_the_end(void **state)
{
	struct fixture *f = *state;
	uint8_t wire[256];
	seal(f, ALERT, "\1\x5a", 2, 0); /* user_canceled: a close_notify follows */
	assert_int_equal(open_record(f), ERR_AGAIN);
	seal(f, DATA, "last", 4, 0);
	memcpy(wire, f->record, f->size);
	size_t n = f->size;
	seal(f, ALERT, "\1\0", 2, 0);
	memcpy(wire + n, f->record, f->size);
	assert_int_equal(open_bytes(f, wire, n + f->size), ERR_IO);
	assert_int_equal(f->n, 4);
	assert_true(tls_direct_closed(f->d));

	void *fresh;
	set_up(&fresh);
	f = fresh;
	seal(f, ALERT, "\2\x28", 2, 0);
	assert_int_equal(open_record(f), ERR_IO);
	assert_false(tls_direct_closed(f->d));
	tear_down(&fresh);
}

static void keys_are_updated(void **state)
{
	struct fixture *f = *state;
	for (int round = 0; round < 3; round++) {
		seal(f, HANDSHAKE, "\x18\0\0\1\0", 5, 0);
		assert_int_equal(open_record(f), ERR_AGAIN);
		assert_int_equal(tls_keys_update(&f->to), OK);
		seal(f, DATA, "new keys", 8, 0);
		assert_int_equal(open_record(f), ERR_AGAIN);
		assert_int_equal(f->n, 8);
	}
	/* Ours stay until they are asked for; then once, before what is sent next. */
	int n = server_seals(f, "old", 3);
	assert_int_equal(client_opens(f, f->record, (size_t)n), DATA);
	for (int i = 0; i < 2; i++) {
		seal(f, HANDSHAKE, "\x18\0\0\1\1", 5, 0);
		assert_int_equal(open_record(f), ERR_AGAIN);
		assert_int_equal(tls_keys_update(&f->to), OK);
	}
	n = server_seals(f, "new", 3);
	int update = HEAD + 5 + 1 + TLS_KEYS_TAG;
	assert_int_equal(client_opens(f, f->record, (size_t)update), HANDSHAKE);
	assert_memory_equal(f->plain, "\x18\0\0\1\0", 5);
	assert_int_equal(tls_keys_update(&f->from), OK);
	assert_int_equal(client_opens(f, f->record + update, (size_t)(n - update)), DATA);
	assert_memory_equal(f->plain, "new", 3);
	n = server_seals(f, "still", 5);
	assert_int_equal(client_opens(f, f->record, (size_t)n), DATA);
}

/* Section 5.1: a message may come in pieces, with nothing between them. */
static void a_key_update_comes_in_pieces(void **state)
{
	struct fixture *f = *state;
	enum tls_alert alert;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 5; i++) {
			seal(f, HANDSHAKE, (const uint8_t *)"\x18\0\0\1\0" + i, 1, 0);
			assert_int_equal(open_record(f), ERR_AGAIN);
			assert_int_equal(f->n, 0);
		}
		assert_int_equal(tls_keys_update(&f->to), OK);
		seal(f, DATA, "new keys", 8, 0);
		assert_int_equal(open_record(f), ERR_AGAIN);
		assert_int_equal(f->n, 8);
	}
	seal(f, HANDSHAKE, "\x18\0", 2, 0);
	assert_int_equal(open_record(f), ERR_AGAIN);
	seal(f, DATA, "between", 7, 0);
	assert_int_equal(open_record(f), ERR_PROTO);
	assert_int_equal(f->n, 0);
	tls_direct_why(f->d, &alert);
	assert_int_equal(alert, TLS_UNEXPECTED_MESSAGE);
}

static int update_after(struct fixture *f, const void *data, size_t n)
{
	seal(f, DATA, data, n, 0);
	assert_int_equal(open_record(f), ERR_AGAIN);
	seal(f, HANDSHAKE, "\x18\0\0\1\1", 5, 0);
	int err = open_record(f);
	assert_int_equal(tls_keys_update(&f->to), OK);
	return err;
}

/* A byte between them does not pay for new keys, a KB does, in either direction. */
static void key_updates_are_paid_for(void **state)
{
	static const uint8_t data[1024] = { 1 };
	struct fixture *f = *state;
	enum tls_alert alert;
	for (int i = 0; i < 100; i++)
		assert_int_equal(update_after(f, data, sizeof(data)), ERR_AGAIN);
	for (int i = 0; i < 100; i++) {
		assert_true(server_seals(f, data, sizeof(data)) > 0);
		assert_int_equal(update_after(f, data, 1), ERR_AGAIN);
	}
	int n = 0;
	while (n < 100 && update_after(f, data, 1) == ERR_AGAIN)
		n++;
	assert_in_range(n, 30, 40);
	tls_direct_why(f->d, &alert);
	assert_int_equal(alert, TLS_UNEXPECTED_MESSAGE);
}

static void warnings_are_counted(void **state)
{
	struct fixture *f = *state;
	int n = 0, err = ERR_AGAIN;
	while (n < 100 && err == ERR_AGAIN) {
		seal(f, ALERT, "\1\x5a", 2, 0);
		err = open_record(f);
		n++;
	}
	assert_int_equal(err, ERR_PROTO);
	assert_int_equal(n, 33);
}

static void empty_records_are_counted(void **state)
{
	struct fixture *f = *state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 32; i++) {
			seal(f, DATA, "", 0, 0);
			assert_int_equal(open_record(f), ERR_AGAIN);
		}
		seal(f, DATA, "x", 1, 0);
		assert_int_equal(open_record(f), ERR_AGAIN);
	}
	for (int i = 0; i < 32; i++) {
		seal(f, DATA, "", 0, 0);
		assert_int_equal(open_record(f), ERR_AGAIN);
	}
	seal(f, HANDSHAKE, "\x18\0\0\1\0", 5, 0);
	assert_int_equal(open_record(f), ERR_PROTO);
}

/* RFC 8446 section 5.5: a key of AES-GCM is not used for ever. */
static void much_data_brings_new_keys(void **state)
{
	struct fixture *f = *state;
	static uint8_t small[1] = { 7 };
	enum { ENOUGH = (1 << 23) + 1 };
	int usual = HEAD + 1 + 1 + TLS_KEYS_TAG, n = usual;
	int left = ENOUGH;
	while (n == usual && left-- > 0)
		n = server_seals(f, small, sizeof(small));
	assert_true(n > usual);
	assert_int_equal(left, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc),
		cmocka_unit_test(suites_and_secrets_must_fit),
		cmocka_unit_test_setup_teardown(every_cut_gives_the_same, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_buffer_loses_nothing, set_up, tear_down),
		cmocka_unit_test(a_changed_bit_ends_it),
		cmocka_unit_test_setup_teardown(records_come_in_order_and_once, set_up, tear_down),
		cmocka_unit_test(what_may_not_come_ends_it),
		cmocka_unit_test_setup_teardown(
			records_are_padded_up_to_the_limit, set_up, tear_down),
		cmocka_unit_test(no_record_is_shorter_than_its_seal),
		cmocka_unit_test_setup_teardown(an_alert_is_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(warnings_are_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_are_updated, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_key_update_comes_in_pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(key_updates_are_paid_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(empty_records_are_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(much_data_brings_new_keys, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("net/tls_direct", tests, NULL, NULL);
}
