#include "net/ws_out.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"

enum {
	MESSAGE_MAX = 64 * 1024,
	FRAMES_ON_STACK = 16,
	PARTS_ON_STACK = 16,
	SCRATCH_KEPT = 2 * MESSAGE_MAX,
};

/* Where we are in the caller's parts. */
struct cursor {
	const struct iovec *parts;
	size_t at; /* in parts[0] */
};

/* The next run of at most `max` bytes that lies in one piece. */
static struct iovec next_run(struct cursor *c, size_t max)
{
	while (c->at == c->parts->iov_len) {
		c->parts++;
		c->at = 0;
	}
	size_t left = c->parts->iov_len - c->at;
	struct iovec run = { (uint8_t *)c->parts->iov_base + c->at, left < max ? left : max };
	c->at += run.iov_len;
	return run;
}

static int make_head(bool mask, enum ws_opcode opcode, size_t len, struct ws_head *out)
{
	*out = (struct ws_head){ .fin = true, .opcode = opcode, .masked = mask, .len = len };
	return mask ? random_bytes(out->mask, sizeof(out->mask)) : OK;
}

static int send_masked(struct stream *below, struct buf *scratch, struct cursor c, size_t total)
{
	int err = OK;
	while (total > 0 && !err) {
		size_t len = total < MESSAGE_MAX ? total : MESSAGE_MAX, done = 0;
		uint8_t text[WS_HEAD_MAX];
		struct ws_head head;
		err = make_head(true, WS_BINARY, len, &head);
		buf_put(scratch, text, ws_head_write(&head, text));
		while (done < len) {
			struct iovec run = next_run(&c, len - done);
			buf_put(scratch, run.iov_base, run.iov_len);
			done += run.iov_len;
		}
		if (!err)
			err = buf_ok(scratch);
		if (!err)
			ws_mask(scratch->data + scratch->len - len, len, head.mask, 0);
		total -= len;
	}
	if (!err)
		err = stream_send(below, scratch->data, scratch->len);
	if (scratch->cap > SCRATCH_KEPT) {
		size_t max = scratch->max;
		buf_fini(scratch);
		buf_init(scratch, max);
	}
	buf_reset(scratch);
	return err;
}

/* Heads between runs of the caller's bytes; returns how many pieces. */
static size_t interleave(
	struct cursor c, size_t total, uint8_t (*heads)[WS_HEAD_MAX], struct iovec *out)
{
	size_t n = 0;
	for (; total > 0; heads++) {
		size_t len = total < MESSAGE_MAX ? total : MESSAGE_MAX;
		struct ws_head head = { .fin = true, .opcode = WS_BINARY, .len = len };
		out[n++] = (struct iovec){ *heads, ws_head_write(&head, *heads) };
		total -= len;
		while (len > 0) {
			out[n] = next_run(&c, len);
			len -= out[n++].iov_len;
		}
	}
	return n;
}

static int send_plain(struct stream *below, struct cursor c, size_t n_parts, size_t total)
{
	size_t n_frames = (total + MESSAGE_MAX - 1) / MESSAGE_MAX;
	/* A head for each, and every frame's end may cut a part in two. */
	size_t n_out = 2 * n_frames + n_parts;
	uint8_t few_heads[FRAMES_ON_STACK][WS_HEAD_MAX];
	struct iovec few_out[2 * FRAMES_ON_STACK + PARTS_ON_STACK];
	if (n_frames <= FRAMES_ON_STACK && n_parts <= PARTS_ON_STACK)
		return stream_sendv(below, few_out, interleave(c, total, few_heads, few_out));
	uint8_t(*heads)[WS_HEAD_MAX] = calloc(n_frames, sizeof(*heads));
	struct iovec *out = calloc(n_out, sizeof(*out));
	int err = ERR_NOMEM;
	if (heads && out)
		err = stream_sendv(below, out, interleave(c, total, heads, out));
	free(heads);
	free(out);
	return err;
}

int ws_out_send(struct stream *below, bool mask, struct buf *scratch, const struct iovec *parts,
	size_t n_parts)
{
	size_t total = 0;
	for (size_t i = 0; i < n_parts; i++) {
		if (parts[i].iov_len > SIZE_MAX / 2 - total)
			return ERR_LIMIT;
		total += parts[i].iov_len;
	}
	if (total == 0)
		return OK;
	struct cursor c = { .parts = parts };
	return mask ? send_masked(below, scratch, c, total) : send_plain(below, c, n_parts, total);
}

int ws_out_control(
	struct stream *below, bool mask, enum ws_opcode opcode, const uint8_t *payload, size_t n)
{
	uint8_t frame[WS_HEAD_MAX + 125];
	struct ws_head head;
	int err = make_head(mask, opcode, n, &head);
	if (err)
		return err;
	size_t len = ws_head_write(&head, frame);
	if (n > 0)
		memcpy(frame + len, payload, n);
	if (mask)
		ws_mask(frame + len, n, head.mask, 0);
	return stream_send(below, frame, len + n);
}
