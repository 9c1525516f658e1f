#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/ssh_key.h"
#include "crypto/ssh_wire.h"
#include "crypto/text.h"
#include "key_room.h"

static int setup(void **state)
{
	int failed = key_room_setup(state);
	if (!failed)
		key_room_make(*state);
	return failed;
}

static int parse(const char *line, const char **why)
{
	/* exactly as long as the line, so that a byte read past it is seen */
	size_t n = strlen(line);
	char *exact = malloc(n ? n : 1);
	struct ssh_key *key;
	assert_non_null(exact);
	memcpy(exact, line, n);
	*why = NULL;
	int err = ssh_key_create(exact, n, &key, why);
	assert_true(err ? key == NULL && *why : key != NULL);
	ssh_key_destroy(key);
	free(exact);
	return err;
}

static void fingerprints_are_those_of_ssh_keygen(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(key_room_types); i++) {
		const struct key_room_type *t = &key_room_types[i];
		struct ssh_key *key = key_room_public(*state, t->name);
		char md5[SSH_KEY_MD5], sha256[SSH_KEY_SHA256], want[64];
		assert_string_equal(ssh_key_type(key), t->type);
		assert_string_equal(ssh_key_algorithm(key), t->algorithm);
		assert_int_equal(ssh_key_bits(key), t->bits);
		snprintf(want, sizeof(want), "comment %s", t->name);
		assert_string_equal(ssh_key_comment(key), want);
		ssh_key_fingerprint_md5(key, md5);
		ssh_key_fingerprint_sha256(key, sha256);
		key_room_run(
			*state, "ssh-keygen -E md5 -lf %s.pub | grep -F ' MD5:%s '", t->name, md5);
		key_room_run(*state, "ssh-keygen -lf %s.pub | grep -F ' %s '", t->name, sha256);
		ssh_key_destroy(key);
	}
}

static void fingerprints_are_taken_as_people_write_them(void **state)
{
	struct ssh_key *key = key_room_public(*state, "ed25519");
	char md5[SSH_KEY_MD5], sha256[SSH_KEY_SHA256], text[80], out[SSH_KEY_SHA256];
	ssh_key_fingerprint_md5(key, md5);
	ssh_key_fingerprint_sha256(key, sha256);
	assert_true(ssh_key_matches(key, md5));
	assert_true(ssh_key_matches(key, sha256));
	snprintf(text, sizeof(text), "MD5:%s", md5);
	assert_true(ssh_key_matches(key, text));
	snprintf(text, sizeof(text), "%s=", sha256);
	assert_true(ssh_key_matches(key, text));
	size_t n = 0;
	for (const char *p = md5; *p; p++)
		if (*p != ':')
			text[n++] = *p;
	text[n] = 0;
	assert_true(ssh_key_matches(key, text));
	assert_int_equal(ssh_key_parse_fingerprint(text, out), OK);
	assert_string_equal(out, md5);
	text[5] = text[5] == '0' ? '1' : '0';
	assert_int_equal(ssh_key_parse_fingerprint(text, out), OK);
	assert_false(ssh_key_matches(key, text));
	ssh_key_destroy(key);
}

