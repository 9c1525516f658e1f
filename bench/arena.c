#include "arena.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int wait_for_x(struct arena *a, FILE *from)
{
	char number[16];
	if (!fgets(number, sizeof(number), from))
		return ERR_IO;
	number[strcspn(number, "\n")] = '\0';
	snprintf(a->display, sizeof(a->display), ":%s", number);
	return xpaint_open(&a->truth, a->display);
}

/* An X server that tells its display's number when it is ready. */
static int start_x(struct arena *a, int display)
{
	char screen[32], name[16], write_end[16], log[4096];
	char *argv[] = { "Xvfb", "-screen", "0", screen, "-noreset", "-nolisten", "tcp",
		"-displayfd", write_end, display >= 0 ? name : NULL, NULL };
	int ends[2];

	snprintf(screen, sizeof(screen), "%dx%dx24", WORKLOAD_W, WORKLOAD_H);
	snprintf(name, sizeof(name), ":%d", display);
	snprintf(log, sizeof(log), "%s/Xvfb.log", a->out);
	if (pipe(ends))
		return ERR_IO;
	fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	snprintf(write_end, sizeof(write_end), "%d", ends[1]);
	int err = proc_start(&a->x, argv, log);
	close(ends[1]);
	FILE *from = fdopen(ends[0], "r");
	if (!err)
		err = from ? wait_for_x(a, from) : ERR_IO;
	if (from)
		fclose(from);
	if (err)
		fprintf(stderr, "bench: Xvfb did not start; what it said is in %s\n", log);
	return err;
}

int arena_open(struct arena *a, int display)
{
	void *ring = mmap(
		NULL, sizeof(*a->ring), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ring == MAP_FAILED)
		return ERR_NOMEM;
	a->ring = ring;
	return start_x(a, display);
}

void arena_close(struct arena *a)
{
	if (a->truth.conn)
		xpaint_close(&a->truth);
	proc_stop(&a->x);
	if (a->ring)
		munmap(a->ring, sizeof(*a->ring));
}
