#pragma once
#include "gateway.h"
#include "relay_end.h"

/* A gateway for bench relay, with as many runs as its tunnels need, each with the
 * control WebSocket of an agent. */
struct relay_house;

/* `tls`: the client's context where the gateway has TLS, else NULL. NULL: no gateway. */
struct relay_house *relay_house_create(const char *porthole, struct loop *l, const char *cert,
	const char *key, struct tls_context *tls);
/* Another loop from here on, with other runs: after a fork. */
void relay_house_move(struct relay_house *h, struct loop *l);
void relay_house_destroy(struct relay_house *h); /* NULL is fine */
const struct proc *relay_house_proc(const struct relay_house *h);
/* Begins a tunnel: a ticket, the viewer, and when the agent is told of it, its end.
 * ERR_IO: the gateway refused. */
MUST_USE int relay_house_open(
	struct relay_house *h, struct relay_end *viewer, struct relay_end *agent);
