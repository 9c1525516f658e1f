#pragma once
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"

/* Numbers about the gateway in Prometheus' text format (version 0.0.4). */
enum { METRICS_CLASSES = 5, METRICS_STEPS = 8, METRICS_TEXT_MAX = 64 * 1024 };

/* What is counted on the way; zeroed is a new one. */
struct metrics {
	uint64_t answers[METRICS_CLASSES]; /* 1xx to 5xx */
	uint64_t store_asked, store_us;    /* answers of the store, and what they took */
	uint64_t store_steps[METRICS_STEPS];
};

/* The rest, at the moment of asking. */
struct metrics_now {
	int connections, live_clients;
	int channels, agents, pending;
	unsigned long long opened, bytes_to_viewers, bytes_to_agents, frames_to_viewers,
		frames_to_agents;
};

void metrics_answer(struct metrics *m, int status);
void metrics_store(struct metrics *m, uint64_t took_us);
/* `counts`: what the store answered to "counts": numbers, and objects of numbers by
 * status. buf_ok() of `out` says whether all went in. */
void metrics_put(struct buf *out, const struct metrics *m, const struct metrics_now *now,
	struct json_ref counts);
