#include "cli/prompt.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { CTRL_C = 3 };

/* ERR_AGAIN: Ctrl+C came as a character. */
static int read_line(int fd, char *out, size_t cap)
{
	size_t len = 0;
	char c;
	ssize_t n;
	while ((n = read(fd, &c, 1)) == 1 && c != '\n' && c != CTRL_C)
		if (len + 1 < cap)
			out[len++] = c;
		else
			return ERR_LIMIT;
	out[len] = '\0';
	if (n == 1 && c == CTRL_C)
		return ERR_AGAIN;
	return n == 1 || len > 0 ? OK : ERR_IO;
}

int prompt(const char *question, bool hidden, char *out, size_t cap)
{
	struct termios before, silent;
	if (tcgetattr(STDIN_FILENO, &before))
		return read_line(STDIN_FILENO, out, cap);
	silent = before;
	silent.c_lflag &= (tcflag_t)~ECHO;
	/* A Ctrl+C between the two would leave the terminal without echo: it comes as a
	 * character, which ends the line, and is a signal again afterwards. */
	if (hidden) {
		silent.c_lflag &= (tcflag_t)~ISIG;
		silent.c_cc[VEOL] = CTRL_C;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	/* Last, so that whoever answers at once is heard, and not seen. */
	fprintf(stderr, "%s: ", question);
	fflush(stderr);
	int err = read_line(STDIN_FILENO, out, cap);
	if (hidden) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	if (err != ERR_AGAIN)
		return err;
	raise(SIGINT);
	return ERR_IO;
}
