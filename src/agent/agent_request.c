#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/agent_private.h"
#include "base/random.h"
#include "crypto/hash.h"
#include "crypto/request_signature.h"
#include "crypto/text.h"
#include "crypto/token.h"

/* Signed requests to the gateway. */

enum { NONCE_BYTES = 16, CLOCK_OFFSET_MIN_S = 30 };

unsigned backoff_next_ms(struct backoff *b)
{
	static const unsigned waits[] = { 2000, 4000, 8000, 16000, 30000 };
	unsigned wait = waits[b->n];
	uint16_t dice = 0;
	if (b->n + 1 < ARRAY_LEN(waits))
		b->n++;
	if (random_bytes(&dice, sizeof(dice)))
		return wait;
	return wait - wait / 5 + dice % (2 * wait / 5);
}

void agent_add_field(struct agent_fields *f, const char *fmt, ...)
{
	va_list args;
	if (f->n == AGENT_FIELDS_MAX)
		return;
	va_start(args, fmt);
	vsnprintf(f->text[f->n], sizeof(f->text[f->n]), fmt, args);
	va_end(args);
	f->list[f->n] = f->text[f->n];
	f->list[++f->n] = NULL;
}

static void add_identity(const struct agent *a, unsigned with, struct agent_fields *out)
{
	if (with & AGENT_WITH_RUN) {
		agent_add_field(out, "X-Run-Id: %s", a->run_id);
		agent_add_field(out, "X-Capability-Token: %s", a->capability_token);
	}
	if (a->own)
		agent_add_field(out, "X-Agent-Id: %s", a->agent_id);
	else if (with & AGENT_WITH_CLIENT && a->client_token)
		agent_add_field(out, "X-Client-Token: %s", a->client_token);
}

int agent_sign(struct agent *a, unsigned with, const char *method, const char *path,
	const void *body, size_t n, struct agent_fields *out)
{
	uint8_t hash[HASH_SHA256];
	char hex[2 * HASH_SHA256 + 1], nonce[2 * NONCE_BYTES + 1], timestamp[24];
	char signature[REQUEST_SIGNATURE_TEXT];
	const char *key = a->own ? a->key : a->hmac_secret;
	hash_sha256(body, n, hash);
	text_put_hex(hash, sizeof(hash), hex);
	snprintf(timestamp, sizeof(timestamp), "%lld", (long long)time(NULL) + a->clock_offset_s);
	int err = token_make(nonce, NONCE_BYTES);
	struct request_signature s = {
		.method = method,
		.path = path,
		.body_sha256 = hex,
		.timestamp = timestamp,
		.nonce = nonce,
		.run_id = with & AGENT_WITH_RUN ? a->run_id : "",
		.token = with & AGENT_WITH_RUN ? a->capability_token : "",
	};
	if (!err)
		err = request_signature_make(&s, key, strlen(key), signature);
	if (err)
		return err;
	agent_add_field(out, "X-Signature: %s", signature);
	agent_add_field(out, "X-Timestamp: %s", timestamp);
	agent_add_field(out, "X-Nonce: %s", nonce);
	add_identity(a, with, out);
	return OK;
}

int agent_send(struct agent *a, unsigned with, const char *method, const char *path,
	const char *body, size_t n, http_client_fn *on_done, void *ctx)
{
	char url[2 * AGENT_TEXT_MAX + AGENT_PATH_MAX];
	struct agent_fields fields = { .n = 0 };
	int err = agent_sign(a, with, method, path, body, n, &fields);
	if (err)
		return err;
	if (n > 0)
		agent_add_field(&fields, "Content-Type: application/json");
	snprintf(url, sizeof(url), "%s%s", a->url, path);
	struct http_client_request r = {
		.method = method,
		.url = url,
		.fields = fields.list,
		.body = body,
		.n_body = n,
	};
	return http_client_send(a->http, &r, on_done, ctx);
}

void agent_why(const struct http_client_answer *answer, char *out, size_t cap)
{
	char problem[JSON_PROBLEM_MAX];
	struct json *body = NULL;
	const char *text = NULL;
	if (answer->n_body > 0)
		body = json_parse(answer->body, answer->n_body, problem);
	text = json_get_text(json_of(body), "error");
	if (answer->status == 0)
		snprintf(out, cap, "%s", answer->error);
	else if (text)
		snprintf(out, cap, "%s (%d)", text, answer->status);
	else
		snprintf(out, cap, "the gateway answered with status %d", answer->status);
	json_drop(body);
}

bool agent_learn_clock(struct agent *a, const struct http_client_answer *answer)
{
	if (answer->status != 401 || answer->date < 0 || !strstr(answer->body, "timestamp"))
		return false;
	long long offset = answer->date - (long long)time(NULL);
	long long change = offset - a->clock_offset_s;
	if (change > -CLOCK_OFFSET_MIN_S && change < CLOCK_OFFSET_MIN_S)
		return false;
	log_warn(a->log,
		"agent: this machine's clock and the gateway's differ by %lld s; going by the "
		"gateway's",
		offset < 0 ? -offset : offset);
	a->clock_offset_s = offset;
	return true;
}

void agent_ws_url(const struct agent *a, const char *path, char *out, size_t cap)
{
	/* "http..." becomes "ws..." */
	snprintf(out, cap, "ws%s%s", a->url + 4, path);
}
