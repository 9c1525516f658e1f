#include "net/ws_out.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"

enum {
	TEXT_FRAME_MAX = 1024 * 1024,
	FRAMES_ON_STACK = 16,
	PARTS_ON_STACK = 16,
	SCRATCH_KEPT = 4096,
};

/* How bytes are cut into frames. */
struct cut {
	struct stream *below;
	bool text; /* all are one text message; else each is a binary one */
	size_t frame_max;
	size_t total;
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

/* The head of the next frame, `left` bytes from the end. */
static struct ws_head next_head(const struct cut *cut, size_t left)
{
	bool last = left <= cut->frame_max;
	return (struct ws_head){
		.fin = last || !cut->text,
		.opcode = !cut->text          ? WS_BINARY
			  : left < cut->total ? WS_CONTINUATION
					      : WS_TEXT,
		.len = last ? left : cut->frame_max,
	};
}

static int set_mask(struct ws_head *h)
{
	h->masked = true;
	return random_bytes(h->mask, sizeof(h->mask));
}

static int send_masked(const struct cut *cut, struct buf *scratch, struct cursor c)
{
	int err = OK;
	size_t left = cut->total;
	do {
		struct ws_head head = next_head(cut, left);
		size_t len = (size_t)head.len, done = 0;
		uint8_t text[WS_HEAD_MAX];
		err = set_mask(&head);
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
		left -= len;
	} while (left > 0 && !err);
	if (!err)
		err = stream_send(cut->below, scratch->data, scratch->len);
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
	const struct cut *cut, struct cursor c, uint8_t (*heads)[WS_HEAD_MAX], struct iovec *out)
{
	size_t n = 0, left = cut->total;
	do {
		struct ws_head head = next_head(cut, left);
		size_t len = (size_t)head.len;
		out[n++] = (struct iovec){ *heads, ws_head_write(&head, *heads) };
		heads++;
		left -= len;
		while (len > 0) {
			out[n] = next_run(&c, len);
			len -= out[n++].iov_len;
		}
	} while (left > 0);
	return n;
}

static int send_plain(const struct cut *cut, struct cursor c, size_t n_parts)
{
	size_t n_frames = cut->total / cut->frame_max + 1;
	/* A head for each, and every frame's end may cut a part in two. */
	size_t n_out = 2 * n_frames + n_parts;
	uint8_t few_heads[FRAMES_ON_STACK][WS_HEAD_MAX];
	struct iovec few_out[2 * FRAMES_ON_STACK + PARTS_ON_STACK];
	if (n_frames <= FRAMES_ON_STACK && n_parts <= PARTS_ON_STACK)
		return stream_sendv(cut->below, few_out, interleave(cut, c, few_heads, few_out));
	uint8_t(*heads)[WS_HEAD_MAX] = calloc(n_frames, sizeof(*heads));
	struct iovec *out = calloc(n_out, sizeof(*out));
	int err = ERR_NOMEM;
	if (heads && out)
		err = stream_sendv(cut->below, out, interleave(cut, c, heads, out));
	free(heads);
	free(out);
	return err;
}

int ws_out_send(struct stream *below, bool mask, struct buf *scratch, const struct iovec *parts,
	size_t n_parts)
{
	struct cut cut = { .below = below, .frame_max = WS_OUT_MESSAGE_MAX };
	for (size_t i = 0; i < n_parts; i++) {
		if (parts[i].iov_len > SIZE_MAX / 2 - cut.total)
			return ERR_LIMIT;
		cut.total += parts[i].iov_len;
	}
	if (cut.total == 0)
		return OK;
	struct cursor c = { .parts = parts };
	return mask ? send_masked(&cut, scratch, c) : send_plain(&cut, c, n_parts);
}

int ws_out_text(struct stream *below, bool mask, struct buf *scratch, const char *text, size_t n)
{
	struct cut cut = { below, true, TEXT_FRAME_MAX, n };
	struct iovec part = { (void *)(uintptr_t)text, n };
	struct cursor c = { .parts = &part };
	return mask ? send_masked(&cut, scratch, c) : send_plain(&cut, c, 1);
}

int ws_out_control(
	struct stream *below, bool mask, enum ws_opcode opcode, const uint8_t *payload, size_t n)
{
	uint8_t frame[WS_HEAD_MAX + 125];
	struct ws_head head = { .fin = true, .opcode = opcode, .len = n };
	int err = mask ? set_mask(&head) : OK;
	if (err)
		return err;
	size_t len = ws_head_write(&head, frame);
	if (n > 0)
		memcpy(frame + len, payload, n);
	if (mask)
		ws_mask(frame + len, n, head.mask, 0);
	return stream_send(below, frame, len + n);
}

size_t ws_out_room(size_t room)
{
	size_t heads = (room / WS_OUT_MESSAGE_MAX + 1) * WS_HEAD_MAX;
	return room > heads ? room - heads : 0;
}
