#include "crypto/ssh_openssh.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/buf.h"
#include "crypto/secret.h"
#include "crypto/ssh_bcrypt.h"
#include "crypto/ssh_key.h"
#include "crypto/ssh_pkey.h"
#include "crypto/ssh_wire.h"
#include "crypto/text.h"

static const char begin[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
static const char end[] = "-----END OPENSSH PRIVATE KEY-----";
static const char damaged[] = "the key file is damaged";

enum { IV = 16, KEY_MAX = 32 };

static const struct cipher {
	const char *name, *openssl;
	size_t key;
	size_t block; /* the private part's length is a multiple of it */
} ciphers[] = {
	{ "none", NULL, 0, 8 },
	{ "aes256-ctr", "AES-256-CTR", 32, 16 },
	{ "aes192-ctr", "AES-192-CTR", 24, 16 },
	{ "aes128-ctr", "AES-128-CTR", 16, 16 },
	{ "aes256-cbc", "AES-256-CBC", 32, 16 },
	{ "aes192-cbc", "AES-192-CBC", 24, 16 },
	{ "aes128-cbc", "AES-128-CBC", 16, 16 },
};

/* The parts of a file, borrowed from it. */
struct envelope {
	const struct cipher *cipher;
	struct rd kdf_options, public, private;
};

bool ssh_openssh_is_one(const char *text, size_t n)
{
	return n >= sizeof(begin) - 1 && memcmp(text, begin, sizeof(begin) - 1) == 0;
}

/* What stands between the first and the last line, decoded; `out` has room for n
 * bytes. */
static int take_base64(const char *text, size_t n, uint8_t *out, size_t *n_out)
{
	const char *from = text + sizeof(begin) - 1;
	const char *to = memmem(from, n - (sizeof(begin) - 1), end, sizeof(end) - 1);
	char *digits = to ? OPENSSL_malloc(n) : NULL;
	size_t n_digits = 0;
	if (!to)
		return ERR_PROTO;
	if (!digits)
		return ERR_NOMEM;
	for (; from < to; from++)
		if (*from != '\n' && *from != '\r')
			digits[n_digits++] = *from;
	int err = text_parse_base64(digits, n_digits, out, n, n_out);
	OPENSSL_clear_free(digits, n);
	return err;
}

static int take_envelope(struct rd *r, struct envelope *e, const char **why)
{
	static const char magic[] = "openssh-key-v1"; /* with its ending 0 */
	const uint8_t *p = rd_bytes(r, sizeof(magic));
	struct rd cipher = ssh_wire_string(r), kdf = ssh_wire_string(r);
	e->kdf_options = ssh_wire_string(r);
	uint32_t n_keys = rd_u32(r);
	e->public = ssh_wire_string(r);
	e->private = ssh_wire_string(r);
	*why = damaged;
	if (rd_ok(r) || memcmp(p, magic, sizeof(magic)) != 0)
		return ERR_PROTO;
	e->cipher = NULL;
	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
		if (ssh_wire_is(&cipher, ciphers[i].name))
			e->cipher = &ciphers[i];
	bool plain = e->cipher == &ciphers[0];
	if (!e->cipher || !ssh_wire_is(&kdf, plain ? "none" : "bcrypt")) {
		*why = "the key file's encryption is not supported: use ssh-agent, or encrypt it "
		       "anew with \"ssh-keygen -p -Z aes256-ctr\"";
		return ERR_PROTO;
	}
	if (n_keys != 1) {
		*why = "the key file holds more than one key";
		return ERR_PROTO;
	}
	bool whole = r->left == 0 && e->private.left % e->cipher->block == 0;
	return whole ? OK : ERR_PROTO;
}

/* Decrypts without padding into `out`, as long as the input. */
static int decrypt(
	const struct cipher *c, const uint8_t key[KEY_MAX + IV], struct rd in, uint8_t *out)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, c->openssl, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, rest = 0;
	bool ok = cipher && ctx && EVP_DecryptInit_ex2(ctx, cipher, key, key + c->key, NULL) == 1 &&
		  EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
		  EVP_DecryptUpdate(ctx, out, &n, in.p, (int)in.left) == 1 &&
		  EVP_DecryptFinal_ex(ctx, out + n, &rest) == 1;
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	ERR_clear_error();
	return ok ? OK : ERR_NOMEM;
}

