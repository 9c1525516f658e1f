#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "crypto/ssh_bcrypt.h"
#include "crypto/text.h"
#include "key_room.h"

static int setup(void **state)
{
	int failed = key_room_setup(state);
	if (!failed)
		key_room_make(*state);
	return failed;
}

/* Answers in turn. */
struct user {
	const char *answers[4];
	int asked;
};

static bool answer(void *data, int attempt, char *out)
{
	struct user *u = data;
	assert_int_equal(attempt, u->asked);
	const char *text = u->answers[u->asked++];
	if (text)
		snprintf(out, SSH_PRIVATE_PASSPHRASE, "%s", text);
	return text != NULL;
}

static int load(const char *dir, const char *name, struct user *user, struct ssh_private **key,
	char error[256])
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	error[0] = 0;
	int err = ssh_private_load(path, user ? answer : NULL, user, key, error, 256);
	assert_true(err ? *key == NULL && strstr(error, path) == error : *key != NULL);
	return err;
}

/* Loads, signs, and checks that it is the key NAME.pub. */
static void assert_is(const char *dir, const char *file, const char *name, struct user *user)
{
	struct ssh_private *private;
	struct ssh_signature s;
	char error[256], md5[SSH_KEY_MD5];
	if (load(dir, file, user, &private, error) != OK)
		fail_msg("%s", error);
	struct ssh_key *key = key_room_public(dir, name);
	ssh_key_fingerprint_md5(key, md5);
	assert_true(ssh_key_matches(ssh_private_public(private), md5));
	assert_int_equal(ssh_private_sign(private, "text", 4, &s), OK);
	assert_string_equal(s.algorithm, ssh_key_algorithm(key));
	assert_int_equal(ssh_key_verify(key, s.algorithm, "text", 4, s.bytes, s.n), OK);
	ssh_key_destroy(key);
	ssh_private_destroy(private);
}

static void assert_refused(
	const char *dir, const char *file, struct user *user, int want, const char *why)
{
	struct ssh_private *key;
	char error[256];
	int err = load(dir, file, user, &key, error);
	ssh_private_destroy(key);
	assert_int_equal(err, want);
	if (!strstr(error, why))
		fail_msg("\"%s\" does not say \"%s\"", error, why);
}

static void files_of_openssh_are_read(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(key_room_types); i++)
		assert_is(*state, key_room_types[i].name, key_room_types[i].name, NULL);
}

static void openssl_verifies_what_is_signed(void **state)
{
	const char *dir = *state;
	key_room_write(dir, "text", "what is signed", 14);
	for (size_t i = 0; i < ARRAY_LEN(key_room_types); i++) {
		const struct key_room_type *t = &key_room_types[i];
		if (!t->digest)
			continue; /* ssh-keygen does not export Ed25519 */
		struct ssh_private *key = key_room_private(dir, t->name);
		struct ssh_signature s;
		assert_int_equal(ssh_private_sign(key, "what is signed", 14, &s), OK);
		key_room_write(dir, "sig", s.bytes, s.n);
		key_room_run(dir, "ssh-keygen -e -m PKCS8 -f %s.pub > pub.pem", t->name);
		key_room_run(
			dir, "openssl dgst -%s -verify pub.pem -signature sig text", t->digest);
		ssh_private_destroy(key);
	}
}

static void openssl_verifies_ed25519(void **state)
{
	const char *dir = *state;
	key_room_write(dir, "text", "what is signed", 14);
	key_room_run(dir, "umask 077; openssl genpkey -algorithm ed25519 -out ed.pem && "
			  "openssl pkey -in ed.pem -pubout -out pub.pem");
	struct ssh_private *key = key_room_private(dir, "ed.pem");
	struct ssh_signature s;
	assert_int_equal(ssh_private_sign(key, "what is signed", 14, &s), OK);
	assert_int_equal(s.n, 64);
	key_room_write(dir, "sig", s.bytes, s.n);
	key_room_run(dir, "openssl pkeyutl -verify -rawin -pubin -inkey pub.pem -sigfile sig "
			  "-in text");
	key_room_run(dir, "openssl pkeyutl -sign -rawin -inkey ed.pem -in text -out sig2");
	size_t n;
	char *sig = key_room_read(dir, "sig2", &n);
	assert_int_equal(ssh_key_verify(ssh_private_public(key), "ed25519-sha512", "what is signed",
				 14, sig, n),
		OK);
	free(sig);
	ssh_private_destroy(key);
}

static void pem_files_are_read(void **state)
{
	const char *dir = *state;
	for (size_t i = 0; i < 4; i++) {
		const char *name = key_room_types[i].name;
		/* PKCS#1 or SEC1, then PKCS#8 */
		key_room_run(dir,
			"cp %s pem && ssh-keygen -q -p -N '' -m PEM -f pem && "
			"grep -E 'BEGIN (RSA|EC) PRIVATE' pem",
			name);
		assert_is(dir, "pem", name, NULL);
		key_room_run(dir, "openssl pkcs8 -topk8 -nocrypt -in pem -out pem8 && "
				  "chmod 600 pem8 && grep 'BEGIN PRIVATE' pem8");
		assert_is(dir, "pem8", name, NULL);
	}
	/* a SEC1 file may hold its point compressed */
	key_room_run(dir, "cp p256 pem && ssh-keygen -q -p -N '' -m PEM -f pem && "
			  "openssl ec -in pem -conv_form compressed -out short && chmod 600 short");
	assert_is(dir, "short", "p256", NULL);
}

