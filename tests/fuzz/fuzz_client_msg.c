/* Bytes of a viewer: the first byte chooses the extensions, the rest is what it
 * says. What does not parse consumes nothing, what does consumes something. */
#include <stdlib.h>

#include "rfb/client_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_body(struct rd *in, const struct rfb_client_msg *m)
{
	rd_skip(in, m->body < in->left ? m->body : in->left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_of(data, size);
	unsigned ext = rd_u8(&in);
	struct rfb_client_msg m;

	while (in.left > 0) {
		struct rd before = in;
		int err = rfb_client_msg_parse(&in, ext, &m);
		if (err) {
			if (in.p != before.p || in.left != before.left)
				abort();
			break;
		}
		if (in.left >= before.left)
			abort();
		if (m.type == RFB_SET_PIXEL_FORMAT)
			(void)pix_format_valid(&m.format);
		take_body(&in, &m);
	}
	return 0;
}
