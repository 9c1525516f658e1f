#pragma once
#include <stddef.h>
#include <xcb/shm.h>

#include "screen/x11/x11_conn.h"

/* Memory that the X server writes pixels into: a private memfd, attached by
 * descriptor, so no other process can find it. Zeroed: none. */
struct x11_shm {
	void *mem;
	size_t size; /* bytes */
	xcb_shm_seg_t seg;
};

/* OK, ERR_NOMEM or ERR_IO. Never waits: an attachment that the server refuses
 * shows when the segment is first used. */
MUST_USE int x11_shm_open(struct x11_shm *s, struct x11_conn *c, size_t size);
void x11_shm_close(struct x11_shm *s, struct x11_conn *c); /* zeroed is fine */
