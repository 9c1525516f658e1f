#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "crypto/request_signature.h"
#include "gateway/store/store.h"

enum { ASKERS = 32, EVENTS_MAX = 100000 };

static const char secret[] = "0123456789abcdef0123456789abcdef";
static const char empty_sha256[] =
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const struct store_who local = { .kind = STORE_LOCAL };

static struct {
	char dir[64], run[64], token[80];
	struct loop *loop;
	struct store *store;
	bool lost, ending;
	long sequence, nonce, waiting, answered, refused, notices;
	bool acknowledged[EVENTS_MAX]; /* by sequence */
} t;

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	strcpy(t.dir, "/tmp/porthole-loop-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	t.loop = NULL;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const files[] = { "porthole.db", "porthole.db-wal", "porthole.db-shm",
		"lock" };
	char path[100];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", t.dir, files[i]);
		unlink(path);
	}
	return rmdir(t.dir);
}

static void on_notice(void *ctx, const char *kind, struct json_ref body)
{
	(void)ctx;
	if (strcmp(kind, "event") == 0 && json_get_text(body, "runId"))
		t.notices++;
}

static void on_lost(void *ctx)
{
	(void)ctx;
	t.lost = true;
}

static void start(enum store_kind kind)
{
	const struct store_config config = {
		.kind = kind, .data_dir = t.dir, .hmac_secret = secret
	};
	char error[STORE_ERROR_MAX];
	t.store = store_start(&config, error);
	if (!t.store)
		fail_msg("%s", error);
	t.lost = false;
}

static void make_run(void)
{
	struct json *answer;
	assert_int_equal(store_ask_now(t.store, "run.create", &local, NULL, &answer), 200);
	snprintf(t.run, sizeof(t.run), "%s", json_get_text(json_of(answer), "id"));
	snprintf(t.token, sizeof(t.token), "%s", json_get_text(json_of(answer), "capabilityToken"));
	json_drop(answer);
}

static void attach(void)
{
	t.loop = loop_create();
	assert_non_null(t.loop);
	assert_int_equal(store_attach(t.store, t.loop, on_notice, on_lost, NULL), OK);
}

static void stop(void)
{
	store_stop(t.store);
	loop_destroy(t.loop);
	t.store = NULL;
	t.loop = NULL;
}

static int add_event(long sequence, store_answer_fn *on_answer, void *ctx)
{
	char timestamp[24], nonce[32], signature[REQUEST_SIGNATURE_TEXT];
	snprintf(timestamp, sizeof(timestamp), "%lld", (long long)time(NULL));
	snprintf(nonce, sizeof(nonce), "n%ld", ++t.nonce);
	const struct request_signature r = { "POST", "/api/ingest/event", empty_sha256, timestamp,
		nonce, t.run, t.token };
	assert_int_equal(request_signature_make(&r, secret, strlen(secret), signature), OK);
	const struct store_who who = { .kind = STORE_SIGNED,
		.address = "127.0.0.1",
		.method = r.method,
		.path = r.path,
		.target = r.path,
		.body_sha256 = r.body_sha256,
		.timestamp = timestamp,
		.nonce = nonce,
		.run_id = t.run,
		.capability_token = t.token,
		.signature = signature };
	struct json *args = json_make_object();
	json_put_text(args, "type", "info");
	json_put_text(args, "data", "x");
	json_put_int(args, "sequence", sequence);
	return store_ask(t.store, "event.add", &who, args, on_answer, ctx);
}

static void ask_again(void *ctx, int status, struct json_ref answer)
{
	bool *acknowledged = ctx;
	(void)answer;
	t.waiting--;
	t.answered++;
	*acknowledged = status == 200;
	t.refused += status != 200;
	if (status != 200 || t.ending || t.sequence == EVENTS_MAX)
		return;
	long sequence = t.sequence++;
	if (add_event(sequence, ask_again, &t.acknowledged[sequence]) > 0)
		t.waiting++;
}

static void ask_all(void)
{
	for (int i = 0; i < ASKERS; i++) {
		long sequence = t.sequence++;
		assert_true(add_event(sequence, ask_again, &t.acknowledged[sequence]) > 0);
		t.waiting++;
	}
}

/* The only child of this process. */
static pid_t find_process(void)
{
	char path[64], text[64] = "";
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	return (pid_t)atoi(text);
}

/* Marks what is there, by sequence. */
static void read_back(bool *there)
{
	long long after = 0;
	size_t n;
	do {
		struct json *args = json_make_object(), *answer;
		json_put_text(args, "id", t.run);
		json_put_int(args, "after", after);
		assert_int_equal(store_ask_now(t.store, "event.list", &local, args, &answer), 200);
		struct json_ref events = json_get(json_of(answer), "events");
		n = json_len(events);
		for (size_t i = 0; i < n; i++) {
			struct json_ref e = json_at(events, i);
			long long sequence = json_int(json_get(e, "sequence"), -1);
			assert_true(sequence >= 0 && sequence < EVENTS_MAX);
			assert_false(there[sequence]);
			there[sequence] = true;
			after = json_int(json_get(e, "id"), 0);
		}
		json_drop(answer);
	} while (n > 0);
}

