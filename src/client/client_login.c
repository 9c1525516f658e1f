/* RFC 6143 sections 7.1 to 7.3 from the viewer's side. */
#include <string.h>

#include "client/client_private.h"
#include "crypto/vncauth.h"
#include "rfb/handshake.h"

enum { REASON_MAX = 65536, VERSION_LEN = 12 };

static client_step_fn step_security_3, step_security, step_challenge, step_result, step_reason,
	step_server_init;

static bool digits(const uint8_t *p, int *value)
{
	*value = 0;
	for (int i = 0; i < 3; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		*value = *value * 10 + p[i] - '0';
	}
	return true;
}

/* What the server speaks: 3, 7 or 8; 0 when it is no RFB server. */
static int server_minor(const uint8_t *p)
{
	int major, minor;
	if (memcmp(p, "RFB ", 4) != 0 || !digits(p + 4, &major) || p[7] != '.' ||
		!digits(p + 8, &minor) || p[11] != '\n' || major < 3)
		return 0;
	if (major > 3 || minor >= 8)
		return 8;
	return minor == 7 ? 7 : 3;
}

int client_step_version(struct client *c, struct rd *in)
{
	const uint8_t *p = rd_bytes(in, VERSION_LEN);
	if (!p)
		return ERR_AGAIN;
	int minor = server_minor(p);
	if (!minor)
		return client_fail(c, ERR_PROTO, "not an RFB server");
	if (minor < c->minor)
		c->minor = minor;
	char version[VERSION_LEN + 1] = "RFB 003.008\n";
	version[10] = (char)('0' + c->minor);
	buf_put(&c->out, version, VERSION_LEN);
	c->step = c->minor >= 7 ? step_security : step_security_3;
	return OK;
}

static void put_client_init(struct client *c)
{
	buf_put_u8(&c->out, c->shared);
	c->step = step_server_init;
}

static int chose(struct client *c, uint32_t type)
{
	if (type == RFB_SECURITY_VNC_AUTH)
		c->step = step_challenge;
	else if (c->minor >= 8)
		c->step = step_result;
	else
		put_client_init(c);
	return OK;
}

/* Before 3.7 the server chooses. */
static int step_security_3(struct client *c, struct rd *in)
{
	uint32_t type = rd_u32(in);
	if (rd_ok(in))
		return ERR_AGAIN;
	if (type == 0) {
		c->step = step_reason;
		return OK;
	}
	if (type != RFB_SECURITY_NONE && type != RFB_SECURITY_VNC_AUTH)
		return client_fail(c, ERR_AUTH, "unknown security type %u", type);
	if (type == RFB_SECURITY_VNC_AUTH && !c->has_password)
		return client_fail(c, ERR_AUTH, "the server wants a password");
	return chose(c, type);
}

static int step_security(struct client *c, struct rd *in)
{
	uint8_t n = rd_u8(in);
	const uint8_t *types = rd_bytes(in, n);
	if (rd_ok(in))
		return ERR_AGAIN;
	if (n == 0) {
		c->step = step_reason;
		return OK;
	}
	uint8_t type = 0;
	if (c->has_password && memchr(types, RFB_SECURITY_VNC_AUTH, n))
		type = RFB_SECURITY_VNC_AUTH;
	else if (memchr(types, RFB_SECURITY_NONE, n))
		type = RFB_SECURITY_NONE;
	else
		return client_fail(c, ERR_AUTH, "no security type in common");
	buf_put_u8(&c->out, type);
	return chose(c, type);
}

static int step_challenge(struct client *c, struct rd *in)
{
	const uint8_t *challenge = rd_bytes(in, VNCAUTH_CHALLENGE);
	uint8_t response[VNCAUTH_CHALLENGE];
	if (!challenge)
		return ERR_AGAIN;
	vncauth_response(challenge, c->password, response);
	buf_put(&c->out, response, sizeof(response));
	c->step = step_result;
	return OK;
}

static int step_result(struct client *c, struct rd *in)
{
	uint32_t result = rd_u32(in);
	if (rd_ok(in))
		return ERR_AGAIN;
	if (result == 0) {
		put_client_init(c);
		return OK;
	}
	if (c->minor < 8)
		return client_fail(c, ERR_AUTH, "refused");
	c->step = step_reason;
	return OK;
}

static int step_reason(struct client *c, struct rd *in)
{
	uint32_t len = rd_u32(in);
	if (len > REASON_MAX)
		return client_fail(c, ERR_LIMIT, "a reason of %u bytes", len);
	const uint8_t *reason = rd_bytes(in, len);
	if (!reason)
		return ERR_AGAIN;
	return client_fail(c, ERR_AUTH, "%.*s", (int)len, (const char *)reason);
}

static int step_server_init(struct client *c, struct rd *in)
{
	struct pix_format native;
	uint16_t w = rd_u16(in);
	uint16_t h = rd_u16(in);
	pix_format_parse(in, &native);
	uint32_t len = rd_u32(in);
	if (len > CLIENT_NAME_MAX)
		return client_fail(c, ERR_LIMIT, "a name of %u bytes", len);
	const uint8_t *name = rd_bytes(in, len);
	if (!name)
		return ERR_AGAIN;
	c->step = client_step_message;
	return client_start(c, w, h, (const char *)name, len);
}
