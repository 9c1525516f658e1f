#include "share/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE = 4096, DRAIN_MAX = 64 }; /* pieces: a pipe holds 64 KiB */

struct side {
	struct output *output;
	bool is_error;
	int read_end, write_end; /* -1: closed */
	struct loop_io *io;
};

struct output {
	output_fn *on_text;
	void *ctx;
	struct side sides[2];
};

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* False: there is no more for now, or ever. */
static bool read_piece(struct side *s)
{
	char piece[PIECE];
	if (s->read_end < 0)
		return false;
	ssize_t n = read(s->read_end, piece, sizeof(piece));
	if (n > 0)
		s->output->on_text(s->output->ctx, s->is_error, piece, (size_t)n);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return n > 0;
	loop_io_destroy(s->io);
	s->io = NULL;
	close_end(&s->read_end);
	return false;
}

static void on_readable(void *ctx, int events)
{
	(void)events;
	(void)read_piece(ctx);
}

static int open_side(struct loop *l, struct side *s)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		return ERR_IO;
	s->read_end = ends[0];
	s->write_end = ends[1];
	s->io = loop_io_create(l, s->read_end, on_readable, s);
	if (!s->io)
		return ERR_NOMEM;
	loop_io_want(s->io, LOOP_READ);
	return OK;
}

struct output *output_create(struct loop *l, output_fn *on_text, void *ctx)
{
	struct output *o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->on_text = on_text;
	o->ctx = ctx;
	for (int i = 0; i < 2; i++)
		o->sides[i] = (struct side){
			.output = o,
			.is_error = i == 1,
			.read_end = -1,
			.write_end = -1,
		};
	if (open_side(l, &o->sides[0]) || open_side(l, &o->sides[1])) {
		output_destroy(o);
		return NULL;
	}
	return o;
}

void output_destroy(struct output *o)
{
	if (!o)
		return;
	output_started(o);
	for (int i = 0; i < 2; i++) {
		loop_io_destroy(o->sides[i].io);
		close_end(&o->sides[i].read_end);
	}
	free(o);
}

void output_ends(const struct output *o, int ends[2])
{
	ends[0] = o->sides[0].write_end;
	ends[1] = o->sides[1].write_end;
}

void output_started(struct output *o)
{
	close_end(&o->sides[0].write_end);
	close_end(&o->sides[1].write_end);
}

void output_drain(struct output *o)
{
	for (int i = 0; i < 2; i++)
		for (int n = 0; n < DRAIN_MAX && read_piece(&o->sides[i]); n++)
			;
}
