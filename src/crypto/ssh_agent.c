#include "crypto/ssh_agent.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/rd.h"
#include "crypto/ssh_kind.h"
#include "crypto/ssh_wire.h"

/* draft-miller-ssh-agent section 6 */
enum {
	FAILURE = 5,
	REQUEST_IDENTITIES = 11,
	IDENTITIES_ANSWER = 12,
	SIGN_REQUEST = 13,
	SIGN_RESPONSE = 14,
	RSA_SHA2_256 = 2, /* a flag */
};

enum {
	REPLY_MAX = 256 * 1024,
	REQUEST_MAX = 64 * 1024,
	KEYS_MAX = 256,
	LIST_US = 5 * 1000 * 1000,
	SIGN_US = 60 * 1000 * 1000,
};

struct ssh_agent {
	int fd;                         /* -1 after a failure, as answers could then be mistaken */
	struct buf buffer;              /* the request, then the reply */
	struct ssh_key *keys[KEYS_MAX]; /* owned */
	size_t n_keys;
};

int ssh_agent_open(const char *path, struct ssh_agent **agent)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	*agent = NULL;
	if (strlen(path) >= sizeof(address.sun_path))
		return ERR_IO;
	strcpy(address.sun_path, path);
	struct ssh_agent *a = calloc(1, sizeof(*a));
	if (!a)
		return ERR_NOMEM;
	buf_init(&a->buffer, REPLY_MAX);
	a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->fd < 0 || connect(a->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		ssh_agent_close(a);
		return ERR_IO;
	}
	*agent = a;
	return OK;
}

static void destroy_keys(struct ssh_agent *a)
{
	for (size_t i = 0; i < a->n_keys; i++)
		ssh_key_destroy(a->keys[i]);
	a->n_keys = 0;
}

static void hang_up(struct ssh_agent *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

void ssh_agent_close(struct ssh_agent *agent)
{
	if (!agent)
		return;
	hang_up(agent);
	destroy_keys(agent);
	buf_fini(&agent->buffer);
	free(agent);
}

/* Waits until the descriptor has the event or the deadline is over. */
static int wait_for(int fd, short event, uint64_t deadline_us)
{
	for (;;) {
		uint64_t now = clock_now_us();
		if (now >= deadline_us)
			return ERR_IO;
		struct pollfd p = { .fd = fd, .events = event };
		int n = poll(&p, 1, (int)((deadline_us - now) / 1000 + 1));
		if (n > 0)
			return OK;
		if (n < 0 && errno != EINTR)
			return ERR_IO;
	}
}

static int send_all(int fd, const uint8_t *p, size_t n, uint64_t deadline_us)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
		} else if (errno == EAGAIN) {
			int err = wait_for(fd, POLLOUT, deadline_us);
			if (err)
				return err;
		} else if (errno != EINTR) {
			return ERR_IO;
		}
	}
	return OK;
}

static int receive_all(int fd, uint8_t *p, size_t n, uint64_t deadline_us)
{
	while (n > 0) {
		ssize_t got = recv(fd, p, n, 0);
		if (got > 0) {
			p += got;
			n -= (size_t)got;
		} else if (got < 0 && errno == EAGAIN) {
			int err = wait_for(fd, POLLIN, deadline_us);
			if (err)
				return err;
		} else if (got == 0 || errno != EINTR) {
			return ERR_IO;
		}
	}
	return OK;
}

static int receive_reply(struct ssh_agent *a, uint64_t deadline_us)
{
	uint8_t head[4];
	int err = receive_all(a->fd, head, sizeof(head), deadline_us);
	if (err)
		return err;
	struct rd r = rd_of(head, sizeof(head));
	uint32_t n = rd_u32(&r);
	if (n == 0)
		return ERR_PROTO;
	buf_reset(&a->buffer);
	uint8_t *room = buf_room(&a->buffer, n);
	if (!room)
		return buf_ok(&a->buffer);
	err = receive_all(a->fd, room, n, deadline_us);
	if (!err)
		buf_added(&a->buffer, n);
	return err;
}

/* Starts a message, whose length is written when it is sent. */
static struct buf *start_request(struct ssh_agent *a, uint8_t type)
{
	buf_reset(&a->buffer);
	buf_put_u32(&a->buffer, 0);
	buf_put_u8(&a->buffer, type);
	return &a->buffer;
}

/* Sends the request in the buffer; *reply borrows what comes after the type of the
 * reply, which must be `want`. */
