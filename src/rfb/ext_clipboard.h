#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* The body of an extended cut text, rfbproto "Extended Clipboard Pseudo-Encoding". */
enum {
	EXT_CLIPBOARD_TEXT = 1 << 0,
	EXT_CLIPBOARD_CAPS = 1 << 24,
	EXT_CLIPBOARD_REQUEST = 1 << 25,
	EXT_CLIPBOARD_PEEK = 1 << 26,
	EXT_CLIPBOARD_NOTIFY = 1 << 27,
	EXT_CLIPBOARD_PROVIDE = 1 << 28,
};

struct ext_clipboard_msg {
	uint32_t flags;
	uint32_t text_max; /* CAPS with TEXT: largest unsolicited text, else 0 */
};

/* Parses body[n] (all of it is there). For PROVIDE with TEXT the text is appended
 * to `text`: UTF-8 (what was not is '?'), LF line ends, up to the first NUL. Its
 * ceiling bounds the inflating: ERR_LIMIT when the announced size is past it.
 * ERR_PROTO: fewer than 4 bytes, no action or more than one (CAPS apart, which
 * lists the accepted ones), a broken zlib stream, a size that lies, bytes after
 * the stream. Nothing is appended on error, though text->bad may be set. */
MUST_USE int ext_clipboard_parse(
	const uint8_t *body, size_t n, struct ext_clipboard_msg *out, struct buf *text);

/* Whole ServerCutText (`from_server`) or ClientCutText messages: */
void ext_clipboard_put_caps(struct buf *out, bool from_server);
/* NOTIFY, REQUEST or PEEK with `formats` (0 or EXT_CLIPBOARD_TEXT). */
void ext_clipboard_put_action(struct buf *out, bool from_server, uint32_t action, uint32_t formats);
/* PROVIDE of `text` (UTF-8, LF; sent as CRLF with a final NUL). ERR_LIMIT,
 * ERR_NOMEM: nothing was appended, though out->bad may be set. */
MUST_USE int ext_clipboard_put_text(
	struct buf *out, bool from_server, const char *text, size_t len);

/* Latin-1 of the plain cut text to UTF-8 and back (what has no Latin-1 form
 * becomes '?'). Appends to `out`. */
void ext_clipboard_utf8_from_latin1(struct buf *out, const uint8_t *latin1, size_t n);
void ext_clipboard_latin1_from_utf8(struct buf *out, const char *utf8, size_t n);
