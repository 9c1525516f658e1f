/* Compares Porthole with other VNC servers: doc/benchmarks.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/opt.h"
#include "events.h"
#include "relay.h"
#include "report.h"

enum { EXIT_USAGE = 2, NAMES_MAX = 16, PATH_LEN = 4096 };

struct options {
	int rounds, seconds, display;
	struct opt_list workloads, servers;
	const char *porthole, *out;
	bool help;
};

static const struct opt rows[] = {
	{ "rounds", 'r', "N", "how often each server has its turn", OPT_AT(struct options, rounds),
		.min = 1, .max = TALLY_ROUNDS_MAX },
	{ "seconds", 's', "N", "of each measurement", OPT_AT(struct options, seconds), .min = 1,
		.max = 60 },
	{ "workload", 'w', "NAME", "only this one; may be repeated",
		OPT_AT(struct options, workloads) },
	{ "server", 'S', "NAME", "only this one; may be repeated",
		OPT_AT(struct options, servers) },
	{ "porthole", 'p', "FILE", "the program to measure", OPT_AT(struct options, porthole) },
	{ "display", 'd', "N", "number for the X server; -1: any that is free",
		OPT_AT(struct options, display), .min = -1, .max = 65535 },
	{ "out", 'o', "FOLDER", "where results and logs go", OPT_AT(struct options, out) },
	{ "help", 'h', NULL, "this text", OPT_AT(struct options, help) },
};
static const struct opt_group group = { "Options", rows, ARRAY_LEN(rows) };

static void print_help(const struct options *o)
{
	printf("Usage: bench [OPTION...]\n"
	       "       bench relay [OPTION...]\n"
	       "       bench events [OPTION...]\n"
	       "Compares Porthole with other VNC servers on an X server of its own.\n\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char value[OPT_TEXT_MAX];
		opt_default(&rows[i], o, value);
		printf("  -%c, --%s%s%s  %s%s%s%s\n", rows[i].letter, rows[i].name,
			rows[i].arg ? " " : "", rows[i].arg ? rows[i].arg : "", rows[i].help,
			*value ? " (" : "", value, *value ? ")" : "");
	}
	printf("\nWorkloads:\n");
	for (int i = 0; workloads[i]; i++)
		printf("  %-10s  %s\n", workloads[i]->name, workloads[i]->what);
}

static bool chosen(const struct opt_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], name) == 0)
			return true;
	return list->n == 0;
}

/* Found in PATH, or a file itself. */
static bool is_program(const char *name)
{
	char path[PATH_LEN];
	if (strchr(name, '/'))
		return access(name, X_OK) == 0;
	const char *dir = getenv("PATH");
	while (dir && *dir) {
		int len = (int)strcspn(dir, ":");
		snprintf(path, sizeof(path), "%.*s/%s", len, dir, name);
		if (access(path, X_OK) == 0)
			return true;
		dir += len + (dir[len] == ':');
	}
	return false;
}

static bool takes_part(const struct contestant *c, const struct options *o)
{
	const char *program = c->program ? c->program : o->porthole;
	if (!c->fill_argv)
		return true;
	if (!chosen(&o->servers, c->name))
		return false;
	if (!is_program(program))
		fprintf(stderr, "bench: %s is not here (%s): left out\n", c->name, program);
	return is_program(program);
}

static int choose(struct tally *t, const struct options *o)
{
	int n_workloads = 0, n_servers = 0;
	while (workloads[n_workloads])
		n_workloads++;
	if (tally_init(t, n_workloads, n_contestants, o->rounds))
		return ERR_NOMEM;
	t->n_workloads = t->n_contestants = 0;
	for (int i = 0; workloads[i]; i++)
		if (chosen(&o->workloads, workloads[i]->name))
			t->workloads[t->n_workloads++] = workloads[i];
	for (int i = 0; i < n_contestants; i++)
		if (takes_part(&contestants[i], o))
			t->contestants[t->n_contestants++] = &contestants[i];
	n_servers = t->n_contestants - 1;
	if (t->n_workloads == 0 || n_servers == 0)
		fprintf(stderr, "bench: no such workload or server\n");
	return t->n_workloads > 0 && n_servers > 0 ? OK : ERR_PROTO;
}

static void show_progress(const struct tally *t, int round, int workload, int contestant)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[Kround %d of %d: %s under %s", round + 1, t->n_rounds,
			t->workloads[workload]->name, t->contestants[contestant]->name);
}

/* Servers take turns within a round, and another one is first in each. */
static int run_workload(const struct arena *a, struct tally *t, int workload, int round)
{
	const struct workload *w = t->workloads[workload];
	struct nature film = { 0 };
	if (w->film_frames && nature_init(&film, w->film_w, w->film_h, w->film_frames)) {
		fprintf(stderr, "bench: no memory for a film\n");
		return ERR_NOMEM;
	}
	for (int i = 0; i < t->n_contestants; i++) {
		int c = (i + round) % t->n_contestants;
		show_progress(t, round, workload, c);
		trial_run(a, w, t->contestants[c], w->film_frames ? &film : NULL,
			tally_at(t, workload, c, round));
	}
	nature_fini(&film);
	return OK;
}

static int run_all(const struct arena *a, struct tally *t)
{
	int err = OK;
	for (int round = 0; round < t->n_rounds; round++)
		for (int w = 0; !err && w < t->n_workloads; w++)
			err = run_workload(a, t, w, round);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	return err;
}

static int write_json(const struct tally *t, const struct options *o)
{
	char path[PATH_LEN], now[32];
	time_t seconds = time(NULL);
	struct tm local;
	strftime(now, sizeof(now), "%Y%m%dT%H%M%S", localtime_r(&seconds, &local));
	snprintf(path, sizeof(path), "%s/bench-%s.json", o->out, now);

	struct json *j = report_json(t, o->seconds);
	char *text = json_print(j, true);
	json_drop(j);
	FILE *f = text ? fopen(path, "w") : NULL;
	bool ok = f && fprintf(f, "%s\n", text) > 0;
	if (f)
		ok &= fclose(f) == 0;
	free(text);
	if (!ok)
		fprintf(stderr, "bench: %s could not be written\n", path);
	else
		printf("written: %s\n", path);
	return ok ? OK : ERR_IO;
}

static int bench(const struct options *o)
{
	struct tally t = { 0 };
	struct arena a = { .porthole = o->porthole, .out = o->out, .seconds = o->seconds };

	mkdir(o->out, 0777);
	int err = choose(&t, o);
	if (!err)
		err = arena_open(&a, o->display);
	if (!err)
		err = run_all(&a, &t);
	if (!err) {
		report_print(&t);
		err = write_json(&t, o);
	}
	bool ok = !err && tally_faults(&t) == 0;
	arena_close(&a);
	tally_fini(&t);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct options o = { .rounds = 5,
		.seconds = 3,
		.display = -1,
		.porthole = "build/src/cli/porthole",
		.out = "bench/out" };
	struct opt_set set = { &group, &o };
	char error[OPT_ERROR_MAX];
	int n_operands = 0;

	if (argc > 1 && strcmp(argv[1], "relay") == 0)
		return relay_bench(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "events") == 0)
		return events_bench(argc - 1, argv + 1);
	if (opt_parse(&set, 1, argc - 1, argv + 1, &n_operands, error) || n_operands > 0) {
		fprintf(stderr, "bench: %s. See bench --help\n",
			n_operands > 0 ? "it takes no operands" : error);
		return EXIT_USAGE;
	}
	if (o.help) {
		print_help(&o);
		return EXIT_SUCCESS;
	}
	return bench(&o);
}
