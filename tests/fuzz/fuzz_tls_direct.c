/* A client with known keys: good records, wrong ones and cuts, as the input says. What is
 * opened is always the beginning of what was sealed as data; all of it while nothing was
 * wrong. What we seal, the client can open. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls_direct.h"
#include "net/tls_keys.h"

enum {
	ALERT = 21,
	HANDSHAKE = 22,
	DATA = 23,
	HEAD = 5,
	INNER_MAX = TLS_DIRECT_PLAIN_MAX + 300,
	WIRE_MAX = 4 * (HEAD + INNER_MAX + TLS_KEYS_TAG),
	PLAIN_MAX = 48 * 1024,
	STEPS_MAX = 200,
};

enum step { SEND_DATA, SEND_UPDATE, SEND_ANY, SEND_DAMAGED, SEND_RAW, ANSWER, FLUSH, N_STEPS };

struct state {
	struct tls_direct *d;
	struct tls_keys to, from;
	uint8_t wire[WIRE_MAX], plain[PLAIN_MAX];
	size_t len;            /* of wire */
	size_t sealed, opened; /* bytes of data */
	size_t cut, cap;       /* of one delivery; of `plain` */
	int updates;           /* more than some in a row may be refused */
	bool astray;           /* something was not in order */
	bool damaged;          /* no data that is sealed from now on may be opened */
	int err;               /* of the last opening */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool ok)
{
	if (!ok)
		abort();
}

static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 7 + at / 251);
}

/* What was opened is what comes next of the data that was sealed. */
static void check_opened(struct state *s, size_t n)
{
	demand(n <= s->cap && n <= s->sealed - s->opened);
	for (size_t i = 0; i < n; i++)
		demand(s->plain[i] == pattern(s->opened + i));
	s->opened += n;
}

static void deliver(struct state *s)
{
	for (size_t at = 0; at < s->len && s->err == ERR_AGAIN;) {
		size_t left = s->len - at, run = left < s->cut ? left : s->cut, n;
		struct rd in = rd_of(s->wire + at, run);
		do {
			s->err = tls_direct_open(s->d, &in, s->plain, s->cap, &n);
			check_opened(s, n);
			demand(s->err != OK || n > 0);
		} while (s->err == OK);
		demand(s->err != ERR_AGAIN || in.left == 0);
		at += run;
	}
	s->len = 0;
	demand(s->err == ERR_AGAIN || s->astray);
	demand(s->astray || s->opened == s->sealed);
}

/* `inner`: what is to be sealed, the type included. Where the record lies. */
static uint8_t *seal(struct state *s, const uint8_t *inner, size_t n)
{
	size_t size = HEAD + n + TLS_KEYS_TAG;
	if (size > WIRE_MAX - s->len)
		deliver(s);
	uint8_t *to = s->wire + s->len;
	size_t len = n + TLS_KEYS_TAG;
	const uint8_t head[HEAD] = { DATA, 3, 3, (uint8_t)(len >> 8), (uint8_t)len };
	memcpy(to, head, HEAD);
	demand(!tls_keys_begin(&s->to, head, HEAD) && !tls_keys_add(&s->to, inner, n, to + HEAD) &&
		!tls_keys_end_sealing(&s->to, to + HEAD + n));
	s->len += size;
	return to;
}

static uint8_t *send_data(struct state *s, struct rd *in)
{
	uint8_t inner[INNER_MAX] = { 0 };
	size_t n = rd_u16(in) % (TLS_DIRECT_PLAIN_MAX + 2), pad = rd_u8(in);
	bool fits = n + pad <= TLS_DIRECT_PLAIN_MAX;
	if (n == 0 || !fits)
		s->astray = true; /* empty ones are counted */
	for (size_t i = 0; i < n; i++)
		inner[i] = pattern(s->sealed + i);
	inner[n] = DATA;
	uint8_t *record = seal(s, inner, n + 1 + pad);
	s->sealed += s->damaged ? 0 : n;
	return record;
}

static void send_update(struct state *s, struct rd *in)
{
	const uint8_t inner[] = { 24, 0, 0, 1, rd_u8(in) & 1, HANDSHAKE };
	seal(s, inner, sizeof(inner));
	demand(!tls_keys_update(&s->to));
	if (++s->updates > 30)
		s->astray = true;
}

