#include "gateway/api_private.h"

enum {
	NOBODY = WHO_NOBODY,
	USER = WHO_SESSION | WHO_KEY,
	AGENT = WHO_SIGNED,
};

#define ID .captures = { "id" }
#define PAGE "limit offset"

const struct api_route api_routes[] = {
	{ "GET", "/api/health", NOBODY, .no_limit = true, .run = api_health },
	{ "GET", "/metrics", NOBODY | USER, .run = api_metrics },

	{ "GET", "/api/auth/status", NOBODY, .op = "setup.status" },
	{ "POST", "/api/auth/setup", NOBODY, .op = "setup.complete", .body = true,
		.run = api_setup },
	{ "POST", "/api/auth/login", NOBODY, .op = "auth.login", .body = true, .run = api_login },
	{ "POST", "/api/auth/exchange", NOBODY, .op = "auth.exchange", .body = true,
		.run = api_login },
	{ "GET", "/api/auth/me", USER, .op = "auth.me" },
	{ "POST", "/api/auth/logout", WHO_SESSION, .op = "auth.logout", .reply = api_logged_out },
	{ "POST", "/api/auth/password", USER, .op = "user.password", .body = true },
	{ "POST", "/api/auth/totp", USER, .op = "user.totp", .body = true },

	{ "GET", "/api/users", USER, .op = "user.list" },
	{ "POST", "/api/users", USER, .op = "user.create", .body = true },
	{ "PATCH", "/api/users/:id", USER, .op = "user.update", ID, .body = true },
	{ "DELETE", "/api/users/:id", USER, .op = "user.delete", ID },
	{ "GET", "/api/keys", USER, .op = "key.list", .query = "username" },
	{ "POST", "/api/keys", USER, .op = "key.add", .body = true },
	{ "DELETE", "/api/keys/:id", USER, .op = "key.delete", ID },
	{ "GET", "/api/audit", USER, .op = "audit.list",
		.query = PAGE " action user target from to" },

	{ "POST", "/api/clients/register", AGENT, .op = "client.register", .body = true },
	{ "POST", "/api/clients/heartbeat", AGENT, .op = "client.heartbeat", .body = true },
	{ "POST", "/api/clients/create", USER, .op = "client.create", .body = true },
	{ "GET", "/api/clients", USER, .op = "client.list" },
	{ "PATCH", "/api/clients/:id", USER, .op = "client.update", ID, .body = true },
	{ "DELETE", "/api/clients/:id", USER, .op = "client.delete", ID },

	{ "POST", "/api/ingest/event", AGENT, .op = "event.add", .body = true },
	{ "POST", "/api/runs/claim", AGENT, .op = "run.claim", .body = true },
	{ "GET", "/api/runs/:id/commands", AGENT, .op = "run.commands", ID, .reply = api_commands },
	{ "POST", "/api/runs/:id/commands/:commandId/ack", AGENT, .op = "run.ack",
		.captures = { "id", "commandId" }, .body = true },

	{ "POST", "/api/runs", USER, .op = "run.create", .body = true },
	{ "GET", "/api/runs", USER, .op = "run.list",
		.query = PAGE " status workerType search tag clientId" },
	{ "GET", "/api/runs/:id", USER, .op = "run.get", ID },
	{ "PATCH", "/api/runs/:id", USER, .op = "run.update", ID, .body = true },
	{ "DELETE", "/api/runs/:id", USER, .op = "run.delete", ID },
	{ "GET", "/api/runs/:id/events", USER, .op = "event.list", ID, .query = "after limit",
		.reply = api_events },
	{ "POST", "/api/runs/:id/command", USER, .op = "run.command", ID, .body = true },
	{ "POST", "/api/runs/:id/stop", USER, .op = "run.command", ID, .run = api_stop },

	{ "GET", "/api/runs/:id/vnc", USER, .op = "run.vnc", ID, .no_limit = true,
		.reply = api_vnc_status },
	{ "DELETE", "/api/runs/:id/vnc", USER, .op = "run.control", ID, .no_limit = true,
		.reply = api_vnc_close },
	{ "POST", "/api/runs/:id/vnc/start", USER, .op = "run.command", ID, .no_limit = true,
		.run = api_vnc_start },
	{ "POST", "/api/runs/:id/vnc/tickets", USER, .op = "ticket.create", ID, .body = true,
		.no_limit = true },
	{ "POST", "/api/runs/:id/vnc/control", USER, .op = "run.control", ID, .body = true,
		.no_limit = true, .run = api_control },
	{ "DELETE", "/api/runs/:id/vnc/viewers/:channel", USER, .op = "run.control",
		.captures = { "id", "channel" }, .no_limit = true, .reply = api_vnc_disconnect },
	{ "GET", "/api/vnc/stats", USER, .op = "auth.me", .reply = api_vnc_stats },

	{ "GET", "/api/runs/:id/links", USER, .op = "link.list", ID },
	{ "POST", "/api/runs/:id/links", USER, .op = "link.create", ID, .body = true },
	{ "DELETE", "/api/runs/:id/links/:link", USER, .op = "link.delete",
		.captures = { "id", "link" } },
	{ "POST", "/api/links/ticket", NOBODY, .op = "link.ticket", .body = true },

	{ "GET", "/api/dashboard/stats", USER, .op = "dashboard", .reply = api_stats },
	{ "GET", "/api/dashboard/activity", USER, .op = "dashboard", .reply = api_activity },
	{ "GET", "/api/dashboard/active-runs", USER, .op = "dashboard", .reply = api_active_runs },
	{ "GET", "/api/dashboard/needs-attention", USER, .op = "dashboard",
		.reply = api_needs_attention },
	{ "GET", "/api/alerts", USER, .op = "auth.me", .reply = api_alerts },
	{ "GET", "/api/alerts/rules", USER, .op = "auth.me", .reply = api_alerts },
	{ "GET", "/api/alerts/stats", USER, .op = "auth.me", .reply = api_alerts },

	{ "GET", "/ws", WHO_SESSION, .is_upgrade = true, .run = api_live },
	{ "GET", "/ws/vnc/:id", 0, .is_upgrade = true, .no_limit = true, .run = api_viewer },
	{ "GET", "/ws/agent/:id", AGENT, .is_upgrade = true, .run = api_agent },
	{ "GET", "/ws/agent/:id/:channel", AGENT, .is_upgrade = true, .run = api_channel },

	{ "GET", "/:account/images", USER, .op = "auth.me", .captures = { "account" },
		.cloud = true, .reply = api_cloud_images },
	{ "GET", "/:account/machines", USER, .op = "machine.list", .captures = { "account" },
		.query = PAGE " name", .cloud = true, .reply = api_cloud_list },
	{ "GET", "/:account/machines/:id", USER, .op = "machine.get",
		.captures = { "account", "id" }, .cloud = true, .reply = api_cloud_one },
	{ "GET", "/:account/machines/:id/vnc", USER, .op = "machine.get",
		.captures = { "account", "id" }, .cloud = true, .reply = api_cloud_vnc },
};

const size_t api_n_routes = ARRAY_LEN(api_routes);

bool api_route_at(size_t i, const char **method, const char **pattern)
{
	if (i >= api_n_routes)
		return false;
	*method = api_routes[i].method;
	*pattern = api_routes[i].pattern;
	return true;
}
