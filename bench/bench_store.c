/* How many signed events a second the gateway's store acknowledges, each on the
 * disk: N askers, each of whom asks again when it is answered.
 *
 *   bench_store [ASKERS [SECONDS [FOLDER]]]     32, 5, a new folder in /var/tmp */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "crypto/request_signature.h"
#include "gateway/store/store.h"

enum { ASKERS_MAX = 1024, TIMES_MAX = 1 << 20 };

static const char secret[] = "0123456789abcdef0123456789abcdef";
static const char body_sha256[] =
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct bench {
	struct loop *loop;
	struct store *store;
	char run[64], token[80];
	uint64_t until;
	long asked, waiting, refused;
	size_t n; /* answered */
	uint32_t *us;
};

struct asker {
	struct bench *bench;
	uint64_t since;
};

static void ask(struct asker *a);

static void answered(void *ctx, int status, struct json_ref answer)
{
	struct asker *a = ctx;
	struct bench *b = a->bench;
	(void)answer;
	b->waiting--;
	b->refused += status != 200;
	if (b->n < TIMES_MAX)
		b->us[b->n++] = (uint32_t)(clock_now_us() - a->since);
	if (clock_now_us() < b->until)
		ask(a);
	else if (b->waiting == 0)
		loop_stop(b->loop);
}

static void ask(struct asker *a)
{
	struct bench *b = a->bench;
	char timestamp[24], nonce[24], signature[REQUEST_SIGNATURE_TEXT];
	snprintf(timestamp, sizeof(timestamp), "%lld", (long long)time(NULL));
	snprintf(nonce, sizeof(nonce), "%016lx", ++b->asked);
	const struct request_signature r = { "POST", "/api/ingest/event", body_sha256, timestamp,
		nonce, b->run, b->token };
	if (request_signature_make(&r, secret, strlen(secret), signature))
		abort();
	const struct store_who who = { .kind = STORE_SIGNED,
		.address = "127.0.0.1",
		.method = r.method,
		.path = r.path,
		.target = r.path,
		.body_sha256 = body_sha256,
		.timestamp = timestamp,
		.nonce = nonce,
		.run_id = b->run,
		.capability_token = b->token,
		.signature = signature };
	struct json *args = json_make_object();
	json_put_text(args, "type", "info");
	json_put_text(args, "data", "an event of a usual length, as runners send them all day");
	json_put_int(args, "sequence", b->asked);
	a->since = clock_now_us();
	b->waiting++;
	if (store_ask(b->store, "event.add", &who, args, answered, a) < 0)
		abort();
}

static void noticed(void *ctx, const char *kind, struct json_ref body)
{
	(void)ctx;
	(void)kind;
	(void)body;
}

static void lost(void *ctx)
{
	(void)ctx;
	fprintf(stderr, "the store is lost\n");
	exit(1);
}

static int by_time(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void open_run(struct bench *b)
{
	static const struct store_who local = { .kind = STORE_LOCAL };
	struct json *answer;
	if (store_ask_now(b->store, "run.create", &local, NULL, &answer) != 200)
		abort();
	snprintf(b->run, sizeof(b->run), "%s", json_get_text(json_of(answer), "id"));
	snprintf(b->token, sizeof(b->token), "%s",
		json_get_text(json_of(answer), "capabilityToken"));
	json_drop(answer);
}

static void report(struct bench *b, int askers, double seconds)
{
	qsort(b->us, b->n, sizeof(*b->us), by_time);
	printf("%d askers: %.0f events a second, answered after %.2f ms (median), %.2f ms "
	       "(99 of 100); %ld refused\n",
		askers, (double)b->n / seconds, b->n ? b->us[b->n / 2] / 1e3 : 0,
		b->n ? b->us[b->n * 99 / 100] / 1e3 : 0, b->refused);
}

int main(int argc, char **argv)
{
	static struct asker askers[ASKERS_MAX];
	char dir[] = "/var/tmp/porthole-bench-XXXXXX", error[STORE_ERROR_MAX];
	int n = argc > 1 ? atoi(argv[1]) : 32, seconds = argc > 2 ? atoi(argv[2]) : 5;
	const struct store_config config = { .data_dir = argc > 3 ? argv[3] : mkdtemp(dir),
		.hmac_secret = secret };
	struct bench b = { .us = calloc(TIMES_MAX, sizeof(*b.us)) };
	b.store = n > 0 && n <= ASKERS_MAX && b.us ? store_start(&config, error) : NULL;
	if (!b.store) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	open_run(&b);
	b.loop = loop_create();
	if (!b.loop || store_attach(b.store, b.loop, noticed, lost, NULL))
		return 1;
	uint64_t start = clock_now_us();
	b.until = start + (uint64_t)seconds * 1000000;
	for (int i = 0; i < n; i++) {
		askers[i].bench = &b;
		ask(&askers[i]);
	}
	if (loop_run(b.loop))
		return 1;
	report(&b, n, (double)(clock_now_us() - start) / 1e6);
	store_stop(b.store);
	loop_destroy(b.loop);
	free(b.us);
	return 0;
}
