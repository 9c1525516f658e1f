#include "cli/prompt.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static int read_line(int fd, char *out, size_t cap)
{
	size_t len = 0;
	char c;
	ssize_t n;
	while ((n = read(fd, &c, 1)) == 1 && c != '\n')
		if (len + 1 < cap)
			out[len++] = c;
		else
			return ERR_LIMIT;
	out[len] = '\0';
	return n == 1 || len > 0 ? OK : ERR_IO;
}

int prompt(const char *question, bool hidden, char *out, size_t cap)
{
	struct termios before, silent;
	if (tcgetattr(STDIN_FILENO, &before))
		return read_line(STDIN_FILENO, out, cap);
	fprintf(stderr, "%s: ", question);
	fflush(stderr);
	silent = before;
	silent.c_lflag &= (tcflag_t)~ECHO;
	/* A Ctrl+C between the two would leave the terminal without echo. */
	sigset_t interrupt, mask;
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigaddset(&interrupt, SIGTSTP);
	if (hidden) {
		silent.c_lflag &= (tcflag_t)~ISIG;
		sigprocmask(SIG_BLOCK, &interrupt, &mask);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	int err = read_line(STDIN_FILENO, out, cap);
	if (hidden) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		sigprocmask(SIG_SETMASK, &mask, NULL);
		fputc('\n', stderr);
		if (!err && strchr(out, 3)) /* Ctrl+C came as a character */
			err = ERR_IO;
	}
	return err;
}
