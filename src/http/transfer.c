#include "http/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/http_date.h"
#include "crypto/secret.h"
#include "crypto/text.h"
#include "http/syntax.h"

enum {
	TIMEOUT_MS = 30 * 1000,
	ANSWER_MAX = 1024 * 1024,
	HEADS_MAX = 64 * 1024, /* of an answer, with those before the real one */
	PIN_BYTES = 32,
};

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	n *= size;
	if (n > t->answer_max - t->answer.len) {
		t->too_long = true;
		return CURL_WRITEFUNC_ERROR;
	}
	buf_put(&t->answer, data, n);
	t->no_memory = buf_ok(&t->answer) != OK;
	return t->no_memory ? CURL_WRITEFUNC_ERROR : n;
}

/* The value of a line of that name, or nothing. */
static struct http_text value_of(struct http_text line, const char *name)
{
	size_t n = strlen(name);
	if (line.n <= n || strncasecmp(line.p, name, n) != 0 || line.p[n] != ':')
		return (struct http_text){ NULL, 0 };
	return http_text_trim((struct http_text){ line.p + n + 1, line.n - n - 1 });
}

static void learn(struct transfer *t, struct http_text line)
{
	struct http_text cookie = value_of(line, "Set-Cookie"), date = value_of(line, "Date");
	if (line.n > 5 && memcmp(line.p, "HTTP/", 5) == 0) { /* a further answer's */
		t->cookie[0] = '\0';
		t->date = -1;
	}
	if (cookie.p && !t->cookie[0]) {
		const char *end = memchr(cookie.p, ';', cookie.n);
		size_t n = end ? (size_t)(end - cookie.p) : cookie.n;
		if (n < sizeof(t->cookie))
			snprintf(t->cookie, sizeof(t->cookie), "%.*s", (int)n, cookie.p);
	}
	int64_t when;
	if (date.p && http_date_parse(date.p, date.n, &when) == OK)
		t->date = when;
}

static size_t on_field(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	n *= size;
	t->head_bytes += n;
	if (t->head_bytes > HEADS_MAX) {
		t->too_long = true;
		return 0;
	}
	struct http_text line = { data, n };
	while (line.n > 0 && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == '\n'))
		line.n--;
	learn(t, line);
	return n;
}

static int add_field(struct transfer *t, const char *line)
{
	struct curl_slist *list = curl_slist_append(t->fields, line);
	if (!list)
		return ERR_NOMEM;
	t->fields = list;
	return OK;
}

/* libcurl has fields of its own, which a line without a value takes away. */
static int set_fields(struct transfer *t, const char *const *fields)
{
	int err = add_field(t, "Expect:");
	bool typed = false;
	for (; fields && *fields && !err; fields++) {
		typed = typed || strncasecmp(*fields, "Content-Type:", 13) == 0;
		err = syntax_is_field(*fields) ? add_field(t, *fields) : ERR_PROTO;
	}
	if (!err && !typed)
		err = add_field(t, "Content-Type:");
	if (!err && curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->fields))
		err = ERR_NOMEM;
	return err;
}

/* The key alone decides: whoever signed the certificate. */
static int set_pin(struct transfer *t, const char *pin)
{
	uint8_t key[PIN_BYTES];
	char text[sizeof("sha256//") + TEXT_BASE64_SIZE(PIN_BYTES)] = "sha256//";
	if (strncmp(pin, "sha256:", 7) != 0 ||
		text_parse_hex(pin + 7, strlen(pin + 7), key, sizeof(key)))
		return ERR_PROTO;
	text_put_base64(key, sizeof(key), text + strlen(text));
	return curl_easy_setopt(t->easy, CURLOPT_PINNEDPUBLICKEY, text) ? ERR_NOMEM : OK;
}

static int set_trust(struct transfer *t, const struct http_client_config *config)
{
	long verify = !config->pin && !config->insecure;
	unsigned res = curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, verify);
	res |= curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	if (config->ca_file) {
		res |= curl_easy_setopt(t->easy, CURLOPT_CAINFO, config->ca_file);
		res |= curl_easy_setopt(t->easy, CURLOPT_CAPATH, NULL);
	}
	if (res)
		return ERR_NOMEM;
	return config->pin ? set_pin(t, config->pin) : OK;
}

static int set_method(struct transfer *t, const struct http_client_request *r)
{
	bool takes_body = strcmp(r->method, "POST") == 0 || strcmp(r->method, "PUT") == 0 ||
			  strcmp(r->method, "PATCH") == 0;
	unsigned res = 0;
	if (r->n_body > 0) {
		t->body = malloc(r->n_body);
		if (!t->body)
			return ERR_NOMEM;
		memcpy(t->body, r->body, r->n_body);
		t->n_body = r->n_body;
	}
	if (r->n_body > 0 || takes_body) {
		res |= curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
		res |= curl_easy_setopt(
			t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->n_body);
		res |= curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body ? t->body : "");
	}
	if (strcmp(r->method, "HEAD") == 0)
		res |= curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
	res |= curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, r->method);
	return res ? ERR_NOMEM : OK;
}

