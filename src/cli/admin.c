#include "cli/admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/data_dir.h"
#include "gateway/store/store.h"

enum { ANSWER_MAX = 16 * 1024 * 1024, PATIENCE_S = 30 };

static const struct opt rows[] = {
	{ .name = "data-dir",
		.arg = "DIR",
		OPT_AT(struct admin_options, data_dir),
		.shown = "~/.local/state/porthole; root: /var/lib/porthole",
		.help = "The gateway's data directory" },
	{ .name = "json", OPT_AT(struct admin_options, json), .help = "Print JSON" },
};

const struct opt_group admin_group = { "The gateway", rows, ARRAY_LEN(rows) };

/* -1 when nobody listens there. */
static int dial(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	if (strlen(path) >= sizeof(sa.sun_path))
		return -1;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return fd;
	close(fd);
	return -1;
}

static int send_line(int fd, const char *line)
{
	size_t n = strlen(line);
	while (n > 0) {
		ssize_t sent = send(fd, line, n, MSG_NOSIGNAL);
		if (sent <= 0 && errno != EINTR)
			return ERR_IO;
		line += sent > 0 ? sent : 0;
		n -= sent > 0 ? (size_t)sent : 0;
	}
	return send(fd, "\n", 1, MSG_NOSIGNAL) == 1 ? OK : ERR_IO;
}

static int read_line(int fd, struct buf *out)
{
	while (!out->len || !memchr(out->data, '\n', out->len)) {
		uint8_t *room = buf_room(out, 4096);
		ssize_t n = room ? recv(fd, room, 4096, 0) : -1;
		if (n <= 0)
			return ERR_IO;
		buf_added(out, (size_t)n);
	}
	return OK;
}

/* The status, 0: the gateway did not answer. */
static int ask_gateway(int fd, const char *op, struct json *args, struct json **answer)
{
	struct json *request = json_make_object(), *reply = NULL;
	char problem[JSON_PROBLEM_MAX];
	struct buf in;
	buf_init(&in, ANSWER_MAX);
	json_put_text(request, "op", op);
	json_put(request, "args", args ? args : json_make_object());
	char *line = json_print(request, false);
	json_drop(request);
	if (line && !send_line(fd, line) && !read_line(fd, &in))
		reply = json_parse(in.data, in.len, problem);
	free(line);
	buf_fini(&in);
	int status = (int)json_int(json_get(json_of(reply), "status"), 0);
	*answer = json_clone(json_get(json_of(reply), "answer"));
	json_drop(reply);
	return status;
}

static int ask_store(
	struct cli *cli, const char *dir, const char *op, struct json *args, struct json **answer)
{
	char error[STORE_ERROR_MAX];
	struct store_config config = { .data_dir = dir, .log = &cli->log };
	struct store_who who = { .kind = STORE_LOCAL };
	struct store *store = store_start(&config, error);
	if (!store) {
		log_error(&cli->log, "%s", error);
		json_drop(args);
		return -1;
	}
	int status = store_ask_now(store, op, &who, args, answer);
	store_stop(store);
	return status;
}

static int exit_code(int status)
{
	switch (status) {
	case 200: return CLI_OK;
	case 404: return CLI_NOT_FOUND;
	case 401:
	case 403: return CLI_REFUSED;
	default: return CLI_FAILURE;
	}
}

int admin_ask(struct cli *cli, const char *data_dir, const char *op, struct json *args,
	struct json **answer)
{
	char dir[DATA_DIR_MAX], path[DATA_DIR_MAX];
	int status;
	*answer = NULL;
	data_dir_find(data_dir, dir);
	data_dir_socket(dir, path);
	int fd = dial(path);
	if (fd >= 0) {
		status = ask_gateway(fd, op, args, answer);
		close(fd);
	} else {
		status = ask_store(cli, dir, op, args, answer);
	}
	const char *error = json_get_text(json_of(*answer), "error");
	if (status == 0)
		log_error(&cli->log, "the gateway at %s does not answer", path);
	else if (status > 0 && status != 200)
		log_error(&cli->log, "%s", error ? error : "the gateway refused");
	if (status != 200) {
		json_drop(*answer);
		*answer = NULL;
	}
	return exit_code(status);
}

static void value_text(struct json_ref v, char out[256])
{
	struct json *copy = NULL;
	char *printed = NULL;
	switch (json_kind_of(v)) {
	case JSON_TYPE_NONE:
	case JSON_TYPE_NULL: snprintf(out, 256, "-"); break;
	case JSON_TYPE_TEXT: snprintf(out, 256, "%s", json_text(v)); break;
	case JSON_TYPE_INT: snprintf(out, 256, "%lld", json_int(v, 0)); break;
	case JSON_TYPE_BOOL: snprintf(out, 256, "%s", json_bool(v, false) ? "yes" : "no"); break;
	default:
		copy = json_clone(v);
		printed = json_print(copy, false);
		snprintf(out, 256, "%s", printed ? printed : "?");
		free(printed);
		json_drop(copy);
	}
	/* Names come from others: no control characters into a terminal. */
	for (char *p = out; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

static bool print_member(void *ctx, const char *key, struct json_ref v)
{
	char text[256];
	(void)ctx;
	value_text(v, text);
	printf("%s: %s\n", key, text);
	return true;
}

void admin_print(struct json_ref answer, bool as_json)
{
	if (!as_json) {
		json_each(answer, print_member, NULL);
		return;
	}
	struct json *copy = json_clone(answer);
	char *text = json_print(copy, false);
	puts(text ? text : "null");
	free(text);
	json_drop(copy);
}

void admin_print_table(struct json_ref list, const struct admin_column *columns, size_t n)
{
	char text[256];
	size_t width[16];
	for (size_t c = 0; c < n; c++) {
		width[c] = strlen(columns[c].title);
		for (size_t i = 0; i < json_len(list); i++) {
			value_text(json_get(json_at(list, i), columns[c].member), text);
			width[c] = strlen(text) > width[c] ? strlen(text) : width[c];
		}
	}
	for (size_t c = 0; c < n; c++)
		printf("%-*s%s", (int)width[c], columns[c].title, c + 1 < n ? "  " : "\n");
	for (size_t i = 0; i < json_len(list); i++)
		for (size_t c = 0; c < n; c++) {
			value_text(json_get(json_at(list, i), columns[c].member), text);
			printf("%-*s%s", (int)width[c], text, c + 1 < n ? "  " : "\n");
		}
}
