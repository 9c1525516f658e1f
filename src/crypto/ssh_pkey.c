#include "crypto/ssh_pkey.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdbool.h>
#include <string.h>

#include "crypto/ssh_wire.h"

enum {
	ED25519_BYTES = 32,
	FIELD_MAX = 66,
	POINT_MAX = 1 + 2 * FIELD_MAX,
	/* OpenSSL refuses to verify with more where the modulus is large. */
	RSA_EXPONENT_MAX_BITS = 64,
};

/* What a failed call of OpenSSL's means for the caller. */
static int failure(const char **why)
{
	bool memory = ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
	ERR_clear_error();
	*why = memory ? "out of memory" : "the key's numbers make no key";
	return memory ? ERR_NOMEM : ERR_PROTO;
}

static EVP_PKEY *pkey_of(const char *type, int selection, OSSL_PARAM_BLD *build)
{
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	if (params && ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
		EVP_PKEY_fromdata(ctx, &key, selection, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static size_t bits_of(struct rd magnitude)
{
	size_t bits = 8 * magnitude.left;
	for (uint8_t top = magnitude.left ? magnitude.p[0] : 0; top && !(top & 0x80);
		top = (uint8_t)(top << 1))
		bits--;
	return bits;
}

/* Sizes first: nothing is computed with numbers that a peer made large. */
static int judge_rsa(struct rd n, struct rd e, const char **why)
{
	size_t bits = bits_of(n), e_bits = bits_of(e);
	if (bits < SSH_RSA_MIN || bits > SSH_RSA_MAX) {
		*why = bits < SSH_RSA_MIN ? "the RSA key has fewer than 2048 bits"
					  : "the RSA key has more than 8192 bits";
		return ERR_LIMIT;
	}
	if (e_bits < 2 || e_bits > RSA_EXPONENT_MAX_BITS || !(e.p[e.left - 1] & 1) ||
		!(n.p[n.left - 1] & 1)) {
		*why = "the RSA key's numbers make no key";
		return ERR_PROTO;
	}
	return OK;
}

/* In the order of a private key's fields; the last two are computed. */
static const char *const rsa_names[] = {
	OSSL_PKEY_PARAM_RSA_N,
	OSSL_PKEY_PARAM_RSA_E,
	OSSL_PKEY_PARAM_RSA_D,
	OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	OSSL_PKEY_PARAM_RSA_FACTOR1,
	OSSL_PKEY_PARAM_RSA_FACTOR2,
	OSSL_PKEY_PARAM_RSA_EXPONENT1,
	OSSL_PKEY_PARAM_RSA_EXPONENT2,
};
enum { RSA_PUBLIC = 2, RSA_GIVEN = 6, RSA_ALL = ARRAY_LEN(rsa_names) };

/* A number that is overwritten when it and copies of it are freed. */
static BIGNUM *secret_number(struct rd bytes)
{
	BIGNUM *v = BN_secure_new();
	if (v && !BN_bin2bn(bytes.p, (int)bytes.left, v)) {
		BN_clear_free(v);
		return NULL;
	}
	return v;
}

/* exponent = d mod (factor - 1) */
static BIGNUM *rsa_exponent(const BIGNUM *d, const BIGNUM *factor)
{
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *less = BN_secure_new(), *v = BN_secure_new();
	if (!ctx || !less || !v || !BN_copy(less, factor) || !BN_sub_word(less, 1) ||
		!BN_mod(v, d, less, ctx)) {
		BN_clear_free(v);
		v = NULL;
	}
	BN_clear_free(less);
	BN_CTX_free(ctx);
	return v;
}

/* Of RSA_PUBLIC or RSA_GIVEN numbers. */
static EVP_PKEY *rsa_of(const struct rd *given, size_t n_given)
{
	BIGNUM *v[RSA_ALL] = { NULL };
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	size_t n = n_given == RSA_GIVEN ? RSA_ALL : n_given;
	bool ok = build != NULL;
	for (size_t i = 0; ok && i < n; i++) {
		v[i] = i < n_given ? secret_number(given[i])
				   : rsa_exponent(v[2], v[i - RSA_GIVEN + 4]);
		ok = v[i] && OSSL_PARAM_BLD_push_BN(build, rsa_names[i], v[i]);
	}
	if (ok)
		key = pkey_of(
			"RSA", n > RSA_PUBLIC ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, build);
	OSSL_PARAM_BLD_free(build);
	for (size_t i = 0; i < n; i++)
		BN_clear_free(v[i]);
	return key;
}

/* `d` is empty for a public key. */
static EVP_PKEY *ec_of(const struct ssh_kind *kind, struct rd point, struct rd d)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *v = d.left ? secret_number(d) : NULL;
	EVP_PKEY *key = NULL;
	bool ok = build && (v || !d.left) &&
		  OSSL_PARAM_BLD_push_utf8_string(
			  build, OSSL_PKEY_PARAM_GROUP_NAME, kind->group, 0) &&
		  OSSL_PARAM_BLD_push_octet_string(
			  build, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.left) &&
		  (!v || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, v));
	if (ok)
		key = pkey_of("EC", v ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, build);
	OSSL_PARAM_BLD_free(build);
	BN_clear_free(v);
	return key;
}

static int take_point(
	const struct ssh_kind *kind, struct rd *fields, struct rd *point, const char **why)
{
	struct rd curve = ssh_wire_string(fields);
	*point = ssh_wire_string(fields);
	if (rd_ok(fields) == OK && !ssh_wire_is(&curve, kind->curve)) {
		*why = "the key's curve is not that of its type";
		return ERR_PROTO;
	}
	if (rd_ok(fields) || point->left != 1 + 2 * kind->field ||
		point->p[0] != POINT_CONVERSION_UNCOMPRESSED) {
		*why = "the key is cut or damaged";
		return ERR_PROTO;
	}
	return OK;
}

int ssh_pkey_public(
	const struct ssh_kind *kind, struct rd *fields, EVP_PKEY **key, const char **why)
{
	struct rd rsa[RSA_PUBLIC], point;
	int err = OK;
	*key = NULL;
	*why = "the key is cut or damaged";
	switch (kind->family) {
	case SSH_RSA:
		rsa[1] = ssh_wire_mpint(fields);
		rsa[0] = ssh_wire_mpint(fields);
		err = rd_ok(fields) ? ERR_PROTO : judge_rsa(rsa[0], rsa[1], why);
		if (!err)
			*key = rsa_of(rsa, RSA_PUBLIC);
		break;
	case SSH_ECDSA:
		err = take_point(kind, fields, &point, why);
		if (!err)
			*key = ec_of(kind, point, rd_of(NULL, 0));
		break;
	case SSH_ED25519:
		point = ssh_wire_string(fields);
		err = point.left == ED25519_BYTES ? OK : ERR_PROTO;
		if (!err)
			*key = EVP_PKEY_new_raw_public_key(
				EVP_PKEY_ED25519, NULL, point.p, point.left);
		break;
	}
	return err || *key ? err : failure(why);
}

/* `d` is the seed and the public key again. */
static int take_ed25519(struct rd point, struct rd d, EVP_PKEY **key)
{
	uint8_t made[ED25519_BYTES];
	size_t n = sizeof(made);
	if (point.left != ED25519_BYTES || d.left != 2 * ED25519_BYTES ||
		memcmp(d.p + ED25519_BYTES, point.p, ED25519_BYTES) != 0)
		return ERR_PROTO;
	*key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, d.p, ED25519_BYTES);
	if (*key && EVP_PKEY_get_raw_public_key(*key, made, &n) == 1 &&
		memcmp(made, point.p, n) == 0)
		return OK;
	EVP_PKEY_free(*key);
	*key = NULL;
	ERR_clear_error();
	return ERR_PROTO;
}

