#pragma once
#include <stdbool.h>

/* Whose process holds the other end of a connection from this machine.
 * SO_PEERCRED on a Unix socket, the kernel's socket table (/proc/net/tcp and
 * tcp6, opened once and read again each time) for loopback TCP. */
struct peer_table;

struct peer_table *peer_table_create(void); /* NULL: no memory, or no /proc */
void peer_table_destroy(struct peer_table *t);

/* True when `fd`'s peer is a process of our own user or of root on this
 * machine. False when it is somebody else's or cannot be told. */
bool peer_is_ours(struct peer_table *t, int fd);
