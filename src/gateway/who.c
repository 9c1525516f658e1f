#include "gateway/who.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "crypto/hash.h"
#include "crypto/text.h"
#include "http/server.h"

static const struct http_text nothing = { "", 0 };

static struct http_text field(const struct http_exchange *x, const char *name)
{
	const struct http_text *t = http_request_field(http_exchange_head(x), name);
	return t ? *t : nothing;
}

/* A head is at most 16 KB, of which path and target are kept twice: there is room. */
static const char *keep(struct who *w, struct http_text t)
{
	if (t.n >= sizeof(w->text) - w->used)
		return "";
	char *at = w->text + w->used;
	memcpy(at, t.p, t.n);
	at[t.n] = '\0';
	w->used += t.n + 1;
	return at;
}

static bool is_in(const char *address, const char *const *list)
{
	for (; list && *list; list++)
		if (strcasecmp(*list, address) == 0)
			return true;
	return false;
}

/* One hop of X-Forwarded-For: an address, in brackets or with a port at times.
 * False for anything else: a proxy that hides or garbles. */
static bool parse_hop(struct http_text hop, char out[WHO_ADDRESS_MAX])
{
	unsigned char in[sizeof(struct in6_addr)];
	hop = http_text_trim(hop);
	const char *close = hop.n > 0 && hop.p[0] == '[' ? memchr(hop.p, ']', hop.n) : NULL;
	const char *colon = hop.n > 0 ? memchr(hop.p, ':', hop.n) : NULL;
	if (close)
		hop = (struct http_text){ hop.p + 1, (size_t)(close - hop.p - 1) };
	else if (colon && !memchr(colon + 1, ':', (size_t)(hop.p + hop.n - colon - 1)))
		hop.n = (size_t)(colon - hop.p);
	if (hop.n == 0 || hop.n >= WHO_ADDRESS_MAX)
		return false;
	memcpy(out, hop.p, hop.n);
	out[hop.n] = '\0';
	return inet_pton(AF_INET, out, in) == 1 || inet_pton(AF_INET6, out, in) == 1;
}

/* Takes the last item off a comma-separated list. */
static bool take_last(struct http_text *list, struct http_text *item)
{
	if (list->n == 0)
		return false;
	const char *comma = memrchr(list->p, ',', list->n);
	size_t at = comma ? (size_t)(comma - list->p) : 0;
	*item = (struct http_text){ list->p + at + (comma ? 1 : 0),
		list->n - at - (comma ? 1 : 0) };
	list->n = at;
	return true;
}

/* Each proxy appends whom it saw, so the list is read from its end, and what the
 * first one that is not ours has written before it is worth nothing. Fields of the
 * same name are one list. */
void who_address(
	const struct http_exchange *x, const char *const *proxies, char out[WHO_ADDRESS_MAX])
{
	const struct http_request *r = http_exchange_head(x);
	struct http_text item;
	char hop[WHO_ADDRESS_MAX];
	snprintf(out, WHO_ADDRESS_MAX, "%s", http_exchange_peer(x));
	for (int i = r->n_fields - 1; i >= 0; i--) {
		struct http_text list = r->fields[i].value;
		if (!http_text_is_nocase(r->fields[i].name, "X-Forwarded-For"))
			continue;
		while (is_in(out, proxies) && take_last(&list, &item)) {
			if (!parse_hop(item, hop))
				return;
			snprintf(out, WHO_ADDRESS_MAX, "%s", hop);
		}
	}
}

bool who_is_forwarded(const struct http_exchange *x, const char *const *proxies)
{
	const struct http_request *r = http_exchange_head(x);
	return is_in(http_exchange_peer(x), proxies) || http_request_field(r, "X-Forwarded-For") ||
	       http_request_field(r, "Forwarded") || http_request_field(r, "Via") ||
	       http_request_field(r, "X-Real-IP");
}

/* "Bearer abc" without its scheme. False: another scheme. */
static bool take_scheme(struct http_text value, const char *scheme, struct http_text *rest)
{
	size_t n = strlen(scheme);
	if (value.n <= n || value.p[n] != ' ')
		return false;
	if (!http_text_is_nocase((struct http_text){ value.p, n }, scheme))
		return false;
	*rest = http_text_trim((struct http_text){ value.p + n, value.n - n });
	return rest->n > 0;
}

static bool starts_with_x(struct http_text name)
{
	return name.n > 2 && http_text_is_nocase((struct http_text){ name.p, 2 }, "X-");
}

static bool has_twice(const struct http_request *r)
{
	for (int i = 0; i < r->n_fields; i++) {
		struct http_text name = r->fields[i].name;
		for (int k = i + 1; starts_with_x(name) && k < r->n_fields; k++)
			if (r->fields[k].name.n == name.n &&
				strncasecmp(r->fields[k].name.p, name.p, name.n) == 0)
				return true;
	}
	return false;
}

