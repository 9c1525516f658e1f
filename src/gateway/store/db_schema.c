#include "gateway/store/db_schema.h"

#include "base/err.h"

#define TEXT(label)                                                                                \
	{                                                                                          \
		.name = label, .required = true                                                    \
	}
#define TEXT_OR_NULL(label)                                                                        \
	{                                                                                          \
		.name = label                                                                      \
	}
#define INT(label)                                                                                 \
	{                                                                                          \
		.name = label, .is_int = true, .required = true                                    \
	}
#define INT_OR_NULL(label)                                                                         \
	{                                                                                          \
		.name = label, .is_int = true                                                      \
	}
#define ID_OF(table, label)                                                                        \
	{                                                                                          \
		.name = label, .required = true, .refers_to = 1 + (table)                          \
	}

static const struct db_column users[] = {
	[USER_N] = INT("n"),
	[USER_ID] = TEXT("id"),
	[USER_NAME] = TEXT("username"),
	[USER_NAME_KEY] = TEXT("username_key"),
	[USER_PASSWORD] = TEXT("password_hash"),
	[USER_TOTP] = TEXT_OR_NULL("totp_secret"),
	[USER_TOTP_STEP] = INT_OR_NULL("totp_step"),
	[USER_ROLE] = TEXT("role"),
	[USER_DISABLED] = INT("disabled"),
	[USER_CREATED_AT] = INT("created_at"),
};
static const struct db_index users_by[] = { { true, { USER_ID } }, { true, { USER_NAME_KEY } } };

static const struct db_column sessions[] = {
	[SESSION_N] = INT("n"),
	[SESSION_ID] = TEXT("id"),
	[SESSION_HASH] = TEXT("token_hash"),
	[SESSION_USER] = ID_OF(DB_USERS, "user_id"),
	[SESSION_CREATED_AT] = INT("created_at"),
	[SESSION_EXPIRES_AT] = INT("expires_at"),
	[SESSION_ADDRESS] = TEXT_OR_NULL("ip_address"),
};
static const struct db_index sessions_by[] = { { true, { SESSION_ID } }, { true, { SESSION_HASH } },
	{ false, { SESSION_USER } }, { false, { SESSION_EXPIRES_AT } } };

static const struct db_column ssh_keys[] = {
	[KEY_N] = INT("n"),
	[KEY_ID] = TEXT("id"),
	[KEY_USER] = ID_OF(DB_USERS, "user_id"),
	[KEY_TYPE] = TEXT("type"),
	[KEY_MD5] = TEXT("fingerprint_md5"),
	[KEY_SHA256] = TEXT("fingerprint_sha256"),
	[KEY_LINE] = TEXT("line"),
	[KEY_COMMENT] = TEXT("comment"),
	[KEY_CREATED_AT] = INT("created_at"),
};
static const struct db_index ssh_keys_by[] = { { true, { KEY_ID } }, { true, { KEY_SHA256 } },
	{ false, { KEY_USER } } };

static const struct db_column clients[] = {
	[CLIENT_N] = INT("n"),
	[CLIENT_ID] = TEXT("id"),
	[CLIENT_NAME] = TEXT("display_name"),
	[CLIENT_AGENT] = TEXT("agent_id"),
	[CLIENT_HASH] = TEXT("token_hash"),
	[CLIENT_KEY] = TEXT_OR_NULL("agent_key"),
	[CLIENT_SEEN_AT] = INT_OR_NULL("last_seen_at"),
	[CLIENT_VERSION] = TEXT_OR_NULL("version"),
	[CLIENT_CAPABILITIES] = TEXT_OR_NULL("capabilities"),
	[CLIENT_ENABLED] = INT("operator_enabled"),
	[CLIENT_METADATA] = TEXT_OR_NULL("metadata"),
	[CLIENT_CREATED_AT] = INT("created_at"),
};
static const struct db_index clients_by[] = { { true, { CLIENT_ID } }, { true, { CLIENT_AGENT } } };

