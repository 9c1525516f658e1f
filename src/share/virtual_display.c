#include "share/virtual_display.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "screen/x11/x11_manager.h"
#include "share/output.h"

enum {
	READY_FD = 3,
	/* Two servers that start at once may choose the same display number; the one
	 * that loses ends, and the next try chooses another. */
	SERVER_TRIES = 5,
	MANAGER_MS = 5000, /* then the command is started without one */
};

/* What runs in the display, for log lines and for ending it. */
struct member {
	struct virtual_display *display;
	const char *name;    /* "openbox" */
	const char *package; /* what to install when it is missing */
	bool vital;          /* the desktop ends with it */
	int id;              /* of net/child; 0: not running */
};

struct virtual_display {
	struct loop *loop;
	const struct log *log;
	struct child *child;
	const struct virtual_display_events *events;
	void *ctx;
	char dir[64], auth_path[80];
	char display_env[48], auth_env[96];
	uint8_t cookie[VIRTUAL_DISPLAY_COOKIE];
	int ready_fd;
	struct loop_io *ready;
	char number[16]; /* of the display, as the server writes it */
	size_t n_number;
	int tries; /* of starting the server */
	bool is_ready;
	struct member server, manager, command;
	const char *const *argv;     /* of the command */
	struct output *output;       /* of the command; NULL: not wanted */
	struct x11_manager *waiting; /* for the window manager to take over */
	struct loop_timer *impatience;
};

static int start_server(struct virtual_display *x);

