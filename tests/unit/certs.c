#include "certs.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { DAY_S = 24 * 3600 };

static void add_extension(X509 *x, const X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, (X509 *)(uintptr_t)issuer, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static X509 *make_x509(const struct cert *c, const char *name, const struct cert_spec *spec)
{
	static long serial = 1;
	X509 *x = X509_new();
	X509 *issuer = spec->issuer ? spec->issuer->x509 : x;
	bool dated = spec->begins_s || spec->ends_s;
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), dated ? spec->begins_s : -DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(x), dated ? spec->ends_s : DAY_S);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
		(const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer));
	X509_set_pubkey(x, c->key);
	add_extension(x, issuer, NID_basic_constraints, spec->ca ? "critical,CA:TRUE" : "CA:FALSE");
	if (spec->san)
		add_extension(x, issuer, NID_subject_alt_name, spec->san);
	EVP_PKEY *signer = spec->issuer ? spec->issuer->key : c->key;
	assert_true(X509_sign(x, signer, EVP_sha256()) > 0);
	return x;
}

static void make_pin(struct cert *c)
{
	unsigned char *der = NULL, hash[32];
	int n = i2d_PUBKEY(c->key, &der);
	assert_true(n > 0);
	assert_int_equal(EVP_Digest(der, (size_t)n, hash, NULL, EVP_sha256(), NULL), 1);
	OPENSSL_free(der);
	strcpy(c->pin, "sha256:");
	for (size_t i = 0; i < sizeof(hash); i++)
		sprintf(c->pin + 7 + 2 * i, "%02X", hash[i]);
}

struct cert certs_make(const char *directory, const char *name, const struct cert_spec *spec)
{
	struct cert c = { .key = spec->rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256") };
	assert_non_null(c.key);
	c.x509 = make_x509(&c, name, spec);
	make_pin(&c);
	snprintf(c.cert_path, sizeof(c.cert_path), "%s/%s.pem", directory, name);
	snprintf(c.key_path, sizeof(c.key_path), "%s/%s.key", directory, name);
	FILE *f = fopen(c.cert_path, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, c.x509), 1);
	if (spec->issuer)
		assert_int_equal(PEM_write_X509(f, spec->issuer->x509), 1);
	fclose(f);
	f = fopen(c.key_path, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_PrivateKey(f, c.key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	return c;
}

void certs_free(struct cert *c)
{
	unlink(c->cert_path);
	unlink(c->key_path);
	X509_free(c->x509);
	EVP_PKEY_free(c->key);
	*c = (struct cert){ 0 };
}

void certs_directory(char out[64])
{
	strcpy(out, "/tmp/porthole-certs.XXXXXX");
	assert_non_null(mkdtemp(out));
}
