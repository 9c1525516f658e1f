#pragma once
#include <stddef.h>

#include "crypto/ssh_private.h"

/* A folder for a test program's keys, made by ssh-keygen and openssl, and gone
 * with the program. Whatever fails here fails the test. */
int key_room_setup(void **state); /* *state becomes the folder's path */
int key_room_teardown(void **state);

/* Runs a shell command in the folder, quietly; its exit status. */
__attribute__((format(printf, 2, 3))) int key_room_try(const char *dir, const char *format, ...);
/* The same for one that must succeed. */
__attribute__((format(printf, 2, 3))) void key_room_run(const char *dir, const char *format, ...);
/* The file's content with a 0 after it; the caller's. */
char *key_room_read(const char *dir, const char *name, size_t *n);
void key_room_write(const char *dir, const char *name, const void *data, size_t n);

/* NAME.pub and NAME, without a passphrase. */
struct ssh_key *key_room_public(const char *dir, const char *name);
struct ssh_private *key_room_private(const char *dir, const char *name);

/* One of each type that Porthole uses. */
struct key_room_type {
	const char *name, *options, *type, *algorithm, *digest;
	int bits;
};
extern const struct key_room_type key_room_types[5];
/* Makes them all: NAME and NAME.pub. */
void key_room_make(const char *dir);
