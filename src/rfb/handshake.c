#include "rfb/handshake.h"

#include <string.h>

enum state {
	ON_VERSION,
	ON_DECISION,
	ON_SECURITY_TYPE,
	ON_RESPONSE,
	ON_CLIENT_INIT,
	OVER,
	FAILED,
};

enum { RESULT_OK = 0, RESULT_FAILED = 1 };

static const char version_form[] = "RFB 000.000\n";
enum { VERSION_LEN = sizeof(version_form) - 1 };

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Judges as many bytes of the version as are there, so that HTTP and TLS show
 * themselves with their first byte. */
static bool version_plausible(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool ok = version_form[i] == '0' ? is_digit(p[i]) : p[i] == version_form[i];
		if (!ok)
			return false;
	}
	return true;
}

static int three_digits(const uint8_t *p)
{
	return (p[0] - '0') * 100 + (p[1] - '0') * 10 + p[2] - '0';
}

/* 3, 7 or 8; 0 for a major version under 3, which never was RFB. */
static int version_minor(const uint8_t *p)
{
	int major = three_digits(p + 4);
	int minor = three_digits(p + 8);
	if (major != 3)
		return major > 3 ? 8 : 0;
	if (minor >= 8)
		return 8;
	return minor == 7 ? 7 : 3;
}

static void put_reason(struct buf *out, const char *reason)
{
	size_t n = strlen(reason);
	buf_put_u32(out, (uint32_t)n);
	buf_put(out, reason, n);
}

/* Section 7.1.3, and 7.1.2 where a failure stands in place of the types. */
static void put_failure(struct rfb_handshake *h, const char *reason, struct buf *out)
{
	bool before_types = h->state == ON_DECISION && h->security == RFB_SECURITY_NONE;
	if (before_types && h->minor >= 7)
		buf_put_u8(out, 0);
	else if (before_types)
		buf_put_u32(out, 0);
	else
		buf_put_u32(out, RESULT_FAILED);
	if (before_types || h->minor >= 8)
		put_reason(out, reason);
	h->state = FAILED;
}

static void put_challenge(struct rfb_handshake *h, struct buf *out)
{
	buf_put(out, h->challenge, sizeof(h->challenge));
	h->state = ON_RESPONSE;
}

/* Section 7.1.2: before 3.7 the server decides the type and says so in 32 bits. */
static void put_security(struct rfb_handshake *h, struct buf *out)
{
	if (h->minor >= 7) {
		buf_put_u8(out, 1);
		buf_put_u8(out, (uint8_t)h->security);
		h->state = ON_SECURITY_TYPE;
		return;
	}
	buf_put_u32(out, h->security);
	if (h->security == RFB_SECURITY_VNC_AUTH)
		put_challenge(h, out);
	else
		h->state = ON_CLIENT_INIT;
}

static int take_version(struct rfb_handshake *h, struct rd *in, struct buf *out)
{
	size_t seen = in->left < VERSION_LEN ? in->left : VERSION_LEN;
	if (!version_plausible(in->p, seen))
		return ERR_PROTO;
	const uint8_t *p = seen == VERSION_LEN ? rd_bytes(in, VERSION_LEN) : NULL;
	if (!p)
		return ERR_AGAIN;
	h->minor = version_minor(p);
	if (!h->minor)
		return ERR_PROTO;
	if (h->security == RFB_SECURITY_NONE)
		h->state = ON_DECISION;
	else
		put_security(h, out);
	return OK;
}

static int take_security_type(struct rfb_handshake *h, struct rd *in, struct buf *out)
{
	if (in->left < 1)
		return ERR_AGAIN;
	if (rd_u8(in) != h->security) {
		put_failure(h, "This security type was not offered.", out);
		return ERR_AUTH;
	}
	if (h->security == RFB_SECURITY_VNC_AUTH) {
		put_challenge(h, out);
		return OK;
	}
	/* A SecurityResult after None came with 3.8. */
	if (h->minor >= 8)
		buf_put_u32(out, RESULT_OK);
	h->state = ON_CLIENT_INIT;
	return OK;
}

static int take_response(struct rfb_handshake *h, struct rd *in)
{
	if (in->left < sizeof(h->response))
		return ERR_AGAIN;
	memcpy(h->response, rd_bytes(in, sizeof(h->response)), sizeof(h->response));
	h->state = ON_DECISION;
	return OK;
}

static int take_client_init(struct rfb_handshake *h, struct rd *in)
{
	if (in->left < 1)
		return ERR_AGAIN;
	h->shared = rd_u8(in) != 0;
	h->state = OVER;
	return OK;
}

void rfb_handshake_start(struct rfb_handshake *h, enum rfb_security security,
	const uint8_t challenge[16], struct buf *out)
{
	*h = (struct rfb_handshake){ .security = security, .state = ON_VERSION };
	if (challenge)
		memcpy(h->challenge, challenge, sizeof(h->challenge));
	buf_put(out, "RFB 003.008\n", VERSION_LEN);
}

int rfb_handshake_step(
	struct rfb_handshake *h, struct rd *in, struct buf *out, enum rfb_handshake_want *want)
{
	*want = RFB_HANDSHAKE_BYTES;
	for (;;) {
		int err = OK;
		switch ((enum state)h->state) {
		case ON_VERSION: err = take_version(h, in, out); break;
		case ON_SECURITY_TYPE: err = take_security_type(h, in, out); break;
		case ON_RESPONSE: err = take_response(h, in); break;
		case ON_CLIENT_INIT: err = take_client_init(h, in); break;
		case ON_DECISION: *want = RFB_HANDSHAKE_DECIDE; return OK;
		case OVER: *want = RFB_HANDSHAKE_INIT; return OK;
		case FAILED: return ERR_AUTH;
		}
		if (err == ERR_AGAIN)
			return OK;
		if (err) {
			h->state = FAILED;
			return err;
		}
	}
}

void rfb_handshake_decide(struct rfb_handshake *h, bool accept, const char *reason, struct buf *out)
{
	if (h->state != ON_DECISION)
		return;
	if (!accept) {
		put_failure(h, reason, out);
	} else if (h->security == RFB_SECURITY_NONE) {
		put_security(h, out);
	} else {
		buf_put_u32(out, RESULT_OK);
		h->state = ON_CLIENT_INIT;
	}
}
