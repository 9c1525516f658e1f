#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "crypto/request_signature.h"
#include "gateway/store/store.h"

static const char secret[] = "0123456789abcdef0123456789abcdef";
static const char empty_sha256[] =
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const struct store_who local = { .kind = STORE_LOCAL };

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/porthole-store-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const files[] = { "porthole.db", "porthole.db-wal", "porthole.db-shm",
		"lock", "other" };
	char path[100];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	return rmdir(dir);
}

static struct store *start(char error[STORE_ERROR_MAX])
{
	const struct store_config config = { .data_dir = dir, .hmac_secret = secret };
	error[0] = '\0';
	return store_start(&config, error);
}

static struct store *must_start(void)
{
	char error[STORE_ERROR_MAX];
	struct store *s = start(error);
	if (!s)
		fail_msg("%s", error);
	return s;
}

static void must_not_start(const char *because)
{
	char error[STORE_ERROR_MAX];
	struct store *s = start(error);
	store_stop(s);
	if (s || !strstr(error, because))
		fail_msg("%s: not because \"%s\"", error, because);
}

static void put_path(char path[100], const char *name)
{
	snprintf(path, 100, "%s/%s", dir, name);
}

/* An ask of the local administrator; the answer is the caller's. */
static struct json *ask(struct store *s, const char *op, struct json *args, int wanted)
{
	struct json *answer;
	int status = store_ask_now(s, op, &local, args, &answer);
	if (status != wanted)
		fail_msg("%s: %d %s", op, status, json_get_text(json_of(answer), "error"));
	return answer;
}

struct run {
	char id[64], token[80];
};

static struct run make_run(struct store *s)
{
	struct run r;
	struct json *answer = ask(s, "run.create", NULL, 200);
	snprintf(r.id, sizeof(r.id), "%s", json_get_text(json_of(answer), "id"));
	snprintf(r.token, sizeof(r.token), "%s", json_get_text(json_of(answer), "capabilityToken"));
	json_drop(answer);
	return r;
}

/* What a request says that a runner signed. */
struct signed_who {
	struct store_who who;
	char signature[REQUEST_SIGNATURE_TEXT], timestamp[24], nonce[40];
};

static void sign(struct signed_who *w, const struct run *r, const char *nonce)
{
	snprintf(w->timestamp, sizeof(w->timestamp), "%lld", (long long)time(NULL));
	snprintf(w->nonce, sizeof(w->nonce), "%s", nonce);
	const struct request_signature q = { "POST", "/api/ingest/event", empty_sha256,
		w->timestamp, w->nonce, r->id, r->token };
	assert_int_equal(request_signature_make(&q, secret, strlen(secret), w->signature), OK);
	w->who = (struct store_who){ .kind = STORE_SIGNED,
		.address = "127.0.0.1",
		.method = q.method,
		.path = q.path,
		.target = q.path,
		.body_sha256 = q.body_sha256,
		.timestamp = w->timestamp,
		.nonce = w->nonce,
		.run_id = r->id,
		.capability_token = r->token,
		.signature = w->signature };
}

static struct json *event_args(const char *data, int sequence)
{
	struct json *args = json_make_object();
	json_put_text(args, "type", "info");
	json_put_text(args, "data", data);
	if (sequence >= 0)
		json_put_int(args, "sequence", sequence);
	return args;
}

static void what_was_answered_is_there_after_a_restart(void **state)
{
	struct signed_who w;
	struct json *answer;
	struct stat st;
	char path[100];
	(void)state;
	struct store *s = must_start();
	struct run r = make_run(s);
	sign(&w, &r, "n1");
	assert_int_equal(store_ask_now(s, "event.add", &w.who, event_args("hi", 0), &answer), 200);
	json_drop(answer);
	store_stop(s);
	put_path(path, "porthole.db");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	s = must_start();
	assert_int_equal(store_ask_now(s, "event.add", &w.who, event_args("hi", 0), &answer), 401);
	assert_string_equal(json_get_text(json_of(answer), "error"),
		"Nonce already used (replay attack detected)");
	json_drop(answer);
	struct json *args = json_make_object();
	json_put_text(args, "id", r.id);
	answer = ask(s, "event.list", args, 200);
	assert_int_equal(json_len(json_get(json_of(answer), "events")), 1);
	json_drop(answer);
	store_stop(s);
	store_stop(NULL);
}

