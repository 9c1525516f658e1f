#include "relay_child.h"

#include <arpa/inet.h>
#include <limits.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/pump.h"
#include "net/socket_stream.h"
#include "net/tls.h"
#include "net/ws_stream.h"

enum { BACKLOG = 1024, COPY = 64 * 1024, HEAD_MAX = 4096, QUEUE_MAX = 1024 * 1024 };

static int listen_on(int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, BACKLOG) ||
		getsockname(fd, (struct sockaddr *)&a, &len)) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*port = ntohs(a.sin_port);
	return fd;
}

static void *copy(void *arg)
{
	int *fds = arg;
	static _Thread_local char buf[COPY];
	for (ssize_t n; (n = read(fds[0], buf, sizeof(buf))) > 0;)
		for (ssize_t at = 0, done; at < n; at += done) {
			done = write(fds[1], buf + at, (size_t)(n - at));
			if (done <= 0)
				return NULL;
		}
	shutdown(fds[1], SHUT_WR);
	return NULL;
}

static void run_copy(int viewers, int agents)
{
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int v = accept(viewers, NULL, NULL), a = accept(agents, NULL, NULL), one = 1;
		int *down = malloc(2 * sizeof(int)), *up = malloc(2 * sizeof(int));
		if (v < 0 || a < 0 || !down || !up)
			return;
		setsockopt(v, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(a, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		down[0] = up[1] = a;
		down[1] = up[0] = v;
		pthread_t t;
		if (pthread_create(&t, NULL, copy, down) || pthread_create(&t, NULL, copy, up))
			return;
	}
}

/* The relay with the pump, as small as it can be. */

struct relay {
	struct loop *loop;
	struct tls_context *tls;
	struct tunnel *first, *last; /* those that wait for a viewer */
	struct loop_io *viewers, *agents;
	int viewers_fd, agents_fd;
};

struct tunnel {
	struct pump *pump;
	struct tunnel *next;
};

/* A connection that has not been upgraded. */
struct guest {
	struct relay *relay;
	struct stream *s;
	bool viewer;
	size_t len;
	char head[HEAD_MAX];
};

static void on_tunnel_end(void *ctx, enum pump_why why)
{
	(void)why;
	struct tunnel *t = ctx;
	pump_destroy(t->pump);
	t->pump = NULL; /* a tunnel that waits stays in its list */
}

static void agent_came(struct relay *r, struct stream *ws)
{
	struct tunnel *t = calloc(1, sizeof(*t));
	if (!t)
		abort();
	t->pump = pump_create(r->loop, ws, NULL, &(struct pump_config){ 0 }, on_tunnel_end, t);
	if (r->last)
		r->last->next = t;
	else
		r->first = t;
	r->last = t;
}

static void viewer_came(struct relay *r, struct stream *ws)
{
	struct tunnel *t = r->first;
	if (!t || !t->pump || pump_join(t->pump, ws)) {
		stream_close(ws, false);
		return;
	}
	r->first = t->next;
	if (!r->first)
		r->last = NULL;
}

static void guest_data(void *ctx, const uint8_t *data, size_t n)
{
	struct guest *g = ctx;
	static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
				     "Connection: Upgrade\r\n"
				     "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
	if (n > sizeof(g->head) - g->len)
		abort();
	memcpy(g->head + g->len, data, n);
	g->len += n;
	if (g->len < 4 || memcmp(g->head + g->len - 4, "\r\n\r\n", 4) != 0)
		return;
	struct ws_config config = { .text_as_binary = true };
	if (stream_send(g->s, answer, sizeof(answer) - 1))
		abort();
	struct stream *ws = ws_stream_create(g->relay->loop, g->s, &config, NULL, 0);
	if (!ws)
		abort();
	if (g->viewer)
		viewer_came(g->relay, ws);
	else
		agent_came(g->relay, ws);
	free(g);
}

static void guest_drain(void *ctx)
{
	(void)ctx;
}

static void guest_end(void *ctx, int err)
{
	(void)err;
	struct guest *g = ctx;
	stream_close(g->s, false);
	free(g);
}

static const struct stream_events guest_events = { guest_data, guest_drain, guest_end };

static void guest_came(struct relay *r, int listener, bool viewer)
{
	int fd = accept(listener, NULL, NULL);
	struct guest *g = calloc(1, sizeof(*g));
	if (fd < 0 || !g)
		abort();
	g->relay = r;
	g->viewer = viewer;
	g->s = socket_stream_create(r->loop, fd, QUEUE_MAX);
	if (g->s && r->tls)
		g->s = tls_stream_server(r->loop, r->tls, g->s, NULL, 0);
	if (!g->s)
		abort();
	stream_set_events(g->s, &guest_events, g);
	stream_want_read(g->s, true);
}

static void viewers_ready(void *ctx, int bits)
{
	(void)bits;
	struct relay *r = ctx;
	guest_came(r, r->viewers_fd, true);
}

static void agents_ready(void *ctx, int bits)
{
	(void)bits;
	struct relay *r = ctx;
	guest_came(r, r->agents_fd, false);
}

static void run_pump(int viewers, int agents, const char *cert, const char *key)
{
	char error[TLS_ERROR_MAX];
	struct relay r = { .loop = loop_create(), .viewers_fd = viewers, .agents_fd = agents };
	if (cert)
		r.tls = tls_context_server(cert, key, error, sizeof(error));
	if (cert && !r.tls)
		fprintf(stderr, "bench: %s\n", error);
	if (!r.loop || (cert && !r.tls))
		return;
	r.viewers = loop_io_create(r.loop, viewers, viewers_ready, &r);
	r.agents = loop_io_create(r.loop, agents, agents_ready, &r);
	loop_io_want(r.viewers, LOOP_READ);
	loop_io_want(r.agents, LOOP_READ);
	int err = loop_run(r.loop);
	(void)err;
}

static void allow_many_files(void)
{
	struct rlimit most;
	getrlimit(RLIMIT_NOFILE, &most);
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
}

int relay_child_start(
	struct relay_child *c, enum relay_kind kind, const char *cert, const char *key)
{
	*c = (struct relay_child){ 0 };
	int viewers = listen_on(&c->viewer_port), agents = listen_on(&c->agent_port);
	pid_t pid = viewers < 0 || agents < 0 ? -1 : fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		malloc_trim(0); /* what the bench has freed would hide what the relay takes */
		allow_many_files();
		if (kind == RELAY_COPY)
			run_copy(viewers, agents);
		else
			run_pump(viewers, agents, cert, key);
		_exit(1);
	}
	if (viewers >= 0)
		close(viewers);
	if (agents >= 0)
		close(agents);
	c->proc.pid = pid > 0 ? pid : 0;
	return pid > 0 ? OK : ERR_IO;
}