static void killed_at_any_point_nothing_acknowledged_is_lost(void **state)
{
	enum { ROUNDS = 6 };
	static bool there[EVENTS_MAX];
	(void)state;
	start(STORE_SQLITE);
	make_run();
	for (int round = 0; round < ROUNDS; round++) {
		long enough = t.answered + 1 + (round * 211 + getpid()) % 700;
		attach();
		ask_all();
		while (t.answered < enough)
			loop_turn(t.loop);
		assert_int_equal(kill(find_process(), SIGKILL), 0);
		while (!t.lost)
			loop_turn(t.loop);
		assert_int_equal(t.waiting, 0);
		stop();
		start(STORE_SQLITE);
		memset(there, 0, sizeof(there));
		read_back(there);
		for (long i = 0; i < t.sequence; i++)
			if (t.acknowledged[i] && !there[i])
				fail_msg("event %ld of %ld was acknowledged and is gone", i,
					t.sequence);
	}
	stop();
}

static void count_answer(void *ctx, int status, struct json_ref answer)
{
	(void)answer;
	assert_int_equal(status, 200);
	++*(int *)ctx;
}

static void must_not_come(void *ctx, int status, struct json_ref answer)
{
	(void)ctx;
	(void)answer;
	fail_msg("an answer came: %d", status);
}

static void so_many_may_wait(void **state)
{
	int n = 0, answered = 0;
	uint64_t since = clock_now_us();
	(void)state;
	start(STORE_RAM);
	attach();
	int forgotten = store_ask(t.store, "run.list", &local, NULL, must_not_come, NULL);
	assert_true(forgotten > 0);
	store_forget(t.store, forgotten);
	store_forget(t.store, forgotten);
	while (store_ask(t.store, "setup.status", &local, NULL, count_answer, &answered) > 0)
		n++;
	assert_int_equal(n, 4095);
	assert_int_equal(answered, 0);
	while (answered < n)
		loop_turn(t.loop);
	int last = store_ask(t.store, "setup.status", &local, NULL, count_answer, &answered);
	assert_true(last > 0 && last != forgotten);
	store_forget(t.store, forgotten); /* is another one's place now */
	while (answered < n + 1)
		loop_turn(t.loop);
	/* More than a batch does not wait for the next one to come. */
	assert_true(clock_now_us() - since < 30 * 1000 * 1000);
	stop();
}

static void notices_tell_what_was_committed(void **state)
{
	(void)state;
	start(STORE_SQLITE);
	make_run();
	attach();
	ask_all();
	while (t.answered < 200)
		loop_turn(t.loop);
	t.ending = true;
	while (t.waiting > 0)
		loop_turn(t.loop);
	for (int i = 0; t.notices < t.answered && i < 1000; i++)
		loop_turn(t.loop);
	assert_int_equal(t.refused, 0);
	assert_int_equal(t.notices, t.answered);
	stop();
}

static void what_was_asked_is_done_before_the_end(void **state)
{
	static bool there[EVENTS_MAX], unused;
	(void)state;
	start(STORE_SQLITE);
	make_run();
	attach();
	for (long i = 0; i < 100; i++)
		assert_true(add_event(i, must_not_come, &unused) > 0);
	stop();
	start(STORE_SQLITE);
	memset(there, 0, sizeof(there));
	read_back(there);
	for (long i = 0; i < 100; i++)
		assert_true(there[i]);
	stop();
}

static void the_terminals_signals_do_not_reach_it(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	int answered = 0;
	(void)state;
	start(STORE_RAM);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		assert_int_equal(kill(find_process(), signals[i]), 0);
	attach();
	assert_true(store_ask(t.store, "setup.status", &local, NULL, count_answer, &answered) > 0);
	while (answered == 0)
		loop_turn(t.loop);
	stop();
}

static void it_keeps_no_descriptor_of_ours(void **state)
{
	char path[64], target[64];
	(void)state;
	int ours = open("/dev/null", O_RDONLY);
	assert_true(ours >= 0);
	assert_int_equal(dup2(ours, 200), 200);
	start(STORE_RAM);
	snprintf(path, sizeof(path), "/proc/%d/fd/200", (int)find_process());
	assert_true(readlink(path, target, sizeof(target)) < 0);
	close(ours);
	close(200);
	stop();
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(killed_at_any_point_nothing_acknowledged_is_lost),
		TEST(so_many_may_wait),
		TEST(notices_tell_what_was_committed),
		TEST(what_was_asked_is_done_before_the_end),
		TEST(the_terminals_signals_do_not_reach_it),
		TEST(it_keeps_no_descriptor_of_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
