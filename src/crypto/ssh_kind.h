#pragma once
#include <stddef.h>

/* The types of SSH keys that Porthole uses, a row each. */
enum ssh_family { SSH_RSA, SSH_ECDSA, SSH_ED25519 };

struct ssh_kind {
	const char *type; /* in public keys */
	enum ssh_family family;
	const char *algorithm; /* in HTTP signatures */
	const char *digest;    /* OpenSSL's name; NULL when the algorithm has its own */
	const char *curve;     /* ECDSA: in public keys */
	const char *group;     /* ECDSA: OpenSSL's name */
	size_t field;          /* ECDSA: bytes of a coordinate */
	int bits;              /* 0 for RSA, where each key has its own */
};

/* NULL for a type that is none of ours. */
const struct ssh_kind *ssh_kind_find(const void *type, size_t n);
/* Row i of the table, NULL after the last. */
const struct ssh_kind *ssh_kind_at(size_t i);