static bool write_nginx_config(const char *path, const struct relay_child *c, const char *folder,
	const char *cert, const char *key)
{
	FILE *f = fopen(path, "w");
	if (!f)
		return false;
	fprintf(f,
		"daemon off;\nmaster_process off;\nworker_processes 1;\npid %s/nginx.pid;\n"
		"error_log %s/nginx.log;\nevents { worker_connections 4096; }\nhttp {\n"
		"access_log off;\nclient_body_temp_path %s/nginx-a;\n"
		"proxy_temp_path %s/nginx-b;\nfastcgi_temp_path %s/nginx-c;\n"
		"uwsgi_temp_path %s/nginx-d;\nscgi_temp_path %s/nginx-e;\n"
		"server {\nlisten 127.0.0.1:%d%s;\n",
		folder, folder, folder, folder, folder, folder, folder, c->viewer_port,
		cert ? " ssl" : "");
	/* Left alone it would speak TLS 1.2 and the comparison be one of protocols. */
	if (cert)
		fprintf(f,
			"ssl_certificate %s;\nssl_certificate_key %s;\n"
			"ssl_protocols TLSv1.2 TLSv1.3;\nproxy_ssl_protocols TLSv1.2 TLSv1.3;\n",
			cert, key);
	fprintf(f,
		"location / {\nproxy_pass %s://127.0.0.1:%d;\nproxy_http_version 1.1;\n"
		"proxy_set_header Upgrade $http_upgrade;\n"
		"proxy_set_header Connection \"Upgrade\";\nproxy_buffer_size 64k;\n"
		"proxy_buffers 8 64k;\nproxy_read_timeout 3600s;\n}\n}\n}\n",
		cert ? "https" : "http", c->agent_port);
	return fclose(f) == 0;
}

int relay_child_start_nginx(
	struct relay_child *c, const char *folder, const char *cert, const char *key)
{
	char path[PATH_MAX], log[PATH_MAX];
	char full[PATH_MAX];
	if (!realpath(folder, full))
		return ERR_IO;
	snprintf(path, sizeof(path), "%.4000s/nginx.conf", full);
	snprintf(log, sizeof(log), "%.4000s/nginx.out", full);
	if (!write_nginx_config(path, c, full, cert, key))
		return ERR_IO;
	char *argv[] = { "nginx", "-c", path, NULL };
	return proc_start(&c->proc, argv, log);
}

void relay_child_stop(struct relay_child *c)
{
	proc_stop(&c->proc);
}
