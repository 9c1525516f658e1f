/* Compares the gateway's tunnels with a raw copy loop and nginx: doc/benchmarks.md. */
#include "relay.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/opt.h"
#include "relay_trial.h"

enum { ROUNDS_MAX = 100, EXIT_USAGE = 2, PATH_LEN = 4096, NAME_W = 16, COLUMN_W = 13 };

struct options {
	int rounds, seconds, idle;
	struct opt_list metrics, contestants;
	const char *out, *porthole;
	bool json, help;
};

static const struct opt rows[] = {
	{ "rounds", 'r', "N", "how often each has its turn", OPT_AT(struct options, rounds),
		.min = 1, .max = ROUNDS_MAX },
	{ "seconds", 's', "N", "of each measurement", OPT_AT(struct options, seconds), .min = 1,
		.max = 60 },
	{ "measure", 'w', "NAME", "only this one; may be repeated",
		OPT_AT(struct options, metrics) },
	{ "relay", 'S', "NAME", "only this one; may be repeated",
		OPT_AT(struct options, contestants) },
	{ "idle", 'i', "N", "how many idle tunnels", OPT_AT(struct options, idle), .min = 1,
		.max = 20000 },
	{ "out", 'o', "FOLDER", "where results and logs go", OPT_AT(struct options, out) },
	{ "json", 'j', NULL, "print the results as JSON", OPT_AT(struct options, json) },
	{ "porthole", 'p', "FILE", "the program whose gateway takes part",
		OPT_AT(struct options, porthole) },
	{ "help", 'h', NULL, "this text", OPT_AT(struct options, help) },
};
static const struct opt_group group = { "Options", rows, ARRAY_LEN(rows) };

static const struct {
	const char *name, *title;
} metrics[RELAY_METRICS] = {
	[RELAY_BULK] = { "bulk", "CPU s/GB" },
	[RELAY_TINY] = { "tiny", "at 64 B" },
	[RELAY_PING] = { "ping", "16 B us" },
	[RELAY_PING64] = { "ping64", "64 KiB us" },
	[RELAY_BESIDE] = { "beside", "beside us" },
	[RELAY_IDLE] = { "idle", "idle KB" },
	[RELAY_STALL] = { "stall", "stalled KB" },
};

static const struct relay_contestant contestants[] = {
	{ "direct", BY_NOBODY, false },
	{ "copy", BY_COPY, false },
	{ "porthole", BY_PUMP, false },
	{ "nginx", BY_NGINX, false },
	{ "porthole-tls", BY_PUMP, true },
	{ "nginx-tls", BY_NGINX, true },
	{ "gateway", BY_GATEWAY, false },
	{ "gateway-tls", BY_GATEWAY, true },
};
enum { DIRECT, COPY, PORTHOLE, NGINX, PORTHOLE_TLS, NGINX_TLS, GATEWAY, GATEWAY_TLS, CONTESTANTS };

/* At most `at_most` times another's, or by itself; of round trips, what one way has
 * more than the direct one. Ours is the gateway where it takes part. */
static const struct {
	const char *what;
	int metric, ours, against; /* -1: nobody */
	double at_most;
	bool one_way;
} bars[] = {
	{ "CPU per GB", RELAY_BULK, PORTHOLE, COPY, 1.5, false },
	{ "CPU per GB, 64-byte messages", RELAY_TINY, PORTHOLE, COPY, 2.0, false },
	{ "CPU per GB, TLS", RELAY_BULK, PORTHOLE_TLS, NGINX_TLS, 1.1, false },
	{ "us added, 16 bytes", RELAY_PING, PORTHOLE, DIRECT, 15, true },
	{ "us added, 64 KiB", RELAY_PING64, PORTHOLE, DIRECT, 50, true },
	{ "us beside four saturated tunnels", RELAY_BESIDE, PORTHOLE, -1, 500, false },
	{ "KB per idle tunnel", RELAY_IDLE, PORTHOLE, -1, 3, false },
	{ "KB per idle tunnel, TLS", RELAY_IDLE, PORTHOLE_TLS, -1, 20, false },
	{ "KB per stalled viewer", RELAY_STALL, PORTHOLE, -1, 64, false },
};

