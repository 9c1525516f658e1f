/* A server's bytes into the headless viewer with every decoder. The first byte
 * chooses pixel format, decoding and the length of the pieces that arrive; the
 * viewer is already logged in, into a framebuffer of 96 x 80. */
#include <stdlib.h>

#include "client/client.h"
#include "rfb/encoding.h"
#include "rfb/server_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct pix_format formats[] = {
	{ 32, 24, false, true, 255, 255, 255, 16, 8, 0 },
	{ 32, 24, true, true, 255, 255, 255, 0, 8, 16 },
	{ 16, 16, true, true, 31, 63, 31, 11, 5, 0 },
	{ 8, 8, false, false, 0, 0, 0, 0, 0, 0 },
};

static struct client *make_client(unsigned how)
{
	static const int32_t encodings[] = { RFB_EXTENDED_CLIPBOARD };
	struct client_config config = {
		.format = &formats[how % ARRAY_LEN(formats)],
		.encodings = encodings,
		.n_encodings = 1,
		.no_decode = how / ARRAY_LEN(formats) & 1,
	};
	struct client *c = client_create(&config, NULL, NULL);
	struct buf login;
	buf_init(&login, 1000);
	buf_put(&login, "RFB 003.008\n\1\1\0\0\0\0", 18);
	rfb_put_server_init(&login, 96, 80, &pix_format_native, "fuzz");
	if (!c || client_feed(c, login.data, login.len))
		abort();
	buf_fini(&login);
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct client *c = make_client(data[0]);
	size_t piece = data[0] & 8 ? data[0] / 16 + 1u : size;
	int err = OK;
	for (size_t at = 1; at < size && !err; at += piece) {
		err = client_feed(c, data + at, size - at < piece ? size - at : piece);
		buf_reset(client_output(c));
	}
	if (err == ERR_AGAIN)
		abort();
	client_destroy(c);
	return 0;
}
