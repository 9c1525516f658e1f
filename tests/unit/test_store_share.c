#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "clerk.h"
#include "crypto/http_date.h"
#include "crypto/http_signature.h"
#include "crypto/ssh_private.h"

static struct clerk k;
static const int ram = CLERK_RAM, sqlite = CLERK_SQLITE;
static char run[200], token[200];

static int open_clerk(void **state)
{
	clerk_open(&k, *(const int *)*state);
	clerk_run(&k, run, token);
	return 0;
}

static int close_clerk(void **state)
{
	(void)state;
	clerk_close(&k);
	return 0;
}

static int redeem(const char *ticket)
{
	return clerk_nobody(&k, "ticket.redeem", "{'ticket':'%s','runId':'%s'}", ticket, run);
}

static void make_ticket(const char *session, const char *rights, char ticket[200])
{
	assert_int_equal(clerk_session(&k, session, "ticket.create", "{'id':'%s','rights':'%s'}",
				 run, rights),
		200);
	clerk_keep(&k, "ticket", ticket);
}

static void tickets_open_one_channel(void **state)
{
	char viewer[200], operator[200], ticket[200];
	(void)state;
	clerk_user(&k, "viewer", "viewer", viewer);
	clerk_user(&k, "operator", "operator", operator);
	assert_int_equal(
		clerk_session(&k, viewer, "ticket.create", "{'id':'%s','rights':'control'}", run),
		403);
	make_ticket(operator, "control", ticket);
	assert_string_equal(clerk_text(&k, "rights"), "control");
	assert_int_equal(clerk_int(&k, "expiresAt"), k.now + 30);
	assert_int_equal(
		clerk_nobody(&k, "ticket.redeem", "{'ticket':'%s','runId':'x'}", ticket), 401);
	assert_int_equal(redeem(ticket), 200);
	assert_string_equal(clerk_text(&k, "rights"), "control");
	assert_string_equal(json_get_text(clerk_get(&k, "user"), "username"), "operator");
	assert_non_null(json_get_text(clerk_get(&k, "grant"), "ticket"));
	assert_non_null(json_get_text(clerk_get(&k, "grant"), "session"));
	assert_int_equal(redeem(ticket), 401);
	assert_string_equal(clerk_error(&k), "Invalid or expired ticket");
	make_ticket(viewer, "view", ticket);
	k.now += 30;
	assert_int_equal(redeem(ticket), 401);
	assert_int_equal(clerk_session(&k, viewer, "ticket.create",
				 "{'id':'%s','rights':'view','ttl':31}", run),
		400);
	assert_int_equal(
		clerk_session(&k, viewer, "ticket.create", "{'id':'none','rights':'view'}"), 404);
}

static void tickets_end_with_what_gave_them(void **state)
{
	char viewer[200], operator[200], ticket[200], id[200];
	(void)state;
	clerk_user(&k, "viewer", "viewer", viewer);
	make_ticket(viewer, "view", ticket);
	assert_int_equal(clerk_session(&k, viewer, "auth.logout", NULL), 200);
	assert_int_equal(redeem(ticket), 401);
	clerk_user(&k, "operator", "operator", operator);
	snprintf(id, sizeof(id), "%s", json_get_text(clerk_get(&k, "user"), "id"));
	make_ticket(operator, "control", ticket);
	assert_int_equal(clerk_local(&k, "user.update", "{'id':'%s','role':'viewer'}", id), 200);
	assert_int_equal(redeem(ticket), 401);
}

/* A right ticket is taken from where somebody guesses too; a password is not. */
static void guessing_tickets_counts(void **state)
{
	char viewer[200], ticket[200];
	(void)state;
	clerk_user(&k, "viewer", "viewer", viewer);
	make_ticket(viewer, "view", ticket);
	for (int i = 0; i < 5; i++)
		assert_int_equal(redeem("guess"), 401);
	assert_int_equal(redeem("guess"), 429);
	assert_int_equal(redeem(ticket), 200);
	assert_int_equal(clerk_nobody(&k, "auth.exchange", "{'code':'guess'}"), 429);
	assert_true(clerk_int(&k, "retryAfter") > 0);
}

