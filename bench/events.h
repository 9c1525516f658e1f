#pragma once

/* `bench events`: how many signed events a second a gateway takes, each on the disk
 * before it is acknowledged. The exit code. */
int events_bench(int argc, char **argv);
