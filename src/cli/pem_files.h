#pragma once
#include "base/buf.h"
#include "base/log.h"
#include "net/child.h"

/* A server's certificate chain and key, from their files. What is wrong with one goes
 * into the log, with what to do. */
typedef void pem_files_fn(void *ctx, int err);

struct pem_files {
	const struct log *log;
	const char *cert_path, *key_path; /* borrowed */
	struct buf cert, key;
	struct child *child; /* while they are read again */
	pem_files_fn *on_read;
	void *ctx;
};

void pem_files_init(
	struct pem_files *p, const struct log *log, const char *cert_path, const char *key_path);
void pem_files_fini(struct pem_files *p); /* overwrites the key */
/* OK, ERR_IO, ERR_LIMIT, ERR_NOMEM, or ERR_AUTH: every user can read the key. */
MUST_USE int pem_files_read(struct pem_files *p);
/* The same later, through the supervisor: this process may not be able to read the files
 * any more. on_read comes once, unless the supervisor is lost. */
void pem_files_read_again(
	struct pem_files *p, struct child *child, pem_files_fn *on_read, void *ctx);