static int exchange(struct ssh_agent *a, uint64_t limit_us, uint8_t want, struct rd *reply)
{
	struct buf *b = &a->buffer;
	if (a->fd < 0)
		return ERR_IO;
	if (buf_ok(b))
		return buf_ok(b);
	if (b->len > REQUEST_MAX)
		return ERR_LIMIT;
	uint64_t deadline_us = clock_now_us() + limit_us;
	buf_set_u32(b, 0, (uint32_t)(b->len - 4));
	int err = send_all(a->fd, b->data, b->len, deadline_us);
	if (!err)
		err = receive_reply(a, deadline_us);
	if (err) {
		hang_up(a);
		return err;
	}
	*reply = rd_of(b->data, b->len);
	uint8_t type = rd_u8(reply);
	return type == want ? OK : type == FAILURE ? ERR_AUTH : ERR_PROTO;
}

int ssh_agent_list(struct ssh_agent *agent)
{
	struct rd r;
	destroy_keys(agent);
	start_request(agent, REQUEST_IDENTITIES);
	int err = exchange(agent, LIST_US, IDENTITIES_ANSWER, &r);
	if (err)
		return err;
	uint32_t n = rd_u32(&r);
	for (uint32_t i = 0; i < n; i++) {
		struct rd blob = ssh_wire_string(&r);
		ssh_wire_string(&r); /* the comment */
		if (rd_ok(&r))
			break;
		if (agent->n_keys == KEYS_MAX)
			return ERR_LIMIT;
		/* hardware keys, certificates and short keys stay where they are */
		err = ssh_key_create_blob(blob.p, blob.left, &agent->keys[agent->n_keys], NULL);
		if (err == ERR_NOMEM)
			return err;
		agent->n_keys += err == OK;
	}
	return rd_ok(&r) || r.left ? ERR_PROTO : OK;
}

const struct ssh_key *ssh_agent_key(const struct ssh_agent *agent, size_t i)
{
	return i < agent->n_keys ? agent->keys[i] : NULL;
}

/* The two numbers of an ECDSA signature (RFC 5656 section 3.1.2) as DER. */
static int put_ecdsa(const struct ssh_kind *kind, struct rd numbers, struct ssh_signature *out)
{
	struct rd r = ssh_wire_mpint(&numbers), s = ssh_wire_mpint(&numbers);
	if (rd_ok(&numbers) || numbers.left || r.left > kind->field || s.left > kind->field)
		return ERR_PROTO;
	BIGNUM *r_number = BN_bin2bn(r.p, (int)r.left, NULL);
	BIGNUM *s_number = BN_bin2bn(s.p, (int)s.left, NULL);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int err = ERR_NOMEM;
	if (r_number && s_number && sig && ECDSA_SIG_set0(sig, r_number, s_number) == 1) {
		uint8_t *at = out->bytes;
		r_number = s_number = NULL;      /* sig's now */
		int n = i2d_ECDSA_SIG(sig, &at); /* 139 bytes at most */
		out->n = n > 0 ? (size_t)n : 0;
		err = n > 0 ? OK : ERR_NOMEM;
	}
	ECDSA_SIG_free(sig);
	BN_free(r_number);
	BN_free(s_number);
	ERR_clear_error();
	return err;
}

static int put_signature(
	const struct ssh_kind *kind, struct rd signature, struct ssh_signature *out)
{
	struct rd format = ssh_wire_string(&signature), blob = ssh_wire_string(&signature);
	/* An agent that does not know the flag signs with SHA-1, and says so. */
	const char *want = kind->family == SSH_RSA ? "rsa-sha2-256" : kind->type;
	if (rd_ok(&signature) || signature.left || !ssh_wire_is(&format, want) || blob.left == 0 ||
		blob.left > sizeof(out->bytes))
		return ERR_PROTO;
	out->algorithm = kind->algorithm;
	if (kind->family == SSH_ECDSA)
		return put_ecdsa(kind, blob, out);
	memcpy(out->bytes, blob.p, blob.left);
	out->n = blob.left;
	return OK;
}

int ssh_agent_sign(struct ssh_agent *agent, const struct ssh_key *key, const void *data, size_t n,
	struct ssh_signature *out)
{
	const char *type = ssh_key_type(key);
	const struct ssh_kind *kind = ssh_kind_find(type, strlen(type));
	size_t n_blob;
	const uint8_t *blob = ssh_key_blob(key, &n_blob);
	struct buf *b = start_request(agent, SIGN_REQUEST);
	ssh_wire_put_string(b, blob, n_blob);
	ssh_wire_put_string(b, data, n);
	buf_put_u32(b, kind->family == SSH_RSA ? RSA_SHA2_256 : 0);
	struct rd reply;
	int err = exchange(agent, SIGN_US, SIGN_RESPONSE, &reply);
	if (err)
		return err;
	struct rd signature = ssh_wire_string(&reply);
	if (rd_ok(&reply) || reply.left)
		return ERR_PROTO;
	err = put_signature(kind, signature, out);
	if (err)
		return err;
	err = ssh_key_verify(key, out->algorithm, data, n, out->bytes, out->n);
	return err == ERR_AUTH ? ERR_PROTO : err;
}
