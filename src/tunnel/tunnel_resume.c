#include "tunnel/tunnel_resume.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/secret.h"
#include "tunnel/tunnel_tail.h"

enum link {
	LINK_NONE,
	LINK_OPENING, /* the viewer's end waits for WELCOME */
	LINK_UP,
};

struct tunnel_resume {
	enum tunnel_role role;
	enum link link;
	bool over;

	/* Sending: byte counts since the session began. */
	struct tunnel_tail tail; /* from `acked` on */
	uint64_t acked, next;    /* `next`: of the first byte not given to this link */
	uint64_t high;           /* the most that was given to any link */
	bool finishing;
	bool opening_due, ack_due; /* opening: HELLO, RESUME or WELCOME */
	uint8_t out[TUNNEL_RECORD_MAX];

	/* Receiving. */
	uint64_t received, told; /* `told`: the peer knows that we have so many */
	uint8_t head[TUNNEL_RECORD_MAX];
	size_t head_len;
	uint32_t data_left; /* of a DATA record */

	/* The viewer's end has the key, the agent keeps hashes, and the key itself
	 * until WELCOME has told it. */
	bool has_key;
	uint8_t key[TUNNEL_KEY];
	uint32_t epoch;
	uint8_t newest[HASH_SHA256], used[HASH_SHA256];
	bool used_valid;
};

struct tunnel_resume *tunnel_resume_create(enum tunnel_role role)
{
	struct tunnel_resume *t = calloc(1, sizeof(*t));
	if (t)
		t->role = role;
	return t;
}

void tunnel_resume_destroy(struct tunnel_resume *t)
{
	if (!t)
		return;
	tunnel_tail_fini(&t->tail);
	secret_wipe(t, sizeof(*t));
	free(t);
}

static void clear_link(struct tunnel_resume *t, enum link link)
{
	t->link = link;
	t->head_len = 0;
	t->data_left = 0;
	t->opening_due = link != LINK_NONE;
	t->ack_due = false;
}

void tunnel_resume_lost(struct tunnel_resume *t)
{
	clear_link(t, LINK_NONE);
}

bool tunnel_resume_up(const struct tunnel_resume *t)
{
	return t->link == LINK_UP && !t->over;
}

void tunnel_resume_start(struct tunnel_resume *t)
{
	clear_link(t, LINK_OPENING);
	if (t->has_key)
		t->epoch++;
}

bool tunnel_resume_knows(const struct tunnel_resume *t, const uint8_t key[TUNNEL_KEY])
{
	uint8_t hash[HASH_SHA256];
	hash_sha256(key, TUNNEL_KEY, hash);
	bool newest = secret_equal(hash, sizeof(hash), t->newest, sizeof(t->newest));
	bool used = secret_equal(hash, sizeof(hash), t->used, sizeof(t->used));
	return t->has_key && (newest || (used && t->used_valid));
}

/* The peer has so many of our bytes; from there on we go on. */
static bool go_on_from(struct tunnel_resume *t, uint64_t count)
{
	if (count < t->acked || count > t->high)
		return false;
	tunnel_tail_drop(&t->tail, (size_t)(count - t->acked));
	t->acked = t->next = count;
	return true;
}

static void take_fresh_key(struct tunnel_resume *t, const uint8_t fresh[TUNNEL_KEY])
{
	memcpy(t->key, fresh, TUNNEL_KEY);
	hash_sha256(fresh, TUNNEL_KEY, t->newest);
	t->has_key = true;
	clear_link(t, LINK_UP);
}

static int accept_resume(struct tunnel_resume *t, const struct tunnel_record *opening)
{
	if (!tunnel_resume_knows(t, opening->key) || opening->epoch <= t->epoch || t->over ||
		!go_on_from(t, opening->received))
		return ERR_AUTH;
	/* The key of this RESUME goes on until its sender has shown the next one. */
	hash_sha256(opening->key, TUNNEL_KEY, t->used);
	t->used_valid = true;
	t->epoch = opening->epoch;
	return OK;
}