static void send_any(struct state *s, struct rd *in)
{
	uint8_t inner[16] = { 0 };
	size_t n = 1 + rd_u8(in) % sizeof(inner);
	for (size_t i = 0; i < n; i++)
		inner[i] = rd_u8(in);
	/* Were it data, we would have to know it. */
	size_t type = n - 1;
	while (type > 0 && inner[type] == 0)
		type--;
	inner[type] = inner[type] == DATA && type > 0 ? ALERT : inner[type];
	s->astray = true;
	seal(s, inner, n);
}

static void send_damaged(struct state *s, struct rd *in)
{
	size_t bit = rd_u16(in);
	s->astray = s->damaged = true;
	uint8_t *record = send_data(s, in);
	size_t size = (size_t)(s->wire + s->len - record);
	record[bit / 8 % size] ^= (uint8_t)(1 << bit % 8);
}

static void send_raw(struct state *s, struct rd *in)
{
	size_t n = rd_u8(in);
	if (n > WIRE_MAX - s->len)
		deliver(s);
	if (n > 0)
		s->astray = s->damaged = true;
	while (n-- > 0)
		s->wire[s->len++] = rd_u8(in);
}

/* Opens a record of ours, returns its size. */
static size_t client_opens(struct state *s, const uint8_t *record, uint8_t *plain, size_t *n)
{
	*n = ((size_t)record[3] << 8 | record[4]) - TLS_KEYS_TAG;
	demand(!tls_keys_begin(&s->from, record, HEAD) &&
		!tls_keys_add(&s->from, record + HEAD, *n, plain) &&
		!tls_keys_end_opening(&s->from, record + HEAD + *n));
	return HEAD + *n + TLS_KEYS_TAG;
}

static void answer(struct state *s, struct rd *in)
{
	static uint8_t data[3 * TLS_DIRECT_PLAIN_MAX], plain[INNER_MAX];
	uint8_t out[TLS_DIRECT_PLAIN_MAX + TLS_DIRECT_COST];
	size_t len = rd_u16(in) % sizeof(data), cut = rd_u16(in) % (len + 1), done = 0, n;
	for (size_t i = 0; i < len; i++)
		data[i] = pattern(i);
	struct iovec parts[] = { { data, cut }, { data + cut, 0 }, { data + cut, len - cut } };
	struct tls_cursor c = { .parts = parts, .n = 3 };
	int size;
	while ((size = tls_direct_seal(s->d, &c, out)) > 0) {
		for (size_t at = 0; at < (size_t)size;) {
			at += client_opens(s, out + at, plain, &n);
			demand(at <= (size_t)size);
			if (plain[n - 1] == HANDSHAKE) {
				demand(n == 6 && !tls_keys_update(&s->from));
				continue;
			}
			demand(plain[n - 1] == DATA && memcmp(plain, data + done, n - 1) == 0);
			done += n - 1;
		}
	}
	demand(size == 0 && done == len);
}

static void step(struct state *s, struct rd *in)
{
	switch ((enum step)(rd_u8(in) % N_STEPS)) {
	case SEND_DATA: send_data(s, in); break;
	case SEND_UPDATE: send_update(s, in); break;
	case SEND_ANY: send_any(s, in); break;
	case SEND_DAMAGED: send_damaged(s, in); break;
	case SEND_RAW: send_raw(s, in); break;
	case ANSWER: answer(s, in); break;
	default: s->cut = 1 + rd_u16(in); deliver(s);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct state s;
	static const uint8_t theirs[TLS_DIRECT_SECRET_MAX] = { 1 }, ours[sizeof(theirs)] = { 2 };
	struct rd in = rd_of(data, size);
	unsigned suite = 0x1301 + rd_u8(&in) % 3;
	size_t n_secret = suite == 0x1302 ? 48 : 32;
	s = (struct state){ .d = tls_direct_create(suite, theirs, ours, n_secret) };
	s.err = ERR_AGAIN;
	s.cut = WIRE_MAX;
	s.cap = TLS_DIRECT_PLAIN_MAX + 1 + rd_u16(&in) % (PLAIN_MAX - TLS_DIRECT_PLAIN_MAX);
	demand(s.d && !tls_keys_init(&s.to, suite, theirs, n_secret, true) &&
		!tls_keys_init(&s.from, suite, ours, n_secret, false));
	for (int i = 0; i < STEPS_MAX && in.left > 0 && s.err == ERR_AGAIN; i++)
		step(&s, &in);
	deliver(&s);
	enum tls_alert alert;
	demand(s.err == ERR_AGAIN || tls_direct_why(s.d, &alert));
	tls_direct_destroy(s.d);
	tls_keys_fini(&s.to);
	tls_keys_fini(&s.from);
	return 0;
}
