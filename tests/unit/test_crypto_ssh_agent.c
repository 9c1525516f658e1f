#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "crypto/ssh_agent.h"
#include "crypto/ssh_wire.h"
#include "key_room.h"

/* Time as it is, but that a test may be nearly out of it. */
static uint64_t jump_us;
static int jump_after;
uint64_t __real_clock_now_us(void);
uint64_t __wrap_clock_now_us(void);
uint64_t __wrap_clock_now_us(void)
{
	if (jump_after > 0 && --jump_after > 0)
		return __real_clock_now_us();
	return __real_clock_now_us() + jump_us;
}

static int setup(void **state)
{
	int failed = key_room_setup(state);
	if (!failed)
		key_room_make(*state);
	return failed;
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 10 * 1000 * 1000 }, NULL);
}

/* The real agent, in the foreground as a child; 0 when none runs. */
static pid_t agent_pid;

static void start_agent(const char *dir, char path[256])
{
	struct stat st;
	snprintf(path, 256, "%s/agent", dir);
	unlink(path);
	agent_pid = fork();
	assert_true(agent_pid >= 0);
	if (agent_pid == 0) {
		/* it prints where it is, which is no TAP */
		if (!freopen("/dev/null", "w", stdout))
			_exit(127);
		execlp("ssh-agent", "ssh-agent", "-D", "-a", path, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 1000 && stat(path, &st) < 0; i++)
		nap();
}

static void stop_agent(void)
{
	if (agent_pid > 0) {
		kill(agent_pid, SIGTERM);
		waitpid(agent_pid, NULL, 0);
	}
	agent_pid = 0;
}

static int teardown(void **state)
{
	stop_agent();
	return key_room_teardown(state);
}

static void the_real_agent_lists_and_signs(void **state)
{
	const char *dir = *state;
	char path[256], md5[SSH_KEY_MD5];
	struct ssh_agent *agent;
	struct ssh_signature s;
	start_agent(dir, path);
	assert_int_equal(ssh_agent_open(path, &agent), OK);
	assert_int_equal(ssh_agent_list(agent), OK);
	assert_null(ssh_agent_key(agent, 0));
	for (size_t i = 0; i < ARRAY_LEN(key_room_types); i++)
		key_room_run(dir, "SSH_AUTH_SOCK=%s ssh-add %s", path, key_room_types[i].name);
	assert_int_equal(ssh_agent_list(agent), OK);
	for (size_t i = 0; i < ARRAY_LEN(key_room_types); i++) {
		const struct ssh_key *listed = ssh_agent_key(agent, i);
		struct ssh_key *key = key_room_public(dir, key_room_types[i].name);
		assert_non_null(listed);
		ssh_key_fingerprint_md5(key, md5);
		assert_true(ssh_key_matches(listed, md5));
		/* often, as the numbers of ECDSA differ in length */
		for (int j = 0; j < 50; j++) {
			assert_int_equal(ssh_agent_sign(agent, listed, "text", 4, &s), OK);
			assert_string_equal(s.algorithm, key_room_types[i].algorithm);
			assert_int_equal(
				ssh_key_verify(key, s.algorithm, "text", 4, s.bytes, s.n), OK);
		}
		ssh_key_destroy(key);
	}
	assert_null(ssh_agent_key(agent, ARRAY_LEN(key_room_types)));
	struct ssh_key *removed = key_room_public(dir, "p384");
	key_room_run(dir, "SSH_AUTH_SOCK=%s ssh-add -d p384", path);
	assert_int_equal(ssh_agent_sign(agent, removed, "text", 4, &s), ERR_AUTH);
	assert_int_equal(ssh_agent_list(agent), OK);
	assert_null(ssh_agent_key(agent, ARRAY_LEN(key_room_types) - 1));
	stop_agent();
	assert_int_equal(ssh_agent_list(agent), ERR_IO);
	assert_int_equal(ssh_agent_sign(agent, removed, "text", 4, &s), ERR_IO);
	ssh_key_destroy(removed);
	ssh_agent_close(agent);
	assert_int_equal(ssh_agent_open(path, &agent), ERR_IO);
	assert_null(agent);
}

static void keys_of_other_types_are_left_out(void **state)
{
	const char *dir = *state;
	char path[256];
	struct ssh_agent *agent;
	start_agent(dir, path);
	key_room_run(dir,
		"ssh-keygen -q -t rsa -b 1024 -N '' -f small && "
		"ssh-keygen -q -s ed25519 -I id -n user p256.pub && "
		"export SSH_AUTH_SOCK=%s && ssh-add small && ssh-add p256 && "
		"rm p256-cert.pub && ssh-add p521",
		path);
	assert_int_equal(ssh_agent_open(path, &agent), OK);
	assert_int_equal(ssh_agent_list(agent), OK);
	assert_string_equal(ssh_key_type(ssh_agent_key(agent, 0)), "ecdsa-sha2-nistp256");
	assert_string_equal(ssh_key_type(ssh_agent_key(agent, 1)), "ecdsa-sha2-nistp521");
	assert_null(ssh_agent_key(agent, 2));
	ssh_agent_close(agent);
	stop_agent();
}

static void paths_that_lead_nowhere_are_refused(void **state)
{
	struct ssh_agent *agent;
	char path[300];
	snprintf(path, sizeof(path), "%s/rsa", (char *)*state);
	assert_int_equal(ssh_agent_open(path, &agent), ERR_IO);
	assert_int_equal(ssh_agent_open("", &agent), ERR_IO);
	assert_int_equal(ssh_agent_open("/nonexistent", &agent), ERR_IO);
	memset(path, 'x', sizeof(path));
	path[299] = 0;
	assert_int_equal(ssh_agent_open(path, &agent), ERR_IO);
	ssh_agent_close(NULL);
}

/* An agent that answers any request with given bytes and hangs up. */
struct fake {
	int listener;
	const uint8_t *answer;
	size_t n;
	bool stays; /* until the other side goes */
	pthread_t thread;
};

static void *serve(void *data)
{
	struct fake *f = data;
	uint8_t request[65536];
	int fd = accept(f->listener, NULL, NULL);
	if (fd >= 0 && recv(fd, request, sizeof(request), 0) > 0) {
		for (size_t at = 0; at < f->n;) {
			ssize_t n = send(fd, f->answer + at, f->n - at, MSG_NOSIGNAL);
			if (n <= 0)
				break;
			at += (size_t)n;
		}
		while (f->stays && recv(fd, request, sizeof(request), 0) > 0)
			;
	}
	close(fd);
	return NULL;
}

static struct ssh_agent *start_fake(struct fake *f, const char *dir, const void *answer, size_t n)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct ssh_agent *agent;
	int len = snprintf(address.sun_path, sizeof(address.sun_path), "%s/fake", dir);
	assert_in_range(len, 1, sizeof(address.sun_path) - 1);
	unlink(address.sun_path);
	f->answer = answer;
	f->n = n;
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(f->listener, 1), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
	assert_int_equal(ssh_agent_open(address.sun_path, &agent), OK);
	return agent;
}

