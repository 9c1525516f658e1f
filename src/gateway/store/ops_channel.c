#include <string.h>

#include "gateway/store/ops.h"

/* Who may open which end of a tunnel, and what is kept of it. */

static int view_open(struct op_call *c)
{
	const struct db_value *run = op_find(c, DB_RUNS, RUN_ID, db_text(op_text(c, "id")));
	int status = run_judge_vnc(c, run);
	if (status)
		return status;
	struct json *user = json_make_object(), *grant = json_make_object();
	json_put_text(user, "id", c->who.user_id);
	json_put_text(user, "username", c->who.username);
	op_put(grant, "session", db_text(c->who.session_id));
	json_put_text(grant, "user", c->who.user_id);
	op_put(c->answer, "runId", run[RUN_ID]);
	json_put_text(c->answer, "rights", c->who.level >= LEVEL_OPERATOR ? "control" : "view");
	json_put(c->answer, "user", user);
	json_put(c->answer, "grant", grant);
	op_audit(c, "channel_open", "run", run[RUN_ID].text, NULL);
	return 200;
}

static int agent_join(struct op_call *c)
{
	const struct db_value *run = c->who.run;
	int status = run_judge_vnc(c, run);
	if (status)
		return status;
	/* The shared secret is for existing runners, who speak another way. */
	if (!c->who.client)
		return op_fail(c, 403, "An agent joins with a key of its own: create a client");
	op_put(c->answer, "runId", run[RUN_ID]);
	op_put(c->answer, "clientId", c->who.client[CLIENT_ID]);
	op_put(c->answer, "label", run[RUN_LABEL]);
	op_put(c->answer, "workerType", run[RUN_WORKER_TYPE]);
	run_renew_claim(c);
	op_audit(c, "agent_join", "run", run[RUN_ID].text, NULL);
	return 200;
}

/* The connection of its control WebSocket broke. An agent that only lost its network may
 * come back with its token; but one that was killed claims its run again. */
static int agent_left(struct op_call *c)
{
	run_end_claim(c, op_text(c, "runId"));
	json_put_bool(c->answer, "ok", true);
	return 200;
}

static int agent_channel(struct op_call *c)
{
	op_put(c->answer, "runId", c->who.run[RUN_ID]);
	return 200;
}

/* An existing runner's WebSocket carries no credential at all: it is taken only as
 * the answer to a START that this address fetched with a signed poll. */
static int runner_open(struct op_call *c)
{
	const struct db_value *run = op_find(c, DB_RUNS, RUN_ID, db_text(op_text(c, "runId")));
	int status = run_judge_vnc(c, run);
	if (status)
		return status;
	if (!op_find_where(c, DB_COMMANDS,
		    (struct db_where[]){ { COMMAND_RUN, DB_EQ, run[RUN_ID], false },
			    { COMMAND_STATUS, DB_EQ, db_text("pending"), false },
			    { COMMAND_TEXT, DB_EQ, db_text("__START_VNC_STREAM__"), false },
			    { COMMAND_DELIVERED_TO, DB_EQ, db_text(op_text(c, "address")), false },
			    { 0 } }))
		return op_fail(c, 403, "No stream was asked of this runner");
	op_put(c->answer, "runId", run[RUN_ID]);
	return 200;
}

static int tunnel_closed(struct op_call *c)
{
	const char *user = op_text(c, "user");
	c->who.user_id = user;
	c->who.username = user;
	c->asked.address = op_text(c, "address") ? op_text(c, "address") : "";
	op_audit(c, "channel_close", "run", op_text(c, "runId"), json_clone(c->args));
	json_put_bool(c->answer, "ok", true);
	return 200;
}

#define NUMBER(label)                                                                              \
	{                                                                                          \
		.name = label, .type = SHAPE_INT, .max = 1LL << 62                                 \
	}
#define WORDS(label)                                                                               \
	{                                                                                          \
		.name = label, .type = SHAPE_TEXT, .max = 300                                      \
	}

static const struct shape_field open_fields[] = {
	{ .name = "id", .type = SHAPE_ID, .required = true },
};
static const struct shape_field join_fields[] = {
	{ .name = "id", .type = SHAPE_ID },
};
static const struct shape_field left_fields[] = {
	{ .name = "runId", .type = SHAPE_ID, .required = true },
};
static const struct shape_field runner_fields[] = {
	{ .name = "runId", .type = SHAPE_ID, .required = true },
	{ .name = "address", .type = SHAPE_TEXT, .min = 1, .max = 100, .required = true },
};
static const struct shape_field closed_fields[] = {
	{ .name = "runId", .type = SHAPE_ID, .required = true },
	WORDS("channel"),
	WORDS("kind"),
	WORDS("user"),
	WORDS("rights"),
	WORDS("address"),
	{ .name = "peers", .type = SHAPE_ANY },
	NUMBER("openedAt"),
	NUMBER("closedAt"),
	NUMBER("bytesFromViewer"),
	NUMBER("bytesToViewer"),
	NUMBER("bytesFromClient"),
	NUMBER("bytesToClient"),
	NUMBER("framesFromViewer"),
	NUMBER("framesToViewer"),
	NUMBER("framesFromClient"),
	NUMBER("framesToClient"),
	WORDS("reason"),
};

const struct op ops_channel[] = {
	{ "view.open", OP_VIEWER, OP_FIELDS(open_fields), NULL, view_open },
	{ "agent.join", OP_SIGNED_RUN, OP_FIELDS(join_fields), NULL, agent_join },
	{ "agent.left", OP_GATEWAY, OP_FIELDS(left_fields), NULL, agent_left },
	{ "agent.channel", OP_SIGNED_RUN, OP_FIELDS(join_fields), NULL, agent_channel },
	{ "runner.open", OP_GATEWAY, OP_FIELDS(runner_fields), NULL, runner_open },
	{ "tunnel.closed", OP_GATEWAY, OP_FIELDS(closed_fields), NULL, tunnel_closed },
	{ 0 },
};
