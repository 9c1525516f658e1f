#pragma once
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

/* Certificates made when a test runs, with their files in a directory of the
 * test's own. A failure is the test's. */
struct cert {
	EVP_PKEY *key;
	X509 *x509;
	char cert_path[128], key_path[128];
	char pin[80];
};

struct cert_spec {
	const char *san;           /* "DNS:example.test,IP:127.0.0.1" */
	const struct cert *issuer; /* NULL: itself */
	long begins_s, ends_s;     /* from now; both 0: a day around now */
	bool ca;
	bool rsa; /* else P-256 */
};

struct cert certs_make(const char *directory, const char *name, const struct cert_spec *spec);
void certs_free(struct cert *c); /* and its files */
/* A new directory, for certs_make(). */
void certs_directory(char out[64]);
