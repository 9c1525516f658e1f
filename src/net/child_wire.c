#include "net/child_wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Aligned room for the descriptors of one packet. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(CHILD_FDS_MAX * sizeof(int))];
};

int child_packet_send(int pair, const struct child_head *head, const void *body, size_t n,
	const int *fds, int n_fds, int flags)
{
	if (n > CHILD_PACKET_MAX || n_fds < 0 || n_fds > CHILD_FDS_MAX)
		return ERR_LIMIT;
	struct iovec parts[2] = {
		{ (void *)(uintptr_t)head, sizeof(*head) },
		{ (void *)(uintptr_t)body, n },
	};
	union control control = { .bytes = "" };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = n > 0 ? 2 : 1 };
	size_t size = (size_t)n_fds * sizeof(int);
	if (n_fds > 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(size);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(c), fds, size);
	}
	for (;;) {
		if (sendmsg(pair, &m, flags | MSG_NOSIGNAL) >= 0)
			return OK;
		if (errno != EINTR)
			return errno == EAGAIN || errno == EMSGSIZE ? ERR_LIMIT : ERR_IO;
	}
}

static void take_fds(struct msghdr *m, struct child_packet *out)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return;
	size_t size = c->cmsg_len - CMSG_LEN(0);
	if (size > sizeof(out->fds))
		size = sizeof(out->fds);
	memcpy(out->fds, CMSG_DATA(c), size);
	out->n_fds = (int)(size / sizeof(int));
}

int child_packet_recv(int pair, struct child_packet *out, int flags)
{
	struct iovec parts[2] = {
		{ &out->head, sizeof(out->head) },
		{ out->body, sizeof(out->body) },
	};
	union control control;
	struct msghdr m = {
		.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	out->n_fds = 0;
	ssize_t n;
	do {
		n = recvmsg(pair, &m, flags | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? ERR_AGAIN : ERR_IO;
	if (n == 0)
		return ERR_IO;
	take_fds(&m, out);
	if ((size_t)n < sizeof(out->head) || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		child_packet_close_fds(out);
		return ERR_PROTO;
	}
	out->n = (size_t)n - sizeof(out->head);
	return OK;
}

void child_packet_close_fds(struct child_packet *p)
{
	for (int i = 0; i < p->n_fds; i++)
		close(p->fds[i]);
	p->n_fds = 0;
}