static void stop_fake(struct fake *f, struct ssh_agent *agent)
{
	ssh_agent_close(agent);
	pthread_join(f->thread, NULL);
	close(f->listener);
}

static int list_from(const char *dir, const void *answer, size_t n, size_t *n_keys)
{
	struct fake f = { 0 };
	struct ssh_agent *agent = start_fake(&f, dir, answer, n);
	int err = ssh_agent_list(agent);
	for (*n_keys = 0; ssh_agent_key(agent, *n_keys);)
		++*n_keys;
	stop_fake(&f, agent);
	return err;
}

static void finish(struct buf *b)
{
	buf_set_u32(b, 0, (uint32_t)(b->len - 4));
	assert_int_equal(buf_ok(b), OK);
}

/* A list of n times the same key. */
static void make_list(struct buf *b, const struct ssh_key *key, uint32_t n)
{
	size_t n_blob;
	const uint8_t *blob = ssh_key_blob(key, &n_blob);
	buf_init(b, 1024 * 1024);
	buf_put_u32(b, 0);
	buf_put_u8(b, 12);
	buf_put_u32(b, n);
	for (uint32_t i = 0; i < n; i++) {
		ssh_wire_put_string(b, blob, n_blob);
		ssh_wire_put_string(b, "comment", 7);
	}
	finish(b);
}

