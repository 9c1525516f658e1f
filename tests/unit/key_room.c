#include "key_room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

const struct key_room_type key_room_types[5] = {
	{ "rsa", "-t rsa -b 2048", "ssh-rsa", "rsa-sha256", "sha256", 2048 },
	{ "p256", "-t ecdsa -b 256", "ecdsa-sha2-nistp256", "ecdsa-sha256", "sha256", 256 },
	{ "p384", "-t ecdsa -b 384", "ecdsa-sha2-nistp384", "ecdsa-sha384", "sha384", 384 },
	{ "p521", "-t ecdsa -b 521", "ecdsa-sha2-nistp521", "ecdsa-sha512", "sha512", 521 },
	{ "ed25519", "-t ed25519", "ssh-ed25519", "ed25519-sha512", NULL, 256 },
};

int key_room_setup(void **state)
{
	char template[] = "/tmp/porthole-keys-XXXXXX";
	*state = mkdtemp(template) ? strdup(template) : NULL;
	return *state ? 0 : -1;
}

int key_room_teardown(void **state)
{
	key_room_run("/tmp", "rm -rf '%s'", (char *)*state);
	free(*state);
	return 0;
}

static int run(const char *dir, const char *format, va_list args)
{
	char command[2048], whole[2304];
	int n = vsnprintf(command, sizeof(command), format, args);
	assert_in_range(n, 1, sizeof(command) - 1);
	snprintf(whole, sizeof(whole), "cd '%s' && { %s; } >/dev/null 2>&1 </dev/null", dir,
		command);
	int status = system(whole);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int key_room_try(const char *dir, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int status = run(dir, format, args);
	va_end(args);
	return status;
}

void key_room_run(const char *dir, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int status = run(dir, format, args);
	va_end(args);
	if (status)
		fail_msg("exit status %d from: %s", status, format);
}

char *key_room_read(const char *dir, const char *name, size_t *n)
{
	enum { MOST = 64 * 1024 };
	char path[512], *text = malloc(MOST);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	assert_non_null(text);
	*n = fread(text, 1, MOST - 1, f);
	text[*n] = 0;
	fclose(f);
	return text;
}

void key_room_write(const char *dir, const char *name, const void *data, size_t n)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

struct ssh_key *key_room_public(const char *dir, const char *name)
{
	char file[64];
	size_t n;
	struct ssh_key *key;
	const char *why = "";
	snprintf(file, sizeof(file), "%s.pub", name);
	char *line = key_room_read(dir, file, &n);
	if (ssh_key_create(line, n, &key, &why) != OK)
		fail_msg("%s: %s", file, why);
	free(line);
	return key;
}

struct ssh_private *key_room_private(const char *dir, const char *name)
{
	char path[512], error[256];
	struct ssh_private *key;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (ssh_private_load(path, NULL, NULL, &key, error, sizeof(error)) != OK)
		fail_msg("%s", error);
	return key;
}

void key_room_make(const char *dir)
{
	for (size_t i = 0; i < ARRAY_LEN(key_room_types); i++)
		key_room_run(dir, "ssh-keygen -q %s -N '' -C 'comment %s' -f %s",
			key_room_types[i].options, key_room_types[i].name, key_room_types[i].name);
}
