#include "gateway/relay_offer.h"

#include <string.h>

#include "tunnel/tunnel_control.h"

#define TICKET_PREFIX "porthole.ticket."

static void take_ticket(struct relay_offer *o, struct http_text value)
{
	if (o->ticket[0] || value.n == 0 || value.n >= sizeof(o->ticket))
		return;
	memcpy(o->ticket, value.p, value.n);
}

static void take_protocol(struct relay_offer *o, struct http_text item)
{
	static const char *const known[] = { TUNNEL_RAW_PROTOCOL, TUNNEL_RESUME_PROTOCOL };
	const size_t prefix = sizeof(TICKET_PREFIX) - 1;
	if (item.n > prefix && memcmp(item.p, TICKET_PREFIX, prefix) == 0) {
		take_ticket(o, (struct http_text){ item.p + prefix, item.n - prefix });
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (http_text_is(item, known[i])) {
			o->protocol = *o->protocol ? o->protocol : known[i];
			return;
		}
	o->others = true;
}

static void take_query_ticket(struct relay_offer *o, struct http_text query)
{
	static const char key[] = "ticket=";
	while (query.n > 0) {
		const char *end = memchr(query.p, '&', query.n);
		size_t n = end ? (size_t)(end - query.p) : query.n;
		if (n >= sizeof(key) && memcmp(query.p, key, sizeof(key) - 1) == 0)
			take_ticket(o, (struct http_text){
					       query.p + sizeof(key) - 1, n - (sizeof(key) - 1) });
		query.p += end ? n + 1 : n;
		query.n -= end ? n + 1 : n;
	}
}

void relay_offer_read(const struct http_request *r, struct relay_offer *out)
{
	*out = (struct relay_offer){ .protocol = "" };
	for (int i = 0; i < r->n_fields; i++) {
		struct http_text list = r->fields[i].value, item;
		if (!http_text_is_nocase(r->fields[i].name, "Sec-WebSocket-Protocol"))
			continue;
		while (http_text_next(&list, &item))
			take_protocol(out, item);
	}
	take_query_ticket(out, r->query);
}