static bool is_multipart(const struct http_exchange *x)
{
	static const char start[] = "multipart/";
	struct http_text type = field(x, "Content-Type");
	size_t n = strlen(start);
	return type.n >= n && http_text_is_nocase((struct http_text){ type.p, n }, start);
}

/* What would make the signature cover less than what is acted on. */
static int judge_signed(const struct http_exchange *x, const char **error)
{
	struct http_text target = http_exchange_target(x);
	if (memchr(target.p, '?', target.n)) {
		*error = "A signed request must not have a query string";
		return 400;
	}
	if (has_twice(http_exchange_head(x))) {
		*error = "An X- header came twice";
		return 400;
	}
	if (is_multipart(x)) {
		*error = "A signed request must not be multipart";
		return 400;
	}
	return 0;
}

static int take_signed(struct who *w, const struct http_exchange *x, const char **error)
{
	struct http_text body = http_exchange_body(x);
	uint8_t hash[HASH_SHA256];
	char hex[TEXT_HEX_SIZE(HASH_SHA256)];
	int status = judge_signed(x, error);
	if (status)
		return status;
	hash_sha256(body.n > 0 ? body.p : "", body.n, hash);
	text_put_hex(hash, sizeof(hash), hex);
	w->is.kind = STORE_SIGNED;
	w->is.body_sha256 = keep(w, (struct http_text){ hex, strlen(hex) });
	w->is.timestamp = keep(w, field(x, "X-Timestamp"));
	w->is.nonce = keep(w, field(x, "X-Nonce"));
	w->is.run_id = keep(w, field(x, "X-Run-Id"));
	w->is.capability_token = keep(w, field(x, "X-Capability-Token"));
	w->is.signature = keep(w, field(x, "X-Signature"));
	w->is.agent_id = keep(w, field(x, "X-Agent-Id"));
	w->is.client_token = keep(w, field(x, "X-Client-Token"));
	return 0;
}

static bool is_safe_method(const struct http_exchange *x)
{
	struct http_text method = http_exchange_head(x)->method;
	return http_text_is(method, "GET") || http_text_is(method, "HEAD");
}

/* A browser sends the cookie with whatever any page makes it send. */
static bool is_from_our_page(const struct http_exchange *x)
{
	const struct http_request *r = http_exchange_head(x);
	bool upgrade = http_exchange_is_upgrade(x);
	if (is_safe_method(x) && !upgrade)
		return true;
	if (http_request_field(r, "Origin"))
		return true;
	return http_text_is(field(x, "Sec-Fetch-Site"), "same-origin") ||
	       http_request_field(r, "X-Requested-With");
}

static int take_session(struct who *w, const struct http_exchange *x, struct http_text token,
	bool by_cookie, const char **error)
{
	w->is.kind = STORE_SESSION;
	w->is.session = keep(w, token);
	w->by_cookie = by_cookie;
	if (!by_cookie || is_from_our_page(x))
		return 0;
	*error = "Cross-site request refused: send Origin or X-Requested-With";
	return 403;
}

static void take_key(struct who *w, const struct http_exchange *x, struct http_text value)
{
	w->is.kind = STORE_KEY;
	w->is.authorization = keep(w, value);
	w->is.date = keep(w, field(x, "Date"));
}

static int refuse(unsigned kinds, const char **error)
{
	bool signed_only = (kinds & WHO_SIGNED) && !(kinds & (WHO_SESSION | WHO_KEY));
	*error = signed_only ? "Missing authentication headers" : "Authentication required";
	return 401;
}

static int take_credential(
	struct who *w, const struct http_exchange *x, unsigned kinds, const char **error)
{
	struct http_text authorization = field(x, "Authorization"), token;
	if ((kinds & WHO_SIGNED) && http_request_field(http_exchange_head(x), "X-Signature"))
		return take_signed(w, x, error);
	if ((kinds & WHO_KEY) && take_scheme(authorization, "Signature", &token)) {
		take_key(w, x, authorization);
		return 0;
	}
	if ((kinds & WHO_SESSION) && take_scheme(authorization, "Bearer", &token))
		return take_session(w, x, token, false, error);
	if ((kinds & WHO_SESSION) &&
		http_request_cookie(http_exchange_head(x), "session", &token) && token.n > 0)
		return take_session(w, x, token, true, error);
	return kinds & WHO_NOBODY ? 0 : refuse(kinds, error);
}

int who_take(struct who *w, const struct http_exchange *x, const char *const *proxies,
	unsigned kinds, const char **error)
{
	const struct http_request *r = http_exchange_head(x);
	char address[WHO_ADDRESS_MAX];
	w->is = (struct store_who){ .kind = STORE_NOBODY };
	w->used = 0;
	w->by_cookie = false;
	who_address(x, proxies, address);
	w->is.address = keep(w, (struct http_text){ address, strlen(address) });
	w->is.method = keep(w, r->method);
	w->is.path = keep(w, r->path);
	w->is.target = keep(w, http_exchange_target(x));
	return take_credential(w, x, kinds, error);
}
