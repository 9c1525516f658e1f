#pragma once
#include "gateway/store/op.h"

/* Who asks, checked: fills c->who from c->asked. 0, or the status of the answer.
 * What a signed request used up (its nonce) is in the database then, and in
 * c->nonce. */
int principal_find(struct op_call *c);
/* May he do that? 0, or the status of the answer. */
int principal_judge(struct op_call *c, enum op_who least);

/* For principal.c: the two kinds of signatures. */
int principal_signed(struct op_call *c);
int principal_key(struct op_call *c);
/* Uses the nonce up. 0, or 401 when it was seen before. */
int principal_use_nonce(struct op_call *c, const char *nonce);
/* A user whose account is open, as c->who; false: closed. */
bool principal_set_user(struct op_call *c, const struct db_value *user);
enum op_level principal_level(const char *role);

/* What an agent of ours signs with: hex of an HMAC of its client token. */
void principal_agent_key(const char *client_token, char out[65]);