static void passwords_are_worked_on_aside(void **state)
{
	(void)state;
	struct store *s = must_start();
	struct json *args = json_make_object();
	json_put_text(args, "username", "anna");
	json_put_text(args, "password", "correct horse");
	json_put_text(args, "role", "admin");
	json_drop(ask(s, "user.create", args, 200));
	static const struct store_who nobody = { .kind = STORE_NOBODY, .address = "127.0.0.1" };
	struct json *answer;
	args = json_make_object();
	json_put_text(args, "username", "anna");
	json_put_text(args, "password", "correct horse");
	assert_int_equal(store_ask_now(s, "auth.login", &nobody, args, &answer), 200);
	const struct store_who session = { .kind = STORE_SESSION,
		.session = json_get_text(json_of(answer), "token") };
	struct json *me;
	assert_int_equal(store_ask_now(s, "auth.me", &session, NULL, &me), 200);
	json_drop(me);
	json_drop(answer);
	store_stop(s);
}

/* `levels` objects in one another; the caller's. */
static struct json *nest(int levels)
{
	struct json *inner = json_make_object();
	for (int i = 1; i < levels; i++) {
		struct json *outer = json_make_object();
		json_put(outer, "a", inner);
		inner = outer;
	}
	return inner;
}

/* The deepest that a request may have, and what is kept of one. */
static void levels_that_were_let_in_end_nothing(void **state)
{
	(void)state;
	struct store *s = must_start();
	json_drop(ask(s, "auth.login", nest(JSON_DEPTH_MAX), 400));
	struct json *args = json_make_object();
	json_put(args, "metadata", nest(JSON_DEPTH_MAX));
	json_drop(ask(s, "run.create", args, 400));
	args = json_make_object();
	json_put(args, "metadata", nest(JSON_DEPTH_MAX / 2));
	json_drop(ask(s, "run.create", args, 200));
	struct json *answer = ask(s, "run.list", NULL, 200);
	assert_int_equal(json_len(json_get(json_of(answer), "runs")), 1);
	json_drop(answer);
	store_stop(s);
}

static struct json *capabilities(void)
{
	char text[401] = "";
	struct json *list = json_make_list();
	for (int i = 0; i < 100; i++)
		memcpy(text + 4 * i, "\xf0\x9f\x98\x80", 4);
	for (int i = 0; i < 64; i++)
		json_add(list, json_make_text(text));
	return list;
}

/* Registers a client with as many long capabilities as there may be. */
static void add_long_client(struct store *s, const char *agent)
{
	struct signed_who w;
	struct run none = { "", "" };
	struct json *args = json_make_object(), *registered;
	json_put_text(args, "displayName", "d");
	json_put_text(args, "agentId", agent);
	struct json *client = ask(s, "client.create", args, 200);
	sign(&w, &none, agent);
	w.who.client_token = json_get_text(json_of(client), "token");
	args = json_make_object();
	json_put_text(args, "displayName", "d");
	json_put_text(args, "agentId", agent);
	json_put(args, "capabilities", capabilities());
	assert_int_equal(store_ask_now(s, "client.register", &w.who, args, &registered), 200);
	json_drop(registered);
	json_drop(client);
}

static void an_answer_that_is_too_long_is_an_error(void **state)
{
	(void)state;
	char agent[24];
	struct store *s = must_start();
	for (int i = 0; i < 700; i++) {
		snprintf(agent, sizeof(agent), "agent-%d", i);
		add_long_client(s, agent);
	}
	struct json *answer = ask(s, "client.list", NULL, 503);
	assert_string_equal(
		json_get_text(json_of(answer), "error"), "The answer is too long: ask for less");
	json_drop(answer);
	json_drop(ask(s, "setup.status", NULL, 200));
	store_stop(s);
}

static void one_folder_serves_one_gateway(void **state)
{
	(void)state;
	struct store *s = must_start();
	must_not_start("in use by another gateway");
	store_stop(s);
	store_stop(must_start());
}

static void open_folders_and_files_are_refused(void **state)
{
	char path[100];
	(void)state;
	store_stop(must_start());
	put_path(path, "porthole.db");
	assert_int_equal(chmod(path, 0640), 0);
	must_not_start("open to other users");
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	must_not_start("chmod 700");
	assert_int_equal(chmod(dir, 0700), 0);
	store_stop(must_start());
}