static void every_prefix_of_a_list_is_refused(void **state)
{
	struct ssh_key *key = key_room_public(*state, "ed25519");
	struct buf b;
	size_t n_keys;
	make_list(&b, key, 2);
	assert_int_equal(list_from(*state, b.data, b.len, &n_keys), OK);
	assert_int_equal(n_keys, 2);
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(list_from(*state, b.data, n, &n_keys), ERR_IO);
	/* and with a length that fits the cut */
	for (size_t n = 5; n < b.len; n++) {
		buf_set_u32(&b, 0, (uint32_t)(n - 4));
		assert_int_equal(list_from(*state, b.data, n, &n_keys), ERR_PROTO);
	}
	buf_put_u8(&b, 0);
	finish(&b);
	assert_int_equal(list_from(*state, b.data, b.len, &n_keys), ERR_PROTO);
	buf_fini(&b);
	ssh_key_destroy(key);
}

static void lists_have_a_ceiling(void **state)
{
	struct ssh_key *key = key_room_public(*state, "ed25519");
	struct buf b;
	size_t n_keys;
	make_list(&b, key, 256);
	assert_int_equal(list_from(*state, b.data, b.len, &n_keys), OK);
	assert_int_equal(n_keys, 256);
	buf_fini(&b);
	make_list(&b, key, 257);
	assert_int_equal(list_from(*state, b.data, b.len, &n_keys), ERR_LIMIT);
	buf_fini(&b);
	ssh_key_destroy(key);
	static const uint8_t large[] = { 0, 4, 0, 1, 12 }, larger[] = { 255, 255, 255, 255, 12 };
	static const uint8_t empty[] = { 0, 0, 0, 0 }, other[] = { 0, 0, 0, 1, 6 },
			     failure[] = { 0, 0, 0, 1, 5 },
			     lying[] = { 0, 0, 0, 5, 12, 255, 255, 255, 255 };
	assert_int_equal(list_from(*state, large, sizeof(large), &n_keys), ERR_LIMIT);
	assert_int_equal(list_from(*state, larger, sizeof(larger), &n_keys), ERR_LIMIT);
	assert_int_equal(list_from(*state, empty, sizeof(empty), &n_keys), ERR_PROTO);
	assert_int_equal(list_from(*state, other, sizeof(other), &n_keys), ERR_PROTO);
	assert_int_equal(list_from(*state, failure, sizeof(failure), &n_keys), ERR_AUTH);
	assert_int_equal(list_from(*state, lying, sizeof(lying), &n_keys), ERR_PROTO);
}

static int sign_with(
	const char *dir, const char *name, const char *format, const void *blob, size_t n_blob)
{
	struct ssh_key *key = key_room_public(dir, name);
	struct ssh_signature s;
	struct fake f = { 0 };
	struct buf b;
	buf_init(&b, 65536);
	buf_put_u32(&b, 0);
	buf_put_u8(&b, 14);
	buf_put_u32(&b, (uint32_t)(8 + strlen(format) + n_blob));
	ssh_wire_put_string(&b, format, strlen(format));
	ssh_wire_put_string(&b, blob, n_blob);
	finish(&b);
	struct ssh_agent *agent = start_fake(&f, dir, b.data, b.len);
	int err = ssh_agent_sign(agent, key, "text", 4, &s);
	stop_fake(&f, agent);
	buf_fini(&b);
	ssh_key_destroy(key);
	return err;
}

