#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "clerk.h"
#include "crypto/text.h"
#include "crypto/totp.h"

static struct clerk k;
static const int ram = CLERK_RAM, sqlite = CLERK_SQLITE;

static int open_clerk(void **state)
{
	clerk_open(&k, *(const int *)*state);
	return 0;
}

static int close_clerk(void **state)
{
	(void)state;
	clerk_close(&k);
	return 0;
}

static void set_up_needs_its_code(void **state)
{
	char code[200], old[200];
	(void)state;
	assert_int_equal(clerk_nobody(&k, "setup.status", NULL), 200);
	assert_true(json_bool(clerk_get(&k, "setupRequired"), false));
	assert_int_equal(clerk_nobody(&k, "setup.link", NULL), 403);
	assert_int_equal(clerk_local(&k, "setup.link", NULL), 200);
	clerk_keep(&k, "code", old);
	assert_int_equal(clerk_local(&k, "setup.link", NULL), 200);
	clerk_keep(&k, "code", code);
	static const char args[] =
		"{'username':'anna','password':'correct horse','setupCode':'%s'}";
	assert_int_equal(clerk_nobody(&k, "setup.complete",
				 "{'username':'anna','password':'correct horse'}"),
		403);
	assert_int_equal(
		clerk_nobody(&k, "setup.complete",
			"{'username':'anna','password':'correct horse','setupCode':'%s'}", old),
		403);
	assert_int_equal(
		clerk_nobody(&k, "setup.complete",
			"{'username':'an','password':'correct horse','setupCode':'%s'}", code),
		400);
	assert_int_equal(clerk_nobody(&k, "setup.complete",
				 "{'username':'anna','password':'short','setupCode':'%s'}", code),
		400);
	assert_int_equal(clerk_nobody(&k, "setup.complete", args, code), 200);
	assert_true(clerk_text(&k, "userId")[0] != 0);
	assert_int_equal(json_kind_of(clerk_get(&k, "totpUri")), JSON_TYPE_NULL);
	assert_int_equal(clerk_nobody(&k, "setup.complete", args, code), 400);
	assert_string_equal(clerk_error(&k), "Setup already completed");
	assert_int_equal(clerk_local(&k, "setup.link", NULL), 409);
	assert_int_equal(clerk_nobody(&k, "setup.status", NULL), 200);
	assert_false(json_bool(clerk_get(&k, "setupRequired"), true));
	assert_true(json_bool(clerk_get(&k, "localAuthEnabled"), false));
}

static void sessions_live_a_day(void **state)
{
	char token[200];
	(void)state;
	clerk_user(&k, "Anna", "admin", token);
	assert_int_equal(strlen(token), 96);
	assert_int_equal(clerk_int(&k, "expiresAt"), k.now + 86400);
	assert_int_equal(clerk_session(&k, token, "auth.me", NULL), 200);
	assert_string_equal(json_get_text(clerk_get(&k, "user"), "username"), "Anna");
	assert_string_equal(json_get_text(clerk_get(&k, "user"), "role"), "admin");
	assert_int_equal(clerk_session(&k, "", "auth.me", NULL), 401);
	assert_string_equal(clerk_error(&k), "Authentication required");
	assert_int_equal(clerk_nobody(&k, "auth.me", NULL), 401);
	assert_string_equal(clerk_error(&k), "Authentication required");
	assert_int_equal(clerk_session(&k, "abc", "auth.me", NULL), 401);
	assert_string_equal(clerk_error(&k), "Invalid or expired session");
	k.now += 86399;
	assert_int_equal(clerk_session(&k, token, "auth.me", NULL), 200);
	k.now += 1;
	assert_int_equal(clerk_session(&k, token, "auth.me", NULL), 401);
}

static void logging_out_ends_the_session(void **state)
{
	char token[200];
	(void)state;
	clerk_user(&k, "anna", "viewer", token);
	assert_int_equal(clerk_session(&k, token, "auth.logout", NULL), 200);
	assert_non_null(json_get_text(clerk_notice(&k, "revoked"), "session"));
	assert_int_equal(clerk_session(&k, token, "auth.me", NULL), 401);
}

