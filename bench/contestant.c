#include "contestant.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void fill(struct contestant_line *l, char *const *argv)
{
	size_t n = 0;
	for (; argv[n] && n + 1 < ARRAY_LEN(l->argv); n++)
		l->argv[n] = argv[n];
	l->argv[n] = NULL;
}

static void porthole(struct contestant_line *l)
{
	fill(l, (char *[]){ l->program, "share", "--display", l->display, "--listen", l->http,
			"--rfb-listen", l->address, NULL });
}

/* As Debian installs it, but for what would keep a viewer out. */
static void tigervnc(struct contestant_line *l)
{
	fill(l, (char *[]){ l->program, "-display", l->display, "-rfbport", l->port, "-localhost",
			"-SecurityTypes", "None", NULL });
}

/* With less waiting than its defaults, 20 ms each. */
static void x11vnc(struct contestant_line *l)
{
	fill(l, (char *[]){ l->program, "-norc", "-display", l->display, "-rfbport", l->port,
			"-localhost", "-noipv6", "-nopw", "-forever", "-shared", "-quiet", "-wait",
			"5", "-defer", "5", NULL });
}

const struct contestant contestants[] = {
	{ "porthole", NULL, porthole },
	{ "X0tigervnc", "X0tigervnc", tigervnc },
	{ "x11vnc", "x11vnc", x11vnc },
	{ "none", NULL, NULL },
};
const int n_contestants = ARRAY_LEN(contestants);

/* A port that nobody listens on just now; 0 when there is none. */
static uint16_t free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&a, len) == 0 &&
		  getsockname(fd, (struct sockaddr *)&a, &len) == 0;
	if (fd >= 0)
		close(fd);
	return ok ? ntohs(a.sin_port) : 0;
}

int contestant_start(const struct contestant *c, const char *display, const char *program,
	const char *log_path, struct contestant_line *line, struct proc *proc)
{
	*proc = (struct proc){ 0 };
	*line = (struct contestant_line){ 0 };
	if (!c->fill_argv)
		return OK;
	unsigned port = free_port(), http = free_port();
	if (port == 0 || http == 0)
		return ERR_IO;
	snprintf(line->program, sizeof(line->program), "%s", program);
	snprintf(line->display, sizeof(line->display), "%s", display);
	snprintf(line->port, sizeof(line->port), "%u", port);
	snprintf(line->address, sizeof(line->address), "127.0.0.1:%u", port);
	snprintf(line->http, sizeof(line->http), "127.0.0.1:%u", http);
	c->fill_argv(line);
	return proc_start(proc, line->argv, log_path);
}