static int open_private(
	const struct envelope *e, const char *passphrase, uint8_t *out, const char **why)
{
	uint8_t key[KEY_MAX + IV];
	struct rd options = e->kdf_options, salt = ssh_wire_string(&options);
	uint32_t rounds = rd_u32(&options);
	*why = damaged;
	if (rd_ok(&options) || options.left)
		return ERR_PROTO;
	*why = passphrase ? "wrong passphrase" : "the key file is encrypted";
	if (!passphrase)
		return ERR_AUTH;
	int err = ssh_bcrypt_key(passphrase, salt.p, salt.left, rounds, key, e->cipher->key + IV);
	if (!err)
		err = decrypt(e->cipher, key, e->private, out);
	secret_wipe(key, sizeof(key));
	if (err)
		*why = err == ERR_LIMIT ? "the key file asks for too much work" : "out of memory";
	return err;
}

/* After the comment come the bytes 1, 2, 3 and so on, less than a block of them. */
static bool is_padding(struct rd r, size_t block)
{
	for (size_t i = 0; i < r.left; i++)
		if (r.p[i] != i + 1)
			return false;
	return r.left < block;
}

/* Do the public key outside and the private one agree? */
static bool is_pair(const struct ssh_kind *kind, const EVP_PKEY *key, struct rd public)
{
	struct buf b;
	buf_init(&b, SSH_KEY_BLOB_MAX);
	bool same = ssh_pkey_put_public(kind, key, &b) == OK && b.len == public.left &&
		    memcmp(b.data, public.p, b.len) == 0;
	buf_fini(&b);
	return same;
}

static int take_private(const struct envelope *e, struct rd r, EVP_PKEY **key, const char **why)
{
	uint32_t check = rd_u32(&r), check_again = rd_u32(&r);
	bool plain = e->cipher == &ciphers[0];
	*why = plain ? damaged : "wrong passphrase";
	if (rd_ok(&r) || check != check_again)
		return plain ? ERR_PROTO : ERR_AUTH;
	struct rd type = ssh_wire_string(&r);
	const struct ssh_kind *kind = type.left ? ssh_kind_find(type.p, type.left) : NULL;
	*why = "the key's type is none that can be used here: ed25519, RSA or ECDSA";
	if (!kind)
		return ERR_PROTO;
	int err = ssh_pkey_private(kind, &r, key, why);
	if (err)
		return err;
	ssh_wire_string(&r); /* the comment */
	if (rd_ok(&r) == OK && is_padding(r, e->cipher->block) && is_pair(kind, *key, e->public))
		return OK;
	EVP_PKEY_free(*key);
	*key = NULL;
	*why = damaged;
	return ERR_PROTO;
}

int ssh_openssh_parse(
	const char *text, size_t n, const char *passphrase, EVP_PKEY **key, const char **why)
{
	struct envelope e;
	size_t n_file = 0;
	uint8_t *file = OPENSSL_malloc(n), *opened = OPENSSL_malloc(n);
	int err = ERR_NOMEM;
	*key = NULL;
	*why = "out of memory";
	if (!file || !opened)
		goto out;
	err = take_base64(text, n, file, &n_file);
	*why = err == ERR_NOMEM ? *why : damaged;
	if (err)
		goto out;
	struct rd r = rd_of(file, n_file);
	err = take_envelope(&r, &e, why);
	if (err)
		goto out;
	struct rd private = e.private;
	if (e.cipher != &ciphers[0]) {
		err = open_private(&e, passphrase, opened, why);
		private.p = opened;
	}
	if (!err)
		err = take_private(&e, private, key, why);
out:
	OPENSSL_clear_free(file, n);
	OPENSSL_clear_free(opened, n);
	return err;
}