static void links_give_tickets(void **state)
{
	char operator[200], code[200], link[200], ticket[200];
	(void)state;
	clerk_user(&k, "operator", "operator", operator);
	assert_int_equal(clerk_session(&k, operator, "link.create",
				 "{'id':'%s','rights':'view','ttl':59}", run),
		400);
	assert_int_equal(clerk_session(&k, operator, "link.create",
				 "{'id':'%s','rights':'view','ttl':3600}", run),
		200);
	clerk_keep(&k, "code", code);
	clerk_keep(&k, "link", link);
	assert_int_equal(clerk_session(&k, operator, "link.list", "{'id':'%s'}", run), 200);
	assert_int_equal(json_len(clerk_get(&k, "links")), 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(clerk_nobody(&k, "link.ticket", "{'code':'%s'}", code), 200);
		clerk_keep(&k, "ticket", ticket);
		assert_string_equal(clerk_text(&k, "runId"), run);
		assert_int_equal(redeem(ticket), 200);
		assert_string_equal(json_get_text(clerk_get(&k, "grant"), "link"), link);
	}
	assert_int_equal(clerk_nobody(&k, "link.ticket", "{'code':'%s'}", code), 200);
	clerk_keep(&k, "ticket", ticket);
	assert_int_equal(
		clerk_session(&k, operator, "link.delete", "{'link':'%s','id':'x'}", link), 404);
	assert_int_equal(clerk_session(&k, operator, "link.delete", "{'link':'%s'}", link), 200);
	assert_string_equal(json_get_text(clerk_notice(&k, "revoked"), "link"), link);
	assert_int_equal(redeem(ticket), 401);
	assert_int_equal(clerk_nobody(&k, "link.ticket", "{'code':'%s'}", code), 401);
}

static void sessions_open_channels_by_their_role(void **state)
{
	char viewer[200], operator[200];
	(void)state;
	clerk_user(&k, "viewer", "viewer", viewer);
	clerk_user(&k, "operator", "operator", operator);
	assert_int_equal(clerk_session(&k, viewer, "view.open", "{'id':'%s'}", run), 200);
	assert_string_equal(clerk_text(&k, "rights"), "view");
	assert_int_equal(clerk_session(&k, operator, "view.open", "{'id':'%s'}", run), 200);
	assert_string_equal(clerk_text(&k, "rights"), "control");
	assert_non_null(json_get_text(clerk_get(&k, "grant"), "session"));
	assert_int_equal(clerk_nobody(&k, "view.open", "{'id':'%s'}", run), 401);
}

static const char public_key[] =
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4 anna@box";

static void keys_belong_to_users(void **state)
{
	char anna[200], bert[200], admin[200], id[200];
	(void)state;
	clerk_user(&k, "anna", "viewer", anna);
	clerk_user(&k, "bert", "viewer", bert);
	clerk_user(&k, "admin", "admin", admin);
	assert_int_equal(clerk_session(&k, anna, "key.add", "{'key':'nonsense'}"), 400);
	assert_int_equal(clerk_session(&k, anna, "key.add", "{'key':'%s'}", public_key), 200);
	clerk_keep(&k, "id", id);
	assert_string_equal(clerk_text(&k, "type"), "ssh-ed25519");
	assert_string_equal(clerk_text(&k, "username"), "anna");
	assert_string_equal(clerk_text(&k, "comment"), "anna@box");
	assert_int_equal(clerk_session(&k, bert, "key.add", "{'key':'%s'}", public_key), 409);
	assert_int_equal(clerk_session(&k, bert, "key.list", "{'username':'anna'}"), 403);
	assert_int_equal(clerk_session(&k, bert, "key.delete", "{'id':'%s'}", id), 404);
	assert_int_equal(clerk_session(&k, admin, "key.list", "{'username':'anna'}"), 200);
	assert_int_equal(json_len(clerk_get(&k, "keys")), 1);
	assert_int_equal(clerk_local(&k, "key.list", NULL), 200);
	assert_int_equal(json_len(clerk_get(&k, "keys")), 1);
	assert_int_equal(clerk_session(&k, admin, "key.delete", "{'id':'%s'}", id), 200);
	assert_int_equal(clerk_session(&k, anna, "key.list", NULL), 200);
	assert_int_equal(json_len(clerk_get(&k, "keys")), 0);
}

