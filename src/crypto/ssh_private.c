#include "crypto/ssh_private.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "crypto/secret.h"
#include "crypto/ssh_kind.h"
#include "crypto/ssh_openssh.h"
#include "crypto/ssh_pkey.h"

enum { ATTEMPTS = 3 };

struct ssh_private {
	EVP_PKEY *pkey;         /* owned */
	struct ssh_key *public; /* owned */
	const struct ssh_kind *kind;
};

/* A key file's text; the memory is always SSH_PRIVATE_FILE_MAX bytes. */
struct key_file {
	char *text;
	size_t n;
};

static int read_all(int fd, struct key_file *f)
{
	for (;;) {
		ssize_t n = read(fd, f->text + f->n, SSH_PRIVATE_FILE_MAX - f->n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? ERR_IO : OK;
		f->n += (size_t)n;
		if (f->n == SSH_PRIVATE_FILE_MAX)
			return ERR_LIMIT;
	}
}

/* As ssh does, a file that others may read counts only when it is the user's:
 * only then can he mend it. */
static int judge_file(int fd, const char **why)
{
	struct stat st;
	*why = "not a file";
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return ERR_IO;
	*why = "others may read this private key: make it yours alone with chmod 600";
	return st.st_uid == getuid() && st.st_mode & 077 ? ERR_IO : OK;
}

static int read_file(const char *path, struct key_file *f, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		*why = errno == ENOENT   ? "there is no such file"
		       : errno == EACCES ? "it may not be read"
					 : "it cannot be opened";
		return ERR_IO;
	}
	int err = judge_file(fd, why);
	if (!err) {
		err = read_all(fd, f);
		*why = err == ERR_LIMIT ? "too long for a private key" : "it cannot be read";
		err = err == ERR_LIMIT ? ERR_PROTO : err;
	}
	close(fd);
	return err;
}

struct passphrase {
	const char *text; /* NULL when there is none yet */
	bool wanted;
};

static int on_passphrase(char *out, int cap, int writing, void *data)
{
	struct passphrase *p = data;
	(void)writing;
	p->wanted = true;
	size_t n = p->text ? strlen(p->text) : 0;
	if (!p->text || n > (size_t)cap)
		return -1;
	memcpy(out, p->text, n);
	return (int)n;
}

/* PKCS#1, SEC1 and PKCS#8. */
static int parse_pem(
	const struct key_file *f, const char *passphrase, EVP_PKEY **key, const char **why)
{
	struct passphrase p = { .text = passphrase };
	*why = "out of memory";
	BIO *bio = BIO_new_mem_buf(f->text, (int)f->n);
	if (!bio)
		return ERR_NOMEM;
	*key = PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, &p);
	BIO_free(bio);
	ERR_clear_error();
	if (*key)
		return OK;
	*why = !p.wanted    ? "not a private key that can be used here"
	       : passphrase ? "wrong passphrase"
			    : "the key file is encrypted";
	return p.wanted ? ERR_AUTH : ERR_PROTO;
}

static int parse(const struct key_file *f, const char *passphrase, EVP_PKEY **key, const char **why)
{
	return ssh_openssh_is_one(f->text, f->n)
		       ? ssh_openssh_parse(f->text, f->n, passphrase, key, why)
		       : parse_pem(f, passphrase, key, why);
}

/* First without a passphrase, which tells whether one is needed. */
static int unlock(
	const struct key_file *f, ssh_private_ask ask, void *data, EVP_PKEY **key, const char **why)
{
	char passphrase[SSH_PRIVATE_PASSPHRASE];
	int err = parse(f, NULL, key, why);
	for (int i = 0; err == ERR_AUTH && ask && i < ATTEMPTS; i++) {
		memset(passphrase, 0, sizeof(passphrase));
		if (!ask(data, i, passphrase))
			break;
		passphrase[sizeof(passphrase) - 1] = 0;
		err = parse(f, passphrase, key, why);
	}
	secret_wipe(passphrase, sizeof(passphrase));
	return err;
}

/* Files can be damaged so that the halves are no pair. */
static int try_out(const struct ssh_private *k)
{
	static const char text[] = "both halves of this key belong together";
	struct ssh_signature s;
	int err = ssh_private_sign(k, text, sizeof(text), &s);
	return err ? err : ssh_key_verify(k->public, s.algorithm, text, sizeof(text), s.bytes, s.n);
}

static int make_public(struct ssh_private *k, const char **why)
{
	struct buf b;
	buf_init(&b, SSH_KEY_BLOB_MAX);
	k->kind = ssh_pkey_kind(k->pkey);
	*why = "the key's type is none that can be used here: ed25519, RSA or ECDSA";
	int err = k->kind ? ssh_pkey_put_public(k->kind, k->pkey, &b) : ERR_PROTO;
	if (!err)
		err = ssh_key_create_blob(b.data, b.len, &k->public, why);
	if (!err && try_out(k) != OK) {
		*why = "the key file is damaged";
		err = ERR_PROTO;
	}
	buf_fini(&b);
	return err;
}

int ssh_private_load(const char *path, ssh_private_ask ask, void *data, struct ssh_private **key,
	char *error, size_t error_cap)
{
	const char *why = "out of memory";
	struct ssh_private *k = calloc(1, sizeof(*k));
	struct key_file f = { .text = OPENSSL_malloc(SSH_PRIVATE_FILE_MAX) };
	int err = k && f.text ? read_file(path, &f, &why) : ERR_NOMEM;
	if (!err)
		err = unlock(&f, ask, data, &k->pkey, &why);
	if (!err)
		err = make_public(k, &why);
	OPENSSL_clear_free(f.text, SSH_PRIVATE_FILE_MAX);
	if (err) {
		snprintf(error, error_cap, "%s: %s", path, why);
		ssh_private_destroy(k);
		k = NULL;
	}
	*key = k;
	return err == ERR_LIMIT ? ERR_PROTO : err;
}

void ssh_private_destroy(struct ssh_private *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey); /* which wipes */
	ssh_key_destroy(key->public);
	free(key);
}

const struct ssh_key *ssh_private_public(const struct ssh_private *key)
{
	return key->public;
}

int ssh_private_sign(
	const struct ssh_private *key, const void *data, size_t n, struct ssh_signature *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (!ctx)
		return ERR_NOMEM;
	out->n = sizeof(out->bytes);
	out->algorithm = key->kind->algorithm;
	bool ok = EVP_DigestSignInit_ex(
			  ctx, NULL, key->kind->digest, NULL, NULL, key->pkey, NULL) == 1 &&
		  EVP_DigestSign(ctx, out->bytes, &out->n, data, n) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	/* Without memory, OpenSSL's ECDSA reports success and a length of -1. */
	return ok && out->n <= sizeof(out->bytes) ? OK : ERR_IO;
}
