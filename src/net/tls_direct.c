#include "net/tls_direct.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls_keys.h"

enum {
	HEAD = 5,
	/* Data, padding and the type are together no more than that, section 5.4. */
	SEALED_MAX = TLS_DIRECT_PLAIN_MAX + 1 + TLS_KEYS_TAG,
	/* Records sealed with one key of AES-GCM, section 5.5, with a wide margin. */
	SEALED_WITH_ONE_KEY = 1 << 23,
	/* In a row that bring no data, which cost us work. */
	WITHOUT_DATA_MAX = 32,
	/* New keys cost us as much as a record of data: the bytes that pay for them, in either
	 * direction, and how many of those are kept for later. */
	KEY_UPDATE_COST = 1024,
	CREDIT_MAX = 32 * KEY_UPDATE_COST,
	KEY_UPDATE = 24,
	KEY_UPDATE_LEN = 5,
	WARNING = 1,
	FATAL = 2,
	USER_CANCELED = 90,
};

enum { TYPE_ALERT = 21, TYPE_HANDSHAKE = 22, TYPE_DATA = 23 };

struct tls_direct {
	struct tls_keys in, out;
	bool update_due; /* the peer asks for new keys of ours */
	bool closed;
	int without_data;
	size_t credit; /* bytes, for key updates */
	/* A handshake message that came in pieces, section 5.1. */
	uint8_t message[KEY_UPDATE_LEN];
	size_t message_len;
	enum tls_alert alert;
	const char *why;
	/* A record that came in pieces: its head, then all of it. */
	uint8_t head[HEAD];
	size_t head_len;
	uint8_t *part;
	size_t part_len;
};

struct tls_direct *tls_direct_create(
	unsigned suite, const uint8_t *theirs, const uint8_t *ours, size_t n_secret)
{
	struct tls_direct *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->credit = CREDIT_MAX;
	if (tls_keys_init(&d->in, suite, theirs, n_secret, false) ||
		tls_keys_init(&d->out, suite, ours, n_secret, true)) {
		tls_direct_destroy(d);
		return NULL;
	}
	return d;
}

void tls_direct_destroy(struct tls_direct *d)
{
	if (!d)
		return;
	tls_keys_fini(&d->in);
	tls_keys_fini(&d->out);
	free(d->part);
	free(d);
}

static int refuse(struct tls_direct *d, int err, enum tls_alert alert, const char *why)
{
	d->alert = alert;
	d->why = why;
	return err;
}

/* Of the whole record, from its head; 0: it is refused. */
static size_t size_of(const uint8_t head[HEAD])
{
	size_t len = (size_t)head[3] << 8 | head[4];
	bool fits = len > TLS_KEYS_TAG && len <= SEALED_MAX;
	return head[0] == TYPE_DATA && fits ? HEAD + len : 0;
}

static int refuse_head(struct tls_direct *d, const uint8_t head[HEAD])
{
	if (head[0] != TYPE_DATA)
		return refuse(d, ERR_PROTO, TLS_UNEXPECTED_MESSAGE, "a record of the wrong type");
	if (head[3] == 0 && head[4] <= TLS_KEYS_TAG)
		return refuse(d, ERR_PROTO, TLS_BAD_RECORD_MAC, "a record that cannot be sealed");
	return refuse(d, ERR_PROTO, TLS_RECORD_OVERFLOW, "a record that is too long");
}

/* Adds to the record that is kept, which is `size` bytes long. */
static int keep(struct tls_direct *d, struct rd *in, size_t size)
{
	if (!d->part) {
		d->part = malloc(size);
		if (!d->part)
			return refuse(d, ERR_NOMEM, TLS_INTERNAL_ERROR, "out of memory");
		memcpy(d->part, d->head, HEAD);
		d->part_len = HEAD;
	}
	size_t left = size - d->part_len, n = in->left < left ? in->left : left;
	if (n > 0)
		memcpy(d->part + d->part_len, rd_bytes(in, n), n);
	d->part_len += n;
	return d->part_len == size ? OK : ERR_AGAIN;
}

/* Where the next whole record lies. ERR_LIMIT: `room` is too small for it, and it was not
 * taken. */
