#include "process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TURN_US = 20000, PATIENCE = 1000, END_PATIENCE = 250 }; /* turns: 20 s, 5 s */

bool process_exists(const char *program)
{
	char path[4096];
	const char *all = getenv("PATH");
	for (const char *p = all ? all : ""; *p;) {
		size_t n = strcspn(p, ":");
		snprintf(path, sizeof(path), "%.*s/%s", (int)n, p, program);
		if (access(path, X_OK) == 0)
			return true;
		p += n + (p[n] == ':');
	}
	return false;
}

pid_t process_start(char *const argv[], const char *log)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	int in = open("/dev/null", O_RDONLY);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execvp(argv[0], argv);
	_exit(127);
}

bool process_alive(pid_t pid)
{
	siginfo_t info = { 0 };
	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == 0;
}

void process_end(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGTERM);
	for (int i = 0; i < END_PATIENCE && process_alive(pid); i++)
		usleep(TURN_US);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

int process_free_port(int first, int last)
{
	/* Not always the same order, for the sake of tests that run side by side. */
	int count = last - first + 1, offset = (int)getpid() % count;
	for (int i = 0; i < count; i++) {
		int port = first + (i + offset) % count;
		struct sockaddr_in a = loopback(port);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bool is_free = bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
		close(fd);
		if (is_free)
			return port;
	}
	return 0;
}

bool process_listens(pid_t pid, int port)
{
	struct sockaddr_in a = loopback(port);
	for (int i = 0; i < PATIENCE && process_alive(pid); i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bool connected = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
		close(fd);
		if (connected)
			return true;
		usleep(TURN_US);
	}
	return false;
}

static bool x_answers(const char *display)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	snprintf(a.sun_path, sizeof(a.sun_path), "/tmp/.X11-unix/X%s", display + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
	close(fd);
	return connected;
}

pid_t process_start_xvfb(
	int first, int last, const char *screen, const char *folder, char display[16])
{
	char log[4096];
	snprintf(log, sizeof(log), "%s/xvfb.log", folder);
	for (int n = first; n <= last; n++) {
		snprintf(display, 16, ":%d", n);
		if (x_answers(display))
			continue;
		char *argv[] = { "Xvfb", display, "-screen", "0", (char *)(uintptr_t)screen,
			"-noreset", "-nolisten", "tcp", NULL };
		pid_t pid = process_start(argv, log);
		for (int i = 0; i < PATIENCE && process_alive(pid); i++) {
			if (x_answers(display))
				return pid;
			usleep(TURN_US);
		}
		process_end(pid);
	}
	display[0] = 0;
	return 0;
}