static int set_manners(struct transfer *t)
{
	CURL *e = t->easy;
	unsigned res = curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	res |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	res |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	res |= curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	res |= curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L); /* it may be signed */
	res |= curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	/* Or cancelling waits for a name server. */
	res |= curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	res |= curl_easy_setopt(e, CURLOPT_USERAGENT, "porthole");
	res |= curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)t->timeout_ms);
	res |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)t->timeout_ms);
	res |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->detail);
	res |= curl_easy_setopt(e, CURLOPT_PRIVATE, t);
	res |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	res |= curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	res |= curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_field);
	res |= curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
	return res ? ERR_NOMEM : OK;
}

static int set_url(struct transfer *t, const char *text)
{
	struct url url;
	if (url_parse(text, "http", &url))
		return ERR_PROTO;
	snprintf(t->host, sizeof(t->host), "%s:%d", url.host, url.port);
	return curl_easy_setopt(t->easy, CURLOPT_URL, text) ? ERR_NOMEM : OK;
}

int transfer_create(const struct http_client_config *config, const struct http_client_request *r,
	struct transfer **out)
{
	struct transfer *t = calloc(1, sizeof(*t));
	if (!t)
		return ERR_NOMEM;
	t->date = -1;
	t->timeout_ms = r->timeout_ms ? r->timeout_ms : TIMEOUT_MS;
	t->answer_max = r->answer_max ? r->answer_max : ANSWER_MAX;
	buf_init(&t->answer, t->answer_max + 1); /* with the ending 0 */
	t->easy = curl_easy_init();
	int err = t->easy ? set_url(t, r->url) : ERR_NOMEM;
	if (!err)
		err = set_manners(t);
	if (!err)
		err = set_method(t, r);
	if (!err)
		err = set_fields(t, r->fields);
	if (!err)
		err = set_trust(t, config);
	if (err)
		transfer_destroy(t);
	else
		*out = t;
	return err;
}

static const char *explain(const struct transfer *t, CURLcode code)
{
	if (t->too_long)
		return "its answer is longer than is taken here; is that the right URL?";
	if (t->no_memory || code == CURLE_OUT_OF_MEMORY)
		return "out of memory";
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return "that name is not known; check the URL and this machine's name server";
	case CURLE_COULDNT_RESOLVE_PROXY: return "the proxy's name is not known; check HTTPS_PROXY";
	case CURLE_COULDNT_CONNECT:
		return "nobody answers there; is it started, is a firewall in between?";
	case CURLE_OPERATION_TIMEDOUT: return "no answer in time; try again, or look at its log";
	case CURLE_PEER_FAILED_VERIFICATION:
		return "its certificate is not trusted; name its authority with --ca-file, or its "
		       "key with --pin";
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		return "its key is not the pinned one; was it renewed? else somebody is in between";
	case CURLE_SSL_CACERT_BADFILE:
		return "the file of authorities cannot be used; check --ca-file";
	case CURLE_SSL_CONNECT_ERROR: return "TLS failed; does it speak https at that port?";
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE: return "it has hung up before all was said; try again";
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY: return "that is no HTTP server; check host and port";
	default: return "the request failed";
	}
}

/* libcurl's own words are worth having, but may quote the peer. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = ' ';
}

void transfer_end(struct transfer *t, CURLcode code)
{
	long status = 0;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(t->easy); /* before the library may go */
	t->easy = NULL;
	buf_put_u8(&t->answer, 0);
	if (!code && buf_ok(&t->answer))
		code = CURLE_OUT_OF_MEMORY;
	if (!code) {
		t->status = (int)status;
		return;
	}
	make_printable(t->detail);
	const char *detail = t->detail[0] ? t->detail : curl_easy_strerror(code);
	snprintf(t->error, sizeof(t->error), "%s: %s (%s)", t->host, explain(t, code), detail);
}

struct http_client_answer transfer_answer(struct transfer *t)
{
	if (t->error[0])
		return (struct http_client_answer){
			.body = "", .cookie = "", .date = -1, .error = t->error
		};
	return (struct http_client_answer){
		.status = t->status,
		.body = (const char *)t->answer.data,
		.n_body = t->answer.len - 1,
		.cookie = t->cookie,
		.date = t->date,
		.error = "",
	};
}

void transfer_destroy(struct transfer *t)
{
	if (!t)
		return;
	curl_easy_cleanup(t->easy);
	/* Tokens and passwords may be among them. */
	for (struct curl_slist *f = t->fields; f; f = f->next)
		secret_wipe(f->data, strlen(f->data));
	curl_slist_free_all(t->fields);
	if (t->body)
		secret_wipe(t->body, t->n_body);
	free(t->body);
	if (t->answer.data)
		secret_wipe(t->answer.data, t->answer.len);
	buf_fini(&t->answer);
	secret_wipe(t->cookie, sizeof(t->cookie));
	free(t);
}
