#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/remote.h"
#include "crypto/secret.h"

enum { FILE_MAX = 16 * 1024 };

static int folder(char *out, size_t cap)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if (config && *config)
		snprintf(out, cap, "%s/porthole", config);
	else if (home && *home)
		snprintf(out, cap, "%s/.config/porthole", home);
	else
		return ERR_IO;
	return OK;
}

static void take(struct json_ref from, const char *name, char out[LOGIN_TEXT_MAX])
{
	const char *text = json_get_text(from, name);
	snprintf(out, LOGIN_TEXT_MAX, "%s", text ? text : "");
}

static ssize_t read_private(struct cli *cli, const char *path, char *text, size_t cap)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	ssize_t n = -1;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_mode & (S_IRWXG | S_IRWXO))
		log_warn(&cli->log,
			"%s is not used: others than its owner can read it; log in again with "
			"porthole login",
			path);
	else
		n = read(fd, text, cap);
	close(fd);
	return n;
}

int login_read(struct cli *cli, struct login *out)
{
	char dir[LOGIN_TEXT_MAX], path[LOGIN_TEXT_MAX + 16], text[FILE_MAX];
	char problem[JSON_PROBLEM_MAX];
	if (folder(dir, sizeof(dir)))
		return ERR_IO;
	snprintf(path, sizeof(path), "%s/login.json", dir);
	ssize_t n = read_private(cli, path, text, sizeof(text));
	struct json *j = n > 0 ? json_parse(text, (size_t)n, problem) : NULL;
	secret_wipe(text, sizeof(text));
	take(json_of(j), "url", out->url);
	take(json_of(j), "token", out->token);
	take(json_of(j), "caFile", out->ca_file);
	take(json_of(j), "pin", out->pin);
	json_drop(j);
	return *out->url && *out->token ? OK : ERR_IO;
}

static int make_folder(const char *dir)
{
	char parent[LOGIN_TEXT_MAX];
	snprintf(parent, sizeof(parent), "%s", dir);
	char *slash = strrchr(parent, '/');
	if (slash && slash != parent) {
		*slash = '\0';
		if (mkdir(parent, 0700) && errno != EEXIST)
			return ERR_IO;
	}
	return mkdir(dir, 0700) && errno != EEXIST ? ERR_IO : OK;
}

/* A new file takes the old one's place, whole or not at all. */
static int write_file(const char *path, const char *text)
{
	char temporary[LOGIN_TEXT_MAX + 32];
	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	int fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
	if (fd < 0)
		return ERR_IO;
	bool ok = dprintf(fd, "%s\n", text) > 0 && !fsync(fd);
	ok = !close(fd) && ok && !rename(temporary, path);
	if (!ok)
		unlink(temporary);
	return ok ? OK : ERR_IO;
}

static int write_login(const char *path, const char *dir, const struct login *l)
{
	struct json *j = json_make_object();
	json_put_text(j, "url", l->url);
	json_put_text(j, "token", l->token);
	json_put_text(j, "caFile", l->ca_file);
	json_put_text(j, "pin", l->pin);
	char *text = json_print(j, false);
	json_drop(j);
	int err = text ? make_folder(dir) : ERR_NOMEM;
	if (!err)
		err = write_file(path, text);
	if (text)
		secret_wipe(text, strlen(text));
	free(text);
	return err;
}

int login_write(struct cli *cli, const struct login *l)
{
	char dir[LOGIN_TEXT_MAX], path[LOGIN_TEXT_MAX + 16];
	int err = folder(dir, sizeof(dir));
	if (err) {
		log_error(&cli->log, "no place to keep a login: HOME is not set");
		return CLI_FAILURE;
	}
	snprintf(path, sizeof(path), "%s/login.json", dir);
	if (*l->token)
		err = write_login(path, dir, l);
	else if (unlink(path) && errno != ENOENT)
		err = ERR_IO;
	if (err)
		log_error(&cli->log, "cannot keep the login in %s: %s", path, strerror(errno));
	return err ? CLI_FAILURE : CLI_OK;
}
