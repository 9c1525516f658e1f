#pragma once
#include "workload.h"

/* Every workload that there is. */
extern const struct workload workload_idle, workload_typing, workload_echo, workload_scroll;
extern const struct workload workload_drag, workload_video, workload_full;