static int sign_with(void *data, const void *text, size_t n, struct ssh_signature *out)
{
	return ssh_private_sign(data, text, n, out);
}

static int ask_with_key(struct ssh_private *key, const char *key_id, const char *method,
	const char *op, const char *signed_target)
{
	char date[HTTP_DATE_TEXT], value[4096];
	http_date_put(k.now, date);
	assert_int_equal(http_signature_build(method, signed_target, date, key_id, sign_with, key,
				 value, sizeof(value)),
		OK);
	const struct store_who who = { .kind = STORE_KEY,
		.method = method,
		.path = "/api/x",
		.target = "/api/x?a=b",
		.authorization = value,
		.date = date };
	return clerk_ask(&k, op, &who, NULL);
}

static void requests_are_signed_with_ssh_keys(void **state)
{
	char admin[200], md5[200], error[200], id[400], path[] = "/tmp/porthole-key-XXXXXX";
	char command[300], line[400] = "";
	struct ssh_private *key = NULL;
	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	snprintf(command, sizeof(command),
		"rm %s && ssh-keygen -q -t ed25519 -N '' -C x -f %s && cat %s.pub", path, path,
		path);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	pclose(f);
	line[strcspn(line, "\n")] = '\0';
	assert_int_equal(ssh_private_load(path, NULL, NULL, &key, error, sizeof(error)), OK);
	remove(path);
	snprintf(command, sizeof(command), "%s.pub", path);
	remove(command);
	clerk_user(&k, "Admin", "admin", admin);
	assert_int_equal(clerk_session(&k, admin, "key.add", "{'key':'%s'}", line), 200);
	clerk_keep(&k, "fingerprintMd5", md5);
	snprintf(id, sizeof(id), "/admin/keys/%s", md5);
	static const char target[] = "/api/x?a=b";
	assert_int_equal(ask_with_key(key, id, "GET", "user.list", target), 200);
	assert_int_equal(ask_with_key(key, id, "GET", "user.list", target), 200);
	assert_int_equal(ask_with_key(key, id, "POST", "run.create", target), 200);
	assert_int_equal(ask_with_key(key, id, "POST", "run.create", target), 401);
	assert_int_equal(ask_with_key(key, id, "GET", "user.list", "/api/y"), 401);
	assert_int_equal(ask_with_key(key, "/nobody/keys/aa", "GET", "user.list", target), 401);
	snprintf(id, sizeof(id), "/company/users/admin/keys/%s", md5);
	assert_int_equal(ask_with_key(key, id, "GET", "user.list", target), 200);
	ssh_private_destroy(key);
}

static void runs_are_machines_too(void **state)
{
	char id[200];
	(void)state;
	assert_int_equal(clerk_local(&k, "run.create", "{'workerType':'claude'}"), 200);
	assert_int_equal(clerk_local(&k, "machine.list", NULL), 200);
	assert_int_equal(clerk_int(&k, "total"), 1);
	struct json_ref m = json_at(clerk_get(&k, "machines"), 0);
	assert_string_equal(json_get_text(m, "name"), "a run");
	assert_string_equal(json_get_text(m, "state"), "provisioning");
	snprintf(id, sizeof(id), "%s", json_get_text(m, "id"));
	assert_int_equal(strlen(id), 36);
	assert_int_equal(clerk_local(&k, "machine.list", "{'name':'a run'}"), 200);
	assert_int_equal(clerk_int(&k, "total"), 1);
	assert_int_equal(clerk_local(&k, "machine.list", "{'name':'another'}"), 200);
	assert_int_equal(clerk_int(&k, "total"), 0);
	assert_int_equal(clerk_local(&k, "machine.get", "{'id':'%s'}", id), 200);
	assert_string_equal(clerk_text(&k, "runId"), run);
	assert_int_equal(clerk_local(&k, "machine.get", "{'id':'%s'}", run), 200);
	assert_string_equal(clerk_text(&k, "brand"), "bhyve");
	assert_int_equal(clerk_local(&k, "machine.get", "{'id':'none'}"), 404);
	assert_int_equal(clerk_local(&k, "run.create", "{'id':'shell','workerType':'bash'}"), 200);
	assert_int_equal(clerk_local(&k, "machine.get", "{'id':'shell'}"), 200);
	assert_string_equal(clerk_text(&k, "brand"), "joyent");
	assert_int_equal(json_kind_of(clerk_get(&k, "runId")), JSON_TYPE_NONE);
}

