#pragma once
#include "base/json.h"
#include "cli/cli.h"
#include "net/loop.h"

/* What the shell asks of a gateway's store (doc/STORE.md), as an administrator: through
 * the running gateway's socket in the data directory, or the store opened here when no
 * gateway runs. */

struct admin_options {
	const char *data_dir;
	bool json;
};

extern const struct opt_group admin_group;

/* Takes `args`. CLI_OK and *answer (the caller drops it), or the exit code: what is
 * wrong was said. */
int admin_ask(struct cli *cli, const char *data_dir, const char *op, struct json *args,
	struct json **answer);
/* An object of facts, a line each, or one line of JSON. */
void admin_print(struct json_ref answer, bool as_json);
/* A list of objects as a table of the named members. */
struct admin_column {
	const char *title, *member;
};
void admin_print_table(struct json_ref list, const struct admin_column *columns, size_t n);
