#pragma once
#include <stdbool.h>

#include "gateway/store/store.h"

/* Stands in for the store process where a test links it: remembers what was asked
 * and answers what the test says, a turn of the loop later. */
enum { STORE_DOUBLE_TEXT = 512, STORE_DOUBLE_ASKED = 64 };

struct double_asked {
	char op[64], args[STORE_DOUBLE_TEXT];
	enum store_who_kind kind;
	char address[64], session[128], method[16], path[256], target[256];
	char body_sha256[72], run_id[64], nonce[64], agent_id[64], authorization[512], date[64];
};

struct store_double {
	struct loop *loop;
	store_notice_fn *on_notice;
	store_lost_fn *on_lost;
	void *ctx;
	/* What to answer: a status and JSON text (borrowed), by the operation. */
	int (*answer)(const char *op, const char **text);
	bool refuse, silent; /* ERR_LIMIT; no answers */
	int n_asked, n_forgotten, n_waiting;
	struct double_asked asked[STORE_DOUBLE_ASKED]; /* the last ones, newest first */
};

extern struct store_double store_double; /* a program of tests has one */
void store_double_reset(void);
void store_double_notice(const char *kind, const char *text);