static int next_record(
	struct tls_direct *d, struct rd *in, size_t room, const uint8_t **record, size_t *size)
{
	bool whole_head = d->head_len == 0 && in->left >= HEAD;
	while (!whole_head && d->head_len < HEAD && in->left > 0)
		d->head[d->head_len++] = rd_u8(in);
	if (!whole_head && d->head_len < HEAD)
		return ERR_AGAIN;
	const uint8_t *head = whole_head ? in->p : d->head;
	*size = size_of(head);
	if (*size == 0)
		return refuse_head(d, head);
	if (*size - HEAD - TLS_KEYS_TAG > room)
		return ERR_LIMIT;
	if (whole_head && in->left >= *size) {
		*record = rd_bytes(in, *size);
		return OK;
	}
	if (whole_head) {
		memcpy(d->head, rd_bytes(in, HEAD), HEAD);
		d->head_len = HEAD;
	}
	int err = keep(d, in, *size);
	*record = d->part;
	return err;
}

static void forget_part(struct tls_direct *d)
{
	free(d->part);
	d->part = NULL;
	d->part_len = d->head_len = 0;
}

static int count_without_data(struct tls_direct *d)
{
	if (++d->without_data <= WITHOUT_DATA_MAX)
		return OK;
	return refuse(d, ERR_PROTO, TLS_UNEXPECTED_MESSAGE, "too many records without data");
}

static void earn_credit(struct tls_direct *d, size_t n)
{
	size_t room = CREDIT_MAX - d->credit;
	d->credit += n < room ? n : room;
}

static int take_alert(struct tls_direct *d, const uint8_t *p, size_t n)
{
	if (n == 0)
		return refuse(d, ERR_PROTO, TLS_UNEXPECTED_MESSAGE, "an alert of no length");
	if (n != 2)
		return refuse(d, ERR_PROTO, TLS_DECODE_ERROR, "an alert of the wrong length");
	if (p[1] == USER_CANCELED)
		return count_without_data(d);
	d->closed = p[1] == TLS_CLOSE_NOTIFY;
	d->why = "the peer has ended it with an alert";
	return ERR_IO;
}

static int take_key_update(struct tls_direct *d)
{
	unsigned request = d->message[KEY_UPDATE_LEN - 1];
	if (request > 1)
		return refuse(d, ERR_PROTO, TLS_ILLEGAL_PARAMETER, "a key update of a wrong kind");
	if (d->credit < KEY_UPDATE_COST)
		return refuse(d, ERR_PROTO, TLS_UNEXPECTED_MESSAGE, "too many key updates");
	d->credit -= KEY_UPDATE_COST;
	d->update_due = d->update_due || request == 1;
	if (tls_keys_update(&d->in))
		return refuse(d, ERR_NOMEM, TLS_INTERNAL_ERROR, "out of memory");
	return OK;
}

/* All that a client may say after its handshake, section 4.6, is that its keys change.
 * The message ends with a record, for the next one has other keys. */
static int take_handshake(struct tls_direct *d, const uint8_t *p, size_t n)
{
	static const uint8_t head[KEY_UPDATE_LEN - 1] = { KEY_UPDATE, 0, 0, 1 };
	if (n == 0 || n > KEY_UPDATE_LEN - d->message_len ||
		(!d->message_len && p[0] != KEY_UPDATE))
		return refuse(d, ERR_PROTO, TLS_UNEXPECTED_MESSAGE,
			"a handshake message that may not come now");
	memcpy(d->message + d->message_len, p, n);
	d->message_len += n;
	size_t known = d->message_len < sizeof(head) ? d->message_len : sizeof(head);
	if (memcmp(d->message, head, known) != 0)
		return refuse(d, ERR_PROTO, TLS_DECODE_ERROR, "a key update of the wrong length");
	if (d->message_len < KEY_UPDATE_LEN)
		return OK;
	d->message_len = 0;
	return take_key_update(d);
}

/* The record's bytes in `plain`, and how many of them are data. */
static int take_record(
	struct tls_direct *d, const uint8_t *record, size_t size, uint8_t *plain, size_t *n_data)
{
	const uint8_t *tag = record + size - TLS_KEYS_TAG;
	size_t n = size - HEAD - TLS_KEYS_TAG;
	*n_data = 0;
	if (tls_keys_begin(&d->in, record, HEAD) || tls_keys_add(&d->in, record + HEAD, n, plain) ||
		tls_keys_end_opening(&d->in, tag)) {
		ERR_clear_error();
		return refuse(d, ERR_PROTO, TLS_BAD_RECORD_MAC, "a record that was not sealed so");
	}
	while (n > 0 && plain[n - 1] == 0) /* padding, section 5.4 */
		n--;
	if (n == 0)
		return refuse(d, ERR_PROTO, TLS_UNEXPECTED_MESSAGE, "a record of no type");
	unsigned type = plain[--n];
	if (type == TYPE_ALERT)
		return take_alert(d, plain, n);
	if (type == TYPE_DATA && n > 0)
		d->without_data = 0;
	else if (count_without_data(d))
		return ERR_PROTO;
	if (type == TYPE_HANDSHAKE)
		return take_handshake(d, plain, n);
	if (type != TYPE_DATA || d->message_len > 0)
		return refuse(d, ERR_PROTO, TLS_UNEXPECTED_MESSAGE, "a record of the wrong type");
	earn_credit(d, n);
	*n_data = n;
	return OK;
}