static void encrypted_files_ask_for_the_passphrase(void **state)
{
	const char *dir = *state;
	static const char *const ciphers[] = { "aes256-ctr", "aes192-ctr", "aes128-ctr",
		"aes256-cbc", "aes128-cbc" };
	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++) {
		const char *name = key_room_types[i].name;
		key_room_run(dir,
			"cp %s enc && ssh-keygen -q -p -a 2 -Z %s -P '' -N 'p\xc3\xa4ss' "
			"-f enc",
			name, ciphers[i]);
		struct user user = { .answers = { "p\xc3\xa4ss" } };
		assert_is(dir, "enc", name, &user);
		assert_int_equal(user.asked, 1);
	}
	key_room_run(dir,
		"cp rsa enc && ssh-keygen -q -p -N '' -m PEM -f enc && "
		"openssl rsa -in enc -aes128 -traditional -passout pass:pass -out enc1 && "
		"openssl pkcs8 -topk8 -in enc -passout pass:pass -out enc8 && "
		"chmod 600 enc1 enc8 && grep DEK-Info enc1 && grep 'BEGIN ENC' enc8");
	struct user user = { .answers = { "pass" } };
	assert_is(dir, "enc1", "rsa", &user);
	user.asked = 0;
	assert_is(dir, "enc8", "rsa", &user);
	assert_int_equal(user.asked, 1);
}

static void three_passphrases_may_be_tried(void **state)
{
	const char *dir = *state;
	key_room_run(dir, "cp ed25519 enc && ssh-keygen -q -p -a 1 -P '' -N passw -f enc && "
			  "cp rsa enc1 && ssh-keygen -q -p -P '' -N passw -m PEM -f enc1");
	static const char *const files[][2] = { { "enc", "ed25519" }, { "enc1", "rsa" } };
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct user third = { .answers = { "", "Passw", "passw" } };
		assert_is(dir, files[i][0], files[i][1], &third);
		struct user fourth = { .answers = { "a", "b", "c", "passw" } };
		assert_refused(dir, files[i][0], &fourth, ERR_AUTH, "wrong passphrase");
		assert_int_equal(fourth.asked, 3);
		struct user tired = { .answers = { "a", NULL } };
		assert_refused(dir, files[i][0], &tired, ERR_AUTH, "wrong passphrase");
		assert_int_equal(tired.asked, 2);
		assert_refused(dir, files[i][0], NULL, ERR_AUTH, "encrypted");
	}
}

static void what_is_no_key_is_refused(void **state)
{
	const char *dir = *state;
	key_room_run(dir, "umask 077; cp ed25519.pub pub; : > empty; "
			  "head -c 40000 /dev/zero > long; mkdir folder; "
			  "openssl genpkey -algorithm x25519 -out x25519; "
			  "openssl ecparam -genkey -name secp256k1 -noout -out k1; "
			  "openssl genrsa -out small 1024; mkfifo pipe; chmod 644 rsa.pub; "
			  "cp rsa open; chmod 640 open; "
			  "cp p384 gcm; ssh-keygen -q -p -a 1 -Z aes256-gcm@openssh.com -P '' "
			  "-N pass -f gcm");
	struct user user = { .answers = { "pass" } };
	assert_refused(dir, "missing", NULL, ERR_IO, "no such file");
	assert_refused(dir, "folder", NULL, ERR_IO, "not a file");
	assert_refused(dir, "pipe", NULL, ERR_IO, "not a file");
	assert_refused(dir, "open", NULL, ERR_IO, "chmod 600");
	assert_refused(dir, "pub", NULL, ERR_PROTO, "not a private key");
	assert_refused(dir, "empty", NULL, ERR_PROTO, "not a private key");
	assert_refused(dir, "long", NULL, ERR_PROTO, "too long");
	assert_refused(dir, "x25519", NULL, ERR_PROTO, "type");
	assert_refused(dir, "k1", NULL, ERR_PROTO, "type");
	assert_refused(dir, "small", NULL, ERR_PROTO, "2048");
	assert_refused(dir, "gcm", &user, ERR_PROTO, "ssh-agent");
	assert_int_equal(user.asked, 0);
}

