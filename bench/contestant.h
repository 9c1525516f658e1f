#pragma once
#include "proc.h"

enum { CONTESTANT_ARGS_MAX = 24 };

/* What a server's command line is made of, and the line. */
struct contestant_line {
	char program[4096];
	char display[32];
	char port[8];
	char address[32];                /* 127.0.0.1:PORT, where a viewer finds it */
	char http[32];                   /* another address, for a server that wants two */
	char *argv[CONTESTANT_ARGS_MAX]; /* into the above; ended by NULL */
};

/* A VNC server that can be measured. The first one is ours; the last one is none,
 * under which the X server draws alone. */
struct contestant {
	const char *name;
	const char *program; /* looked up in PATH; NULL: told by an option, or none */
	void (*fill_argv)(struct contestant_line *l); /* NULL: there is no server */
};

extern const struct contestant contestants[];
extern const int n_contestants;

/* Starts the server on free ports of 127.0.0.1; `line` tells them. It may not accept
 * connections yet. With no server it starts nothing. */
MUST_USE int contestant_start(const struct contestant *c, const char *display, const char *program,
	const char *log_path, struct contestant_line *line, struct proc *proc);