int tunnel_resume_accept(struct tunnel_resume *t, const struct tunnel_record *opening,
	const uint8_t fresh[TUNNEL_KEY], enum tunnel_refusal *reason)
{
	bool is_hello = opening->type == TUNNEL_RECORD_HELLO;
	if (t->role != TUNNEL_AGENT || (!is_hello && opening->type != TUNNEL_RECORD_RESUME))
		return ERR_PROTO;
	*reason = TUNNEL_REFUSED_VERSION;
	if (opening->version != TUNNEL_RECORD_VERSION)
		return ERR_AUTH;
	*reason = TUNNEL_REFUSED_GONE;
	if (is_hello ? t->has_key : accept_resume(t, opening) != OK)
		return ERR_AUTH;
	take_fresh_key(t, fresh);
	return OK;
}

int tunnel_resume_write(struct tunnel_resume *t, const void *data, size_t n)
{
	if (t->over || t->finishing)
		return ERR_IO;
	if (n > tunnel_resume_room(t))
		return ERR_LIMIT;
	return tunnel_tail_put(&t->tail, data, n);
}

size_t tunnel_resume_room(const struct tunnel_resume *t)
{
	return t->over || t->finishing ? 0 : TUNNEL_TAIL_MAX - t->tail.len;
}

size_t tunnel_resume_unacked(const struct tunnel_resume *t)
{
	return t->tail.len;
}

static size_t unsent(const struct tunnel_resume *t)
{
	return (size_t)(t->acked + t->tail.len - t->next);
}

bool tunnel_resume_has_next(const struct tunnel_resume *t)
{
	if (t->over || t->link == LINK_NONE)
		return false;
	if (t->opening_due)
		return true;
	return t->link == LINK_UP && (t->ack_due || unsent(t) > 0 || t->finishing);
}

/* The record's bytes (of DATA its head) as the first part. */
static size_t put_record(
	struct tunnel_resume *t, const struct tunnel_record *r, struct iovec parts[])
{
	struct buf b = { .data = t->out, .cap = sizeof(t->out), .max = sizeof(t->out) };
	tunnel_record_put(&b, r);
	parts[0] = (struct iovec){ t->out, b.len };
	return 1;
}

static size_t put_opening(struct tunnel_resume *t, struct iovec parts[])
{
	struct tunnel_record r = {
		.type = t->role == TUNNEL_AGENT ? TUNNEL_RECORD_WELCOME
			: t->has_key            ? TUNNEL_RECORD_RESUME
						: TUNNEL_RECORD_HELLO,
		.version = TUNNEL_RECORD_VERSION,
		.epoch = t->epoch,
		.received = t->received,
		.keep_s = TUNNEL_KEEP_S,
	};
	memcpy(r.key, t->key, TUNNEL_KEY);
	if (t->role == TUNNEL_AGENT)
		secret_wipe(t->key, sizeof(t->key));
	t->opening_due = false;
	t->told = t->received;
	return put_record(t, &r, parts);
}

static size_t put_data(struct tunnel_resume *t, struct iovec parts[])
{
	size_t n = unsent(t) < TUNNEL_DATA_MAX ? unsent(t) : TUNNEL_DATA_MAX;
	struct tunnel_record r = { .type = TUNNEL_RECORD_DATA, .data_len = (uint32_t)n };
	size_t n_parts = put_record(t, &r, parts);
	n_parts += tunnel_tail_peek(&t->tail, (size_t)(t->next - t->acked), n, parts + n_parts);
	t->next += n;
	if (t->next > t->high)
		t->high = t->next;
	return n_parts;
}

size_t tunnel_resume_next(struct tunnel_resume *t, struct iovec parts[TUNNEL_OUT_PARTS])
{
	if (!tunnel_resume_has_next(t))
		return 0;
	if (t->opening_due)
		return put_opening(t, parts);
	if (t->ack_due) {
		t->ack_due = false;
		t->told = t->received;
		return put_record(t,
			&(struct tunnel_record){
				.type = TUNNEL_RECORD_ACK, .received = t->received },
			parts);
	}
	if (unsent(t) > 0)
		return put_data(t, parts);
	t->over = true;
	return put_record(t, &(struct tunnel_record){ .type = TUNNEL_RECORD_CLOSE }, parts);
}

static int on_welcome(
	struct tunnel_resume *t, const struct tunnel_record *r, struct tunnel_input *out)
{
	if (!go_on_from(t, r->received))
		return ERR_PROTO;
	memcpy(t->key, r->key, TUNNEL_KEY);
	t->has_key = true;
	t->link = LINK_UP;
	t->ack_due = true; /* at once: it ends the key before */
	out->event = TUNNEL_EVENT_UP;
	return OK;
}