static void roles_are_checked(void **state)
{
	char viewer[200], operator[200], admin[200];
	(void)state;
	clerk_user(&k, "viewer", "viewer", viewer);
	clerk_user(&k, "operator", "operator", operator);
	clerk_user(&k, "admin", "admin", admin);
	assert_int_equal(clerk_session(&k, viewer, "run.create", NULL), 403);
	assert_string_equal(clerk_error(&k), "Insufficient permissions");
	assert_int_equal(clerk_session(&k, operator, "run.create", NULL), 200);
	assert_int_equal(clerk_session(&k, operator, "user.list", NULL), 403);
	assert_int_equal(clerk_session(&k, admin, "user.list", NULL), 200);
	assert_int_equal(json_len(clerk_get(&k, "users")), 3);
	assert_int_equal(clerk_session(&k, admin, "auth.link", NULL), 403);
	assert_int_equal(clerk_session(&k, admin, "counts", NULL), 403);
	assert_int_equal(clerk_session(&k, admin, "run.commands", NULL), 401);
	assert_string_equal(clerk_error(&k), "Missing authentication headers");
	/* Who may not, does not learn what the arguments must be. */
	assert_int_equal(clerk_session(&k, viewer, "user.create", "{'username':1}"), 403);
	assert_int_equal(clerk_session(&k, admin, "no.such", NULL), 404);
}

static void wrong_passwords_wait(void **state)
{
	char token[200];
	(void)state;
	clerk_user(&k, "anna", "admin", token);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(
			clerk_nobody(&k, "auth.login", "{'username':'anna','password':'wrong'}"),
			401);
		assert_string_equal(clerk_error(&k), "Invalid credentials");
	}
	static const char right[] = "{'username':'anna','password':'correct horse'}";
	assert_int_equal(clerk_nobody(&k, "auth.login", right), 429);
	assert_int_equal(clerk_int(&k, "retryAfter"), 10);
	assert_int_equal(clerk_session(&k, token, "auth.me", NULL), 200);
	k.now += 10;
	assert_int_equal(clerk_nobody(&k, "auth.login", "{'username':'anna','password':'x'}"), 401);
	assert_int_equal(clerk_nobody(&k, "auth.login", right), 429);
	assert_int_equal(clerk_int(&k, "retryAfter"), 20);
	k.now += 20;
	assert_int_equal(clerk_nobody(&k, "auth.login", right), 200);
	assert_int_equal(
		clerk_nobody(&k, "auth.login", "{'username':'nobody','password':'correct horse'}"),
		401);
	assert_string_equal(clerk_error(&k), "Invalid credentials");
}

/* Guessing at an account from everywhere does not keep its owner out. */
static void an_account_waits_for_those_who_failed_at_it(void **state)
{
	static const char right[] = "{'username':'Anna','password':'correct horse'}";
	static const char wrong[] = "{'username':'anna','password':'wrong'}";
	static const char others[] = "{'username':'bert','password':'wrong'}";
	const struct store_who mallory = { .kind = STORE_NOBODY, .address = "192.0.2.66" };
	const struct store_who clean = { .kind = STORE_NOBODY, .address = "192.0.2.9" };
	const struct store_who clumsy = { .kind = STORE_NOBODY, .address = "192.0.2.10" };
	char token[200], address[40];
	(void)state;
	clerk_user(&k, "Anna", "admin", token);
	clerk_user(&k, "bert", "viewer", token);
	for (int i = 0; i < 5; i++) {
		const struct store_who one = { .kind = STORE_NOBODY, .address = address };
		snprintf(address, sizeof(address), "198.51.100.%d", i);
		assert_int_equal(clerk_ask(&k, "auth.login", &one, wrong), 401);
	}
	assert_int_equal(clerk_ask(&k, "auth.login",
				 &(struct store_who){ .address = "198.51.100.1" }, right),
		429);
	assert_int_equal(clerk_int(&k, "retryAfter"), 10);
	/* Who failed at another account has his try at this one. */
	assert_int_equal(clerk_ask(&k, "auth.login", &clumsy, others), 401);
	assert_int_equal(clerk_ask(&k, "auth.login", &clumsy, right), 200);
	assert_int_equal(clerk_ask(&k, "auth.login", &clean, right), 200);
	for (int i = 0; i < 5; i++) {
		const struct store_who one = { .kind = STORE_NOBODY, .address = address };
		snprintf(address, sizeof(address), "203.0.113.%d", i);
		assert_int_equal(clerk_ask(&k, "auth.login", &one, wrong), 401);
	}
	/* One try, and then bound; an account of one's own does not buy another. */
	assert_int_equal(clerk_ask(&k, "auth.login", &mallory, wrong), 401);
	assert_int_equal(clerk_ask(&k, "auth.login", &mallory, right), 429);
	assert_int_equal(clerk_ask(&k, "auth.login", &mallory,
				 "{'username':'bert','password':'correct horse'}"),
		200);
	assert_int_equal(clerk_ask(&k, "auth.login", &mallory, right), 429);
	assert_int_equal(clerk_ask(&k, "auth.login", &clean, right), 200);
	/* An hour later nobody remembers. */
	k.now += 3601;
	assert_int_equal(clerk_ask(&k, "auth.login", &mallory, wrong), 401);
}

