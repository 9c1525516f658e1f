#pragma once
#include "crypto/totp.h"
#include "gateway/store/op.h"

/* What operations of several subjects share. */

/* NULL: none. Upper and lower case are the same. */
const struct db_value *user_by_name(struct op_call *c, const char *name);
/* The name as it is compared, the call's. */
const char *user_name_key(struct op_call *c, const char *name);
bool user_exists_admin(struct op_call *c); /* one that is not disabled */
/* Puts a new user; 0 or the status of the answer, which then has "totpUri". `hash`
 * is the password's. *id is the call's. */
int user_insert(struct op_call *c, const char *name, const char *role, const char *hash,
	bool with_totp, const char **id);
/* A name people can be called by: 0 or 400. */
int user_judge_name(struct op_call *c, const char *name);
/* A new secret and its URI for the application, the call's; NULL: no memory. */
const char *user_make_totp(struct op_call *c, const char *name, char secret[TOTP_SECRET_TEXT]);
/* Who asks; NULL for the local administrator, who is no row. */
const struct db_value *user_self(struct op_call *c);
void user_end_sessions(struct op_call *c, const char *user_id, const char *but_session);

/* The UUID of a run as a machine: made from its id. */
enum { RUN_MACHINE_ID = 37 };
void run_machine_id(const char *run, char out[RUN_MACHINE_ID]);

/* A run as the API shows it; the caller's. */
struct json *run_object(const struct db_value *run);
/* NULL and 404 in the answer when there is none. */
const struct db_value *run_by_id(struct op_call *c, const char *id);
/* 0, or 404 or 400: it must be one with a screen. */
int run_judge_vnc(struct op_call *c, const struct db_value *run);
/* Sets the status and says so; `set` ends with column 0 and may hold more. */
void run_set(struct op_call *c, const struct db_value *run, const struct db_set *set);
/* Whoever serves the signed request's run is still there. */
void run_renew_claim(struct op_call *c);
/* Whoever served that run, when it was claimed and has begun, is gone. */
void run_end_claim(struct op_call *c, const char *id);
void run_notice(struct op_call *c, const char *id, const char *status);

/* Commands that still wait get an error and are completed: all, or (delivered STOPs
 * only) those that a runner before took with it. */
void command_end(struct op_call *c, const char *run, bool delivered_stops, const char *error);

/* A new ticket as the answer; 200. */
int ticket_answer(struct op_call *c, const char *run, const char *rights, long long ttl_s,
	const char *user, const char *session, const char *link);

/* {"limit", "offset", "total", "hasMore"} of a list with n items. */
void page_put(struct op_call *c, long long n, long long total);
