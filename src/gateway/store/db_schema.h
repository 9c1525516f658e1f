#pragma once
#include <stdbool.h>
#include <stddef.h>

/* What is kept, as tables: both back ends are made from these rows. The first
 * column of every table is its number `n`, given by insertion and ascending. */
enum db_table {
	DB_USERS,
	DB_SESSIONS,
	DB_SSH_KEYS,
	DB_CLIENTS,
	DB_RUNS,
	DB_COMMANDS,
	DB_EVENTS,
	DB_NONCES,
	DB_TICKETS,
	DB_LINKS,
	DB_CODES,
	DB_AUDIT,
	DB_TABLES,
};

enum {
	USER_N,
	USER_ID,
	USER_NAME,
	USER_NAME_KEY, /* in lower case: nobody is "Admin" beside "admin" */
	USER_PASSWORD, /* argon2id */
	USER_TOTP,     /* base32, or NULL */
	USER_TOTP_STEP,
	USER_ROLE,
	USER_DISABLED,
	USER_CREATED_AT,
	USER_COLUMNS,
};
enum {
	SESSION_N,
	SESSION_ID,
	SESSION_HASH,
	SESSION_USER,
	SESSION_CREATED_AT,
	SESSION_EXPIRES_AT,
	SESSION_ADDRESS,
	SESSION_COLUMNS,
};
enum {
	KEY_N,
	KEY_ID,
	KEY_USER,
	KEY_TYPE,
	KEY_MD5,
	KEY_SHA256,
	KEY_LINE,
	KEY_COMMENT,
	KEY_CREATED_AT,
	KEY_COLUMNS,
};
enum {
	CLIENT_N,
	CLIENT_ID,
	CLIENT_NAME,
	CLIENT_AGENT,
	CLIENT_HASH, /* of its token */
	CLIENT_KEY,  /* what its agent signs with, or NULL */
	CLIENT_SEEN_AT,
	CLIENT_VERSION,
	CLIENT_CAPABILITIES, /* JSON */
	CLIENT_ENABLED,
	CLIENT_METADATA, /* JSON */
	CLIENT_CREATED_AT,
	CLIENT_COLUMNS,
};
enum {
	RUN_N,
	RUN_ID,
	RUN_CLIENT,
	RUN_AGENT, /* the agent id it was made for */
	RUN_STATUS,
	RUN_LABEL,
	RUN_COMMAND,
	RUN_WORKING_DIR,
	RUN_REPO_PATH,
	RUN_REPO_NAME,
	RUN_WAITING_APPROVAL,
	RUN_CREATED_AT,
	RUN_STARTED_AT,
	RUN_FINISHED_AT,
	RUN_EXIT_CODE,
	RUN_ERROR,
	RUN_HASH,     /* of its capability token */
	RUN_METADATA, /* JSON */
	RUN_TAGS,     /* JSON */
	RUN_WORKER_TYPE,
	RUN_CLAIMED_BY,
	RUN_CLAIMED_AT,
	RUN_CREATED_BY,
	RUN_STARTED_EVENT, /* n of the last "started": sequences count from there */
	RUN_MACHINE,       /* a UUID: its name as a CloudAPI machine */
	RUN_COLUMNS,
};
enum {
	COMMAND_N,
	COMMAND_ID,
	COMMAND_RUN,
	COMMAND_TEXT,
	COMMAND_ARGUMENTS,
	COMMAND_STATUS, /* pending, completed */
	COMMAND_CREATED_AT,
	COMMAND_DELIVERED_AT,
	COMMAND_DELIVERED_TO, /* address */
	COMMAND_ACKED_AT,
	COMMAND_RESULT,
	COMMAND_ERROR,
	COMMAND_COLUMNS,
};
enum {
	EVENT_N,
	EVENT_RUN,
	EVENT_TYPE,
	EVENT_DATA,
	EVENT_STEP,
	EVENT_TIMESTAMP,
	EVENT_SEQUENCE,
	EVENT_COLUMNS,
};
enum { NONCE_N, NONCE_TEXT, NONCE_AT, NONCE_COLUMNS };
enum {
	TICKET_N,
	TICKET_ID,
	TICKET_HASH,
	TICKET_RUN,
	TICKET_RIGHTS,
	TICKET_USER,
	TICKET_SESSION, /* id, or NULL */
	TICKET_LINK,    /* id, or NULL */
	TICKET_EXPIRES_AT,
	TICKET_COLUMNS,
};
enum {
	LINK_N,
	LINK_ID,
	LINK_HASH,
	LINK_RUN,
	LINK_RIGHTS,
	LINK_USER,
	LINK_CREATED_AT,
	LINK_EXPIRES_AT,
	LINK_COLUMNS,
};
/* code_hash: a pending second factor has its secret there. */
enum { CODE_N, CODE_HASH, CODE_KIND, CODE_USER, CODE_EXPIRES_AT, CODE_COLUMNS };
enum {
	AUDIT_N,
	AUDIT_AT,
	AUDIT_USER,
	AUDIT_NAME,
	AUDIT_ACTION,
	AUDIT_TARGET_TYPE,
	AUDIT_TARGET,
	AUDIT_DETAILS,
	AUDIT_ADDRESS,
	AUDIT_COLUMNS,
};

enum { DB_COLUMNS_MAX = RUN_COLUMNS, DB_INDEX_COLUMNS = 2 };

struct db_column {
	const char *name;
	bool is_int;   /* else text */
	bool required; /* never NULL */
	int refers_to; /* 1 + the table whose `id` this is; 0: none */
};

struct db_index {
	bool unique;
	int columns[DB_INDEX_COLUMNS]; /* 0: no more */
};

struct db_table_def {
	const char *name;
	const struct db_column *columns;
	int n_columns;
	const struct db_index *indexes;
	int n_indexes;
};

extern const struct db_table_def db_schema[DB_TABLES];
