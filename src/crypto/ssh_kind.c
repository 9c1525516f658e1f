#include "crypto/ssh_kind.h"

#include <string.h>

#include "base/err.h"

static const struct ssh_kind kinds[] = {
	{ "ssh-rsa", SSH_RSA, "rsa-sha256", "SHA256", NULL, NULL, 0, 0 },
	{ "ecdsa-sha2-nistp256", SSH_ECDSA, "ecdsa-sha256", "SHA256", "nistp256", "prime256v1", 32,
		256 },
	{ "ecdsa-sha2-nistp384", SSH_ECDSA, "ecdsa-sha384", "SHA384", "nistp384", "secp384r1", 48,
		384 },
	{ "ecdsa-sha2-nistp521", SSH_ECDSA, "ecdsa-sha512", "SHA512", "nistp521", "secp521r1", 66,
		521 },
	{ "ssh-ed25519", SSH_ED25519, "ed25519-sha512", NULL, NULL, NULL, 0, 256 },
};

const struct ssh_kind *ssh_kind_find(const void *type, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (n == strlen(kinds[i].type) && memcmp(type, kinds[i].type, n) == 0)
			return &kinds[i];
	return NULL;
}

const struct ssh_kind *ssh_kind_at(size_t i)
{
	return i < ARRAY_LEN(kinds) ? &kinds[i] : NULL;
}
