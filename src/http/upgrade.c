#include "http/upgrade.h"

#include <stdint.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/text.h"

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { KEY_LEN = UPGRADE_KEY_TEXT - 1 }; /* 16 bytes in base64 */

static bool key_is_valid(const struct http_text *key)
{
	if (!key || key->n != KEY_LEN || memcmp(key->p + KEY_LEN - 2, "==", 2) != 0)
		return false;
	for (size_t i = 0; i < KEY_LEN - 2; i++)
		if (!memchr(base64_digits, key->p[i], 64))
			return false;
	return true;
}

bool upgrade_is_wanted(const struct http_request *r)
{
	return http_request_has_token(r, "Upgrade", "websocket");
}

int upgrade_check(const struct http_request *r, char accept[UPGRADE_ACCEPT_TEXT])
{
	const struct http_text *key = http_request_field(r, "Sec-WebSocket-Key");
	const struct http_text *version = http_request_field(r, "Sec-WebSocket-Version");
	if (!http_text_is(r->method, "GET"))
		return 405;
	if (r->minor < 1 || !http_request_has_token(r, "Connection", "upgrade"))
		return 400;
	if (!version || !http_text_is(*version, "13"))
		return 426;
	if (!key_is_valid(key))
		return 400;

	upgrade_accept(key->p, accept);
	return 0;
}

void upgrade_accept(const char *key, char accept[UPGRADE_ACCEPT_TEXT])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char text[KEY_LEN + sizeof(guid) - 1];
	uint8_t digest[HASH_SHA1];
	memcpy(text, key, KEY_LEN);
	memcpy(text + KEY_LEN, guid, sizeof(guid) - 1);
	hash_sha1(text, sizeof(text), digest);
	text_put_base64(digest, sizeof(digest), accept);
}
