#include "gateway/store/redact.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { QUOTES_MAX = 6 };

static const char mark[] = "[REDACTED]";

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The characters of tokens: those of base64, of its URL form and of JWT. */
static size_t token_span(const char *text)
{
	size_t n = 0;
	while (is_alnum(text[n]) || (text[n] && strchr("-._~+/=", text[n])))
		n++;
	return n;
}

static size_t alnum_span(const char *text)
{
	size_t n = 0;
	while (is_alnum(text[n]) || text[n] == '_' || text[n] == '-')
		n++;
	return n;
}

/* Each of these returns how many bytes from `at` on are a secret, after *keep bytes
 * that may stay; 0: this is none. */
typedef size_t rule(const char *at, size_t *keep);

static size_t pem(const char *at, size_t *keep)
{
	static const char begin[] = "-----BEGIN ", end[] = "-----END ";
	*keep = 0;
	if (strncmp(at, begin, sizeof(begin) - 1) != 0)
		return 0;
	const char *last = strstr(at, end);
	const char *after = last ? strstr(last + sizeof(end) - 1, "-----") : NULL;
	return after ? (size_t)(after - at) + 5 : strlen(at);
}

static size_t bearer(const char *at, size_t *keep)
{
	enum { SHORTEST = 8 };
	*keep = 7;
	if (strncasecmp(at, "bearer ", *keep) != 0)
		return 0;
	size_t n = token_span(at + *keep);
	return n >= SHORTEST ? n : 0;
}

static size_t known_form(const char *at, size_t *keep)
{
	static const struct {
		const char *start;
		size_t shortest;
	} forms[] = { { "AKIA", 20 }, { "ASIA", 20 }, { "ghp_", 30 }, { "gho_", 30 },
		{ "ghs_", 30 }, { "github_pat_", 30 }, { "glpat-", 20 }, { "xoxb-", 20 },
		{ "xoxp-", 20 }, { "sk-", 24 } };
	*keep = 0;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (strncmp(at, forms[i].start, strlen(forms[i].start)) != 0)
			continue;
		size_t n = alnum_span(at);
		return n >= forms[i].shortest ? n : 0;
	}
	return 0;
}

static size_t name_length(const char *at)
{
	static const char *const names[] = { "password", "passwd", "passphrase", "pwd", "secret",
		"token", "api_key", "api-key", "apikey", "access_key", "access-key", "accesskey",
		"private_key", "private-key", "privatekey", "secret_key", "secretkey" };
	size_t longest = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t n = strlen(names[i]);
		if (n > longest && strncasecmp(at, names[i], n) == 0)
			longest = n;
	}
	return longest;
}

/* "password": "x", PASSWORD=x, token: x, also with quotes escaped in JSON. */
static size_t named_value(const char *at, size_t *keep)
{
	size_t n = name_length(at);
	if (n == 0)
		return 0;
	for (int i = 0; i < QUOTES_MAX && at[n] && strchr("\"'\\ ", at[n]); i++)
		n++;
	if (at[n] != '=' && at[n] != ':')
		return 0;
	n++;
	char quote = '\0';
	for (int i = 0; i < QUOTES_MAX && at[n] && strchr("\"'\\ \t", at[n]); i++, n++)
		if (at[n] == '"' || at[n] == '\'')
			quote = at[n];
	*keep = n;
	size_t value = 0;
	if (!quote)
		return strcspn(at + n, " \t\r\n\"',;&}])");
	while (at[n + value] && at[n + value] != quote && at[n + value] != '\n')
		value++;
	while (value > 0 && at[n + value] == quote && at[n + value - 1] == '\\')
		value--;
	return value;
}

static size_t find_secret(const char *at, bool starts_word, size_t *keep)
{
	switch (*at) {
	case '-': return pem(at, keep);
	case 'A':
	case 'g':
	case 'x':
	case 's':
		if (starts_word && known_form(at, keep))
			return known_form(at, keep);
		break;
	default: break;
	}
	if (starts_word && (*at == 'b' || *at == 'B'))
		return bearer(at, keep);
	/* "DB_PASSWORD=x" too: a name may begin anywhere. */
	return strchr("pPsStTaA", *at) ? named_value(at, keep) : 0;
}

const char *redact_text(struct arena *a, const char *text)
{
	size_t len = strlen(text), used = 0, copied = 0, grown = 0;
	char *out = NULL;
	/* A secret takes at least one byte and the mark ten: so much may it grow. */
	for (size_t i = 0; i < len;) {
		size_t keep = 0, secret;
		secret = find_secret(text + i, i == 0 || !is_alnum(text[i - 1]), &keep);
		if (secret == 0) {
			i++;
			continue;
		}
		if (!out || used + (i + keep - copied) + sizeof(mark) + (len - i) > grown) {
			size_t room = 2 * (len + used) + 64;
			char *more = arena_take(a, room);
			if (!more)
				return NULL;
			if (used > 0)
				memcpy(more, out, used);
			out = more;
			grown = room;
		}
		memcpy(out + used, text + copied, i + keep - copied);
		used += i + keep - copied;
		memcpy(out + used, mark, sizeof(mark) - 1);
		used += sizeof(mark) - 1;
		i += keep + secret;
		copied = i;
	}
	if (!out)
		return text;
	memcpy(out + used, text + copied, len - copied + 1);
	return out;
}