static const struct db_column runs[] = {
	[RUN_N] = INT("n"),
	[RUN_ID] = TEXT("id"),
	[RUN_CLIENT] = TEXT_OR_NULL("client_id"),
	[RUN_AGENT] = TEXT_OR_NULL("agent_id"),
	[RUN_STATUS] = TEXT("status"),
	[RUN_LABEL] = TEXT_OR_NULL("label"),
	[RUN_COMMAND] = TEXT_OR_NULL("command"),
	[RUN_WORKING_DIR] = TEXT_OR_NULL("working_dir"),
	[RUN_REPO_PATH] = TEXT_OR_NULL("repo_path"),
	[RUN_REPO_NAME] = TEXT_OR_NULL("repo_name"),
	[RUN_WAITING_APPROVAL] = INT("waiting_approval"),
	[RUN_CREATED_AT] = INT("created_at"),
	[RUN_STARTED_AT] = INT_OR_NULL("started_at"),
	[RUN_FINISHED_AT] = INT_OR_NULL("finished_at"),
	[RUN_EXIT_CODE] = INT_OR_NULL("exit_code"),
	[RUN_ERROR] = TEXT_OR_NULL("error_message"),
	[RUN_HASH] = TEXT("token_hash"),
	[RUN_METADATA] = TEXT_OR_NULL("metadata"),
	[RUN_TAGS] = TEXT_OR_NULL("tags"),
	[RUN_WORKER_TYPE] = TEXT("worker_type"),
	[RUN_CLAIMED_BY] = TEXT_OR_NULL("claimed_by"),
	[RUN_CLAIMED_AT] = INT_OR_NULL("claimed_at"),
	[RUN_CREATED_BY] = TEXT_OR_NULL("created_by"),
	[RUN_STARTED_EVENT] = INT_OR_NULL("started_event"),
	[RUN_MACHINE] = TEXT("machine_id"),
};
static const struct db_index runs_by[] = { { true, { RUN_ID } }, { true, { RUN_MACHINE } },
	{ false, { RUN_STATUS } }, { false, { RUN_CLIENT } } };

static const struct db_column commands[] = {
	[COMMAND_N] = INT("n"),
	[COMMAND_ID] = TEXT("id"),
	[COMMAND_RUN] = ID_OF(DB_RUNS, "run_id"),
	[COMMAND_TEXT] = TEXT("command"),
	[COMMAND_ARGUMENTS] = TEXT_OR_NULL("arguments"),
	[COMMAND_STATUS] = TEXT("status"),
	[COMMAND_CREATED_AT] = INT("created_at"),
	[COMMAND_DELIVERED_AT] = INT_OR_NULL("delivered_at"),
	[COMMAND_DELIVERED_TO] = TEXT_OR_NULL("delivered_to"),
	[COMMAND_ACKED_AT] = INT_OR_NULL("acked_at"),
	[COMMAND_RESULT] = TEXT_OR_NULL("result"),
	[COMMAND_ERROR] = TEXT_OR_NULL("error"),
};
static const struct db_index commands_by[] = { { true, { COMMAND_ID } },
	{ false, { COMMAND_RUN, COMMAND_STATUS } } };

static const struct db_column events[] = {
	[EVENT_N] = INT("n"),
	[EVENT_RUN] = ID_OF(DB_RUNS, "run_id"),
	[EVENT_TYPE] = TEXT("type"),
	[EVENT_DATA] = TEXT("data"),
	[EVENT_STEP] = TEXT_OR_NULL("step_id"),
	[EVENT_TIMESTAMP] = INT("timestamp"),
	[EVENT_SEQUENCE] = INT_OR_NULL("sequence"),
};
/* SQLite ends an index with the row's n, so one by run is by run and n. */
static const struct db_index events_by[] = { { false, { EVENT_RUN } },
	{ false, { EVENT_RUN, EVENT_SEQUENCE } } };

