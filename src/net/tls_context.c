#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls_private.h"

enum { PEM_MAX = 1024 * 1024 };

static const unsigned char alpn[] = "\x08http/1.1";
enum { ALPN_LEN = sizeof(alpn) - 1 };

static struct tls_context *fail(struct tls_context *c, char *error, size_t cap, const char *why)
{
	snprintf(error, cap, "%s", why);
	tls_context_unref(c);
	ERR_clear_error();
	return NULL;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *in, unsigned in_len, void *arg)
{
	(void)ssl;
	(void)arg;
	unsigned char *chosen;
	if (SSL_select_next_proto(&chosen, out_len, alpn, ALPN_LEN, in, in_len) !=
		OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static struct tls_context *create(const SSL_METHOD *method)
{
	struct tls_context *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	atomic_init(&c->refs, 1);
	ERR_clear_error();
	c->ssl = SSL_CTX_new(method);
	c->bio = tls_bio_method();
	if (!c->ssl || !c->bio || !SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION) ||
		!SSL_CTX_set_cipher_list(c->ssl, "ECDHE+AESGCM:ECDHE+CHACHA20")) {
		tls_context_unref(c);
		return NULL;
	}
	SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	/* An idle connection holds no record buffers. */
	SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
	return c;
}

/* OpenSSL would ask for a passphrase on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)ctx;
	return 0;
}

/* The certificate first, then those that lead to its issuer. */
static bool use_chain(SSL_CTX *ssl, BIO *pem)
{
	X509 *cert = PEM_read_bio_X509_AUX(pem, NULL, no_passphrase, NULL);
	if (!cert)
		return false;
	bool ok = SSL_CTX_use_certificate(ssl, cert) == 1;
	X509_free(cert);
	while (ok && (cert = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL))) {
		ok = SSL_CTX_add0_chain_cert(ssl, cert) == 1;
		if (!ok)
			X509_free(cert);
	}
	/* The end of the file is an error, too. */
	unsigned long last = ERR_peek_last_error();
	return ok && (last == 0 || ERR_GET_REASON(last) == PEM_R_NO_START_LINE);
}

/* NULL, or what is wrong with the key. */
static const char *use_key(SSL_CTX *ssl, BIO *pem)
{
	const char *why = NULL;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, no_passphrase, NULL);
	if (!key)
		why = "the TLS key file holds no private key in PEM form that can be used (one "
		      "with a passphrase cannot)";
	else if (!X509_check_private_key(SSL_CTX_get0_certificate(ssl), key))
		why = "the TLS key does not belong to the certificate";
	else if (!SSL_CTX_use_PrivateKey(ssl, key))
		why = "the TLS key cannot be used";
	EVP_PKEY_free(key);
	return why;
}

struct tls_context *tls_context_server_pem(
	const void *cert, size_t n_cert, const void *key, size_t n_key, char *error, size_t cap)
{
	struct tls_context *c = create(TLS_server_method());
	if (!c)
		return fail(NULL, error, cap, "out of memory");
	/* Connections are long: a ticket would hold memory of both ends for nothing. */
	SSL_CTX_set_num_tickets(c->ssl, 0);
	SSL_CTX_set_options(c->ssl, SSL_OP_NO_TICKET);
	SSL_CTX_set_alpn_select_cb(c->ssl, choose_alpn, NULL);
	SSL_CTX_set_keylog_callback(c->ssl, tls_wire_on_secret);
	if (n_cert > PEM_MAX || n_key > PEM_MAX)
		return fail(c, error, cap, "the TLS certificate or key is larger than 1 MiB");
	BIO *cert_pem = BIO_new_mem_buf(cert, (int)n_cert);
	BIO *key_pem = BIO_new_mem_buf(key, (int)n_key);
	const char *why = NULL;
	if (!cert_pem || !key_pem)
		why = "out of memory";
	else if (!use_chain(c->ssl, cert_pem))
		why = "the TLS certificate file holds no certificate in PEM form that can be used";
	else
		why = use_key(c->ssl, key_pem);
	BIO_free(cert_pem);
	BIO_free(key_pem);
	ERR_clear_error();
	return why ? fail(c, error, cap, why) : c;
}

/* The whole file, at most PEM_MAX; NULL with errno. */
static uint8_t *read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rbe");
	if (!f)
		return NULL;
	uint8_t *data = malloc(PEM_MAX + 1);
	*n = 0;
	errno = ENOMEM;
	if (data) {
		errno = 0;
		*n = fread(data, 1, PEM_MAX + 1, f);
	}
	int bad = data ? ferror(f) ? errno : *n > PEM_MAX ? EFBIG : 0 : ENOMEM;
	fclose(f);
	if (bad) {
		free(data);
		data = NULL;
		errno = bad;
	}
	return data;
}

