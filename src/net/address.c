#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static int parse_port(const char *s)
{
	size_t n = strlen(s);
	if (n == 0 || n > 5 || strspn(s, "0123456789") != n)
		return -1;
	int port = atoi(s);
	return port <= 65535 ? port : -1;
}

static void set_v4(struct address *out, struct in_addr host, int port)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_addr = host,
		.sin_port = htons((uint16_t)port),
	};
	*out = (struct address){ .len = sizeof(in) };
	memcpy(&out->sa, &in, sizeof(in));
}

static int parse_v4(const char *host, size_t n, int port, struct address *out)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr in = { .s_addr = htonl(INADDR_LOOPBACK) };
	bool loopback = n == 0 || (n == 9 && memcmp(host, "localhost", 9) == 0);
	if (!loopback) {
		if (n >= sizeof(text))
			return ERR_PROTO;
		memcpy(text, host, n);
		text[n] = '\0';
		if (inet_pton(AF_INET, text, &in) != 1)
			return ERR_PROTO;
	}
	set_v4(out, in, port);
	return OK;
}

/* host: between the brackets */
static int parse_v6(const char *host, size_t n, int port, struct address *out)
{
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	if (n >= sizeof(text))
		return ERR_PROTO;
	memcpy(text, host, n);
	text[n] = '\0';
	if (inet_pton(AF_INET6, text, &in.sin6_addr) != 1)
		return ERR_PROTO;
	*out = (struct address){ .len = sizeof(in) };
	memcpy(&out->sa, &in, sizeof(in));
	return OK;
}

static int parse_unix(const char *path, struct address *out)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	if (n == 0 || n >= sizeof(un.sun_path))
		return ERR_PROTO;
	memcpy(un.sun_path, path, n + 1);
	*out = (struct address){ .len = sizeof(un) };
	memcpy(&out->sa, &un, sizeof(un));
	return OK;
}

int address_parse(const char *text, struct address *out)
{
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, out);
	const char *colon = strrchr(text, ':');
	int port = parse_port(colon ? colon + 1 : text);
	size_t n = colon ? (size_t)(colon - text) : 0;
	if (port < 0)
		return ERR_PROTO;
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']')
		return parse_v6(text + 1, n - 2, port, out);
	return parse_v4(text, n, port, out);
}

static struct sockaddr_in v4_of(const struct address *a)
{
	struct sockaddr_in in;
	memcpy(&in, &a->sa, sizeof(in));
	return in;
}

static struct sockaddr_in6 v6_of(const struct address *a)
{
	struct sockaddr_in6 in;
	memcpy(&in, &a->sa, sizeof(in));
	return in;
}

void address_text(const struct address *a, char out[ADDRESS_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN] = "";
	if (a->sa.ss_family == AF_UNIX) {
		struct sockaddr_un un;
		memcpy(&un, &a->sa, sizeof(un));
		snprintf(out, ADDRESS_TEXT_MAX, "unix:%.*s", (int)sizeof(un.sun_path), un.sun_path);
	} else if (a->sa.ss_family == AF_INET6) {
		struct sockaddr_in6 in = v6_of(a);
		inet_ntop(AF_INET6, &in.sin6_addr, host, sizeof(host));
		snprintf(out, ADDRESS_TEXT_MAX, "[%s]:%d", host, address_port(a));
	} else {
		struct sockaddr_in in = v4_of(a);
		inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
		snprintf(out, ADDRESS_TEXT_MAX, "%s:%d", host, address_port(a));
	}
}

bool address_is_unix(const struct address *a)
{
	return a->sa.ss_family == AF_UNIX;
}

bool address_is_local(const struct address *a)
{
	if (a->sa.ss_family == AF_UNIX)
		return true;
	if (a->sa.ss_family == AF_INET)
		return ntohl(v4_of(a).sin_addr.s_addr) >> 24 == 127;
	if (a->sa.ss_family != AF_INET6)
		return false;
	struct in6_addr in = v6_of(a).sin6_addr;
	return IN6_IS_ADDR_LOOPBACK(&in) || (IN6_IS_ADDR_V4MAPPED(&in) && in.s6_addr[12] == 127);
}

bool address_is_any(const struct address *a)
{
	if (a->sa.ss_family == AF_INET)
		return v4_of(a).sin_addr.s_addr == htonl(INADDR_ANY);
	if (a->sa.ss_family != AF_INET6)
		return false;
	struct in6_addr in = v6_of(a).sin6_addr;
	return IN6_IS_ADDR_UNSPECIFIED(&in);
}

int address_port(const struct address *a)
{
	if (a->sa.ss_family == AF_INET)
		return ntohs(v4_of(a).sin_port);
	if (a->sa.ss_family == AF_INET6)
		return ntohs(v6_of(a).sin6_port);
	return 0;
}

void address_set_port(struct address *a, int port)
{
	if (a->sa.ss_family == AF_INET) {
		struct sockaddr_in in = v4_of(a);
		in.sin_port = htons((uint16_t)port);
		memcpy(&a->sa, &in, sizeof(in));
	} else if (a->sa.ss_family == AF_INET6) {
		struct sockaddr_in6 in = v6_of(a);
		in.sin6_port = htons((uint16_t)port);
		memcpy(&a->sa, &in, sizeof(in));
	}
}

void address_source(const char *host, uint8_t out[ADDRESS_SOURCE])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];
	size_t n = strcspn(host, "%");
	memset(out, 0, ADDRESS_SOURCE);
	if (n >= sizeof(text))
		return;
	memcpy(text, host, n);
	text[n] = '\0';
	if (inet_pton(AF_INET, text, out + sizeof(mapped)) == 1) {
		memcpy(out, mapped, sizeof(mapped));
		return;
	}
	if (inet_pton(AF_INET6, text, out) == 1 && memcmp(out, mapped, sizeof(mapped)) != 0)
		memset(out + 8, 0, 8);
}
