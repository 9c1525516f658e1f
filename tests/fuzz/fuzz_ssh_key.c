/* A line of authorized_keys: what is accepted has one encoding, so the line made of
 * it gives the same key. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/ssh_key.h"
#include "crypto/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct ssh_key *key)
{
	char line[SSH_KEY_LINE_MAX], base64[TEXT_BASE64_SIZE(SSH_KEY_BLOB_MAX)], a[SSH_KEY_SHA256],
		b[SSH_KEY_SHA256];
	struct ssh_key *again;
	size_t n;
	const uint8_t *blob = ssh_key_blob(key, &n);
	text_put_base64(blob, n, base64);
	int len = snprintf(
		line, sizeof(line), "%s %s %s", ssh_key_type(key), base64, ssh_key_comment(key));
	if (len < 0 || ssh_key_create(line, (size_t)len, &again, NULL) != OK ||
		strcmp(ssh_key_comment(key), ssh_key_comment(again)) != 0)
		abort();
	ssh_key_fingerprint_sha256(key, a);
	ssh_key_fingerprint_sha256(again, b);
	if (strcmp(a, b) != 0 || !ssh_key_matches(again, a))
		abort();
	if (ssh_key_verify(again, ssh_key_algorithm(again), a, sizeof(a), b, sizeof(b)) == OK)
		abort();
	ssh_key_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ssh_key *key;
	const char *why = NULL;
	int err = ssh_key_create((const char *)data, size, &key, &why);
	if (err ? key || !why : !key)
		abort();
	if (!err)
		check_again(key);
	ssh_key_destroy(key);
	/* and past the base64, where mutations seldom get */
	if (ssh_key_create_blob(data, size, &key, &why) == OK)
		check_again(key);
	ssh_key_destroy(key);
	return 0;
}
