#include "crypto/secret.h"

#include <openssl/crypto.h>
#include <stdint.h>

#include "base/random.h"
#include "crypto/text.h"

int secret_make(char out[SECRET_TEXT])
{
	uint8_t bytes[(SECRET_TEXT - 1) / 2];
	int err = random_bytes(bytes, sizeof(bytes));
	if (err)
		return err;
	text_put_hex(bytes, sizeof(bytes), out);
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
