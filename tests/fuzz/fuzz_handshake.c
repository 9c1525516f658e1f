/* A peer of the server's handshake. The first byte chooses security and
 * decision, the second in what pieces the rest arrives. */
#include <stdlib.h>

#include "rfb/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* False when the session is over. */
static bool step(struct rfb_handshake *h, struct buf *in, struct buf *out, bool accept)
{
	struct rd r = rd_of(in->data, in->len);
	enum rfb_handshake_want want;
	int err = rfb_handshake_step(h, &r, out, &want);
	buf_consume(in, in->len - r.left);
	if (err) {
		size_t len = out->len;
		if (rfb_handshake_step(h, &r, out, &want) != ERR_AUTH || out->len != len)
			abort();
		return false;
	}
	if (want == RFB_HANDSHAKE_DECIDE) {
		rfb_handshake_decide(h, accept, "no", out);
		return step(h, in, out, accept);
	}
	return want == RFB_HANDSHAKE_BYTES;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t challenge[16] = "0123456789abcdef";
	if (size < 2)
		return 0;
	bool vnc_auth = data[0] & 1, accept = data[0] & 2;
	size_t piece = data[1] ? data[1] : size;
	struct rfb_handshake h;
	struct buf in, out;
	buf_init(&in, 1 << 20);
	buf_init(&out, 1024);

	rfb_handshake_start(&h, vnc_auth ? RFB_SECURITY_VNC_AUTH : RFB_SECURITY_NONE,
		vnc_auth ? challenge : NULL, &out);
	bool going = true;
	for (size_t at = 2; going && at < size; at += piece) {
		buf_put(&in, data + at, size - at < piece ? size - at : piece);
		going = step(&h, &in, &out, accept);
	}
	if (buf_ok(&out))
		abort();
	buf_fini(&in);
	buf_fini(&out);
	return 0;
}