static void guessers_lock_out_nobody_elsewhere(void **state)
{
	char token[200];
	const struct store_who guesser = { .kind = STORE_NOBODY, .address = "2001:db8::1" };
	const struct store_who beside = { .kind = STORE_NOBODY, .address = "2001:db8::ffff" };
	(void)state;
	clerk_user(&k, "anna", "admin", token);
	for (int i = 0; i < 5; i++)
		assert_int_equal(clerk_ask(&k, "auth.login", &guesser,
					 "{'username':'anna','password':'wrong'}"),
			401);
	assert_int_equal(clerk_ask(&k, "auth.login", &beside,
				 "{'username':'anna','password':'correct horse'}"),
		429);
	/* Nobody has failed from here. */
	assert_int_equal(
		clerk_nobody(&k, "auth.login", "{'username':'anna','password':'correct horse'}"),
		200);
}

/* The code of now, by trying: the secret is in the URI. */
static void put_code(const char *uri, long long now, char code[8])
{
	char secret[64];
	const char *at = strstr(uri, "secret=");
	int64_t step;
	assert_non_null(at);
	snprintf(secret, sizeof(secret), "%.*s", (int)strcspn(at + 7, "&"), at + 7);
	for (int i = 0; i < 1000000; i++) {
		snprintf(code, 8, "%06d", i);
		if (totp_check(secret, code, now, &step) && step == now / 30)
			return;
	}
	fail_msg("no code");
}

static void second_factors_are_used_once(void **state)
{
	char code[8];
	(void)state;
	assert_int_equal(clerk_local(&k, "user.create",
				 "{'username':'anna','password':'correct horse','role':'admin',"
				 "'enableTotp':true}"),
		200);
	put_code(clerk_text(&k, "totpUri"), k.now, code);
	assert_int_equal(
		clerk_nobody(&k, "auth.login", "{'username':'anna','password':'correct horse'}"),
		401);
	assert_string_equal(clerk_error(&k), "TOTP code required");
	assert_true(json_bool(clerk_get(&k, "totpRequired"), false));
	assert_int_equal(
		clerk_nobody(&k, "auth.login",
			"{'username':'anna','password':'correct horse','totpCode':'12345'}"),
		401);
	assert_string_equal(clerk_error(&k), "Invalid TOTP code");
	static const char right[] =
		"{'username':'anna','password':'correct horse','totpCode':'%s'}";
	assert_int_equal(clerk_nobody(&k, "auth.login", right, code), 200);
	assert_int_equal(clerk_nobody(&k, "auth.login", right, code), 401);
	assert_string_equal(clerk_error(&k), "Invalid TOTP code");
}

