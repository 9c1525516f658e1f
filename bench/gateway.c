#include "gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MAX = 4096, READY_S = 20 };

const char gateway_secret[] = "bench-secret-0123456789abcdef-0123456789";

struct json *gateway_ask(const struct gateway *g, const char *line)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char answer[ANSWER_MAX], problem[JSON_PROBLEM_MAX];
	int n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/admin.sock", g->dir);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t got = -1;
	if (fd >= 0 && n < (int)sizeof(sa.sun_path) &&
		!connect(fd, (struct sockaddr *)&sa, sizeof(sa)) &&
		send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line))
		got = recv(fd, answer, sizeof(answer), 0);
	if (fd >= 0)
		close(fd);
	return got > 0 ? json_parse(answer, (size_t)got, problem) : NULL;
}

/* The gateway's line of JSON tells the port. */
static int read_port(struct gateway *g)
{
	char line[ANSWER_MAX];
	FILE *f = fopen(g->ready, "re");
	const char *colon = NULL;
	while (f && !colon && fgets(line, sizeof(line), f))
		colon = strstr(line, "127.0.0.1:");
	if (f)
		fclose(f);
	g->port = colon ? atoi(colon + strlen("127.0.0.1:")) : 0;
	return g->port ? OK : ERR_IO;
}

int gateway_start(struct gateway *g, const char *porthole, const char *cert, const char *key)
{
	*g = (struct gateway){ .port = 0 };
	char *argv[] = { (char *)(uintptr_t)porthole, "gateway", "--data-dir", g->dir, "--listen",
		"127.0.0.1:0", "--agent-rate", "1000000", "--address-rate", "1000000", "--json",
		cert ? "--tls-cert" : NULL, (char *)(uintptr_t)cert, "--tls-key",
		(char *)(uintptr_t)key, NULL };
	snprintf(g->dir, sizeof(g->dir), "/tmp/porthole-bench-XXXXXX");
	if (!mkdtemp(g->dir))
		return ERR_IO;
	snprintf(g->ready, sizeof(g->ready), "%s/ready", g->dir);
	setenv("HMAC_SECRET", gateway_secret, 1);
	if (proc_start(&g->proc, argv, g->ready))
		return ERR_IO;
	for (int i = 0; i < READY_S * 20 && read_port(g) && proc_alive(&g->proc); i++)
		usleep(50 * 1000);
	if (!g->port)
		fprintf(stderr, "bench: the gateway did not start, see %s\n", g->ready);
	return g->port ? OK : ERR_IO;
}

void gateway_stop(struct gateway *g)
{
	static const char *const files[] = { "ready", "lock", "porthole.db", "porthole.db-wal",
		"porthole.db-shm", "admin.sock" };
	char path[GATEWAY_PATH + 32];
	if (!g->dir[0])
		return;
	proc_stop(&g->proc);
	for (size_t i = 0; g->port && i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", g->dir, files[i]);
		unlink(path);
	}
	rmdir(g->dir);
	*g = (struct gateway){ .port = 0 };
}
