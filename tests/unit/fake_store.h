#pragma once
#include "gateway/store/store.h"

/* A store for tests: answers from a function of the test, a turn of the loop later.
 * Link with -Wl,--wrap=store_ask,--wrap=store_forget. */
struct fake_store {
	struct loop *loop;
	/* The status; members of the answer are put into `to`. */
	int (*answer)(void *ctx, const char *op, const struct store_who *who, struct json_ref args,
		struct json *to);
	void *ctx;
	bool mute, busy; /* nothing is answered; nothing is taken */
	int waiting;
	struct fake_ask *first; /* private from here on */
	struct loop_task task;
	int last_id;
};

void fake_store_init(struct fake_store *f, struct loop *l);
void fake_store_fini(struct fake_store *f);
struct store *fake_store_of(struct fake_store *f);