static void users_switch_their_second_factor(void **state)
{
	char token[200], code[8], uri[400];
	static const char with[] = "{'username':'anna','password':'correct horse','totpCode':'%s'}",
			  confirm[] = "{'enable':true,'totpCode':'%s'}";
	(void)state;
	clerk_user(&k, "anna", "viewer", token);
	assert_int_equal(clerk_local(&k, "user.totp", "{'enable':true}"), 400);
	assert_int_equal(clerk_nobody(&k, "user.totp", "{'enable':true}"), 401);
	assert_int_equal(clerk_session(&k, token, "user.totp", confirm, "123456"), 409);
	for (int i = 0; i < 2; i++) { /* the later secret counts */
		assert_int_equal(clerk_session(&k, token, "user.totp", "{'enable':true}"), 200);
		assert_non_null(strstr(clerk_text(&k, "totpUri"), clerk_text(&k, "secret")));
		assert_false(json_bool(clerk_get(&k, "totp"), true));
	}
	snprintf(uri, sizeof(uri), "%s", clerk_text(&k, "totpUri"));
	/* Nothing is asked for yet, and a wrong code changes nothing. */
	put_code(uri, k.now + 3600, code);
	assert_int_equal(clerk_session(&k, token, "user.totp", confirm, code), 401);
	assert_int_equal(
		clerk_nobody(&k, "auth.login", "{'username':'anna','password':'correct horse'}"),
		200);
	put_code(uri, k.now, code);
	assert_int_equal(clerk_session(&k, token, "user.totp", confirm, code), 200);
	assert_true(json_bool(clerk_get(&k, "totp"), false));
	assert_int_equal(clerk_session(&k, token, "user.totp", "{'enable':true}"), 409);
	assert_int_equal(
		clerk_nobody(&k, "auth.login", "{'username':'anna','password':'correct horse'}"),
		401);
	/* That code was used. */
	assert_int_equal(clerk_nobody(&k, "auth.login", with, code), 401);
	k.now += 60;
	put_code(uri, k.now, code);
	assert_int_equal(clerk_nobody(&k, "auth.login", with, code), 200);

	assert_int_equal(clerk_session(&k, token, "user.totp", "{'enable':false}"), 400);
	assert_int_equal(
		clerk_session(&k, token, "user.totp", "{'enable':false,'password':'wrong'}"), 401);
	k.now += 60;
	assert_int_equal(clerk_session(&k, token, "user.totp",
				 "{'enable':false,'password':'correct horse'}"),
		200);
	assert_int_equal(
		clerk_nobody(&k, "auth.login", "{'username':'anna','password':'correct horse'}"),
		200);
}

static void a_new_secret_waits_ten_minutes(void **state)
{
	char anna[200], otto[200], code[8];
	(void)state;
	clerk_user(&k, "anna", "viewer", anna);
	clerk_user(&k, "otto", "viewer", otto);
	assert_int_equal(clerk_session(&k, anna, "user.totp", "{'enable':true}"), 200);
	k.now += 600;
	put_code(clerk_text(&k, "totpUri"), k.now, code);
	assert_int_equal(
		clerk_session(&k, anna, "user.totp", "{'enable':true,'totpCode':'%s'}", code), 409);
	/* Nor does it count for another. */
	assert_int_equal(clerk_session(&k, anna, "user.totp", "{'enable':true}"), 200);
	put_code(clerk_text(&k, "totpUri"), k.now, code);
	assert_int_equal(
		clerk_session(&k, otto, "user.totp", "{'enable':true,'totpCode':'%s'}", code), 409);
}

static void login_codes_are_used_once(void **state)
{
	char token[200], code[200];
	(void)state;
	assert_int_equal(clerk_local(&k, "auth.link", NULL), 404);
	clerk_user(&k, "anna", "admin", token);
	assert_int_equal(clerk_local(&k, "auth.link", NULL), 200);
	clerk_keep(&k, "code", code);
	assert_int_equal(clerk_nobody(&k, "auth.exchange", "{'code':'%s'}", code), 200);
	clerk_keep(&k, "token", token);
	assert_int_equal(clerk_nobody(&k, "auth.exchange", "{'code':'%s'}", code), 401);
	assert_int_equal(clerk_session(&k, token, "auth.me", NULL), 200);
	assert_int_equal(clerk_local(&k, "auth.link", "{'username':'ANNA'}"), 200);
	clerk_keep(&k, "code", code);
	k.now += 600;
	assert_int_equal(clerk_nobody(&k, "auth.exchange", "{'code':'%s'}", code), 401);
}

