#include "cli/admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/data_dir.h"
#include "gateway/store/store.h"

enum { ANSWER_MAX = 16 * 1024 * 1024, PATIENCE_S = 30, IMPORT_S = 3600 };

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
static int dial(const char *path, int patience_s)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = patience_s };
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

/* These put the first into a database, before the gateway's first start too. */
static bool may_make(const char *op)
{
	static const char *const makers[] = { "user.create", "client.create", "import" };
	for (size_t i = 0; i < ARRAY_LEN(makers); i++)
		if (!strcmp(op, makers[i]))
			return true;
	return false;
}

/* The status, or less than 0: an exit code below 0, and what is wrong was said. */
static int ask_store(
	struct cli *cli, const char *dir, const char *op, struct json *args, struct json **answer)
{
	char error[STORE_ERROR_MAX], file[DATA_DIR_MAX + 16];
	struct store_config config = { .data_dir = dir, .log = &cli->log };
	struct store_who who = { .kind = STORE_LOCAL };
	snprintf(file, sizeof(file), "%s/porthole.db", dir);
	if (!may_make(op) && access(file, F_OK) && (errno == ENOENT || errno == ENOTDIR)) {
		log_error(&cli->log,
			"there is no gateway's database in %s: name its folder with --data-dir, or "
			"start porthole gateway first",
			dir);
		json_drop(args);
		return -CLI_NOT_FOUND;
	}
	struct store *store = store_start(&config, error);
	if (!store) {
		log_error(&cli->log, "%s", error);
		json_drop(args);
		return -CLI_FAILURE;
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
	int fd = dial(path, strcmp(op, "import") ? PATIENCE_S : IMPORT_S);
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
	return status < 0 ? -status : exit_code(status);
}

static bool is_called(struct json_ref item, const char *const *names, const char *text)
{
	for (; *names; names++) {
		const char *name = json_get_text(item, *names);
		if (name && !strcasecmp(name, text))
			return true;
	}
	return false;
}

int admin_find(struct cli *cli, const char *data_dir, const char *op, const char *member,
	const char *const *names, const char *text, char id[ADMIN_ID_MAX])
{
	struct json *answer;
	int code = admin_ask(cli, data_dir, op, NULL, &answer);
	struct json_ref list = json_get(json_of(answer), member);
	id[0] = '\0';
	for (size_t i = 0; i < json_len(list); i++) {
		const char *found = json_get_text(json_at(list, i), "id");
		if (found && is_called(json_at(list, i), names, text))
			snprintf(id, ADMIN_ID_MAX, "%s", found);
	}
	json_drop(answer);
	if (code || *id)
		return code;
	log_error(&cli->log, "%s is not one of them: porthole %s list shows who is", text,
		cli->command->name);
	return CLI_NOT_FOUND;
}

bool admin_url(const char *data_dir, char out[ADMIN_URL_MAX])
{
	char dir[DATA_DIR_MAX], path[DATA_DIR_MAX];
	struct json *answer = NULL;
	data_dir_find(data_dir, dir);
	data_dir_socket(dir, path);
	int fd = dial(path, PATIENCE_S);
	if (fd < 0)
		return false;
	int status = ask_gateway(fd, "gateway.url", NULL, &answer);
	const char *url = json_get_text(json_of(answer), "url");
	snprintf(out, ADMIN_URL_MAX, "%s", url ? url : "");
	json_drop(answer);
	close(fd);
	return status == 200 && *out;
}

/* The caller frees it; NULL: no memory. */
static char *value_text(struct json_ref v)
{
	char number[32];
	struct json *copy;
	char *text;
	switch (json_kind_of(v)) {
	case JSON_TYPE_NONE:
	case JSON_TYPE_NULL: text = strdup("-"); break;
	case JSON_TYPE_TEXT: text = strdup(json_text(v)); break;
	case JSON_TYPE_INT:
		snprintf(number, sizeof(number), "%lld", json_int(v, 0));
		text = strdup(number);
		break;
	case JSON_TYPE_BOOL: text = strdup(json_bool(v, false) ? "yes" : "no"); break;
	default:
		copy = json_clone(v);
		text = json_print(copy, false);
		json_drop(copy);
	}
	/* Names come from others: no control characters into a terminal. */
	for (char *p = text; p && *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return text;
}

/* created_at, expiresAt: whole seconds of Unix time. */
static bool print_time(const char *key, struct json_ref v)
{
	size_t n = strlen(key);
	time_t at = (time_t)json_int(v, 0);
	struct tm tm;
	char text[32];
	if (json_kind_of(v) != JSON_TYPE_INT || n < 2 ||
		(strcmp(key + n - 2, "At") && (n < 3 || strcmp(key + n - 3, "_at"))))
		return false;
	if (!localtime_r(&at, &tm) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		return false;
	printf("%s: %s\n", key, text);
	return true;
}

static bool print_member(void *ctx, const char *key, struct json_ref v)
{
	(void)ctx;
	if (json_kind_of(v) == JSON_TYPE_NULL || print_time(key, v))
		return true;
	char *text = value_text(v);
	printf("%s: %s\n", key, text ? text : "?");
	free(text);
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

/* Characters of UTF-8. */
static size_t width_of(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void print_cell(const char *text, size_t width, bool last)
{
	size_t n = width_of(text);
	printf("%s%*s", text, last || n > width ? 0 : (int)(width - n), "");
	fputs(last ? "\n" : "  ", stdout);
}

void admin_print_table(struct json_ref list, const struct admin_column *columns, size_t n)
{
	size_t width[16], n_rows = json_len(list);
	for (size_t c = 0; c < n; c++) {
		width[c] = strlen(columns[c].title);
		for (size_t i = 0; i < n_rows; i++) {
			char *text = value_text(json_get(json_at(list, i), columns[c].member));
			size_t w = text ? width_of(text) : 0;
			width[c] = w > width[c] ? w : width[c];
			free(text);
		}
	}
	for (size_t c = 0; c < n; c++)
		print_cell(columns[c].title, width[c], c + 1 == n);
	for (size_t i = 0; i < n_rows; i++)
		for (size_t c = 0; c < n; c++) {
			char *text = value_text(json_get(json_at(list, i), columns[c].member));
			print_cell(text ? text : "?", width[c], c + 1 == n);
			free(text);
		}
}
