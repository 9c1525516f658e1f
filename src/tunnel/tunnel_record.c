#include "tunnel/tunnel_record.h"

#include <string.h>

enum { KEY_AND_COUNT = TUNNEL_KEY + 8 };

static bool length_fits(uint8_t type, uint32_t len)
{
	switch (type) {
	case TUNNEL_RECORD_HELLO: return len == 1;
	case TUNNEL_RECORD_RESUME: return len == 1 + 4 + KEY_AND_COUNT;
	case TUNNEL_RECORD_WELCOME: return len == KEY_AND_COUNT + 2;
	case TUNNEL_RECORD_REFUSED: return len == 1;
	case TUNNEL_RECORD_DATA: return len >= 1 && len <= TUNNEL_DATA_MAX;
	case TUNNEL_RECORD_ACK: return len == 8;
	case TUNNEL_RECORD_CLOSE: return len == 0;
	}
	return false;
}

static uint64_t take_u64(struct rd *in)
{
	uint64_t high = rd_u32(in);
	return high << 32 | rd_u32(in);
}

static void take_key(struct rd *in, uint8_t key[TUNNEL_KEY])
{
	const uint8_t *bytes = rd_bytes(in, TUNNEL_KEY);
	if (bytes)
		memcpy(key, bytes, TUNNEL_KEY);
}

static void take_payload(struct rd *in, struct tunnel_record *out)
{
	switch (out->type) {
	case TUNNEL_RECORD_HELLO: out->version = rd_u8(in); break;
	case TUNNEL_RECORD_RESUME:
		out->version = rd_u8(in);
		take_key(in, out->key);
		out->epoch = rd_u32(in);
		out->received = take_u64(in);
		break;
	case TUNNEL_RECORD_WELCOME:
		take_key(in, out->key);
		out->received = take_u64(in);
		out->keep_s = rd_u16(in);
		break;
	case TUNNEL_RECORD_REFUSED: out->reason = rd_u8(in); break;
	case TUNNEL_RECORD_ACK: out->received = take_u64(in); break;
	case TUNNEL_RECORD_DATA:
	case TUNNEL_RECORD_CLOSE: break;
	}
}

int tunnel_record_parse(struct rd *in, struct tunnel_record *out)
{
	struct rd at = *in;
	uint8_t type = rd_u8(&at);
	/* A wrong type is wrong at its first byte. */
	if (!rd_ok(&at) && (type < TUNNEL_RECORD_HELLO || type > TUNNEL_RECORD_CLOSE))
		return ERR_PROTO;
	uint32_t len = rd_u32(&at);
	if (rd_ok(&at))
		return ERR_AGAIN;
	if (!length_fits(type, len))
		return ERR_PROTO;

	struct tunnel_record r = { .type = (enum tunnel_record_type)type };
	if (type == TUNNEL_RECORD_DATA)
		r.data_len = len;
	else
		take_payload(&at, &r);
	if (rd_ok(&at))
		return ERR_AGAIN;
	*in = at;
	*out = r;
	return OK;
}

static void put_u64(struct buf *out, uint64_t v)
{
	buf_put_u32(out, (uint32_t)(v >> 32));
	buf_put_u32(out, (uint32_t)v);
}

static void put_head(struct buf *out, enum tunnel_record_type type, uint32_t len)
{
	buf_put_u8(out, (uint8_t)type);
	buf_put_u32(out, len);
}

void tunnel_record_put(struct buf *out, const struct tunnel_record *r)
{
	switch (r->type) {
	case TUNNEL_RECORD_HELLO:
		put_head(out, r->type, 1);
		buf_put_u8(out, r->version);
		break;
	case TUNNEL_RECORD_RESUME:
		put_head(out, r->type, 1 + 4 + KEY_AND_COUNT);
		buf_put_u8(out, r->version);
		buf_put(out, r->key, TUNNEL_KEY);
		buf_put_u32(out, r->epoch);
		put_u64(out, r->received);
		break;
	case TUNNEL_RECORD_WELCOME:
		put_head(out, r->type, KEY_AND_COUNT + 2);
		buf_put(out, r->key, TUNNEL_KEY);
		put_u64(out, r->received);
		buf_put_u16(out, r->keep_s);
		break;
	case TUNNEL_RECORD_REFUSED:
		put_head(out, r->type, 1);
		buf_put_u8(out, r->reason);
		break;
	case TUNNEL_RECORD_DATA: put_head(out, r->type, r->data_len); break;
	case TUNNEL_RECORD_ACK:
		put_head(out, r->type, 8);
		put_u64(out, r->received);
		break;
	case TUNNEL_RECORD_CLOSE: put_head(out, r->type, 0); break;
	}
}
