/* The body of an extended cut text. What parses as a text is put again and must
 * come back the same. */
#include <stdlib.h>
#include <string.h>

#include "rfb/ext_clipboard.h"

enum { CEILING = 65536, HEAD = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct buf *text)
{
	struct ext_clipboard_msg m;
	struct buf wire, again;
	buf_init(&wire, 4 * CEILING);
	buf_init(&again, 3 * CEILING);
	if (ext_clipboard_put_text(&wire, false, (const char *)text->data, text->len))
		abort();
	if (ext_clipboard_parse(wire.data + HEAD, wire.len - HEAD, &m, &again))
		abort();
	if (again.len != text->len || (text->len && memcmp(again.data, text->data, text->len) != 0))
		abort();
	buf_fini(&wire);
	buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ext_clipboard_msg m;
	struct buf text, latin1;
	buf_init(&text, CEILING);
	buf_init(&latin1, CEILING);
	int err = ext_clipboard_parse(data, size, &m, &text);
	if (err && text.len)
		abort();
	if (!err)
		check_round_trip(&text);
	ext_clipboard_latin1_from_utf8(&latin1, (const char *)data, size);
	buf_fini(&text);
	buf_fini(&latin1);
	return 0;
}