static int on_ack(struct tunnel_resume *t, uint64_t count, struct tunnel_input *out)
{
	if (count < t->acked || count > t->next)
		return ERR_PROTO;
	tunnel_tail_drop(&t->tail, (size_t)(count - t->acked));
	t->acked = count;
	out->event = TUNNEL_EVENT_ACKED;
	return OK;
}

static int on_opening_answer(
	struct tunnel_resume *t, const struct tunnel_record *r, struct tunnel_input *out)
{
	if (r->type == TUNNEL_RECORD_WELCOME && !t->opening_due)
		return on_welcome(t, r, out);
	if (r->type != TUNNEL_RECORD_REFUSED || t->opening_due)
		return ERR_PROTO;
	t->over = true;
	out->event = TUNNEL_EVENT_REFUSED;
	out->reason = (enum tunnel_refusal)r->reason;
	return OK;
}

/* OK: something to tell; ERR_AGAIN: go on. */
static int on_record(
	struct tunnel_resume *t, const struct tunnel_record *r, struct tunnel_input *out)
{
	if (t->link == LINK_OPENING)
		return on_opening_answer(t, r, out);
	if (t->opening_due) /* it could not wait for WELCOME */
		return ERR_PROTO;
	t->used_valid = false; /* the viewer's end has the new key */
	switch (r->type) {
	case TUNNEL_RECORD_DATA: t->data_left = r->data_len; return ERR_AGAIN;
	case TUNNEL_RECORD_ACK: return on_ack(t, r->received, out);
	case TUNNEL_RECORD_CLOSE:
		t->over = true;
		out->event = TUNNEL_EVENT_CLOSED;
		return OK;
	case TUNNEL_RECORD_HELLO:
	case TUNNEL_RECORD_RESUME:
	case TUNNEL_RECORD_WELCOME:
	case TUNNEL_RECORD_REFUSED: break;
	}
	return ERR_PROTO;
}

static int take_data(struct tunnel_resume *t, struct rd *in, struct tunnel_input *out)
{
	size_t n = t->data_left < in->left ? t->data_left : in->left;
	out->event = TUNNEL_EVENT_DATA;
	out->data = rd_bytes(in, n);
	out->n = n;
	t->data_left -= (uint32_t)n;
	t->received += n;
	if (t->received - t->told >= TUNNEL_ACK_BYTES)
		t->ack_due = true;
	return OK;
}

/* A record, though it came in pieces. ERR_AGAIN: all of `in` was taken. */
static int take_record(struct tunnel_resume *t, struct rd *in, struct tunnel_record *r)
{
	if (t->head_len == 0) {
		int err = tunnel_record_parse(in, r);
		if (err != ERR_AGAIN)
			return err;
	}
	size_t room = sizeof(t->head) - t->head_len, had = t->head_len;
	size_t n = in->left < room ? in->left : room;
	memcpy(t->head + had, in->p, n);
	struct rd joined = rd_of(t->head, had + n);
	int err = tunnel_record_parse(&joined, r);
	t->head_len = err == ERR_AGAIN ? had + n : 0;
	rd_skip(in, n - (err == ERR_AGAIN ? 0 : joined.left));
	return err;
}

int tunnel_resume_read(struct tunnel_resume *t, struct rd *in, struct tunnel_input *out)
{
	*out = (struct tunnel_input){ 0 };
	if (t->over || t->link == LINK_NONE)
		return ERR_PROTO;
	int err = ERR_AGAIN;
	while (in->left > 0 && err == ERR_AGAIN) {
		if (t->data_left > 0)
			return take_data(t, in, out);
		struct tunnel_record r;
		err = take_record(t, in, &r);
		if (!err)
			err = on_record(t, &r, out);
	}
	if (err == ERR_PROTO)
		t->over = true;
	return err;
}

bool tunnel_resume_ack_wanted(const struct tunnel_resume *t)
{
	return tunnel_resume_up(t) && !t->ack_due && t->received > t->told;
}

void tunnel_resume_ack(struct tunnel_resume *t)
{
	t->ack_due = tunnel_resume_up(t) && t->received > t->told;
}

void tunnel_resume_finish(struct tunnel_resume *t)
{
	t->finishing = true;
}

bool tunnel_resume_is_over(const struct tunnel_resume *t)
{
	return t->over;
}
