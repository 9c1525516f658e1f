/* Reads request heads, each after its length in 4 bytes, and prints one line
 * for each: 200, the status it is refused with, or "more". "unsteady": another
 * answer came out when the bytes came one at a time. */
#include <stdio.h>
#include <stdlib.h>

#include "http/head.h"

static int judge(const uint8_t *bytes, size_t n)
{
	struct http_request r;
	struct rd in = rd_of(bytes, n);
	int status = 0;
	int err = http_request_parse(&in, &r, &status);
	if (err == ERR_AGAIN)
		return in.left == n ? 0 : -1;
	return err ? status : 200;
}

static int judge_steadily(const uint8_t *bytes, size_t n)
{
	int whole = judge(bytes, n);
	for (size_t i = 0; i < n; i++) {
		int part = judge(bytes, i);
		if (part != 0 && part != whole)
			return -1;
	}
	return whole;
}

int main(void)
{
	uint8_t size[4];
	while (fread(size, 1, sizeof(size), stdin) == sizeof(size)) {
		struct rd r = rd_of(size, sizeof(size));
		size_t n = rd_u32(&r);
		uint8_t *bytes = malloc(n ? n : 1);
		if (!bytes || fread(bytes, 1, n, stdin) != n) {
			free(bytes);
			return 1;
		}
		int status = judge_steadily(bytes, n);
		free(bytes);
		if (status < 0)
			puts("unsteady");
		else if (status == 0)
			puts("more");
		else
			printf("%d\n", status);
	}
	return 0;
}
