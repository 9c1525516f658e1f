#include <string.h>

#include "agent/agent_private.h"
#include "base/utf8.h"

/* What the desktop's command writes is gathered for a moment, so that a chatty one
 * makes fewer events; what it writes before the run has begun is kept. */

enum {
	EVENT_MAX = 8 * 1024, /* bytes of one event */
	HELD_MAX = 64 * 1024, /* before the run has begun */
	GATHER_MS = 200,
};

/* What is no UTF-8 becomes U+FFFD, NUL a space. */
static void put_clean(struct buf *out, const char *text, size_t n)
{
	const uint8_t *p = (const uint8_t *)text;
	while (n > 0) {
		uint32_t c;
		size_t len = utf8_decode(p, n, &c);
		if (len == 0)
			buf_put(out, "\xef\xbf\xbd", 3);
		else if (*p == 0)
			buf_put(out, " ", 1);
		else
			buf_put(out, p, len);
		len = len ? len : 1;
		p += len;
		n -= len;
	}
}

/* How many bytes at the end are the beginning of a character. */
static size_t unfinished(const uint8_t *p, size_t n)
{
	for (size_t i = 1; i <= 3 && i <= n; i++) {
		uint8_t c = p[n - i];
		size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
		if (c >= 0xc0 || c < 0x80)
			return len > i ? i : 0;
	}
	return 0;
}

/* How much of it makes one event: whole lines where that can be. */
static size_t piece(const struct buf *text, bool all)
{
	const uint8_t *p = text->data;
	if (text->len <= EVENT_MAX)
		return all ? text->len : text->len - unfinished(p, text->len);
	const uint8_t *newline = memrchr(p, '\n', EVENT_MAX);
	return newline ? (size_t)(newline - p) + 1 : EVENT_MAX - unfinished(p, EVENT_MAX);
}

static void tell(const struct agent_line *line, size_t n)
{
	struct buf clean;
	buf_init(&clean, 4 * EVENT_MAX);
	put_clean(&clean, (const char *)line->text.data, n);
	buf_put_u8(&clean, 0);
	if (!buf_ok(&clean))
		agent_event(line->agent, line->is_error ? "stderr" : "stdout",
			(const char *)clean.data);
	buf_fini(&clean);
}

static void flush(struct agent_line *line, bool all)
{
	loop_timer_stop(line->flush);
	if (!line->agent->running)
		return;
	while (line->text.len > 0) {
		size_t n = piece(&line->text, all);
		if (n == 0)
			break;
		tell(line, n);
		buf_consume(&line->text, n);
	}
}

static void on_line_due(void *ctx)
{
	flush(ctx, false);
}

void agent_begin_output(struct agent *a)
{
	flush(&a->lines[0], false);
	flush(&a->lines[1], false);
}

void agent_flush_output(struct agent *a)
{
	flush(&a->lines[0], true);
	flush(&a->lines[1], true);
}

void agent_output(struct agent *a, bool is_error, const char *text, size_t n)
{
	struct agent_line *line = &a->lines[is_error];
	if (a->ended || a->finishing || (a->claims && !a->running))
		return; /* it is nobody's */
	while (n > 0) {
		size_t room = HELD_MAX - line->text.len;
		size_t part = n < room ? n : room;
		if (part == 0)
			break; /* nobody has taken the beginning yet */
		buf_put(&line->text, text, part);
		if (buf_ok(&line->text)) {
			buf_reset(&line->text);
			break;
		}
		text += part;
		n -= part;
		if (line->text.len >= EVENT_MAX)
			flush(line, false);
	}
	if (line->text.len > 0 && !loop_timer_active(line->flush))
		loop_timer_start(line->flush, GATHER_MS);
}

int agent_output_init(struct agent *a)
{
	bool bad = false;
	for (int i = 0; i < 2; i++) {
		a->lines[i].agent = a;
		a->lines[i].is_error = i == 1;
		buf_init(&a->lines[i].text, HELD_MAX);
		a->lines[i].flush = loop_timer_create(a->loop, on_line_due, &a->lines[i]);
		bad |= !a->lines[i].flush;
	}
	return bad ? ERR_NOMEM : OK;
}

void agent_output_fini(struct agent *a)
{
	for (int i = 0; i < 2; i++) {
		buf_fini(&a->lines[i].text);
		loop_timer_destroy(a->lines[i].flush);
	}
}