static void what_is_no_fingerprint_is_refused(void **state)
{
	(void)state;
	static const char md5[] = "MD5:52:ae:6c:5d:77:f8:ab:65:5b:0e:54:bd:e4:c0:69:84";
	static const char sha256[] = "SHA256:EdHHUKe3PPsR7tMCpPOwFCKgpRQjzPfc7xYEEQli14w";
	static const char *const wrong[] = { "", "MD5:", "SHA256:", "md5:", "x", "52:ae",
		"52:ae:6c:5d:77:f8:ab:65:5b:0e:54:bd:e4:c0:69:8g",
		"52-ae-6c-5d-77-f8-ab-65-5b-0e-54-bd-e4-c0-69-84",
		"52:ae:6c:5d:77:f8:ab:65:5b:0e:54:bd:e4:c0:69:84:",
		"52ae6c5d77f8ab655b0e54bde4c06984:",
		"SHA256:EdHHUKe3PPsR7tMCpPOwFCKgpRQjzPfc7xYEEQli14w==",
		"SHA256:EdHHUKe3PPsR7tMCpPOwFCKgpRQjzPfc7xYEEQli14x",
		"SHA256:EdHHUKe3PPsR7tMCpPOwFCKgpRQjzPfc7xYEEQli1-w",
		"SHA1:EdHHUKe3PPsR7tMCpPOwFCKgpRQjzPfc7xYEEQli14w" };
	char out[SSH_KEY_SHA256], part[80];
	assert_int_equal(ssh_key_parse_fingerprint(md5, out), OK);
	assert_int_equal(ssh_key_parse_fingerprint(sha256, out), OK);
	assert_string_equal(out, sha256);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(ssh_key_parse_fingerprint(wrong[i], out), ERR_PROTO);
	for (size_t n = 0; n < strlen(md5); n++) {
		snprintf(part, sizeof(part), "%.*s", (int)n, md5);
		assert_int_equal(ssh_key_parse_fingerprint(part, out), ERR_PROTO);
	}
	for (size_t n = 0; n < strlen(sha256); n++) {
		snprintf(part, sizeof(part), "%.*s", (int)n, sha256);
		assert_int_equal(ssh_key_parse_fingerprint(part, out), ERR_PROTO);
	}
}

static void every_prefix_of_a_key_is_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(key_room_types); i++) {
		struct ssh_key *key = key_room_public(*state, key_room_types[i].name), *cut;
		size_t n;
		const uint8_t *blob = ssh_key_blob(key, &n);
		char base64[TEXT_BASE64_SIZE(SSH_KEY_BLOB_MAX)], line[SSH_KEY_LINE_MAX];
		const char *why;
		for (size_t part = 0; part < n; part++) {
			assert_int_equal(ssh_key_create_blob(blob, part, &cut, &why), ERR_PROTO);
			assert_null(cut);
		}
		text_put_base64(blob, n, base64);
		int len = snprintf(line, sizeof(line), "%s %s", key_room_types[i].type, base64);
		assert_int_equal(parse(line, &why), OK);
		while (len > 0) {
			line[--len] = 0;
			assert_int_equal(parse(line, &why), ERR_PROTO);
		}
		ssh_key_destroy(key);
	}
}

static void something_after_the_key_is_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(key_room_types); i++) {
		struct ssh_key *key = key_room_public(*state, key_room_types[i].name), *more;
		uint8_t longer[SSH_KEY_BLOB_MAX + 1] = { 0 };
		const char *why;
		size_t n;
		const uint8_t *blob = ssh_key_blob(key, &n);
		memcpy(longer, blob, n);
		assert_int_equal(ssh_key_create_blob(longer, n + 1, &more, &why), ERR_PROTO);
		assert_non_null(strstr(why, "follows"));
		assert_int_equal(
			ssh_key_create_blob(longer, sizeof(longer), &more, &why), ERR_LIMIT);
		ssh_key_destroy(key);
	}
}