int ssh_pkey_private(
	const struct ssh_kind *kind, struct rd *fields, EVP_PKEY **key, const char **why)
{
	struct rd rsa[RSA_GIVEN], point, d;
	int err = OK;
	*key = NULL;
	*why = "the key is cut or damaged";
	switch (kind->family) {
	case SSH_RSA:
		for (size_t i = 0; i < RSA_GIVEN; i++) {
			rsa[i] = ssh_wire_mpint(fields);
			if (rd_ok(fields) || bits_of(rsa[i]) > SSH_RSA_MAX)
				return ERR_PROTO;
		}
		err = judge_rsa(rsa[0], rsa[1], why);
		if (!err)
			*key = rsa_of(rsa, RSA_GIVEN);
		break;
	case SSH_ECDSA:
		err = take_point(kind, fields, &point, why);
		d = ssh_wire_mpint(fields);
		if (!err && (rd_ok(fields) || d.left > kind->field))
			err = ERR_PROTO;
		if (!err)
			*key = ec_of(kind, point, d);
		break;
	case SSH_ED25519:
		point = ssh_wire_string(fields);
		d = ssh_wire_string(fields);
		return take_ed25519(point, d, key);
	}
	return err || *key ? err : failure(why);
}

static bool is_of_kind(const EVP_PKEY *key, const struct ssh_kind *kind)
{
	char group[32];
	switch (kind->family) {
	case SSH_RSA: return EVP_PKEY_is_a(key, "RSA");
	case SSH_ECDSA:
		return EVP_PKEY_is_a(key, "EC") &&
		       EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
		       strcmp(group, kind->group) == 0;
	case SSH_ED25519: return EVP_PKEY_is_a(key, "ED25519");
	}
	return false;
}

