#include "gateway/store/store_wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/rd.h"

enum {
	READ_BYTES = 256 * 1024,
	/* What a peer sent, or what was kept of it, has some levels of ours around it. */
	LEVELS_MAX = JSON_DEPTH_MAX + 8,
};

int store_wire_put(struct buf *out, struct json *message, size_t max)
{
	size_t before = out->len;
	char *text = json_print(message, false);
	json_drop(message);
	if (!text)
		return ERR_NOMEM;
	size_t n = strlen(text);
	if (n <= max) {
		buf_put_u32(out, (uint32_t)n);
		buf_put(out, text, n);
	}
	explicit_bzero(text, n);
	free(text);
	int err = n > max ? ERR_LIMIT : buf_ok(out);
	if (buf_ok(out)) {
		out->bad = OK;
		buf_truncate(out, before);
	}
	return err;
}

int store_wire_take(const struct buf *in, size_t *used, size_t max, struct json **message)
{
	char problem[JSON_PROBLEM_MAX];
	struct rd r = rd_of(in->len > 0 ? in->data + *used : NULL, in->len - *used);
	uint32_t n = rd_u32(&r);
	if (rd_ok(&r))
		return ERR_AGAIN;
	if (n > max)
		return ERR_LIMIT;
	const uint8_t *text = rd_bytes(&r, n);
	if (!text)
		return ERR_AGAIN;
	*message = json_parse_levels(text, n, LEVELS_MAX, problem);
	if (!*message)
		return strcmp(problem, "Out of memory") == 0 ? ERR_NOMEM : ERR_PROTO;
	*used += sizeof(n) + n;
	return OK;
}

int store_wire_read(int fd, struct buf *in)
{
	uint8_t *room = buf_room(in, READ_BYTES);
	if (!room)
		return buf_ok(in);
	ssize_t n;
	do {
		n = recv(fd, room, READ_BYTES, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return ERR_AGAIN;
	if (n <= 0)
		return ERR_IO;
	buf_added(in, (size_t)n);
	return OK;
}

int store_wire_write(int fd, struct buf *out)
{
	size_t done = 0;
	int err = OK;
	while (done < out->len && !err) {
		ssize_t n =
			send(fd, out->data + done, out->len - done, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			done += (size_t)n;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			err = ERR_AGAIN;
		else if (errno != EINTR)
			err = ERR_IO;
	}
	buf_consume(out, done);
	return err;
}

int store_wire_write_all(int fd, struct buf *out, int timeout_ms)
{
	int err;
	while ((err = store_wire_write(fd, out)) == ERR_AGAIN) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		int n = poll(&p, 1, timeout_ms);
		if (n == 0 || (n < 0 && errno != EINTR))
			return ERR_IO;
	}
	return err;
}
