#include "net/peer.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { V4, V6, TABLES };

struct peer_table {
	int fds[TABLES];
};

/* IPv4 as ::ffff:a.b.c.d, because a client may have made its connection to an
 * IPv4 address with an IPv6 socket. */
struct endpoint {
	struct in6_addr host;
	unsigned port;
};

static struct endpoint mapped(uint32_t host_net_order, unsigned port)
{
	struct endpoint e = { .port = port };
	e.host.s6_addr[10] = e.host.s6_addr[11] = 0xff;
	memcpy(e.host.s6_addr + 12, &host_net_order, 4);
	return e;
}

/* False for what is not TCP. */
static bool endpoint_of(const struct sockaddr_storage *sa, struct endpoint *out)
{
	if (sa->ss_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, sa, sizeof(in));
		*out = mapped(in.sin_addr.s_addr, ntohs(in.sin_port));
		return true;
	}
	if (sa->ss_family != AF_INET6)
		return false;
	struct sockaddr_in6 in;
	memcpy(&in, sa, sizeof(in));
	*out = (struct endpoint){ in.sin6_addr, ntohs(in.sin6_port) };
	return true;
}

static bool same(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && memcmp(&a->host, &b->host, sizeof(a->host)) == 0;
}

/* The kernel prints an address as 32-bit words in the machine's byte order. */
static bool parse_endpoint(const char *hex, unsigned port, struct endpoint *out)
{
	uint32_t words[4];
	size_t n = strlen(hex) / 8;
	if (n != 1 && n != 4)
		return false;
	for (size_t i = 0; i < n; i++) {
		char word[9] = "";
		memcpy(word, hex + i * 8, 8);
		words[i] = (uint32_t)strtoul(word, NULL, 16);
	}
	if (n == 1) {
		*out = mapped(words[0], port);
		return true;
	}
	memcpy(&out->host, words, sizeof(out->host));
	out->port = port;
	return true;
}

/* The user who holds the socket from `local` to `remote`, if this row is it. A
 * socket nobody holds any more is printed as root's: only established ones with
 * an inode count. */
static bool row_matches(
	const char *row, const struct endpoint *local, const struct endpoint *remote, uid_t *uid)
{
	char local_hex[33], remote_hex[33];
	unsigned local_port, remote_port, state, owner;
	unsigned long inode;
	struct endpoint l, r;
	int n = sscanf(row, " %*u: %32[0-9A-F]:%x %32[0-9A-F]:%x %x %*s %*s %*s %u %*u %lu",
		local_hex, &local_port, remote_hex, &remote_port, &state, &owner, &inode);
	if (n != 7 || state != 1 || inode == 0)
		return false;
	if (!parse_endpoint(local_hex, local_port, &l) ||
		!parse_endpoint(remote_hex, remote_port, &r))
		return false;
	*uid = owner;
	return same(&l, local) && same(&r, remote);
}

static bool find_owner(
	int fd, const struct endpoint *local, const struct endpoint *remote, uid_t *uid)
{
	char buf[16 * 1024];
	size_t have = 0;
	off_t at = 0;
	for (;;) {
		ssize_t got = pread(fd, buf + have, sizeof(buf) - 1 - have, at);
		if (got <= 0)
			return false;
		at += got;
		have += (size_t)got;
		buf[have] = '\0';
		char *row = buf;
		for (char *end; (end = strchr(row, '\n')); row = end + 1) {
			*end = '\0';
			if (row_matches(row, local, remote, uid))
				return true;
		}
		have -= (size_t)(row - buf);
		memmove(buf, row, have);
	}
}

struct peer_table *peer_table_create(void)
{
	struct peer_table *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->fds[V4] = open("/proc/net/tcp", O_RDONLY | O_CLOEXEC);
	t->fds[V6] = open("/proc/net/tcp6", O_RDONLY | O_CLOEXEC); /* -1 without IPv6 */
	if (t->fds[V4] < 0) {
		peer_table_destroy(t);
		return NULL;
	}
	return t;
}

void peer_table_destroy(struct peer_table *t)
{
	if (!t)
		return;
	for (int i = 0; i < TABLES; i++)
		if (t->fds[i] >= 0)
			close(t->fds[i]);
	free(t);
}

static bool is_ours(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

static bool unix_peer_is_ours(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) && is_ours(cred.uid);
}

bool peer_is_ours(struct peer_table *t, int fd)
{
	struct sockaddr_storage ours = { 0 }, theirs = { 0 };
	socklen_t ours_len = sizeof(ours), theirs_len = sizeof(theirs);
	if (getsockname(fd, (struct sockaddr *)&ours, &ours_len) ||
		getpeername(fd, (struct sockaddr *)&theirs, &theirs_len))
		return false;
	if (ours.ss_family == AF_UNIX)
		return unix_peer_is_ours(fd);
	struct endpoint local, remote;
	if (!endpoint_of(&theirs, &local) || !endpoint_of(&ours, &remote))
		return false;
	/* Twice, because rows move while the table is read. */
	for (int i = 0; i < 2 * TABLES; i++) {
		uid_t uid;
		if (find_owner(t->fds[i % TABLES], &local, &remote, &uid))
			return is_ours(uid);
	}
	return false;
}
