#include "cli/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/secret.h"

static int explain(char error[SECRET_FILE_ERROR_MAX], const char *path, const char *what)
{
	snprintf(error, SECRET_FILE_ERROR_MAX, "%s: %s", path, what);
	return ERR_AUTH;
}

static int read_line(int fd, const char *path, char *out, size_t cap, char *error)
{
	struct stat st;
	if (fstat(fd, &st) || !(S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode)))
		return explain(error, path, "this is no file");
	if (S_ISREG(st.st_mode) && st.st_mode & (S_IRWXG | S_IRWXO))
		return explain(error, path,
			"others than its owner can read it: run chmod 600 on it, and change the "
			"secret if they may have");
	size_t len = 0;
	ssize_t n;
	while (len < cap && (n = read(fd, out + len, cap - len)) > 0)
		len += (size_t)n;
	char *end = memchr(out, '\n', len);
	if (!end && len == cap)
		return explain(error, path, "its first line is too long");
	size_t line = end ? (size_t)(end - out) : len;
	if (line > 0 && out[line - 1] == '\r') /* written on another system */
		line--;
	memset(out + line, 0, cap - line);
	return line > 0 ? OK : explain(error, path, "its first line is empty");
}

bool secret_env_take(const char *name, char *out, size_t cap)
{
	char *value = getenv(name);
	if (!value)
		return false;
	if (!*out)
		snprintf(out, cap, "%s", value);
	secret_wipe(value, strlen(value));
	unsetenv(name);
	return true;
}

int secret_file_read(const char *path, char *out, size_t cap, char error[SECRET_FILE_ERROR_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return explain(error, path, strerror(errno));
	int err = read_line(fd, path, out, cap, error);
	close(fd);
	if (err)
		memset(out, 0, cap);
	return err;
}