static void wrong_signatures_are_refused(void **state)
{
	struct ssh_private *private = key_room_private(*state, "rsa");
	struct ssh_signature s;
	uint8_t zero[2048] = { 0 };
	assert_int_equal(ssh_private_sign(private, "text", 4, &s), OK);
	ssh_private_destroy(private);
	assert_int_equal(sign_with(*state, "rsa", "rsa-sha2-256", s.bytes, s.n), OK);
	assert_int_equal(sign_with(*state, "rsa", "ssh-rsa", s.bytes, s.n), ERR_PROTO);
	assert_int_equal(sign_with(*state, "rsa", "rsa-sha2-512", s.bytes, s.n), ERR_PROTO);
	assert_int_equal(sign_with(*state, "rsa", "rsa-sha2-256", s.bytes, s.n - 1), ERR_PROTO);
	assert_int_equal(sign_with(*state, "rsa", "rsa-sha2-256", zero, 0), ERR_PROTO);
	assert_int_equal(sign_with(*state, "rsa", "rsa-sha2-256", zero, 1024), ERR_PROTO);
	assert_int_equal(sign_with(*state, "rsa", "rsa-sha2-256", zero, 1025), ERR_PROTO);
	assert_int_equal(sign_with(*state, "ed25519", "ssh-ed25519", zero, 64), ERR_PROTO);
	static const char *const type = "ecdsa-sha2-nistp256";
	assert_int_equal(sign_with(*state, "p256", type, "\0\0\0\1\1\0\0\0\1\1", 10), ERR_PROTO);
	assert_int_equal(sign_with(*state, "p256", type, "\0\0\0\1\1\0\0\0\1", 9), ERR_PROTO);
	assert_int_equal(sign_with(*state, "p256", type, "\0\0\0\1\1\0\0\0\1\1x", 11), ERR_PROTO);
	assert_int_equal(sign_with(*state, "p256", type, "\0\0\0\0\0\0\0\1\1", 9), ERR_PROTO);
	zero[3] = 33;
	zero[4] = 1;
	zero[40] = 1;
	zero[41] = 1;
	assert_int_equal(sign_with(*state, "p256", type, zero, 42), ERR_PROTO);
}

static void silence_ends_in_time(void **state)
{
	static const uint8_t half[] = { 0, 0, 0, 9, 12 };
	struct fake f = { .stays = true };
	struct ssh_agent *agent = start_fake(&f, *state, half, sizeof(half));
	/* the deadline is set, and then all but 1 ms of it is over */
	jump_after = 2;
	jump_us = 5 * 1000 * 1000 - 1000;
	assert_int_equal(ssh_agent_list(agent), ERR_IO);
	jump_us = 0;
	jump_after = 0;
	assert_int_equal(ssh_agent_list(agent), ERR_IO);
	stop_fake(&f, agent);
}

static void requests_have_a_ceiling(void **state)
{
	char path[256];
	struct ssh_agent *agent;
	struct ssh_signature s;
	size_t n = 300 * 1024;
	char *data = calloc(1, n);
	struct ssh_key *key = key_room_public(*state, "ed25519");
	start_agent(*state, path);
	key_room_run(*state, "SSH_AUTH_SOCK=%s ssh-add ed25519", path);
	assert_non_null(data);
	assert_int_equal(ssh_agent_open(path, &agent), OK);
	assert_int_equal(ssh_agent_sign(agent, key, data, n, &s), ERR_LIMIT);
	assert_int_equal(ssh_agent_sign(agent, key, data, 64 * 1024, &s), ERR_LIMIT);
	assert_int_equal(ssh_agent_sign(agent, key, data, 60 * 1024, &s), OK);
	ssh_agent_close(agent);
	stop_agent();
	ssh_key_destroy(key);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_real_agent_lists_and_signs),
		cmocka_unit_test(keys_of_other_types_are_left_out),
		cmocka_unit_test(paths_that_lead_nowhere_are_refused),
		cmocka_unit_test(every_prefix_of_a_list_is_refused),
		cmocka_unit_test(lists_have_a_ceiling),
		cmocka_unit_test(wrong_signatures_are_refused),
		cmocka_unit_test(silence_ends_in_time),
		cmocka_unit_test(requests_have_a_ceiling),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
