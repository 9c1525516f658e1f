#include "http/origin.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* "[::1]:5900" into "[::1]" and "5900"; no port: an empty text at NULL. */
static bool split(struct http_text host, struct http_text *name, struct http_text *port)
{
	const char *end = host.p + host.n;
	const char *at = host.n > 0 && host.p[0] == '[' ? memchr(host.p, ']', host.n) : host.p;
	if (!at)
		return false;
	const char *colon = memchr(at, ':', (size_t)(end - at));
	*name = (struct http_text){ host.p, (size_t)((colon ? colon : end) - host.p) };
	*port = (struct http_text){ NULL, 0 };
	if (colon)
		*port = (struct http_text){ colon + 1, (size_t)(end - colon - 1) };
	return name->n > 0;
}

static bool port_is(struct http_text text, int port, bool tls)
{
	int n = 0;
	if (!text.p)
		return port == (tls ? 443 : 80);
	if (text.n == 0 || text.n > 5 || text.p[0] == '0')
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		n = n * 10 + (text.p[i] - '0');
	}
	return n == port;
}

static bool is_in(struct http_text t, const char *const *list)
{
	for (; list && *list; list++)
		if (http_text_is_nocase(t, *list))
			return true;
	return false;
}

/* "10.0.0.1" or "[fd00::1]": nothing that a name server has a say in. */
static bool is_numeric(struct http_text name)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr in;
	bool v6 = name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']';
	size_t n = v6 ? name.n - 2 : name.n;
	if (n >= sizeof(text))
		return false;
	memcpy(text, name.p + v6, n);
	text[n] = '\0';
	return inet_pton(v6 ? AF_INET6 : AF_INET, text, &in) == 1;
}

static bool is_listen_address(const struct origin_rules *rules, struct http_text name)
{
	if (rules->listen_any && is_numeric(name))
		return true;
	return rules->listen && http_text_is_nocase(name, rules->listen);
}

static bool host_is_ours(const struct origin_rules *rules, struct http_text host)
{
	static const char *const loopback[] = { "localhost", "127.0.0.1", "[::1]", NULL };
	struct http_text name, port;
	if (!split(host, &name, &port))
		return false;
	if (rules->public_host && http_text_is_nocase(host, rules->public_host))
		return true;
	if (port.p && is_in(host, rules->hosts))
		return true;
	return port_is(port, rules->port, rules->tls) &&
	       (is_in(name, loopback) || is_in(name, rules->hosts) ||
		       is_listen_address(rules, name));
}

static bool origin_is_ours(
	const struct origin_rules *rules, struct http_text origin, struct http_text host)
{
	const char *scheme = rules->tls ? "https://" : "http://";
	size_t n = strlen(scheme);
	if (is_in(origin, rules->origins))
		return true;
	if (origin.n != n + host.n ||
		!http_text_is_nocase((struct http_text){ origin.p, n }, scheme))
		return false;
	return strncasecmp(origin.p + n, host.p, host.n) == 0;
}

int origin_check(const struct origin_rules *rules, const struct http_request *r)
{
	const struct http_text *host = http_request_field(r, "Host");
	const struct http_text *origin = http_request_field(r, "Origin");
	if (!host)
		return 400;
	if (!host_is_ours(rules, *host))
		return 421;
	return origin && !origin_is_ours(rules, *origin, *host) ? 403 : 0;
}
