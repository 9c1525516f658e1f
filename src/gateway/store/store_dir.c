#include "gateway/store/store_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_PAUSE_MS = 20, LOCK_WAIT_MS = 2000 };

PRINTF_LIKE(2, 3) static int refuse(char *error, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(error, STORE_DIR_ERROR_MAX, fmt, args);
	va_end(args);
	return ERR_IO;
}

/* Nobody else may read it, and it is of the kind it should be. */
static int judge(const char *path, const struct stat *st, mode_t kind, char *error)
{
	if ((st->st_mode & S_IFMT) != kind)
		return refuse(error, "%.200s is not a %s", path,
			kind == S_IFDIR ? "folder" : "plain file");
	if (st->st_uid != geteuid())
		return refuse(error,
			"%.200s belongs to another user: run as that user, or choose "
			"another --data-dir",
			path);
	if (st->st_mode & 077)
		return refuse(error, "%.200s is open to other users: chmod %s %.100s", path,
			kind == S_IFDIR ? "700" : "600", path);
	return OK;
}

static int judge_files(const char *db_path, char *error)
{
	static const char *const endings[] = { "", "-wal", "-shm" };
	char path[STORE_PATH_MAX + 8];
	struct stat st;
	int err = OK;
	for (size_t i = 0; i < ARRAY_LEN(endings) && !err; i++) {
		snprintf(path, sizeof(path), "%s%s", db_path, endings[i]);
		if (lstat(path, &st))
			continue;
		err = judge(path, &st, S_IFREG, error);
		/* Before SQLite opens it: that would read, and leave a log like this. */
		if (!err && access(path, W_OK))
			err = refuse(error, "%.200s must be writable: %s", path, strerror(errno));
	}
	return err;
}

/* A store process whose gateway was killed is gone a moment later only. */
static int lock_soon(int fd)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
	int err = flock(fd, LOCK_EX | LOCK_NB);
	for (int i = 0; err && errno == EWOULDBLOCK && i < LOCK_WAIT_MS / LOCK_PAUSE_MS; i++) {
		nanosleep(&pause, NULL);
		err = flock(fd, LOCK_EX | LOCK_NB);
	}
	return err;
}

static int take_lock(const char *dir, int *lock, char *error)
{
	char path[STORE_PATH_MAX + 8], pid[16] = "";
	snprintf(path, sizeof(path), "%s/lock", dir);
	*lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*lock < 0)
		return refuse(error, "%.200s: %s: check the folder's owner and rights", path,
			strerror(errno));
	if (lock_soon(*lock) == 0) {
		int n = snprintf(pid, sizeof(pid), "%d\n", (int)getppid());
		if (ftruncate(*lock, 0) == 0 && pwrite(*lock, pid, (size_t)n, 0) == n)
			return OK;
		/* The number only helps people; a full disk is told by the database. */
		return OK;
	}
	ssize_t n = pread(*lock, pid, sizeof(pid) - 1, 0);
	pid[n > 0 ? n : 0] = '\0';
	pid[strspn(pid, "0123456789")] = '\0';
	close(*lock);
	*lock = -1;
	return refuse(error,
		"%.200s is in use by another gateway (process %s): end that one, or choose another "
		"--data-dir",
		dir, pid[0] ? pid : "unknown");
}

int store_dir_take(
	const char *dir, char db_path[STORE_PATH_MAX], int *lock, char error[STORE_DIR_ERROR_MAX])
{
	char real[PATH_MAX];
	struct stat st;
	*lock = -1;
	if (!dir || !dir[0])
		return refuse(error, "No data folder: name one with --data-dir");
	if (mkdir(dir, 0700) && errno != EEXIST)
		return refuse(error, "%.200s cannot be made: %s", dir, strerror(errno));
	if (stat(dir, &st) || !realpath(dir, real))
		return refuse(error, "%.200s: %s", dir, strerror(errno));
	int err = judge(real, &st, S_IFDIR, error);
	if (!err)
		err = take_lock(real, lock, error);
	if (!err && snprintf(db_path, STORE_PATH_MAX, "%s/porthole.db", real) >= STORE_PATH_MAX - 8)
		err = refuse(error, "%.200s: the path is too long", dir);
	if (!err)
		err = judge_files(db_path, error);
	if (err && *lock >= 0)
		close(*lock);
	return err;
}
