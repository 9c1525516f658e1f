#include "crypto/ssh_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/ssh_kind.h"
#include "crypto/ssh_pkey.h"
#include "crypto/ssh_wire.h"
#include "crypto/text.h"

enum { COMMENT_MAX = 255 };

struct ssh_key {
	const struct ssh_kind *kind;
	EVP_PKEY *pkey; /* owned */
	char comment[COMMENT_MAX + 1];
	size_t n_blob;
	uint8_t blob[SSH_KEY_BLOB_MAX];
};

int ssh_key_create_blob(const void *blob, size_t n, struct ssh_key **key, const char **why)
{
	const char *ignored;
	why = why ? why : &ignored;
	*key = NULL;
	*why = "the key is too long";
	if (n > SSH_KEY_BLOB_MAX)
		return ERR_LIMIT;
	*why = "out of memory";
	struct ssh_key *k = calloc(1, sizeof(*k));
	if (!k)
		return ERR_NOMEM;
	struct rd r = rd_of(k->blob, n);
	int err = ERR_PROTO;
	k->n_blob = n;
	if (n)
		memcpy(k->blob, blob, n);
	struct rd type = ssh_wire_string(&r);
	*why = "the key's type is not ssh-ed25519, ssh-rsa or ecdsa-sha2-nistp256, 384 or 521";
	k->kind = type.left ? ssh_kind_find(type.p, type.left) : NULL;
	if (!k->kind)
		goto fail;
	err = ssh_pkey_public(k->kind, &r, &k->pkey, why);
	if (err)
		goto fail;
	if (r.left) {
		*why = "something follows the key's data";
		err = ERR_PROTO;
		goto fail;
	}
	*key = k;
	return OK;
fail:
	ssh_key_destroy(k);
	return err;
}

