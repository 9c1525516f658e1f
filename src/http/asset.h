#pragma once
#include <stddef.h>
#include <stdint.h>

/* A file in the binary. The table is made at build time from web/ and sorted
 * by path; there is no file system behind it, so no path can escape. */
struct asset {
	const char *path;    /* "/index.html" */
	const char *type;    /* Content-Type */
	const char *etag;    /* quoted */
	const uint8_t *gzip; /* compressed at build time */
	size_t gzip_len;
	const uint8_t *plain; /* the file itself, for clients that take no gzip */
	size_t plain_len;
};

struct asset_table {
	const struct asset *assets;
	size_t n;
};

/* The viewer's files. Defined by the program, not by the library: only cli may
 * name it, everybody else is handed a table. */
extern const struct asset_table asset_viewer;

/* "/" is "/index.html". The path is compared as it was sent, so an encoded or
 * dotted one is simply not there. NULL: no such file. */
const struct asset *asset_find(const struct asset_table *t, const char *path, size_t path_len);
