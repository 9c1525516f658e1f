#pragma once
#include <stdbool.h>
#include <sys/types.h>

/* Other programs that a test runs. They die with the test, whatever ends it. */
bool process_exists(const char *program); /* found in PATH */
/* Starts argv[0] (NULL-terminated list), its output going to the file `log`. */
pid_t process_start(char *const argv[], const char *log);
bool process_alive(pid_t pid);
void process_end(pid_t pid); /* asks, insists after 5 s, and waits; <= 0 is nobody */
/* A TCP port of 127.0.0.1 in first..last that is free now; 0: none. */
int process_free_port(int first, int last);
/* Waits until somebody accepts at the port; false after 20 s or when pid ends. */
bool process_listens(pid_t pid, int port);
/* An X server on a free display of first..last; "" when there is none. Writes
 * ":N" to `display` and returns its pid. */
pid_t process_start_xvfb(
	int first, int last, const char *screen, const char *folder, char display[16]);
