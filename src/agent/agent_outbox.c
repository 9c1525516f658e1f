#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_private.h"
#include "rfb/utf8.h"

enum { LINES_MAX = 8 * 1024, LINES_MS = 200 };

static void drop_first(struct agent_outbox *o)
{
	struct agent_letter *l = o->first;
	o->first = l->next;
	if (!o->first)
		o->last = &o->first;
	o->n--;
	o->bytes -= l->n;
	free(l->body);
	free(l);
}

static void send_first(struct agent *a);

static void on_retry(void *ctx)
{
	send_first(ctx);
}

static void retry_later(struct agent *a)
{
	loop_timer_start(a->outbox.retry, backoff_next_ms(&a->outbox.backoff));
}

/* Worth sending again: the gateway was not there, too busy, or restarting. */
static bool is_passing(int status)
{
	return status == 0 || status == 408 || status == 429 || status >= 500;
}

static void on_sent(void *ctx, const struct http_client_answer *answer)
{
	struct agent *a = ctx;
	struct agent_outbox *o = &a->outbox;
	char why[AGENT_TEXT_MAX];
	o->request = 0;
	if (agent_learn_clock(a, answer)) {
		send_first(a);
		return;
	}
	if (is_passing(answer->status)) {
		agent_why(answer, why, sizeof(why));
		log_debug(a->log, "agent: not told yet: %s", why);
		retry_later(a);
		return;
	}
	if (answer->status != 200) {
		agent_why(answer, why, sizeof(why));
		log_warn(a->log, "agent: %s was refused: %s", o->first->path, why);
	}
	o->backoff.n = 0;
	drop_first(o);
	send_first(a);
}

static void send_first(struct agent *a)
{
	struct agent_outbox *o = &a->outbox;
	if (o->request || loop_timer_active(o->retry) || a->ended)
		return;
	if (!o->first) {
		if (a->finishing)
			agent_end(a, false, "the run is finished");
		return;
	}
	int id = agent_send(
		a, AGENT_WITH_RUN, "POST", o->first->path, o->first->body, o->first->n, on_sent, a);
	if (id > 0)
		o->request = id;
	else
		retry_later(a);
}

static void post(struct agent *a, const char *path, struct json *body)
{
	struct agent_outbox *o = &a->outbox;
	char *text = json_print(body, false);
	struct agent_letter *l = calloc(1, sizeof(*l));
	size_t n = text ? strlen(text) : 0;
	json_drop(body);
	if (!l || !text || o->n == AGENT_OUTBOX_MAX || o->bytes + n > AGENT_OUTBOX_BYTES) {
		if (o->dropped++ == 0)
			log_warn(a->log,
				"agent: the gateway does not take what it is told: dropping "
				"some of it");
		free(text);
		free(l);
		return;
	}
	snprintf(l->path, sizeof(l->path), "%s", path);
	l->body = text;
	l->n = n;
	*o->last = l;
	o->last = &l->next;
	o->n++;
	o->bytes += n;
	send_first(a);
}

void agent_event(struct agent *a, const char *type, const char *data)
{
	if (!a->running)
		return;
	struct json *body = json_make_object();
	json_put_text(body, "type", type);
	json_put_text(body, "data", data);
	json_put_int(body, "sequence", a->sequence++);
	post(a, "/api/ingest/event", body);
}

void agent_marker(struct agent *a, struct json *marker)
{
	char *text = json_print(marker, false);
	json_drop(marker);
	if (text)
		agent_event(a, "marker", text);
	free(text);
}

void agent_ack(struct agent *a, const char *command_id, const char *result, const char *error)
{
	char path[AGENT_PATH_MAX];
	struct json *body = json_make_object();
	snprintf(path, sizeof(path), "/api/runs/%s/commands/%s/ack", a->run_id, command_id);
	json_put(body, "result", result ? json_make_text(result) : json_make_null());
	json_put(body, "error", error ? json_make_text(error) : json_make_null());
	post(a, path, body);
}

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

static void flush_line(struct agent_line *line)
{
	loop_timer_stop(line->flush);
	if (line->text.len == 0)
		return;
	struct buf clean;
	buf_init(&clean, 4 * LINES_MAX);
	put_clean(&clean, (const char *)line->text.data, line->text.len);
	buf_put_u8(&clean, 0);
	if (!buf_ok(&clean))
		agent_event(line->agent, line->is_error ? "stderr" : "stdout",
			(const char *)clean.data);
	buf_fini(&clean);
	buf_reset(&line->text);
}

static void on_line_due(void *ctx)
{
	flush_line(ctx);
}

void agent_flush_lines(struct agent *a)
{
	flush_line(&a->lines[0]);
	flush_line(&a->lines[1]);
}

void agent_output(struct agent *a, bool is_error, const char *text, size_t n)
{
	struct agent_line *line = &a->lines[is_error];
	while (n > 0) {
		size_t room = LINES_MAX - line->text.len;
		size_t part = n < room ? n : room;
		buf_put(&line->text, text, part);
		text += part;
		n -= part;
		if (line->text.len == LINES_MAX)
			flush_line(line);
	}
	if (line->text.len > 0 && !loop_timer_active(line->flush))
		loop_timer_start(line->flush, LINES_MS);
}

int agent_outbox_init(struct agent *a)
{
	a->outbox.last = &a->outbox.first;
	a->outbox.retry = loop_timer_create(a->loop, on_retry, a);
	bool bad = !a->outbox.retry;
	for (int i = 0; i < 2; i++) {
		a->lines[i].agent = a;
		a->lines[i].is_error = i == 1;
		buf_init(&a->lines[i].text, LINES_MAX);
		a->lines[i].flush = loop_timer_create(a->loop, on_line_due, &a->lines[i]);
		bad |= !a->lines[i].flush;
	}
	return bad ? ERR_NOMEM : OK;
}

void agent_outbox_clear(struct agent *a)
{
	if (a->outbox.request > 0)
		http_client_cancel(a->http, a->outbox.request);
	a->outbox.request = 0;
	while (a->outbox.first)
		drop_first(&a->outbox);
	if (a->outbox.retry)
		loop_timer_stop(a->outbox.retry);
	a->outbox.backoff.n = 0;
}

void agent_outbox_fini(struct agent *a)
{
	agent_outbox_clear(a);
	loop_timer_destroy(a->outbox.retry);
	for (int i = 0; i < 2; i++) {
		buf_fini(&a->lines[i].text);
		loop_timer_destroy(a->lines[i].flush);
	}
}