static void lines_are_read_strictly(void **state)
{
	size_t n;
	const char *why;
	char line[SSH_KEY_LINE_MAX + 100], *text = key_room_read(*state, "ed25519.pub", &n);
	char *base64 = strchr(text, ' ') + 1;
	*strchr(base64, ' ') = 0;
	static const struct {
		const char *text; /* %s is the key */
		int want;
	} lines[] = {
		{ "ssh-ed25519 %s", OK },
		{ "ssh-ed25519 %s\n", OK },
		{ "ssh-ed25519 %s\r\n", OK },
		{ " \tssh-ed25519 \t %s \t", OK },
		{ "ssh-ed25519 %s a comment of words", OK },
		{ "ssh-ed25519 %s caf\xc3\xa9", OK },
		{ "ssh-ed25519 %s\n\n", ERR_PROTO },
		{ "ssh-ed25519 %s a\nssh-ed25519 b", ERR_PROTO },
		{ "ssh-ed25519 %s a\x1b[2J", ERR_PROTO },
		{ "ssh-ed25519 %s a\x7f", ERR_PROTO },
		{ "ssh-ed25519 %s a\tb", ERR_PROTO },
		{ "ssh-rsa %s", ERR_PROTO },
		{ "ssh-dss %s", ERR_PROTO },
		{ "ssh-ed25519-cert-v01@openssh.com %s", ERR_PROTO },
		{ "ssh-ed2551 %s", ERR_PROTO },
		{ "SSH-ED25519 %s", ERR_PROTO },
		{ "ssh-ed25519 =%s", ERR_PROTO },
		{ "command=\"x\" ssh-ed25519 %s", ERR_PROTO },
		{ "# ssh-ed25519 %s", ERR_PROTO },
		{ "%s", ERR_PROTO },
		{ "", ERR_PROTO },
		{ "\n", ERR_PROTO },
		{ "ssh-ed25519", ERR_PROTO },
		{ "ssh-ed25519 ", ERR_PROTO },
		{ "ssh-ed25519 AAAA", ERR_PROTO },
	};
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		const char *mark = strstr(lines[i].text, "%s");
		snprintf(line, sizeof(line), "%.*s%s%s", (int)(mark ? mark - lines[i].text : 0),
			lines[i].text, mark ? base64 : "", mark ? mark + 2 : lines[i].text);
		assert_int_equal(parse(line, &why), lines[i].want);
	}
	n = (size_t)snprintf(line, sizeof(line), "ssh-ed25519 %s ", base64);
	memset(line + n, 'c', 256);
	line[n + 256] = 0;
	assert_int_equal(parse(line, &why), ERR_LIMIT);
	line[n + 255] = 0;
	assert_int_equal(parse(line, &why), OK);
	memset(line, ' ', sizeof(line));
	line[SSH_KEY_LINE_MAX + 1] = 0;
	assert_int_equal(parse(line, &why), ERR_LIMIT);
	free(text);
}

/* A key put together by hand. */
static int judge(struct buf *b, const char **why)
{
	struct ssh_key *key;
	assert_int_equal(buf_ok(b), OK);
	int err = ssh_key_create_blob(b->data, b->len, &key, why);
	ssh_key_destroy(key);
	buf_fini(b);
	return err;
}

static int judge_rsa(size_t n_bits, size_t e_bits, uint8_t last)
{
	uint8_t n[4096] = { 0 }, e[4096] = { 0 };
	struct buf b;
	const char *why;
	buf_init(&b, sizeof(n) + sizeof(e));
	memset(n, 0xff, sizeof(n));
	memset(e, 0xff, sizeof(e));
	n[0] = (uint8_t)(0xff >> (8 - n_bits % 8) % 8);
	e[0] = (uint8_t)(0xff >> (8 - e_bits % 8) % 8);
	n[(n_bits + 7) / 8 - 1] &= last;
	ssh_wire_put_string(&b, "ssh-rsa", 7);
	ssh_wire_put_mpint(&b, e, (e_bits + 7) / 8);
	ssh_wire_put_mpint(&b, n, (n_bits + 7) / 8);
	return judge(&b, &why);
}

static void rsa_keys_have_a_fit_size(void **state)
{
	(void)state;
	assert_int_equal(judge_rsa(2048, 17, 0xff), OK);
	assert_int_equal(judge_rsa(8192, 17, 0xff), OK);
	assert_int_equal(judge_rsa(2047, 17, 0xff), ERR_LIMIT);
	assert_int_equal(judge_rsa(1024, 17, 0xff), ERR_LIMIT);
	assert_int_equal(judge_rsa(8, 17, 0xff), ERR_LIMIT);
	assert_int_equal(judge_rsa(8193, 17, 0xff), ERR_LIMIT);
	assert_int_equal(judge_rsa(2048, 17, 0xfe), ERR_PROTO);
	assert_int_equal(judge_rsa(2048, 2, 0xff), OK);
	assert_int_equal(judge_rsa(2048, 1, 0xff), ERR_PROTO);
	assert_int_equal(judge_rsa(2048, 64, 0xff), OK);
	assert_int_equal(judge_rsa(2048, 65, 0xff), ERR_PROTO);
	assert_int_equal(judge_rsa(2048, 2048, 0xff), ERR_PROTO);
}