static const struct db_column nonces[] = {
	[NONCE_N] = INT("n"),
	[NONCE_TEXT] = TEXT("nonce"),
	[NONCE_AT] = INT("created_at"),
};
static const struct db_index nonces_by[] = { { true, { NONCE_TEXT } } };

static const struct db_column tickets[] = {
	[TICKET_N] = INT("n"),
	[TICKET_ID] = TEXT("id"),
	[TICKET_HASH] = TEXT("token_hash"),
	[TICKET_RUN] = ID_OF(DB_RUNS, "run_id"),
	[TICKET_RIGHTS] = TEXT("rights"),
	[TICKET_USER] = TEXT("user_id"),
	[TICKET_SESSION] = TEXT_OR_NULL("session_id"),
	[TICKET_LINK] = TEXT_OR_NULL("link_id"),
	[TICKET_EXPIRES_AT] = INT("expires_at"),
};
static const struct db_index tickets_by[] = { { true, { TICKET_HASH } }, { false, { TICKET_RUN } },
	{ false, { TICKET_EXPIRES_AT } } };

static const struct db_column links[] = {
	[LINK_N] = INT("n"),
	[LINK_ID] = TEXT("id"),
	[LINK_HASH] = TEXT("token_hash"),
	[LINK_RUN] = ID_OF(DB_RUNS, "run_id"),
	[LINK_RIGHTS] = TEXT("rights"),
	[LINK_USER] = TEXT("user_id"),
	[LINK_CREATED_AT] = INT("created_at"),
	[LINK_EXPIRES_AT] = INT("expires_at"),
};
static const struct db_index links_by[] = { { true, { LINK_ID } }, { true, { LINK_HASH } },
	{ false, { LINK_RUN } } };

static const struct db_column codes[] = {
	[CODE_N] = INT("n"),
	[CODE_HASH] = TEXT("code_hash"),
	[CODE_KIND] = TEXT("kind"),
	[CODE_USER] = TEXT_OR_NULL("user_id"),
	[CODE_EXPIRES_AT] = INT_OR_NULL("expires_at"),
};
static const struct db_index codes_by[] = { { true, { CODE_HASH } } };

static const struct db_column audit[] = {
	[AUDIT_N] = INT("n"),
	[AUDIT_AT] = INT("timestamp"),
	[AUDIT_USER] = TEXT_OR_NULL("user_id"),
	[AUDIT_NAME] = TEXT_OR_NULL("username"),
	[AUDIT_ACTION] = TEXT("action"),
	[AUDIT_TARGET_TYPE] = TEXT_OR_NULL("target_type"),
	[AUDIT_TARGET] = TEXT_OR_NULL("target_id"),
	[AUDIT_DETAILS] = TEXT_OR_NULL("details"),
	[AUDIT_ADDRESS] = TEXT_OR_NULL("ip_address"),
};
static const struct db_index audit_by[] = { { false, { AUDIT_AT } } };

#define TABLE(what)                                                                                \
	{                                                                                          \
#what, what, ARRAY_LEN(what), what##_by, ARRAY_LEN(what##_by)                      \
	}

const struct db_table_def db_schema[DB_TABLES] = {
	[DB_USERS] = TABLE(users),
	[DB_SESSIONS] = TABLE(sessions),
	[DB_SSH_KEYS] = TABLE(ssh_keys),
	[DB_CLIENTS] = TABLE(clients),
	[DB_RUNS] = TABLE(runs),
	[DB_COMMANDS] = TABLE(commands),
	[DB_EVENTS] = TABLE(events),
	[DB_NONCES] = TABLE(nonces),
	[DB_TICKETS] = TABLE(tickets),
	[DB_LINKS] = TABLE(links),
	[DB_CODES] = TABLE(codes),
	[DB_AUDIT] = TABLE(audit),
};
