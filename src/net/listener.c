#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BACKLOG = 128,
	ACCEPTS_A_TURN = 16,
	PAUSE_MS = 100,
};

struct listener {
	struct loop *loop;
	const struct log *log;
	int fd;
	struct address address;
	bool made_file; /* a Unix socket is in the file system, as these two say */
	dev_t dev;
	ino_t ino;
	struct loop_io *io;
	struct loop_timer *pause;
	bool starved; /* out of descriptors, and said so */
	listener_accept_fn *on_accept;
	void *ctx;
	bool calling; /* inside on_accept */
	bool gone;    /* destroyed from there */
};

static const char *path_of(const struct listener *l)
{
	return ((const struct sockaddr_un *)&l->address.sa)->sun_path;
}

static int bind_to(int fd, const struct address *a)
{
	return bind(fd, (const struct sockaddr *)&a->sa, a->len);
}

/* A socket in the file system whose process has gone refuses connections. */
static bool is_stale(const struct listener *l)
{
	struct stat st;
	if (lstat(path_of(l), &st) || !S_ISSOCK(st.st_mode))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	int err = connect(fd, (const struct sockaddr *)&l->address.sa, l->address.len);
	bool refused = err && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int bind_unix(struct listener *l)
{
	struct stat st;
	/* Linux gives the file the mode of the socket: never open to others, not
	 * even for the moment between bind() and a chmod(). */
	if (fchmod(l->fd, 0600))
		return -1;
	int err = bind_to(l->fd, &l->address);
	if (err && errno == EADDRINUSE) {
		if (is_stale(l))
			unlink(path_of(l));
		err = bind_to(l->fd, &l->address);
	}
	if (err || lstat(path_of(l), &st))
		return -1;
	l->made_file = true;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

static int bind_tcp(struct listener *l)
{
	int on = 1;
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (l->address.sa.ss_family == AF_INET6 &&
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)))
		return -1;
	if (bind_to(l->fd, &l->address))
		return -1;
	return getsockname(l->fd, (struct sockaddr *)&l->address.sa, &l->address.len);
}

static void resume(void *ctx)
{
	struct listener *l = ctx;
	loop_io_want(l->io, LOOP_READ);
}

/* The queue stays readable while nothing can be accepted: polling would spin. */
static void pause_accepting(struct listener *l)
{
	if (!l->starved)
		log_warn(l->log, "cannot accept connections: %s; trying again", strerror(errno));
	l->starved = true;
	loop_io_want(l->io, 0);
	loop_timer_start(l->pause, PAUSE_MS);
}

static bool out_of_resources(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* False: no more for now. */
static bool accept_one(struct listener *l)
{
	struct address peer = { .len = sizeof(peer.sa) };
	int fd = accept4(
		l->fd, (struct sockaddr *)&peer.sa, &peer.len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (out_of_resources(errno))
			pause_accepting(l);
		return errno == EINTR || errno == ECONNABORTED;
	}
	l->starved = false;
	l->on_accept(l->ctx, fd, &peer);
	return !l->gone;
}

static void ready(void *ctx, int events)
{
	(void)events;
	struct listener *l = ctx;
	l->calling = true;
	for (int i = 0; i < ACCEPTS_A_TURN && accept_one(l); i++)
		;
	l->calling = false;
	if (l->gone)
		free(l);
}

struct listener *listener_create(struct loop *loop, const struct log *log, const struct address *a,
	listener_accept_fn *on_accept, void *ctx)
{
	struct listener *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	*l = (struct listener){
		.loop = loop,
		.log = log,
		.address = *a,
		.on_accept = on_accept,
		.ctx = ctx,
	};
	l->fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		goto fail;
	if (address_is_unix(a) ? bind_unix(l) : bind_tcp(l))
		goto fail;
	if (listen(l->fd, BACKLOG))
		goto fail;
	errno = ENOMEM;
	l->pause = loop_timer_create(loop, resume, l);
	l->io = loop_io_create(loop, l->fd, ready, l);
	if (!l->pause || !l->io)
		goto fail;
	loop_io_want(l->io, LOOP_READ);
	return l;

fail:;
	int error = errno;
	listener_destroy(l);
	errno = error;
	return NULL;
}

static void unlink_own_file(const struct listener *l)
{
	struct stat st;
	if (l->made_file && !lstat(path_of(l), &st) && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(path_of(l));
}

void listener_destroy(struct listener *l)
{
	if (!l)
		return;
	loop_timer_destroy(l->pause);
	loop_io_destroy(l->io);
	unlink_own_file(l);
	if (l->fd >= 0)
		close(l->fd);
	l->gone = true;
	if (!l->calling)
		free(l);
}

const struct address *listener_address(const struct listener *l)
{
	return &l->address;
}
