#pragma once

/* bench relay: what a tunnel costs. argv[0] is "relay". Returns the exit code. */
int relay_bench(int argc, char **argv);
