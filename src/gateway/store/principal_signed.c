#include <stdlib.h>
#include <string.h>

#include "crypto/hmac.h"
#include "crypto/request_signature.h"
#include "crypto/secret.h"
#include "crypto/text.h"
#include "crypto/token.h"
#include "gateway/store/principal.h"

enum { SKEW_S = 300, NONCE_MAX = 128 };

void principal_agent_key(const char *client_token, char out[65])
{
	static const char purpose[] = "porthole agent key";
	uint8_t key[HASH_SHA256];
	hmac_sha256(client_token, strlen(client_token), purpose, sizeof(purpose) - 1, key);
	text_put_hex(key, sizeof(key), out);
	secret_wipe(key, sizeof(key));
}

int principal_use_nonce(struct op_call *c, const char *nonce)
{
	if (!op_insert(c, DB_NONCES,
		    (struct db_set[]){
			    { NONCE_TEXT, db_text(nonce) }, { NONCE_AT, db_int(c->now) }, { 0 } }))
		return op_fail(c, 401, "Nonce already used (replay attack detected)");
	c->nonce = nonce;
	return 0;
}

/* Digits only; 0 counts as missing. */
static long long parse_timestamp(const char *text)
{
	size_t n = strspn(text, "0123456789");
	return n > 0 && n <= 12 && !text[n] ? strtoll(text, NULL, 10) : 0;
}

static bool is_nonce(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789_-");
	return n > 0 && n <= NONCE_MAX && !text[n];
}

static int judge_form(struct op_call *c)
{
	long long at = parse_timestamp(c->asked.timestamp);
	if (!c->asked.signature[0] || !c->asked.nonce[0] || at == 0)
		return op_fail(c, 401, "Missing authentication headers");
	if (llabs(c->now - at) > SKEW_S)
		return op_fail(c, 401, "Request timestamp out of allowed range");
	if (!is_nonce(c->asked.nonce))
		return op_fail(c, 400, "X-Nonce must be 1 to 128 of the characters A-Za-z0-9_-");
	if (op_find(c, DB_NONCES, NONCE_TEXT, db_text(c->asked.nonce)))
		return op_fail(c, 401, "Nonce already used (replay attack detected)");
	return 0;
}

/* An agent of ours names its client, by its id or as it was called when it was made;
 * others share one secret. NULL: no such key. */
static const char *find_key(struct op_call *c)
{
	struct db_value name = db_text(c->asked.agent_id);
	if (!c->asked.agent_id[0])
		return c->hmac_secret;
	c->who.client = op_find(c, DB_CLIENTS, CLIENT_AGENT, name);
	if (!c->who.client)
		c->who.client = op_find(c, DB_CLIENTS, CLIENT_ID, name);
	return c->who.client ? c->who.client[CLIENT_KEY].text : NULL;
}

static int judge_signature(struct op_call *c)
{
	const struct request_signature s = {
		.method = c->asked.method,
		.path = c->asked.path,
		.body_sha256 = c->asked.body_sha256,
		.timestamp = c->asked.timestamp,
		.nonce = c->asked.nonce,
		.run_id = c->asked.run_id,
		.token = c->asked.capability_token,
	};
	const char *key = find_key(c);
	if (!key && !c->asked.agent_id[0])
		return op_fail(c, 401,
			"This gateway takes no shared secret: create a client and use its token");
	/* An unknown agent is compared with something too. */
	bool right = request_signature_check(
		&s, key ? key : "none", key ? strlen(key) : 4, c->asked.signature);
	if (!key || !right) {
		c->who.client = NULL;
		return op_fail(c, 401, "Invalid signature");
	}
	if (c->who.client && !c->who.client[CLIENT_ENABLED].i)
		return op_fail(c, 403, "This client is switched off");
	return 0;
}

static bool is_same(struct db_value a, struct db_value b)
{
	return a.text && b.text && strcmp(a.text, b.text) == 0;
}

/* A key of its own serves the runs made for its client or claimed by it. */
static bool may_serve(const struct db_value *client, const struct db_value *run)
{
	return !client || is_same(run[RUN_CLIENT], client[CLIENT_ID]) ||
	       (!run[RUN_CLIENT].text &&
		       (is_same(run[RUN_AGENT], client[CLIENT_AGENT]) ||
			       is_same(run[RUN_CLAIMED_BY], client[CLIENT_AGENT])));
}

/* A run that does not exist and a wrong token take the same way. */
static int find_run(struct op_call *c)
{
	char hash[TOKEN_HASH];
	static const char no_hash[TOKEN_HASH] = "";
	if (!c->asked.run_id[0] || !c->asked.capability_token[0])
		return 0;
	const struct db_value *run = op_find(c, DB_RUNS, RUN_ID, db_text(c->asked.run_id));
	token_hash(c->asked.capability_token, hash);
	bool right = secret_equal(
		hash, TOKEN_HASH - 1, run ? run[RUN_HASH].text : no_hash, TOKEN_HASH - 1);
	if (!run || !right || !may_serve(c->who.client, run))
		return op_fail(c, 403, "Invalid capability token for run");
	c->who.run = run;
	return 0;
}

int principal_signed(struct op_call *c)
{
	if (strchr(c->asked.target, '?'))
		return op_fail(c, 400, "A signed request must not have a query string");
	int status = judge_form(c);
	if (!status)
		status = judge_signature(c);
	if (!status)
		status = principal_use_nonce(c, c->asked.nonce);
	return status ? status : find_run(c);
}
