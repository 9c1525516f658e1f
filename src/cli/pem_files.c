#include "cli/pem_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/secret.h"

enum { PEM_MAX = 256 * 1024 };

void pem_files_init(
	struct pem_files *p, const struct log *log, const char *cert_path, const char *key_path)
{
	*p = (struct pem_files){ .log = log, .cert_path = cert_path, .key_path = key_path };
	buf_init(&p->cert, PEM_MAX);
	buf_init(&p->key, PEM_MAX);
}

void pem_files_fini(struct pem_files *p)
{
	if (p->key.data)
		secret_wipe(p->key.data, p->key.cap);
	buf_fini(&p->cert);
	buf_fini(&p->key);
}

static int read_fd(int fd, struct buf *out)
{
	ssize_t n = 0;
	buf_reset(out);
	do {
		uint8_t *room = buf_room(out, 4096);
		n = room ? read(fd, room, 4096) : -1;
		if (n > 0)
			buf_added(out, (size_t)n);
	} while (n > 0 || (n < 0 && !buf_ok(out) && errno == EINTR));
	int err = buf_ok(out); /* too large, or out of memory */
	return !err && n < 0 ? ERR_IO : err;
}

/* Takes fd; -1: errno says why. */
static int take(struct pem_files *p, const char *path, int fd, struct buf *out)
{
	struct stat st;
	int err = fd < 0 ? ERR_IO : read_fd(fd, out);
	if (err) {
		log_error(p->log, "cannot read %s: %s", path,
			err == ERR_LIMIT ? "it is too large for a certificate or key"
					 : strerror(errno));
	} else if (out == &p->key && !fstat(fd, &st) && st.st_mode & S_IRWXO) {
		log_error(p->log,
			"%s: every user can read this key: run chmod 600 on it, and get a new one "
			"if somebody may have",
			path);
		err = ERR_AUTH;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

int pem_files_read(struct pem_files *p)
{
	int err = take(p, p->cert_path, open(p->cert_path, O_RDONLY | O_CLOEXEC), &p->cert);
	if (!err)
		err = take(p, p->key_path, open(p->key_path, O_RDONLY | O_CLOEXEC), &p->key);
	return err;
}

static void on_key_open(void *ctx, int fd, int error)
{
	struct pem_files *p = ctx;
	errno = error;
	p->on_read(p->ctx, take(p, p->key_path, fd, &p->key));
}

static void fail(struct pem_files *p, int err)
{
	log_error(p->log, "the supervisor process does not answer: %s", err_str(err));
	p->on_read(p->ctx, err);
}

static void on_cert_open(void *ctx, int fd, int error)
{
	struct pem_files *p = ctx;
	errno = error;
	int err = take(p, p->cert_path, fd, &p->cert);
	if (err) {
		p->on_read(p->ctx, err);
		return;
	}
	err = child_open(p->child, p->key_path, O_RDONLY | O_CLOEXEC, 0, on_key_open, p);
	if (err)
		fail(p, err);
}

void pem_files_read_again(
	struct pem_files *p, struct child *child, pem_files_fn *on_read, void *ctx)
{
	p->child = child;
	p->on_read = on_read;
	p->ctx = ctx;
	int err = child_open(child, p->cert_path, O_RDONLY | O_CLOEXEC, 0, on_cert_open, p);
	if (err)
		fail(p, err);
}
