#pragma once
#include <stdbool.h>

#include "gateway/store/core.h"

/* Passwords are worked on beside everything else, one at a time: 14 ms of an
 * event's way would be too long, and many at once would fill the memory. */
struct password_thread;

enum { PASSWORD_QUEUE = 16 };

struct password_thread *password_thread_create(void); /* NULL: no memory, no thread */
/* What waits is dropped. NULL is fine. */
void password_thread_destroy(struct password_thread *t);
int password_thread_fd(const struct password_thread *t); /* readable: take one */
/* Takes the ask; false: the queue is full, and it is still the caller's. */
bool password_thread_put(struct password_thread *t, struct core_ask *a);
/* One that is done, the caller's; NULL: none. */
struct core_ask *password_thread_take(struct password_thread *t);
/* How many it has. */
int password_thread_count(struct password_thread *t);