static int exit_code(int status)
{
	if (status < 0)
		return 127;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void on_member_exit(void *ctx, int status, int error)
{
	struct member *m = ctx;
	struct virtual_display *x = m->display;
	m->id = 0;
	if (status < 0 && error == EPIPE)
		return; /* the supervisor is lost, which its owner says */
	if (m == &x->server && status >= 0 && !x->is_ready && x->tries < SERVER_TRIES &&
		!start_server(x))
		return;
	if (m == &x->command && x->output)
		output_drain(x->output);
	char why[256];
	if (status < 0 && error == ENOENT)
		snprintf(why, sizeof(why), "%s is not installed: run apt install %s", m->name,
			m->package);
	else if (status < 0)
		snprintf(why, sizeof(why), "cannot start %s: %s", m->name, strerror(error));
	else
		snprintf(why, sizeof(why), "%s has ended", m->name);
	if (status < 0 || m->vital)
		x->events->on_end(x->ctx, status < 0 || m == &x->server, exit_code(status), why);
	else
		log_info(x->log, "%s", why);
}

/* Descriptors of ours that a program gets, and their numbers there. */
struct keep {
	int n, fds[2], as[2];
};

static int spawn(struct virtual_display *x, struct member *m, const char *const *argv,
	const char *const *env, const struct keep *keep)
{
	struct child_spawn what = {
		.argv = argv,
		.env = env,
		.keep = keep->fds,
		.keep_as = keep->as,
		.n_keep = keep->n,
		/* The last try says on standard error what is wrong, and so does what
		 * the user named. */
		.quiet = m == &x->server ? x->tries < SERVER_TRIES : m != &x->command || !x->argv,
	};
	int id = child_spawn(x->child, &what, on_member_exit, m);
	if (id > 0)
		m->id = id;
	return id > 0 ? OK : ERR_IO;
}

static void stop_waiting(struct virtual_display *x)
{
	loop_io_destroy(x->ready);
	x->ready = NULL;
	if (x->ready_fd >= 0)
		close(x->ready_fd);
	x->ready_fd = -1;
}

/* Xvfb writes its display number and a newline, which may come one by one; it
 * ends when it cannot write both. */
static void on_ready_readable(void *ctx, int events)
{
	struct virtual_display *x = ctx;
	(void)events;
	size_t room = sizeof(x->number) - 1 - x->n_number;
	ssize_t n = read(x->ready_fd, x->number + x->n_number, room);
	x->n_number += n > 0 ? (size_t)n : 0;
	x->number[x->n_number] = '\0';
	bool whole = strchr(x->number, '\n') != NULL;
	if (n > 0 && !whole && x->n_number < sizeof(x->number) - 1)
		return;
	stop_waiting(x);
	if (!whole)
		return; /* it has ended: on_member_exit tells */
	char display[32];
	snprintf(display, sizeof(display), ":%d", atoi(x->number));
	snprintf(x->display_env, sizeof(x->display_env), "DISPLAY=%s", display);
	x->is_ready = true;
	x->events->on_ready(x->ctx, display, x->cookie);
}

/* One entry for any address and display: Xauthority's format is a family and
 * four counted strings, big-endian; family 65535 is "wild". */
static int write_authority(const struct virtual_display *x)
{
	static const char name[] = "MIT-MAGIC-COOKIE-1";
	uint8_t entry[8 + sizeof(name) - 1 + 2 + VIRTUAL_DISPLAY_COOKIE] = { 0xff, 0xff };
	size_t at = 6; /* empty address, empty number */
	entry[at + 1] = sizeof(name) - 1;
	memcpy(entry + at + 2, name, sizeof(name) - 1);
	at += 2 + sizeof(name) - 1;
	entry[at + 1] = VIRTUAL_DISPLAY_COOKIE;
	memcpy(entry + at + 2, x->cookie, VIRTUAL_DISPLAY_COOKIE);

	int fd = open(x->auth_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return ERR_IO;
	ssize_t n = write(fd, entry, sizeof(entry));
	close(fd);
	return n == (ssize_t)sizeof(entry) ? OK : ERR_IO;
}

static int make_files(struct virtual_display *x)
{
	snprintf(x->dir, sizeof(x->dir), "/tmp/porthole-XXXXXX");
	if (!mkdtemp(x->dir)) {
		x->dir[0] = '\0';
		return ERR_IO;
	}
	snprintf(x->auth_path, sizeof(x->auth_path), "%s/Xauthority", x->dir);
	snprintf(x->auth_env, sizeof(x->auth_env), "XAUTHORITY=%s", x->auth_path);
	int err = random_bytes(x->cookie, sizeof(x->cookie));
	return err ? err : write_authority(x);
}

/* The abstract socket is listened on too: X clients try it first, so if it were
 * left free, any local user could take it and be given our windows. */
static int start_server(struct virtual_display *x)
{
	char size[32], ready[8];
	snprintf(size, sizeof(size), "%dx%dx24", VIRTUAL_DISPLAY_MAX_W, VIRTUAL_DISPLAY_MAX_H);
	snprintf(ready, sizeof(ready), "%d", READY_FD);
	const char *argv[] = { "Xvfb", "-displayfd", ready, "-screen", "0", size, "-noreset",
		"-auth", x->auth_path, "-nolisten", "tcp", "-s", "0", NULL };
	int pair[2];
	stop_waiting(x);
	x->n_number = 0;
	x->tries++;
	if (pipe2(pair, O_CLOEXEC))
		return ERR_IO;
	x->ready_fd = pair[0];
	struct keep keep = { 1, { pair[1] }, { READY_FD } };
	int err = spawn(x, &x->server, argv, NULL, &keep);
	close(pair[1]);
	if (err)
		return err;
	x->ready = loop_io_create(x->loop, x->ready_fd, on_ready_readable, x);
	if (!x->ready)
		return ERR_NOMEM;
	loop_io_want(x->ready, LOOP_READ);
	return OK;
}

static void start(struct virtual_display *x, struct member *m, const char *const *argv)
{
	/* Programs that could also talk to the Wayland session porthole was started
	 * in would open their windows there. */
	const char *const env[] = { x->display_env, x->auth_env, "WAYLAND_DISPLAY",
		"WAYLAND_SOCKET", "XDG_SESSION_TYPE=x11", "GDK_BACKEND=x11", NULL };
	struct keep keep = { 0 };
	bool watched = m == &x->command && x->output;
	if (watched) {
		keep = (struct keep){ .n = 2, .as = { STDOUT_FILENO, STDERR_FILENO } };
		output_ends(x->output, keep.fds);
	}
	int err = spawn(x, m, argv, env, &keep);
	if (watched)
		output_started(x->output);
	if (err)
		x->events->on_end(x->ctx, true, 1, "the supervisor does not answer");
}

static void start_command(void *ctx)
{
	static const char *const terminal[] = { "xterm", "-fa", "DejaVu Sans Mono", "-fs", "11",
		"-geometry", "110x34+60+60", "-bg", "#14181f", "-fg", "#e6e9ef", "-title",
		"Terminal", NULL };
	struct virtual_display *x = ctx;
	x11_manager_destroy(x->waiting);
	x->waiting = NULL;
	loop_timer_stop(x->impatience);
	if (x->argv) {
		x->command.name = x->argv[0];
		x->command.package = "the package that has it";
		x->command.vital = true;
	}
	start(x, &x->command, x->argv ? x->argv : terminal);
}

struct virtual_display *virtual_display_create(struct loop *l, const struct log *log,
	struct child *c, const struct virtual_display_events *events, void *ctx, char *error,
	size_t error_cap)
{
	struct virtual_display *x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->loop = l;
	x->log = log;
	x->child = c;
	x->events = events;
	x->ctx = ctx;
	x->ready_fd = -1;
	x->server = (struct member){ x, "Xvfb", "xvfb", true, 0 };
	x->manager = (struct member){ x, "openbox", "openbox", false, 0 };
	x->command = (struct member){ x, "xterm", "xterm", false, 0 };
	x->impatience = loop_timer_create(l, start_command, x);
	if (!x->impatience) {
		snprintf(error, error_cap, "not enough memory");
		goto fail;
	}
	if (events->on_output) {
		x->output = output_create(l, events->on_output, ctx);
		if (!x->output) {
			snprintf(error, error_cap, "cannot make a pipe: %s", strerror(errno));
			goto fail;
		}
	}
	if (make_files(x)) {
		snprintf(error, error_cap, "cannot make a folder in /tmp: %s", strerror(errno));
		goto fail;
	}
	if (start_server(x)) {
		snprintf(error, error_cap, "cannot start an X server: %s", strerror(errno));
		goto fail;
	}
	return x;
fail:
	virtual_display_destroy(x);
	return NULL;
}

void virtual_display_start(struct virtual_display *x, const char *const *command)
{
	static const char *const manager[] = { "openbox", NULL };
	struct x11_config config = {
		.display = strchr(x->display_env, ':'),
		.cookie = x->cookie,
		.cookie_len = sizeof(x->cookie),
	};
	x->argv = command;
	x->waiting = x11_manager_create(x->loop, &config, start_command, x);
	start(x, &x->manager, manager);
	loop_timer_start(x->impatience, x->waiting ? MANAGER_MS : 0);
}

static void end(struct virtual_display *x, struct member *m)
{
	if (m->id > 0)
		child_signal(x->child, m->id, SIGTERM);
	m->id = 0;
}

void virtual_display_destroy(struct virtual_display *x)
{
	if (!x)
		return;
	end(x, &x->command);
	end(x, &x->manager);
	end(x, &x->server);
	stop_waiting(x);
	output_destroy(x->output);
	x11_manager_destroy(x->waiting);
	loop_timer_destroy(x->impatience);
	if (x->auth_path[0])
		unlink(x->auth_path);
	if (x->dir[0])
		rmdir(x->dir);
	free(x);
}
