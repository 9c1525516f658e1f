#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

int random_bytes(void *out, size_t n)
{
	for (;;) {
		ssize_t got = getrandom(out, n, 0);
		if (got >= 0 && (size_t)got == n)
			return OK;
		if (got >= 0 || errno != EINTR)
			return ERR_IO;
	}
}