static void the_last_administrator_stays(void **state)
{
	char admin[200], viewer[200], id[200], other[200];
	(void)state;
	clerk_user(&k, "admin", "admin", admin);
	clerk_keep(&k, "token", admin);
	snprintf(id, sizeof(id), "%s", json_get_text(clerk_get(&k, "user"), "id"));
	clerk_user(&k, "viewer", "viewer", viewer);
	snprintf(other, sizeof(other), "%s", json_get_text(clerk_get(&k, "user"), "id"));
	assert_int_equal(clerk_session(&k, admin, "user.delete", "{'id':'%s'}", id), 409);
	assert_int_equal(
		clerk_session(&k, admin, "user.update", "{'id':'%s','disabled':true}", id), 409);
	assert_int_equal(
		clerk_session(&k, admin, "user.update", "{'id':'%s','role':'viewer'}", id), 409);
	assert_int_equal(
		clerk_session(&k, admin, "user.update", "{'id':'%s','role':'admin'}", other), 200);
	assert_non_null(json_get_text(clerk_notice(&k, "revoked"), "user"));
	assert_int_equal(clerk_session(&k, viewer, "user.list", NULL), 200);
	assert_int_equal(
		clerk_session(&k, viewer, "user.update", "{'id':'%s','disabled':true}", id), 200);
	assert_int_equal(clerk_session(&k, admin, "auth.me", NULL), 401);
	assert_int_equal(
		clerk_nobody(&k, "auth.login", "{'username':'admin','password':'correct horse'}"),
		401);
	assert_int_equal(clerk_session(&k, viewer, "user.delete", "{'id':'%s'}", id), 200);
	assert_int_equal(clerk_session(&k, viewer, "user.delete", "{'id':'%s'}", id), 404);
}

static void passwords_are_changed_by_who_knows_them(void **state)
{
	char here[200], there[200];
	(void)state;
	clerk_user(&k, "anna", "admin", there);
	assert_int_equal(
		clerk_nobody(&k, "auth.login", "{'username':'anna','password':'correct horse'}"),
		200);
	clerk_keep(&k, "token", here);
	assert_int_equal(clerk_session(&k, here, "user.password",
				 "{'password':'wrong','newPassword':'battery staple'}"),
		401);
	assert_int_equal(clerk_session(&k, here, "user.password",
				 "{'password':'correct horse','newPassword':'battery staple'}"),
		200);
	assert_int_equal(clerk_session(&k, here, "auth.me", NULL), 200);
	assert_int_equal(clerk_session(&k, there, "auth.me", NULL), 401);
	assert_int_equal(
		clerk_nobody(&k, "auth.login", "{'username':'anna','password':'correct horse'}"),
		401);
	assert_int_equal(
		clerk_nobody(&k, "auth.login", "{'username':'anna','password':'battery staple'}"),
		200);
}

static void usernames_are_unique_in_any_case(void **state)
{
	char token[200];
	(void)state;
	clerk_user(&k, "anna", "admin", token);
	assert_int_equal(
		clerk_local(&k, "user.create", "{'username':'ANNA','password':'correct horse'}"),
		409);
	assert_int_equal(
		clerk_local(&k, "user.create", "{'username':'a b c','password':'correct horse'}"),
		400);
}

#define BOTH(test)                                                                                 \
	cmocka_unit_test_prestate_setup_teardown(                                                  \
		test, open_clerk, close_clerk, (void *)(uintptr_t)&ram),                           \
		cmocka_unit_test_prestate_setup_teardown(                                          \
			test, open_clerk, close_clerk, (void *)(uintptr_t)&sqlite)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(set_up_needs_its_code),
		BOTH(sessions_live_a_day),
		BOTH(logging_out_ends_the_session),
		BOTH(roles_are_checked),
		BOTH(wrong_passwords_wait),
		BOTH(an_account_waits_for_those_who_failed_at_it),
		BOTH(guessers_lock_out_nobody_elsewhere),
		BOTH(second_factors_are_used_once),
		BOTH(users_switch_their_second_factor),
		BOTH(a_new_secret_waits_ten_minutes),
		BOTH(login_codes_are_used_once),
		BOTH(the_last_administrator_stays),
		BOTH(passwords_are_changed_by_who_knows_them),
		BOTH(usernames_are_unique_in_any_case),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
