/* A peer's bytes into one end of a resumable session. The first byte chooses the end and
 * the length of the pieces; a piece that begins with 0xff stands for a lost link and a
 * new one. Whatever comes, the counts of what is kept stay within the ceiling. */
#include <stdlib.h>

#include "crypto/hash.h"
#include "tunnel/tunnel_resume.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t fresh[TUNNEL_KEY] = { 1, 2, 3 };

/* Every byte is read, so that a sanitizer sees one that is not ours. */
static void send_all(struct tunnel_resume *t)
{
	struct iovec parts[TUNNEL_OUT_PARTS];
	uint8_t digest[HASH_SHA1];
	size_t n;
	while ((n = tunnel_resume_next(t, parts)) > 0)
		for (size_t i = 0; i < n; i++)
			hash_sha1(parts[i].iov_base, parts[i].iov_len, digest);
	if (tunnel_resume_has_next(t))
		abort();
}

static void open_link(struct tunnel_resume *t, bool is_agent, struct rd *in)
{
	struct tunnel_record r = { .type = TUNNEL_RECORD_HELLO, .version = 1 };
	enum tunnel_refusal why;
	tunnel_resume_lost(t);
	if (!is_agent) {
		tunnel_resume_start(t);
		return;
	}
	if (in->left > 0 && *in->p == TUNNEL_RECORD_RESUME && tunnel_record_parse(in, &r))
		return;
	int err = tunnel_resume_accept(t, &r, fresh, &why);
	(void)err; /* a refused link stays down, and reading is an error */
}

static void read_piece(struct tunnel_resume *t, struct rd piece)
{
	struct tunnel_input heard;
	int err;
	do {
		size_t before = piece.left;
		err = tunnel_resume_read(t, &piece, &heard);
		if (err == ERR_AGAIN && piece.left > 0)
			abort();
		if (err == OK && piece.left >= before)
			abort();
	} while (err == OK);
	if (tunnel_resume_ack_wanted(t))
		tunnel_resume_ack(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t bytes[3000];
	struct rd in = rd_of(data, size);
	uint8_t how = rd_u8(&in);
	bool is_agent = how & 1;
	size_t piece = how / 2 + 1u;
	struct tunnel_resume *t = tunnel_resume_create(is_agent ? TUNNEL_AGENT : TUNNEL_VIEWER);
	if (!t)
		return 0;
	open_link(t, is_agent, &in);
	while (in.left > 0) {
		if (tunnel_resume_room(t) >= sizeof(bytes) &&
			tunnel_resume_write(t, bytes, sizeof(bytes)))
			abort();
		if (*in.p == 0xff) {
			rd_skip(&in, 1);
			open_link(t, is_agent, &in);
			continue;
		}
		send_all(t);
		size_t n = piece < in.left ? piece : in.left;
		read_piece(t, rd_of(in.p, n));
		rd_skip(&in, n);
		if (tunnel_resume_unacked(t) > TUNNEL_TAIL_MAX)
			abort();
	}
	tunnel_resume_destroy(t);
	return 0;
}