typedef double values_of[RELAY_METRICS][CONTESTANTS][ROUNDS_MAX];

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(const double *v, int n)
{
	double sorted[ROUNDS_MAX];
	int kept = 0;
	for (int i = 0; i < n; i++)
		if (isfinite(v[i]))
			sorted[kept++] = v[i];
	qsort(sorted, (size_t)kept, sizeof(double), compare);
	if (kept == 0)
		return NAN;
	return kept % 2 ? sorted[kept / 2] : (sorted[kept / 2 - 1] + sorted[kept / 2]) / 2;
}

static int gateway_of(int contestant)
{
	return contestant == PORTHOLE_TLS ? GATEWAY_TLS : GATEWAY;
}

static double bar_value(values_of *v, size_t i, int rounds)
{
	double ours = median((*v)[bars[i].metric][gateway_of(bars[i].ours)], rounds);
	if (!isfinite(ours))
		ours = median((*v)[bars[i].metric][bars[i].ours], rounds);
	if (bars[i].against < 0)
		return ours;
	double theirs = median((*v)[bars[i].metric][bars[i].against], rounds);
	return bars[i].one_way ? (ours - theirs) / 2 : ours / theirs;
}

static const char *verdict(size_t i, double value)
{
	return !isfinite(value) ? "not measured" : value <= bars[i].at_most ? "met" : "missed";
}

static void print_tables(values_of *v, int rounds)
{
	printf("%*s", NAME_W, "");
	for (int m = 0; m < RELAY_METRICS; m++)
		printf("%*s", COLUMN_W, metrics[m].title);
	printf("\n");
	for (int c = 0; c < CONTESTANTS; c++) {
		printf("%-*s", NAME_W, contestants[c].name);
		for (int m = 0; m < RELAY_METRICS; m++) {
			double x = median((*v)[m][c], rounds);
			if (isfinite(x))
				printf("%*.3f", COLUMN_W, x);
			else
				printf("%*s", COLUMN_W, "-");
		}
		printf("\n");
	}
	printf("\n");
	for (size_t i = 0; i < ARRAY_LEN(bars); i++) {
		double x = bar_value(v, i, rounds);
		printf("bar %s%s%s: %.2f, at most %.2f: %s\n", bars[i].what,
			bars[i].against < 0 ? "" : ", against ",
			bars[i].against < 0 ? "" : contestants[bars[i].against].name, x,
			bars[i].at_most, verdict(i, x));
	}
}

static struct json *results_json(values_of *v, const struct options *o)
{
	struct json *j = json_make_object(), *results = json_make_list(), *list = json_make_list();
	json_put_int(j, "rounds", o->rounds);
	json_put_int(j, "seconds", o->seconds);
	for (int m = 0; m < RELAY_METRICS; m++)
		for (int c = 0; c < CONTESTANTS; c++) {
			double x = median((*v)[m][c], o->rounds);
			struct json *each = json_make_list(), *row = json_make_object();
			for (int i = 0; i < o->rounds; i++) {
				struct json *round = json_make_object();
				if (isfinite((*v)[m][c][i]))
					json_put_real(round, "value", (*v)[m][c][i]);
				json_add(each, round);
			}
			json_put_text(row, "measure", metrics[m].name);
			json_put_text(row, "relay", contestants[c].name);
			if (isfinite(x))
				json_put_real(row, "median", x);
			json_put(row, "rounds", each);
			json_add(results, row);
		}
	for (size_t i = 0; i < ARRAY_LEN(bars); i++) {
		struct json *bar = json_make_object();
		double x = bar_value(v, i, o->rounds);
		json_put_text(bar, "what", bars[i].what);
		json_put_real(bar, "at_most", bars[i].at_most);
		if (isfinite(x))
			json_put_real(bar, "value", x);
		json_put_text(bar, "verdict", verdict(i, x));
		json_add(list, bar);
	}
	json_put(j, "results", results);
	json_put(j, "bars", list);
	return j;
}

static int write_json(values_of *v, const struct options *o)
{
	char path[PATH_LEN], now[32];
	time_t seconds = time(NULL);
	struct tm local;
	strftime(now, sizeof(now), "%Y%m%dT%H%M%S", localtime_r(&seconds, &local));
	snprintf(path, sizeof(path), "%s/relay-%s.json", o->out, now);
	struct json *j = results_json(v, o);
	char *text = json_print(j, true);
	json_drop(j);
	FILE *f = text ? fopen(path, "w") : NULL;
	bool ok = f && fprintf(f, "%s\n", text) > 0;
	if (f)
		ok &= fclose(f) == 0;
	if (text && o->json)
		printf("%s\n", text);
	free(text);
	fprintf(stderr, ok ? "written: %s\n" : "bench: %s could not be written\n", path);
	return ok ? OK : ERR_IO;
}