int tls_direct_open(struct tls_direct *d, struct rd *in, uint8_t *plain, size_t cap, size_t *n)
{
	int err = OK;
	*n = 0;
	while (!err) {
		const uint8_t *record;
		size_t size, len;
		err = next_record(d, in, cap - *n, &record, &size);
		if (err == ERR_LIMIT)
			return OK;
		if (err)
			return err;
		err = take_record(d, record, size, plain + *n, &len);
		*n += len;
		forget_part(d);
	}
	return err;
}

bool tls_direct_closed(const struct tls_direct *d)
{
	return d->closed;
}

const char *tls_direct_why(const struct tls_direct *d, enum tls_alert *alert)
{
	*alert = d->alert;
	return d->why;
}

/* At most TLS_DIRECT_PLAIN_MAX bytes of `c`. */
static int seal(struct tls_keys *k, uint8_t type, struct tls_cursor *c, uint8_t *out)
{
	size_t n = 0, at = HEAD;
	for (size_t i = 0; i < c->n && n < TLS_DIRECT_PLAIN_MAX; i++)
		n += c->parts[i].iov_len - (i ? 0 : c->at);
	if (n > TLS_DIRECT_PLAIN_MAX)
		n = TLS_DIRECT_PLAIN_MAX;
	if (n == 0)
		return 0;
	size_t sealed = n + sizeof(type) + TLS_KEYS_TAG, left = n;
	const uint8_t head[HEAD] = { TYPE_DATA, 3, 3, (uint8_t)(sealed >> 8), (uint8_t)sealed };
	memcpy(out, head, HEAD);
	int err = tls_keys_begin(k, head, HEAD);
	while (left > 0 && !err) {
		const uint8_t *from = (const uint8_t *)c->parts->iov_base + c->at;
		size_t rest = c->parts->iov_len - c->at, run = rest < left ? rest : left;
		if (run > 0)
			err = tls_keys_add(k, from, run, out + at);
		at += run;
		left -= run;
		c->at += run;
		if (run == rest) {
			c->parts++;
			c->n--;
			c->at = 0;
		}
	}
	if (!err)
		err = tls_keys_add(k, &type, sizeof(type), out + at);
	if (!err)
		err = tls_keys_end_sealing(k, out + at + sizeof(type));
	return err ? err : (int)(HEAD + sealed);
}

static int seal_bytes(struct tls_keys *k, uint8_t type, const uint8_t *data, size_t n, uint8_t *out)
{
	struct iovec part = { (void *)(uintptr_t)data, n };
	return seal(k, type, &(struct tls_cursor){ .parts = &part, .n = 1 }, out);
}

static int seal_key_update(struct tls_direct *d, uint8_t *out)
{
	static const uint8_t update[KEY_UPDATE_LEN] = { KEY_UPDATE, 0, 0, 1, 0 };
	int size = seal_bytes(&d->out, TYPE_HANDSHAKE, update, sizeof(update), out);
	int err = size < 0 ? size : tls_keys_update(&d->out);
	d->update_due = false;
	return err ? err : size;
}

int tls_direct_seal(struct tls_direct *d, struct tls_cursor *c, uint8_t *out)
{
	int before = 0;
	if (d->update_due || d->out.sequence >= SEALED_WITH_ONE_KEY)
		before = seal_key_update(d, out);
	if (before < 0)
		return before;
	int size = seal(&d->out, TYPE_DATA, c, out + before);
	earn_credit(d, size > 0 ? (size_t)size : 0);
	return size < 0 ? size : before + size;
}

int tls_direct_seal_alert(
	struct tls_direct *d, enum tls_alert alert, uint8_t out[TLS_DIRECT_ALERT_MAX])
{
	uint8_t message[2] = { alert == TLS_CLOSE_NOTIFY ? WARNING : FATAL, (uint8_t)alert };
	return seal_bytes(&d->out, TYPE_ALERT, message, sizeof(message), out);
}