const struct ssh_kind *ssh_pkey_kind(const EVP_PKEY *key)
{
	const struct ssh_kind *kind;
	for (size_t i = 0; (kind = ssh_kind_at(i)); i++)
		if (is_of_kind(key, kind))
			break;
	ERR_clear_error();
	return kind;
}

/* The number of that name with leading zeros, n bytes; false when it does not fit. */
static bool take_number(const EVP_PKEY *key, const char *name, uint8_t *out, size_t n)
{
	BIGNUM *v = NULL;
	bool ok = EVP_PKEY_get_bn_param(key, name, &v) == 1 && BN_bn2binpad(v, out, (int)n) >= 0;
	BN_free(v);
	return ok;
}

static bool put_rsa(const EVP_PKEY *key, struct buf *out)
{
	uint8_t n[SSH_RSA_MAX / 8], e[SSH_RSA_MAX / 8];
	if (!take_number(key, OSSL_PKEY_PARAM_RSA_N, n, sizeof(n)) ||
		!take_number(key, OSSL_PKEY_PARAM_RSA_E, e, sizeof(e)))
		return false;
	ssh_wire_put_mpint(out, e, sizeof(e));
	ssh_wire_put_mpint(out, n, sizeof(n));
	return true;
}

/* By coordinates, as the key itself may hold the point compressed. */
static bool put_ec(const struct ssh_kind *kind, const EVP_PKEY *key, struct buf *out)
{
	uint8_t point[POINT_MAX] = { POINT_CONVERSION_UNCOMPRESSED };
	if (!take_number(key, OSSL_PKEY_PARAM_EC_PUB_X, point + 1, kind->field) ||
		!take_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, point + 1 + kind->field, kind->field))
		return false;
	ssh_wire_put_string(out, kind->curve, strlen(kind->curve));
	ssh_wire_put_string(out, point, 1 + 2 * kind->field);
	return true;
}

static bool put_ed25519(const EVP_PKEY *key, struct buf *out)
{
	uint8_t point[ED25519_BYTES];
	size_t n = sizeof(point);
	if (EVP_PKEY_get_raw_public_key(key, point, &n) != 1)
		return false;
	ssh_wire_put_string(out, point, n);
	return true;
}

int ssh_pkey_put_public(const struct ssh_kind *kind, const EVP_PKEY *key, struct buf *out)
{
	bool ok = false;
	ssh_wire_put_string(out, kind->type, strlen(kind->type));
	switch (kind->family) {
	case SSH_RSA: ok = put_rsa(key, out); break;
	case SSH_ECDSA: ok = put_ec(kind, key, out); break;
	case SSH_ED25519: ok = put_ed25519(key, out); break;
	}
	ERR_clear_error();
	return ok ? buf_ok(out) : ERR_PROTO;
}