/* Decodes an OpenSSH file, flips bits of one byte, cuts the end, and writes it again. */
static void damage(const char *dir, const char *from, const char *to, size_t at, uint8_t mask,
	size_t cut, size_t *n_bytes)
{
	static const char first[] = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
	size_t n, n_digits = 0;
	uint8_t bytes[4096];
	char *text = key_room_read(dir, from, &n), digits[8192];
	for (char *p = text + strlen(first); *p != '-'; p++)
		if (*p != '\n')
			digits[n_digits++] = *p;
	assert_int_equal(text_parse_base64(digits, n_digits, bytes, sizeof(bytes), n_bytes), OK);
	bytes[at % *n_bytes] ^= mask;
	n = (size_t)snprintf(digits, sizeof(digits), "%s", first);
	text_put_base64(bytes, *n_bytes - cut, digits + n);
	n += strlen(digits + n);
	n += (size_t)snprintf(
		digits + n, sizeof(digits) - n, "\n-----END OPENSSH PRIVATE KEY-----\n");
	key_room_write(dir, to, digits, n);
	free(text);
}

/* A flipped bit shows everywhere but in the comment. */
static void damaged_files_are_refused(void **state)
{
	const char *dir = *state;
	static const char *const names[] = { "ed25519", "p256" };
	key_room_run(dir, ": > bad; chmod 600 bad");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t n = 1, passed = 0;
		for (size_t cut = 1; cut < n || cut == 1; cut++) {
			struct ssh_private *key;
			char error[256];
			damage(dir, names[i], "bad", 0, 0, cut, &n);
			assert_int_equal(load(dir, "bad", NULL, &key, error), ERR_PROTO);
		}
		for (size_t at = 0; at < n; at++) {
			struct ssh_private *key;
			char error[256];
			damage(dir, names[i], "bad", at, 1, 0, &n);
			passed += load(dir, "bad", NULL, &key, error) == OK;
			ssh_private_destroy(key);
		}
		assert_in_range(passed, 1, strlen("comment ") + strlen(names[i]));
	}
}

static void every_prefix_of_a_file_is_refused(void **state)
{
	const char *dir = *state;
	size_t n;
	char *text = key_room_read(dir, "ed25519", &n);
	key_room_run(dir, ": > bad; chmod 600 bad");
	/* but for the last line's end */
	for (size_t part = 0; part < n - 1; part++) {
		key_room_write(dir, "bad", text, part);
		assert_refused(dir, "bad", NULL, ERR_PROTO, "");
	}
	free(text);
}

/* Known answers that other implementations test with. */
static void bcrypt_makes_known_keys(void **state)
{
	(void)state;
	static const struct {
		uint32_t rounds;
		size_t n;
		const char *key;
	} cases[] = {
		{ 4, 32, "5bbf0cc293587f1c3635555c27796598d47e579071bf427e9d8fbe842aba34d9" },
		{ 8, 64,
			"e1367ec5151a33faac4cc1c144cd23fa15d5548493ecc99b9b5d9c0d3b27bec7"
			"6227ea66088b849b20ab7aa478010246e74bba51723fefa9f9474d6508845e8d" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t key[64];
		char hex[TEXT_HEX_SIZE(sizeof(key))];
		assert_int_equal(ssh_bcrypt_key("password", (const uint8_t *)"salt", 4,
					 cases[i].rounds, key, cases[i].n),
			OK);
		text_put_hex(key, cases[i].n, hex);
		assert_string_equal(hex, cases[i].key);
	}
}

static void bcrypt_refuses_too_much_work(void **state)
{
	(void)state;
	uint8_t key[65], salt[65] = { 1 };
	assert_int_equal(ssh_bcrypt_key("p", salt, 16, 0, key, 32), ERR_LIMIT);
	assert_int_equal(
		ssh_bcrypt_key("p", salt, 16, SSH_BCRYPT_ROUNDS_MAX + 1, key, 32), ERR_LIMIT);
	assert_int_equal(ssh_bcrypt_key("p", salt, 16, UINT32_MAX, key, 32), ERR_LIMIT);
	assert_int_equal(ssh_bcrypt_key("p", salt, 0, 1, key, 32), ERR_LIMIT);
	assert_int_equal(ssh_bcrypt_key("p", salt, 65, 1, key, 32), ERR_LIMIT);
	assert_int_equal(ssh_bcrypt_key("p", salt, 16, 1, key, 65), ERR_LIMIT);
	assert_int_equal(ssh_bcrypt_key("p", salt, 16, 1, key, 0), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_of_openssh_are_read),
		cmocka_unit_test(openssl_verifies_what_is_signed),
		cmocka_unit_test(openssl_verifies_ed25519),
		cmocka_unit_test(pem_files_are_read),
		cmocka_unit_test(encrypted_files_ask_for_the_passphrase),
		cmocka_unit_test(three_passphrases_may_be_tried),
		cmocka_unit_test(what_is_no_key_is_refused),
		cmocka_unit_test(damaged_files_are_refused),
		cmocka_unit_test(every_prefix_of_a_file_is_refused),
		cmocka_unit_test(bcrypt_makes_known_keys),
		cmocka_unit_test(bcrypt_refuses_too_much_work),
	};
	return cmocka_run_group_tests(tests, setup, key_room_teardown);
}
