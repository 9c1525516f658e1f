#include "net/tls_keys.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <string.h>

enum { LABEL_MAX = 32, KEY_MAX = 32 };

struct tls_suite {
	unsigned id;
	const EVP_CIPHER *(*cipher)(void);
	const EVP_MD *(*hash)(void);
	size_t key, secret; /* bytes */
};

static const struct tls_suite suites[] = {
	{ 0x1301, EVP_aes_128_gcm, EVP_sha256, 16, 32 },
	{ 0x1302, EVP_aes_256_gcm, EVP_sha384, 32, 48 },
	{ 0x1303, EVP_chacha20_poly1305, EVP_sha256, 32, 32 },
};

static const struct tls_suite *suite_of(unsigned id)
{
	for (size_t i = 0; i < ARRAY_LEN(suites); i++)
		if (suites[i].id == id)
			return &suites[i];
	return NULL;
}

/* HKDF-Expand-Label, section 7.1, without a context and of no more than one hash: then
 * it is one HMAC. */
static int expand(const struct tls_keys *k, const char *label, uint8_t *out, size_t n)
{
	uint8_t info[4 + LABEL_MAX], hash[EVP_MAX_MD_SIZE];
	size_t label_len = strlen(label), len = 0;
	unsigned hash_len;
	info[len++] = 0;
	info[len++] = (uint8_t)n;
	info[len++] = (uint8_t)(6 + label_len);
	memcpy(info + len, "tls13 ", 6);
	memcpy(info + len + 6, label, label_len);
	len += 6 + label_len;
	info[len++] = 0; /* the context's length */
	info[len++] = 1; /* the only block */
	bool ok = HMAC(
		k->suite->hash(), k->secret, (int)k->suite->secret, info, len, hash, &hash_len);
	if (ok)
		memcpy(out, hash, n);
	OPENSSL_cleanse(hash, sizeof(hash));
	return ok ? OK : ERR_NOMEM;
}

static int use_secret(struct tls_keys *k)
{
	uint8_t key[KEY_MAX];
	int err = expand(k, "key", key, k->suite->key);
	if (!err)
		err = expand(k, "iv", k->iv, sizeof(k->iv));
	if (!err && EVP_CipherInit_ex(k->ctx, NULL, NULL, key, NULL, k->sealing) != 1)
		err = ERR_NOMEM;
	k->sequence = 0;
	OPENSSL_cleanse(key, sizeof(key));
	return err;
}

int tls_keys_init(
	struct tls_keys *k, unsigned suite, const uint8_t *secret, size_t n_secret, bool sealing)
{
	*k = (struct tls_keys){ .suite = suite_of(suite), .sealing = sealing };
	if (!k->suite || n_secret != k->suite->secret)
		return ERR_PROTO;
	memcpy(k->secret, secret, n_secret);
	k->ctx = EVP_CIPHER_CTX_new();
	if (!k->ctx ||
		EVP_CipherInit_ex(k->ctx, k->suite->cipher(), NULL, NULL, NULL, sealing) != 1)
		return ERR_NOMEM;
	return use_secret(k);
}

void tls_keys_fini(struct tls_keys *k)
{
	EVP_CIPHER_CTX_free(k->ctx);
	OPENSSL_cleanse(k, sizeof(*k));
}

int tls_keys_update(struct tls_keys *k)
{
	uint8_t next[TLS_KEYS_SECRET_MAX];
	int err = expand(k, "traffic upd", next, k->suite->secret);
	if (!err)
		memcpy(k->secret, next, k->suite->secret);
	OPENSSL_cleanse(next, sizeof(next));
	return err ? err : use_secret(k);
}

/* The nonce is the IV with the record's number in its last bytes. */
int tls_keys_begin(struct tls_keys *k, const uint8_t *head, size_t n_head)
{
	uint8_t nonce[TLS_KEYS_IV];
	int n;
	memcpy(nonce, k->iv, sizeof(nonce));
	for (size_t i = 0; i < sizeof(k->sequence); i++)
		nonce[sizeof(nonce) - 1 - i] ^= (uint8_t)(k->sequence >> 8 * i);
	k->sequence++;
	if (EVP_CipherInit_ex(k->ctx, NULL, NULL, NULL, nonce, k->sealing) != 1 ||
		EVP_CipherUpdate(k->ctx, NULL, &n, head, (int)n_head) != 1)
		return ERR_NOMEM;
	return OK;
}

int tls_keys_add(struct tls_keys *k, const uint8_t *from, size_t n, uint8_t *to)
{
	int done;
	return EVP_CipherUpdate(k->ctx, to, &done, from, (int)n) == 1 ? OK : ERR_NOMEM;
}

int tls_keys_end_sealing(struct tls_keys *k, uint8_t tag[TLS_KEYS_TAG])
{
	int n;
	bool ok = EVP_CipherFinal_ex(k->ctx, tag, &n) == 1 &&
		  EVP_CIPHER_CTX_ctrl(k->ctx, EVP_CTRL_AEAD_GET_TAG, TLS_KEYS_TAG, tag) == 1;
	return ok ? OK : ERR_NOMEM;
}

int tls_keys_end_opening(struct tls_keys *k, const uint8_t tag[TLS_KEYS_TAG])
{
	uint8_t given[TLS_KEYS_TAG], none[TLS_KEYS_TAG];
	int n;
	memcpy(given, tag, sizeof(given));
	bool ok = EVP_CIPHER_CTX_ctrl(k->ctx, EVP_CTRL_AEAD_SET_TAG, TLS_KEYS_TAG, given) == 1 &&
		  EVP_CipherFinal_ex(k->ctx, none, &n) == 1;
	return ok ? OK : ERR_AUTH;
}
