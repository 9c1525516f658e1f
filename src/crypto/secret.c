#include "crypto/secret.h"

#include <openssl/crypto.h>
#include <stdint.h>

#include "base/random.h"

int secret_make(char out[SECRET_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t bytes[(SECRET_TEXT - 1) / 2];
	int err = random_bytes(bytes, sizeof(bytes));
	if (err)
		return err;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[SECRET_TEXT - 1] = 0;
	secret_wipe(bytes, sizeof(bytes));
	return OK;
}

bool secret_equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (a_len == 0 || CRYPTO_memcmp(a, b, a_len) == 0);
}

void secret_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}
