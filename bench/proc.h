#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Programs that the bench starts, and what they cost. A process counts with all
 * that it has started. */
struct proc {
	pid_t pid; /* 0: none */
};

struct proc_memory {
	long kept_kb; /* RssAnon + RssShmem now, of the process that needs most */
	long peak_kb; /* VmHWM of that process: with program text and files */
};

/* Starts argv[0] (looked up in PATH) with its output in the file `log_path`. It is
 * ended when the bench ends. ERR_IO: no such program, or it could not be started. */
MUST_USE int proc_start(struct proc *p, char *const *argv, const char *log_path);
bool proc_alive(struct proc *p);
/* SIGTERM, and SIGKILL after a while. With no process it does nothing. */
void proc_stop(struct proc *p);
uint64_t proc_cpu_ns(const struct proc *p);
struct proc_memory proc_memory(const struct proc *p);
long proc_kept_kb(const struct proc *p); /* of all its processes together */