static void write_file(const char *name, const void *bytes, size_t n, off_t at)
{
	char path[100];
	put_path(path, name);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, at), n);
	close(fd);
}

static void run_sql(const char *text)
{
	char path[100];
	sqlite3 *db;
	sqlite3_stmt *stmt;
	put_path(path, "porthole.db");
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		;
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	char mode[100];
	put_path(mode, "porthole.db");
	chmod(mode, 0600);
}

static void files_of_others_are_refused(void **state)
{
	static const char nonsense[] = "This is no database, whatever its name may say about that.";
	uint8_t broken[8192];
	(void)state;
	write_file("porthole.db", nonsense, sizeof(nonsense), 0);
	must_not_start("damaged");
	char path[100];
	put_path(path, "porthole.db");
	unlink(path);
	run_sql("CREATE TABLE theirs (a)");
	must_not_start("another program's database");
	unlink(path);
	store_stop(must_start());
	run_sql("PRAGMA user_version = 9");
	must_not_start("made by a newer Porthole (schema 9, this one knows 1)");
	run_sql("PRAGMA user_version = 1");
	store_stop(must_start());
	memset(broken, 0xa5, sizeof(broken));
	write_file("porthole.db", broken, sizeof(broken), 4096 * 3);
	must_not_start("damaged");
}

static void try_read_only(void)
{
	char path[100];
	store_stop(must_start());
	put_path(path, "porthole.db");
	assert_int_equal(chmod(path, 0400), 0);
	must_not_start("writable");
	assert_int_equal(chmod(path, 0600), 0);
	store_stop(must_start());
}

/* Root may write everything: there somebody else tries it, who ends without a word
 * when all is well. */
static void a_read_only_file_says_what_to_do(void **state)
{
	enum { NOBODY = 65534 };
	int status;
	(void)state;
	if (geteuid() != 0) {
		try_read_only();
		return;
	}
	assert_int_equal(chown(dir, NOBODY, NOBODY), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (setgid(NOBODY) || setuid(NOBODY))
			_exit(2);
		try_read_only();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_full_disk_costs_the_request_only(void **state)
{
	char big[60000];
	struct rlimit was;
	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	getrlimit(RLIMIT_FSIZE, &was);
	const struct rlimit small = { 1024 * 1024, was.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	struct store *s = must_start();
	setrlimit(RLIMIT_FSIZE, &was);
	struct run r = make_run(s);
	int status = 200, added = -1;
	for (; status == 200 && added < 100; added++) {
		struct signed_who w;
		char nonce[40];
		struct json *answer;
		snprintf(nonce, sizeof(nonce), "full-%d", added);
		sign(&w, &r, nonce);
		status = store_ask_now(s, "event.add", &w.who, event_args(big, -1), &answer);
		if (status != 200)
			assert_string_equal(json_get_text(json_of(answer), "error"),
				"The gateway's disk is full");
		json_drop(answer);
	}
	assert_int_equal(status, 503);
	struct json *args = json_make_object();
	json_put_text(args, "id", r.id);
	json_drop(ask(s, "run.get", args, 200));
	store_stop(s);
	s = must_start(); /* there is room again */
	struct run again = make_run(s);
	assert_true(again.id[0] != 0);
	args = json_make_object();
	json_put_text(args, "id", r.id);
	struct json *answer = ask(s, "event.list", args, 200);
	assert_int_equal(json_len(json_get(json_of(answer), "events")), added);
	json_drop(answer);
	store_stop(s);
}

#define IN_A_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_DIR(what_was_answered_is_there_after_a_restart),
		IN_A_DIR(passwords_are_worked_on_aside),
		IN_A_DIR(levels_that_were_let_in_end_nothing),
		IN_A_DIR(an_answer_that_is_too_long_is_an_error),
		IN_A_DIR(one_folder_serves_one_gateway),
		IN_A_DIR(open_folders_and_files_are_refused),
		IN_A_DIR(files_of_others_are_refused),
		IN_A_DIR(a_read_only_file_says_what_to_do),
		IN_A_DIR(a_full_disk_costs_the_request_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
