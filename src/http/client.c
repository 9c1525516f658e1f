#include "http/client.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "http/transfer.h"

enum { UNDER_WAY_MAX = 64 };

/* A descriptor of libcurl's on our loop. */
struct watch {
	struct watch *next;
	struct http_client *client;
	curl_socket_t fd;
	struct loop_io *io;
};

struct http_client {
	struct loop *loop;
	struct http_client_config config;
	char *ca_file, *pin;
	CURLM *multi; /* NULL until there is something to send */
	struct loop_timer *timer;
	struct loop_task deliver;
	struct watch *watches;
	struct transfer *under_way, *done; /* done: in order, not told yet */
	int n, last_id;
};

static void list_append(struct transfer **list, struct transfer *t)
{
	while (*list)
		list = &(*list)->next;
	t->next = NULL;
	*list = t;
}

static bool list_remove(struct transfer **list, const struct transfer *t)
{
	while (*list && *list != t)
		list = &(*list)->next;
	if (!*list)
		return false;
	*list = t->next;
	return true;
}

static void collect(struct http_client *c)
{
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(c->multi, &left))) {
		struct transfer *t = NULL;
		CURLcode code = m->data.result;
		CURL *easy = m->easy_handle;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
		curl_multi_remove_handle(c->multi, easy);
		list_remove(&c->under_way, t);
		transfer_end(t, code);
		list_append(&c->done, t);
		loop_task_queue(c->loop, &c->deliver);
	}
}

/* One a turn of the task: its owner may send, cancel or end the client. */
static void deliver(void *ctx)
{
	struct http_client *c = ctx;
	struct transfer *t = c->done;
	c->done = t->next;
	c->n--;
	if (c->done)
		loop_task_queue(c->loop, &c->deliver);
	struct http_client_answer a = transfer_answer(t);
	t->on_done(t->ctx, &a);
	transfer_destroy(t);
}

static void act(struct http_client *c, curl_socket_t fd, int events)
{
	int running;
	curl_multi_socket_action(c->multi, fd, events, &running);
	collect(c);
}

static void ready(void *ctx, int events)
{
	const struct watch *w = ctx;
	int mask = (events & LOOP_READ ? CURL_CSELECT_IN : 0) |
		   (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0);
	act(w->client, w->fd, mask);
}

static void time_out(void *ctx)
{
	act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static struct watch *watch_create(struct http_client *c, curl_socket_t fd)
{
	struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	*w = (struct watch){ .next = c->watches, .client = c, .fd = fd };
	w->io = loop_io_create(c->loop, fd, ready, w);
	if (!w->io) {
		free(w);
		return NULL;
	}
	c->watches = w;
	curl_multi_assign(c->multi, fd, w);
	return w;
}

static void watch_destroy(struct watch *w)
{
	struct watch **at = &w->client->watches;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	loop_io_destroy(w->io);
	free(w);
}

/* A failure here would end all transfers for good; without a watch the one of this
 * socket runs out of time. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
	struct http_client *c = ctx;
	struct watch *w = socket_ctx;
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			watch_destroy(w);
		return 0;
	}
	if (!w)
		w = watch_create(c, fd);
	if (w)
		loop_io_want(w->io, (what & CURL_POLL_IN ? LOOP_READ : 0) |
					    (what & CURL_POLL_OUT ? LOOP_WRITE : 0));
	return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct http_client *c = ctx;
	(void)multi;
	if (timeout_ms < 0)
		loop_timer_stop(c->timer);
	else
		loop_timer_start(c->timer, (uint64_t)timeout_ms);
	return 0;
}

/* libcurl starts with the first request, not with the program. */
static int begin(struct http_client *c)
{
	if (c->multi)
		return OK;
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return ERR_NOMEM;
	c->multi = curl_multi_init();
	if (!c->multi) {
		curl_global_cleanup();
		return ERR_NOMEM;
	}
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	return OK;
}

static char *copy(const char *s, bool *ok)
{
	char *out = s ? strdup(s) : NULL;
	*ok = *ok && (!s || out);
	return out;
}

struct http_client *http_client_create(struct loop *l, const struct http_client_config *config)
{
	struct http_client *c = calloc(1, sizeof(*c));
	bool ok = true;
	if (!c)
		return NULL;
	c->loop = l;
	c->deliver = (struct loop_task){ .run = deliver, .ctx = c };
	c->ca_file = copy(config->ca_file, &ok);
	c->pin = copy(config->pin, &ok);
	c->config = (struct http_client_config){
		.ca_file = c->ca_file, .pin = c->pin, .insecure = config->insecure
	};
	c->timer = loop_timer_create(l, time_out, c);
	if (!ok || !c->timer) {
		http_client_destroy(c);
		return NULL;
	}
	return c;
}

static void drop(struct http_client *c, struct transfer *t)
{
	if (list_remove(&c->under_way, t))
		curl_multi_remove_handle(c->multi, t->easy);
	else
		list_remove(&c->done, t);
	c->n--;
	transfer_destroy(t);
}

void http_client_destroy(struct http_client *c)
{
	if (!c)
		return;
	loop_task_cancel(c->loop, &c->deliver);
	while (c->under_way)
		drop(c, c->under_way);
	while (c->done)
		drop(c, c->done);
	if (c->multi) {
		curl_multi_cleanup(c->multi);
		curl_global_cleanup();
	}
	while (c->watches)
		watch_destroy(c->watches);
	loop_timer_destroy(c->timer);
	free(c->ca_file);
	free(c->pin);
	free(c);
}

int http_client_send(struct http_client *c, const struct http_client_request *r,
	http_client_fn *on_done, void *ctx)
{
	struct transfer *t = NULL;
	if (c->n >= UNDER_WAY_MAX)
		return ERR_LIMIT;
	int err = begin(c);
	if (!err)
		err = transfer_create(&c->config, r, &t);
	if (err)
		return err;
	t->on_done = on_done;
	t->ctx = ctx;
	if (curl_multi_add_handle(c->multi, t->easy)) {
		transfer_destroy(t);
		return ERR_NOMEM;
	}
	c->last_id = c->last_id == INT_MAX ? 1 : c->last_id + 1;
	t->id = c->last_id;
	list_append(&c->under_way, t);
	c->n++;
	return t->id;
}

static struct transfer *find(struct transfer *list, int id)
{
	while (list && list->id != id)
		list = list->next;
	return list;
}

void http_client_cancel(struct http_client *c, int id)
{
	struct transfer *t = find(c->under_way, id);
	if (!t)
		t = find(c->done, id);
	if (t)
		drop(c, t);
	if (!c->done)
		loop_task_cancel(c->loop, &c->deliver);
}
