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
 * wrong was said. A database is made by what puts the first into it, and by nothing
 * else: a mistyped folder is an error. */
int admin_ask(struct cli *cli, const char *data_dir, const char *op, struct json *args,
	struct json **answer);
/* What people call things by, as the id that operations take: `op` lists them under
 * `member`, and one of `names` (NULL-ended) is the text. CLI_OK, or the exit code: what
 * is wrong was said. */
enum { ADMIN_ID_MAX = 64 };
int admin_find(struct cli *cli, const char *data_dir, const char *op, const char *member,
	const char *const *names, const char *text, char id[ADMIN_ID_MAX]);
/* Where the gateway that runs with this folder is reached; false: none runs. */
enum { ADMIN_URL_MAX = 1024 };
bool admin_url(const char *data_dir, char out[ADMIN_URL_MAX]);
/* An object's facts, a line each, without those that are null; or one line of JSON. */
void admin_print(struct json_ref answer, bool as_json);
/* A list of objects as a table of the named members. */
struct admin_column {
	const char *title, *member;
};
void admin_print_table(struct json_ref list, const struct admin_column *columns, size_t n);