static void numbers_have_one_form(void **state)
{
	(void)state;
	static const struct {
		const char *e;
		size_t n;
	} wrong[] = { { "", 0 }, { "\0", 1 }, { "\0\1", 2 }, { "\xff\xff", 2 }, { "\x80", 1 },
		{ "\0\0\x81", 3 } };
	uint8_t n[256];
	const char *why;
	memset(n, 0x81, sizeof(n));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct buf b;
		buf_init(&b, 1024);
		ssh_wire_put_string(&b, "ssh-rsa", 7);
		ssh_wire_put_string(&b, wrong[i].e, wrong[i].n);
		ssh_wire_put_mpint(&b, n, sizeof(n));
		assert_int_equal(judge(&b, &why), ERR_PROTO);
	}
	struct buf b;
	buf_init(&b, 1024);
	ssh_wire_put_string(&b, "ssh-rsa", 7);
	buf_put_u32(&b, UINT32_MAX);
	ssh_wire_put_mpint(&b, n, sizeof(n));
	assert_int_equal(judge(&b, &why), ERR_PROTO);
}

static int judge_point(const char *curve, const uint8_t *point, size_t n, const char **why)
{
	struct buf b;
	buf_init(&b, 1024);
	ssh_wire_put_string(&b, "ecdsa-sha2-nistp256", 19);
	ssh_wire_put_string(&b, curve, strlen(curve));
	ssh_wire_put_string(&b, point, n);
	return judge(&b, why);
}

static void points_lie_on_the_curve_of_the_type(void **state)
{
	struct ssh_key *key = key_room_public(*state, "p256");
	uint8_t point[65], compressed[33], wrong[65];
	const char *why;
	size_t n;
	const uint8_t *blob = ssh_key_blob(key, &n);
	memcpy(point, blob + n - sizeof(point), sizeof(point));
	ssh_key_destroy(key);
	assert_int_equal(judge_point("nistp256", point, sizeof(point), &why), OK);
	assert_int_equal(judge_point("nistp384", point, sizeof(point), &why), ERR_PROTO);
	assert_non_null(strstr(why, "curve"));
	assert_int_equal(judge_point("nistp256", point, sizeof(point) - 1, &why), ERR_PROTO);
	memcpy(wrong, point, sizeof(point));
	wrong[64] ^= 1;
	assert_int_equal(judge_point("nistp256", wrong, sizeof(wrong), &why), ERR_PROTO);
	memset(wrong + 1, 0xff, 64);
	assert_int_equal(judge_point("nistp256", wrong, sizeof(wrong), &why), ERR_PROTO);
	memset(wrong + 1, 0, 64);
	assert_int_equal(judge_point("nistp256", wrong, sizeof(wrong), &why), ERR_PROTO);
	memcpy(compressed, point, sizeof(compressed));
	compressed[0] = 2 | (point[64] & 1);
	assert_int_equal(judge_point("nistp256", compressed, sizeof(compressed), &why), ERR_PROTO);
	memcpy(wrong, point, sizeof(point));
	wrong[0] = 6 | (point[64] & 1); /* the hybrid form */
	assert_int_equal(judge_point("nistp256", wrong, sizeof(wrong), &why), ERR_PROTO);
	assert_int_equal(judge_point("nistp256", (const uint8_t *)"\0", 1, &why), ERR_PROTO);
}

