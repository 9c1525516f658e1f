/* Control messages: the first byte says from which side, the rest is the text. What is
 * understood is printed and understood again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/tunnel_control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void read_again(const struct tunnel_message *m, enum tunnel_side from)
{
	struct tunnel_message again;
	bool is_json;
	char problem[TUNNEL_PROBLEM_MAX];
	char *text = tunnel_message_print(m);
	if (!text || tunnel_message_parse(text, strlen(text), from, &again, &is_json, problem))
		abort();
	if (again.type != m->type || again.rights != m->rights || !same(again.user, m->user) ||
		!same(again.channel, m->channel) || !same(again.command, m->command))
		abort();
	tunnel_message_fini(&again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct tunnel_message m;
	bool is_json;
	char problem[TUNNEL_PROBLEM_MAX];
	enum tunnel_side from = data[0] & 1 ? TUNNEL_FROM_GATEWAY : TUNNEL_FROM_AGENT;
	if (tunnel_message_parse((const char *)data + 1, size - 1, from, &m, &is_json, problem))
		return 0;
	if (m.type != TUNNEL_UNKNOWN)
		read_again(&m, from);
	tunnel_message_fini(&m);
	return 0;
}
