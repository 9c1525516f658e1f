#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include "crypto/http_signature.h"
#include "key_room.h"

/* The allocation that fails, counted down; 0 when none is to. Both our own (by the
 * linker's --wrap) and those of OpenSSL count. */
static int countdown;

static bool fails(void)
{
	return countdown > 0 && --countdown == 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

static void *openssl_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return __wrap_malloc(n);
}

static void *openssl_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return __wrap_realloc(p, n);
}

static void openssl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static int setup(void **state)
{
	int failed = key_room_setup(state);
	if (failed)
		return failed;
	key_room_make(*state);
	key_room_run(*state, "cp ed25519 enc && ssh-keygen -q -p -a 1 -P '' -N passw -f enc && "
			     "cp rsa pem && ssh-keygen -q -p -N '' -m PEM -f pem");
	/* what OpenSSL loads once is loaded */
	for (size_t i = 0; i < ARRAY_LEN(key_room_types); i++)
		ssh_private_destroy(key_room_private(*state, key_room_types[i].name));
	ssh_private_destroy(key_room_private(*state, "pem"));
	return 0;
}

static void public_keys(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(key_room_types); i++) {
		char file[64];
		size_t n;
		bool done = false;
		snprintf(file, sizeof(file), "%s.pub", key_room_types[i].name);
		char *line = key_room_read(*state, file, &n);
		for (int nth = 1; !done; nth++) {
			struct ssh_key *key;
			const char *why = NULL;
			countdown = nth;
			int err = ssh_key_create(line, n, &key, &why);
			done = countdown > 0;
			countdown = 0;
			assert_true(err ? !key && why : key != NULL);
			assert_true(!done || !err);
			ssh_key_destroy(key);
		}
		free(line);
	}
}

static bool give(void *data, int attempt, char *out)
{
	(void)attempt;
	strcpy(out, data);
	return true;
}

static void private_keys(void **state)
{
	static const char *const files[] = { "rsa", "p256", "ed25519", "enc", "pem" };
	char passphrase[] = "passw";
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		bool done = false;
		/* OpenSSL's PEM reader makes thousands: one in seven of those */
		for (int nth = 1; !done; nth += nth < 500 ? 1 : 7) {
			struct ssh_private *key;
			char path[512], error[512] = "";
			snprintf(path, sizeof(path), "%s/%s", (char *)*state, files[i]);
			countdown = nth;
			int err = ssh_private_load(
				path, give, passphrase, &key, error, sizeof(error));
			done = countdown > 0;
			countdown = 0;
			assert_true(err ? !key && error[0] : key != NULL);
			assert_true(!done || !err);
			ssh_private_destroy(key);
		}
	}
}

static const char *field(void *data, const char *name)
{
	return strcmp(name, "date") == 0 ? data : NULL;
}

static int sign(void *data, const void *text, size_t n, struct ssh_signature *out)
{
	return ssh_private_sign(data, text, n, out);
}

static void http_signatures(void **state)
{
	char date[] = "Tue, 16 Dec 2025 12:00:00 GMT", value[HTTP_SIGNATURE_VALUE_MAX];
	const struct http_signature_request r = {
		.method = "GET", .target = "/", .field = field, .data = date
	};
	for (size_t i = 0; i < ARRAY_LEN(key_room_types); i++) {
		struct ssh_private *private = key_room_private(*state, key_room_types[i].name);
		struct http_signature s;
		bool done = false;
		for (int nth = 1; !done; nth++) {
			countdown = nth;
			int err = http_signature_build(
				"GET", "/", date, "k", sign, private, value, sizeof(value));
			done = countdown > 0;
			countdown = 0;
			assert_true(!done || !err);
		}
		assert_int_equal(http_signature_parse(value, strlen(value), &s), OK);
		s.bytes[s.n_bytes - 1] ^= 1; /* which no failure may let pass */
		for (int wrong = 1; wrong >= 0; wrong--) {
			done = false;
			for (int nth = 1; !done; nth++) {
				countdown = nth;
				int err = http_signature_check(
					&s, &r, ssh_private_public(private), 1765886400, 0, NULL);
				done = countdown > 0;
				countdown = 0;
				assert_true(wrong ? err != OK : !done || !err);
			}
			s.bytes[s.n_bytes - 1] ^= 1;
		}
		ssh_private_destroy(private);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_keys),
		cmocka_unit_test(private_keys),
		cmocka_unit_test(http_signatures),
	};
	if (!CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free))
		return 1;
	return cmocka_run_group_tests(tests, setup, key_room_teardown);
}