/* openssl signs, with the same keys in PEM. */
static void signatures_of_openssl_are_verified(void **state)
{
	const char *dir = *state;
	key_room_write(dir, "text", "what is signed", 14);
	for (size_t i = 0; i < ARRAY_LEN(key_room_types); i++) {
		const struct key_room_type *t = &key_room_types[i];
		if (!t->digest)
			continue; /* ssh-keygen does not export Ed25519 */
		key_room_run(dir, "cp %s pem && ssh-keygen -q -p -N '' -m PEM -f pem", t->name);
		key_room_run(dir, "openssl dgst -%s -sign pem -out sig text", t->digest);
		struct ssh_key *key = key_room_public(dir, t->name);
		size_t n;
		char *sig = key_room_read(dir, "sig", &n);
		assert_int_equal(
			ssh_key_verify(key, t->algorithm, "what is signed", 14, sig, n), OK);
		for (size_t j = 0; j < ARRAY_LEN(key_room_types); j++)
			if (j != i)
				assert_int_equal(ssh_key_verify(key, key_room_types[j].algorithm,
							 "what is signed", 14, sig, n),
					ERR_AUTH);
		assert_int_equal(
			ssh_key_verify(key, t->algorithm, "what is Signed", 14, sig, n), ERR_AUTH);
		assert_int_equal(
			ssh_key_verify(key, t->algorithm, "what is signed", 13, sig, n), ERR_AUTH);
		for (size_t part = 0; part < n; part++)
			assert_int_equal(
				ssh_key_verify(key, t->algorithm, "what is signed", 14, sig, part),
				ERR_AUTH);
		for (size_t at = 0; at < n; at++) {
			sig[at] ^= 4;
			assert_int_equal(
				ssh_key_verify(key, t->algorithm, "what is signed", 14, sig, n),
				ERR_AUTH);
			sig[at] ^= 4;
		}
		assert_int_equal(
			ssh_key_verify(key, t->algorithm, "what is signed", 14, sig, n + 1),
			ERR_AUTH);
		ssh_key_destroy(key);
		free(sig);
	}
}

static void algorithms_go_with_their_keys(void **state)
{
	static const char *const never[] = { "", "rsa-sha1", "hs2019", "hmac-sha256", "dsa-sha1",
		"RSA-SHA256", "ed25519-sha256", "none" };
	const char *dir = *state;
	key_room_write(dir, "text", "what is signed", 14);
	key_room_run(dir, "cp rsa pem && ssh-keygen -q -p -N '' -m PEM -f pem && "
			  "openssl dgst -sha512 -sign pem -out sig512 text && "
			  "openssl dgst -sha1 -sign pem -out sig1 text");
	struct ssh_key *key = key_room_public(dir, "rsa");
	size_t n, n1;
	char *sig = key_room_read(dir, "sig512", &n), *sig1 = key_room_read(dir, "sig1", &n1);
	assert_int_equal(ssh_key_verify(key, "rsa-sha512", "what is signed", 14, sig, n), OK);
	assert_int_equal(ssh_key_verify(key, "rsa-sha256", "what is signed", 14, sig, n), ERR_AUTH);
	for (size_t i = 0; i < ARRAY_LEN(never); i++) {
		assert_int_equal(
			ssh_key_verify(key, never[i], "what is signed", 14, sig, n), ERR_AUTH);
		assert_int_equal(
			ssh_key_verify(key, never[i], "what is signed", 14, sig1, n1), ERR_AUTH);
	}
	free(sig);
	free(sig1);
	ssh_key_destroy(key);
	struct ssh_private *private = key_room_private(dir, "ed25519");
	struct ssh_signature s;
	assert_int_equal(ssh_private_sign(private, "x", 1, &s), OK);
	const struct ssh_key *public = ssh_private_public(private);
	assert_int_equal(ssh_key_verify(public, "ed25519", "x", 1, s.bytes, s.n), OK);
	assert_int_equal(ssh_key_verify(public, "ed25519-sha512", "x", 1, s.bytes, s.n), OK);
	assert_int_equal(ssh_key_verify(public, "rsa-sha512", "x", 1, s.bytes, s.n), ERR_AUTH);
	assert_int_equal(ssh_key_verify(public, "ed25519", "x", 1, s.bytes, 63), ERR_AUTH);
	ssh_private_destroy(private);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fingerprints_are_those_of_ssh_keygen),
		cmocka_unit_test(fingerprints_are_taken_as_people_write_them),
		cmocka_unit_test(what_is_no_fingerprint_is_refused),
		cmocka_unit_test(every_prefix_of_a_key_is_refused),
		cmocka_unit_test(something_after_the_key_is_refused),
		cmocka_unit_test(lines_are_read_strictly),
		cmocka_unit_test(rsa_keys_have_a_fit_size),
		cmocka_unit_test(numbers_have_one_form),
		cmocka_unit_test(points_lie_on_the_curve_of_the_type),
		cmocka_unit_test(signatures_of_openssl_are_verified),
		cmocka_unit_test(algorithms_go_with_their_keys),
	};
	return cmocka_run_group_tests(tests, setup, key_room_teardown);
}