struct tls_context *tls_context_server(
	const char *cert_path, const char *key_path, char *error, size_t cap)
{
	struct tls_context *c = NULL;
	size_t n_cert = 0, n_key = 0;
	const char *path = cert_path;
	uint8_t *key = NULL, *cert = read_file(cert_path, &n_cert);
	if (cert) {
		path = key_path;
		key = read_file(key_path, &n_key);
	}
	if (key)
		c = tls_context_server_pem(cert, n_cert, key, n_key, error, cap);
	else
		snprintf(error, cap, "cannot read %s: %s", path, strerror(errno));
	if (key)
		OPENSSL_cleanse(key, n_key);
	free(key);
	free(cert);
	return c;
}

bool tls_pin_of(X509 *cert, uint8_t out[TLS_PIN_LEN])
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	bool ok = n > 0 && EVP_Digest(der, (size_t)n, out, NULL, EVP_sha256(), NULL) == 1;
	OPENSSL_free(der);
	return ok;
}

void tls_pin_text(const uint8_t pin[TLS_PIN_LEN], char out[TLS_PIN_TEXT_MAX])
{
	memcpy(out, "sha256:", sizeof("sha256:"));
	for (size_t i = 0; i < TLS_PIN_LEN; i++)
		snprintf(out + strlen("sha256:") + 2 * i, 3, "%02x", pin[i]);
}

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL;
	return at ? (int)(at - digits) : -1;
}

static bool parse_pin(const char *text, uint8_t pin[TLS_PIN_LEN])
{
	size_t prefix = strlen("sha256:");
	if (strncmp(text, "sha256:", prefix) != 0 || strlen(text) != prefix + 2 * TLS_PIN_LEN)
		return false;
	for (size_t i = 0; i < TLS_PIN_LEN; i++) {
		int high = hex_value(text[prefix + 2 * i]),
		    low = hex_value(text[prefix + 2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		pin[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* The chain, the name and the dates; or only the pin. What key the peer has shown
 * is kept for the sentence about it: OpenSSL forgets a certificate it refuses. */
static int verify(X509_STORE_CTX *store, void *arg)
{
	const struct tls_context *c = arg;
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	uint8_t *shown = ((struct tls_wire *)SSL_get_app_data(ssl))->pin;
	X509 *cert = X509_STORE_CTX_get0_cert(store);
	bool known = cert && tls_pin_of(cert, shown);
	if (!c->pinned)
		return X509_verify_cert(store);
	bool ok = known && memcmp(shown, c->pin, TLS_PIN_LEN) == 0;
	X509_STORE_CTX_set_error(store, ok ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
	return ok;
}

/* NULL, or what is wrong with the CA file. */
static const char *trust(SSL_CTX *ssl, const char *ca_file)
{
	if (!ca_file)
		return SSL_CTX_set_default_verify_paths(ssl)
			       ? NULL
			       : "the system's CA certificates cannot be read";
	if (!SSL_CTX_load_verify_file(ssl, ca_file))
		return "the CA file cannot be read or holds no certificate in PEM form";
	/* Whatever it holds is trusted, an intermediate or the very certificate. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
	return NULL;
}

struct tls_context *tls_context_client(
	const struct tls_client_config *config, char *error, size_t cap)
{
	struct tls_context *c = create(TLS_client_method());
	if (!c || SSL_CTX_set_alpn_protos(c->ssl, alpn, ALPN_LEN) != 0)
		return fail(c, error, cap, "out of memory");
	c->pinned = config->pin != NULL;
	if (c->pinned && !parse_pin(config->pin, c->pin))
		return fail(c, error, cap,
			"a pin is \"sha256:\" and the 64 hex digits of a certificate's key");
	if (c->pinned || !config->insecure) {
		SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_cert_verify_callback(c->ssl, verify, c);
	}
	const char *why = c->pinned || config->insecure ? NULL : trust(c->ssl, config->ca_file);
	return why ? fail(c, error, cap, why) : c;
}

struct tls_context *tls_context_ref(struct tls_context *c)
{
	atomic_fetch_add(&c->refs, 1);
	return c;
}

void tls_context_unref(struct tls_context *c)
{
	if (!c || atomic_fetch_sub(&c->refs, 1) > 1)
		return;
	SSL_CTX_free(c->ssl);
	BIO_meth_free(c->bio);
	free(c);
}
