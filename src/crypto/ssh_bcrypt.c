/* Blowfish is in OpenSSL's legacy provider; its low-level functions need no
 * provider, and they alone let the state be filled as bcrypt does. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/ssh_bcrypt.h"

#include <openssl/blowfish.h>
#include <openssl/bn.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <string.h>

#include "crypto/secret.h"

enum {
	P_WORDS = BF_ROUNDS + 2,
	S_WORDS = 4 * 256,
	STATE_BITS = 32 * (P_WORDS + S_WORDS),
	GUARD_BITS = 64, /* more than 9400 roundings can add up to */
	HASH = SHA512_DIGEST_LENGTH,
	BLOCK = 32, /* bytes of key from one run */
};

static uint32_t word_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* sum += factor * arctan(1 / x), by its series; `add` false subtracts. */
static bool add_arctan(BIGNUM *sum, BN_ULONG factor, BN_ULONG x, bool add)
{
	BIGNUM *power = BN_new(), *term = BN_new();
	bool ok = power && term && BN_set_word(power, factor) &&
		  BN_lshift(power, power, STATE_BITS + GUARD_BITS);
	if (ok)
		BN_div_word(power, x);
	for (BN_ULONG n = 1; ok && !BN_is_zero(power); n += 2, add = !add) {
		ok = BN_copy(term, power) != NULL;
		BN_div_word(term, n);
		ok = ok && (add ? BN_add(sum, sum, term) : BN_sub(sum, sum, term));
		BN_div_word(power, x * x);
	}
	BN_free(power);
	BN_free(term);
	return ok;
}

/* Blowfish starts from the binary digits of pi after the point, and OpenSSL keeps
 * its table of them to itself. Machin's formula takes less time than a bcrypt
 * round or two: pi = 16 arctan(1/5) - 4 arctan(1/239). */
static int start_state(BF_KEY *state)
{
	uint8_t digits[STATE_BITS / 8];
	BIGNUM *pi = BN_new();
	bool ok = pi && add_arctan(pi, 16, 5, true) && add_arctan(pi, 4, 239, false) &&
		  BN_mask_bits(pi, STATE_BITS + GUARD_BITS) && BN_rshift(pi, pi, GUARD_BITS) &&
		  BN_bn2binpad(pi, digits, sizeof(digits)) == sizeof(digits);
	BN_free(pi);
	if (!ok)
		return ERR_NOMEM;
	for (size_t i = 0; i < P_WORDS; i++)
		state->P[i] = word_at(digits + 4 * i);
	for (size_t i = 0; i < S_WORDS; i++)
		state->S[i] = word_at(digits + 4 * (P_WORDS + i));
	return OK;
}

/* Blowfish's key schedule with two words of `salt` mixed in before each step; all
 * is 64 bytes long and used over and over. NULL salt mixes nothing in. */
static void expand(BF_KEY *state, const uint8_t key[HASH], const uint8_t *salt)
{
	BF_LONG pair[2] = { 0, 0 };
	size_t at = 0;
	for (size_t i = 0; i < P_WORDS; i++)
		state->P[i] ^= word_at(key + 4 * i % HASH);
	for (size_t i = 0; i < P_WORDS + S_WORDS; i += 2) {
		BF_LONG *to = i < P_WORDS ? state->P + i : state->S + (i - P_WORDS);
		if (salt) {
			pair[0] ^= word_at(salt + at);
			pair[1] ^= word_at(salt + at + 4);
			at = (at + 8) % HASH;
		}
		BF_encrypt(pair, state);
		to[0] = pair[0];
		to[1] = pair[1];
	}
}

static void run(
	const BF_KEY *start, const uint8_t pass[HASH], const uint8_t salt[HASH], uint8_t out[BLOCK])
{
	BF_KEY state = *start;
	BF_LONG text[BLOCK / 4];
	for (size_t i = 0; i < BLOCK / 4; i++)
		text[i] = word_at((const uint8_t *)"OxychromaticBlowfishSwatDynamite" + 4 * i);
	expand(&state, pass, salt);
	for (int i = 0; i < 64; i++) {
		expand(&state, salt, NULL);
		expand(&state, pass, NULL);
	}
	for (int i = 0; i < 64; i++)
		for (size_t at = 0; at < BLOCK / 4; at += 2)
			BF_encrypt(text + at, &state);
	for (size_t i = 0; i < BLOCK; i++)
		out[i] = (uint8_t)(text[i / 4] >> 8 * (i % 4));
	secret_wipe(&state, sizeof(state));
	secret_wipe(text, sizeof(text));
}

static void hash_sha512(const void *data, size_t n, uint8_t out[HASH])
{
	SHA512_CTX ctx;
	SHA512_Init(&ctx);
	SHA512_Update(&ctx, data, n);
	SHA512_Final(out, &ctx);
	secret_wipe(&ctx, sizeof(ctx));
}

/* Block `count` (from 1): the runs' results, each run's salt being the hash of
 * the result before, all exclusive-ored. */
static void make_block(const BF_KEY *start, const uint8_t pass[HASH], const uint8_t *salt,
	size_t n_salt, uint32_t count, uint32_t rounds, uint8_t out[BLOCK])
{
	uint8_t counted[SSH_BCRYPT_SALT_MAX + 4], hash[HASH], result[BLOCK];
	memcpy(counted, salt, n_salt);
	for (size_t i = 0; i < 4; i++)
		counted[n_salt + i] = (uint8_t)(count >> (24 - 8 * i));
	hash_sha512(counted, n_salt + 4, hash);
	memset(out, 0, BLOCK);
	for (uint32_t round = 0; round < rounds; round++) {
		run(start, pass, hash, result);
		for (size_t i = 0; i < BLOCK; i++)
			out[i] ^= result[i];
		hash_sha512(result, sizeof(result), hash);
	}
	secret_wipe(hash, sizeof(hash));
	secret_wipe(result, sizeof(result));
}

int ssh_bcrypt_key(const char *passphrase, const uint8_t *salt, size_t n_salt, uint32_t rounds,
	uint8_t *key, size_t n_key)
{
	BF_KEY start;
	uint8_t pass[HASH], block[BLOCK];
	if (rounds == 0 || rounds > SSH_BCRYPT_ROUNDS_MAX || n_salt == 0 ||
		n_salt > SSH_BCRYPT_SALT_MAX || n_key == 0 || n_key > SSH_BCRYPT_KEY_MAX)
		return ERR_LIMIT;
	int err = start_state(&start);
	if (err)
		return err;
	hash_sha512(passphrase, strlen(passphrase), pass);
	/* The blocks' bytes are dealt out in turn, so that each part of the key costs
	 * all of the work. */
	size_t stride = (n_key + BLOCK - 1) / BLOCK, each = (n_key + stride - 1) / stride;
	for (size_t i = 0; i < stride; i++) {
		make_block(&start, pass, salt, n_salt, (uint32_t)i + 1, rounds, block);
		for (size_t j = 0; j < each && j * stride + i < n_key; j++)
			key[j * stride + i] = block[j];
	}
	secret_wipe(pass, sizeof(pass));
	secret_wipe(block, sizeof(block));
	return OK;
}
