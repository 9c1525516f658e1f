#include "crypto/argon2.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(ARGON2_TEXT >= crypto_pwhash_argon2id_STRBYTES, "the text fits");

enum {
	PASSES = 2,
	MEMORY_KIB = 19 * 1024,
	PASSES_MAX = 10,
	MEMORY_MAX_KIB = 256 * 1024,
	LANES_MAX = 16,
	HASH_MAX = 256, /* characters; the longest salt and hash anyone uses fit */
};

int argon2_init(void)
{
	return sodium_init() < 0 ? ERR_IO : OK;
}

int argon2_hash(const char *password, char out[ARGON2_TEXT])
{
	int err = argon2_init();
	if (err)
		return err;
	return crypto_pwhash_argon2id_str(
		       out, password, strlen(password), PASSES, MEMORY_KIB * (size_t)1024)
		       ? ERR_NOMEM
		       : OK;
}

/* Steps over `name` and the decimal number after it; 0 when it is not there, is
 * over `max` or not written in the one plain way. */
static unsigned long take_number(const char **at, const char *name, unsigned long max)
{
	size_t n = strlen(name);
	if (strncmp(*at, name, n) != 0 || (*at)[n] < '1' || (*at)[n] > '9')
		return 0;
	char *end;
	unsigned long v = strtoul(*at + n, &end, 10);
	*at = end;
	return v <= max ? v : 0;
}

/* The library would take what a hash asks for, up to 4 TiB. */
static bool affordable(const char *hash)
{
	static const char start[] = "$argon2id$v=19$";
	if (strnlen(hash, HASH_MAX) == HASH_MAX || strncmp(hash, start, strlen(start)) != 0)
		return false;
	const char *at = hash + strlen(start);
	return take_number(&at, "m=", MEMORY_MAX_KIB) && take_number(&at, ",t=", PASSES_MAX) &&
	       take_number(&at, ",p=", LANES_MAX) && *at == '$';
}

bool argon2_verify(const char *hash, const char *password)
{
	return affordable(hash) && argon2_init() == OK &&
	       crypto_pwhash_argon2id_str_verify(hash, password, strlen(password)) == 0;
}

bool argon2_needs_rehash(const char *hash)
{
	return !affordable(hash) || argon2_init() != OK ||
	       crypto_pwhash_argon2id_str_needs_rehash(hash, PASSES, MEMORY_KIB * (size_t)1024) !=
		       0;
}

void argon2_waste(const char *password)
{
	/* Of a random password that was never written down. */
	static const char hash[] = "$argon2id$v=19$m=19456,t=2,p=1$5ucHKUyO87PmSFbJX0CYzA$xtN+"
				   "tdsgmw3lA00/IrQ+c8QakE1/kw0YGtkTNd/Rsck";
	(void)!argon2_verify(hash, password);
}
