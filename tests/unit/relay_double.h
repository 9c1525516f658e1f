#pragma once
#include "gateway/relay.h"

/* Stands in for the tunnels where a test links it: upgrades are answered 101 and
 * closed, the rest is remembered. */
struct relay_double {
	const struct relay_config *config;
	bool agent;       /* of every run */
	char called[256]; /* the last call, "viewer run1" */
	char kind[64];    /* of the last notice */
	int drained;
};

extern struct relay_double relay_double;