static bool chosen(const struct opt_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], name) == 0)
			return true;
	return list->n == 0;
}

/* Contestants take turns within a round, and another one is first in each. */
static void run(const struct relay_bench *b, const struct options *o, values_of *v)
{
	for (int m = 0; m < RELAY_METRICS; m++)
		for (int c = 0; c < CONTESTANTS; c++)
			for (int i = 0; i < ROUNDS_MAX; i++)
				(*v)[m][c][i] = NAN;
	for (int round = 0; round < o->rounds; round++)
		for (int m = 0; m < RELAY_METRICS; m++)
			for (int i = 0; i < CONTESTANTS; i++) {
				int c = (i + round) % CONTESTANTS;
				if (!chosen(&o->metrics, metrics[m].name) ||
					!chosen(&o->contestants, contestants[c].name))
					continue;
				if (isatty(STDERR_FILENO))
					fprintf(stderr, "\r\033[Kround %d of %d: %s by %s",
						round + 1, o->rounds, metrics[m].name,
						contestants[c].name);
				(*v)[m][c][round] =
					relay_trial(b, &contestants[c], (enum relay_metric)m);
			}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
}

/* A certificate that nobody has to trust, by the openssl command. */
static int make_certificate(struct relay_bench *b, char cert[PATH_LEN], char key[PATH_LEN])
{
	char full[PATH_LEN], log[PATH_LEN], error[TLS_ERROR_MAX];
	if (!realpath(b->out, full))
		return ERR_IO;
	snprintf(cert, PATH_LEN, "%.4000s/relay-cert.pem", full);
	snprintf(key, PATH_LEN, "%.4000s/relay-key.pem", full);
	snprintf(log, PATH_LEN, "%.4000s/relay-openssl.out", full);
	char *argv[] = { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
		"-keyout", key, "-out", cert, NULL };
	struct proc p;
	if (proc_start(&p, argv, log))
		return ERR_IO;
	while (proc_alive(&p))
		usleep(10000);
	b->cert = cert;
	b->key = key;
	b->server = tls_context_server(cert, key, error, sizeof(error));
	b->client = tls_context_client(
		&(struct tls_client_config){ .insecure = true }, error, sizeof(error));
	return b->server && b->client ? OK : ERR_IO;
}

static int bench(const struct options *o)
{
	static values_of values;
	static char cert[PATH_LEN], key[PATH_LEN];
	struct relay_bench b = {
		.seconds = o->seconds, .idle = o->idle, .out = o->out, .porthole = o->porthole
	};
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	mkdir(o->out, 0777);
	int err = make_certificate(&b, cert, key);
	if (err)
		fprintf(stderr, "bench: no certificate could be made (openssl)\n");
	if (!err) {
		run(&b, o, &values);
		if (!o->json)
			print_tables(&values, o->rounds);
		err = write_json(&values, o);
	}
	tls_context_unref(b.server);
	tls_context_unref(b.client);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void print_help(const struct options *o)
{
	printf("Usage: bench relay [OPTION...]\n"
	       "Compares tunnels of the gateway with a raw copy loop and nginx.\n\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char value[OPT_TEXT_MAX];
		opt_default(&rows[i], o, value);
		printf("  --%s%s%s  %s%s%s%s\n", rows[i].name, rows[i].arg ? " " : "",
			rows[i].arg ? rows[i].arg : "", rows[i].help, *value ? " (" : "", value,
			*value ? ")" : "");
	}
}

int relay_bench(int argc, char **argv)
{
	struct options o = { .rounds = 5,
		.seconds = 2,
		.idle = 1000,
		.out = "bench/out",
		.porthole = "build/src/cli/porthole" };
	struct opt_set set = { &group, &o };
	char error[OPT_ERROR_MAX];
	int n_operands = 0;

	if (opt_parse(&set, 1, argc - 1, argv + 1, &n_operands, error) || n_operands > 0) {
		fprintf(stderr, "bench: %s. See bench relay --help\n",
			n_operands > 0 ? "it takes no operands" : error);
		return EXIT_USAGE;
	}
	if (o.help) {
		print_help(&o);
		return EXIT_SUCCESS;
	}
	return bench(&o);
}