void ssh_key_destroy(struct ssh_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

/* A line's words are set apart by spaces and tabs. */
static struct rd take_word(struct rd *line)
{
	while (line->left && (line->p[0] == ' ' || line->p[0] == '\t'))
		rd_skip(line, 1);
	struct rd word = rd_of(line->p, 0);
	while (line->left && line->p[0] != ' ' && line->p[0] != '\t') {
		rd_skip(line, 1);
		word.left++;
	}
	return word;
}

/* The comment is shown to people and may be UTF-8, but holds no control
 * characters. */
static int put_comment(struct rd line, char *out)
{
	while (line.left && (line.p[0] == ' ' || line.p[0] == '\t'))
		rd_skip(&line, 1);
	while (line.left && (line.p[line.left - 1] == ' ' || line.p[line.left - 1] == '\t'))
		line.left--;
	if (line.left > COMMENT_MAX)
		return ERR_LIMIT;
	for (size_t i = 0; i < line.left; i++)
		if (line.p[i] < ' ' || line.p[i] == 0x7f)
			return ERR_PROTO;
	if (line.left)
		memcpy(out, line.p, line.left);
	out[line.left] = 0;
	return OK;
}

static struct rd without_line_end(const char *line, size_t n)
{
	if (n && line[n - 1] == '\n')
		n--;
	if (n && line[n - 1] == '\r')
		n--;
	return rd_of(line, n);
}

int ssh_key_create(const char *line, size_t n, struct ssh_key **key, const char **why)
{
	const char *ignored;
	uint8_t blob[SSH_KEY_BLOB_MAX];
	char comment[COMMENT_MAX + 1];
	size_t n_blob = 0;
	why = why ? why : &ignored;
	*key = NULL;
	*why = "the line is too long";
	if (n > SSH_KEY_LINE_MAX)
		return ERR_LIMIT;
	struct rd r = without_line_end(line, n), type = take_word(&r), text = take_word(&r);
	*why = "not an SSH public key: a line like \"ssh-ed25519 AAAA... name\" is wanted";
	if (!type.left || !ssh_kind_find(type.p, type.left))
		return ERR_PROTO;
	*why = "the key's data is not base64";
	int err = text.left ? text_parse_base64(
				      (const char *)text.p, text.left, blob, sizeof(blob), &n_blob)
			    : ERR_PROTO;
	if (err)
		return err;
	*why = "the comment holds a control character or is too long";
	err = put_comment(r, comment);
	if (err)
		return err;
	err = ssh_key_create_blob(blob, n_blob, key, why);
	if (err)
		return err;
	if (ssh_kind_find(type.p, type.left) != (*key)->kind) {
		*why = "the line names another type than the key in it";
		ssh_key_destroy(*key);
		*key = NULL;
		return ERR_PROTO;
	}
	memcpy((*key)->comment, comment, sizeof(comment));
	return OK;
}

const char *ssh_key_type(const struct ssh_key *key)
{
	return key->kind->type;
}

int ssh_key_bits(const struct ssh_key *key)
{
	return key->kind->bits ? key->kind->bits : EVP_PKEY_get_bits(key->pkey);
}

const char *ssh_key_comment(const struct ssh_key *key)
{
	return key->comment;
}

const uint8_t *ssh_key_blob(const struct ssh_key *key, size_t *n)
{
	*n = key->n_blob;
	return key->blob;
}

static void put_md5(const uint8_t hash[HASH_MD5], char out[SSH_KEY_MD5])
{
	for (size_t i = 0; i < HASH_MD5; i++) {
		text_put_hex(hash + i, 1, out + 3 * i);
		out[3 * i + 2] = i + 1 < HASH_MD5 ? ':' : 0;
	}
}

static const char sha256_prefix[] = "SHA256:";
enum { PREFIX = sizeof(sha256_prefix) - 1 };

void ssh_key_fingerprint_md5(const struct ssh_key *key, char out[SSH_KEY_MD5])
{
	uint8_t hash[HASH_MD5];
	hash_md5(key->blob, key->n_blob, hash);
	put_md5(hash, out);
}

void ssh_key_fingerprint_sha256(const struct ssh_key *key, char out[SSH_KEY_SHA256])
{
	uint8_t hash[HASH_SHA256];
	char text[TEXT_BASE64_SIZE(HASH_SHA256)];
	hash_sha256(key->blob, key->n_blob, hash);
	text_put_base64(hash, sizeof(hash), text);
	memcpy(out, sha256_prefix, PREFIX);
	memcpy(out + PREFIX, text, SSH_KEY_SHA256 - PREFIX);
	out[SSH_KEY_SHA256 - 1] = 0; /* in place of the padding */
}

static int parse_sha256(const char *base64, char out[SSH_KEY_SHA256])
{
	enum { DIGITS = TEXT_BASE64_SIZE(HASH_SHA256) - 2 };
	uint8_t hash[HASH_SHA256];
	char padded[DIGITS + 1];
	size_t n = strnlen(base64, DIGITS + 2);
	if (n < DIGITS || n > DIGITS + 1 || (n > DIGITS && base64[DIGITS] != '='))
		return ERR_PROTO;
	memcpy(padded, base64, DIGITS);
	padded[DIGITS] = '=';
	if (text_parse_base64(padded, sizeof(padded), hash, sizeof(hash), &n) != OK)
		return ERR_PROTO;
	memcpy(out, sha256_prefix, PREFIX);
	memcpy(out + PREFIX, padded, DIGITS);
	out[PREFIX + DIGITS] = 0;
	return OK;
}

int ssh_key_parse_fingerprint(const char *text, char out[SSH_KEY_SHA256])
{
	char hex[2 * HASH_MD5];
	uint8_t hash[HASH_MD5];
	if (strncmp(text, sha256_prefix, PREFIX) == 0)
		return parse_sha256(text + PREFIX, out);
	if (strncmp(text, "MD5:", 4) == 0)
		text += 4;
	size_t n = strnlen(text, SSH_KEY_MD5);
	if (n != 2 * HASH_MD5 && n != SSH_KEY_MD5 - 1)
		return ERR_PROTO;
	for (size_t i = 0; i < HASH_MD5; i++) {
		memcpy(hex + 2 * i, text, 2);
		text += 2;
		if (n == SSH_KEY_MD5 - 1 && i + 1 < HASH_MD5 && *text++ != ':')
			return ERR_PROTO;
	}
	if (text_parse_hex(hex, sizeof(hex), hash, sizeof(hash)) != OK)
		return ERR_PROTO;
	put_md5(hash, out);
	return OK;
}

bool ssh_key_matches(const struct ssh_key *key, const char *fingerprint)
{
	char want[SSH_KEY_SHA256], md5[SSH_KEY_MD5], sha256[SSH_KEY_SHA256];
	if (ssh_key_parse_fingerprint(fingerprint, want) != OK)
		return false;
	ssh_key_fingerprint_md5(key, md5);
	ssh_key_fingerprint_sha256(key, sha256);
	return strcmp(want, md5) == 0 || strcmp(want, sha256) == 0;
}

const char *ssh_key_algorithm(const struct ssh_key *key)
{
	return key->kind->algorithm;
}

/* *digest is what OpenSSL calls the hash. False when the key does not make such
 * signatures. */
static bool find_digest(const struct ssh_kind *kind, const char *algorithm, const char **digest)
{
	*digest = kind->digest;
	if (strcmp(algorithm, kind->algorithm) == 0)
		return true;
	if (kind->family == SSH_RSA && strcmp(algorithm, "rsa-sha512") == 0) {
		*digest = "SHA512";
		return true;
	}
	return kind->family == SSH_ED25519 && strcmp(algorithm, "ed25519") == 0;
}

int ssh_key_verify(const struct ssh_key *key, const char *algorithm, const void *data, size_t n,
	const void *sig, size_t n_sig)
{
	const char *digest;
	if (!find_digest(key->kind, algorithm, &digest))
		return ERR_AUTH;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (!ctx)
		return ERR_NOMEM;
	int err = EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, key->pkey, NULL) == 1 &&
				  EVP_DigestVerify(ctx, sig, n_sig, data, n) == 1
			  ? OK
			  : ERR_AUTH;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return err;
}