static void what_happened_is_in_the_audit_log(void **state)
{
	char admin[200];
	const struct store_who gateway = { .kind = STORE_GATEWAY };
	(void)state;
	clerk_user(&k, "admin", "admin", admin);
	assert_int_equal(clerk_ask(&k, "tunnel.closed", &gateway,
				 "{'runId':'%s','user':'anna','rights':'view','reason':'left',"
				 "'bytesFromViewer':5,'peers':['192.0.2.7','192.0.2.8']}",
				 run),
		200);
	assert_int_equal(clerk_session(&k, admin, "audit.list", "{'action':'channel_close'}"), 200);
	assert_int_equal(clerk_int(&k, "total"), 1);
	struct json_ref e = json_at(clerk_get(&k, "entries"), 0);
	assert_string_equal(json_get_text(e, "target_id"), run);
	assert_int_equal(json_int(json_get(json_get(e, "details"), "bytesFromViewer"), 0), 5);
	assert_int_equal(clerk_session(&k, admin, "audit.list", "{'user':'local','limit':1}"), 200);
	assert_true(json_bool(clerk_get(&k, "hasMore"), false));
	assert_int_equal(clerk_session(&k, admin, "audit.list", "{'from':%lld}", k.now + 1), 200);
	assert_int_equal(clerk_int(&k, "total"), 0);
	assert_int_equal(clerk_session(&k, admin, "dashboard", NULL), 200);
	assert_int_equal(json_int(json_get(clerk_get(&k, "stats"), "pending"), 0), 1);
	assert_true(json_len(clerk_get(&k, "activity")) > 0);
	assert_int_equal(clerk_ask(&k, "counts", &gateway, NULL), 200);
	assert_int_equal(json_int(json_get(clerk_get(&k, "runs"), "pending"), 0), 1);
}

static char ended[200];

static void session_ended(void *ctx, const char *id)
{
	(void)ctx;
	snprintf(ended, sizeof(ended), "%s", id);
}

static void what_expired_is_swept(void **state)
{
	char viewer[200], ticket[200];
	long long n;
	bool more;
	(void)state;
	clerk_user(&k, "viewer", "viewer", viewer);
	make_ticket(viewer, "view", ticket);
	k.now += 86400;
	ended[0] = '\0';
	assert_int_equal(db_begin(k.db), OK);
	assert_int_equal(core_sweep(k.core, &more, session_ended, NULL), OK);
	assert_int_equal(db_commit(k.db), OK);
	assert_false(more);
	assert_int_equal(strlen(ended), 12);
	assert_int_equal(db_count(k.db, DB_SESSIONS, NULL, &n), OK);
	assert_int_equal(n, 0);
	assert_int_equal(db_count(k.db, DB_TICKETS, NULL, &n), OK);
	assert_int_equal(n, 0);
}

#define BOTH(test)                                                                                 \
	cmocka_unit_test_prestate_setup_teardown(                                                  \
		test, open_clerk, close_clerk, (void *)(uintptr_t)&ram),                           \
		cmocka_unit_test_prestate_setup_teardown(                                          \
			test, open_clerk, close_clerk, (void *)(uintptr_t)&sqlite)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(tickets_open_one_channel),
		BOTH(tickets_end_with_what_gave_them),
		BOTH(guessing_tickets_counts),
		BOTH(links_give_tickets),
		BOTH(sessions_open_channels_by_their_role),
		BOTH(keys_belong_to_users),
		BOTH(requests_are_signed_with_ssh_keys),
		BOTH(runs_are_machines_too),
		BOTH(what_happened_is_in_the_audit_log),
		BOTH(what_expired_is_swept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
