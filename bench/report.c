#include "report.h"

#include <math.h>
#include <stdio.h>

enum { NAME_W = 24, COLUMN_W = 13 };

static const char *title(const struct workload *w, enum metric m)
{
	const struct metric_info *info = &metric_info[m];
	return !w->draw && info->still ? info->still : info->title;
}

static void print_number(double v)
{
	if (isfinite(v))
		printf("%*.*f", COLUMN_W, fabs(v) < 10 ? 3 : 1, v);
	else
		printf("%*s", COLUMN_W, "-");
}

/* The worst picture of all rounds. */
static void print_picture(const struct tally *t, int workload, int contestant)
{
	const struct truth *worst = NULL;
	double exact_ms = 0;
	for (int i = 0; i < t->n_rounds; i++) {
		const struct trial *r = tally_at(t, workload, contestant, i);
		if (r->failed)
			continue;
		if (!r->truth.exact && (!worst || r->truth.psnr_db < worst->psnr_db))
			worst = &r->truth;
		exact_ms = fmax(exact_ms, r->exact_ms);
	}
	if (worst)
		printf("  %.1f dB", worst->psnr_db);
	else
		printf("  exact within %.0f ms", exact_ms);
}

static void print_row(const struct tally *t, int workload, int contestant)
{
	printf("  %-*s", NAME_W - 2, t->contestants[contestant]->name);
	for (int m = 0; m < METRICS; m++)
		print_number(tally_median(t, (enum metric)m, workload, contestant));
	print_picture(t, workload, contestant);
	printf("\n");
}

static void print_ratios(const struct tally *t, int workload, int contestant)
{
	printf("  ours / %-*s", NAME_W - 9, t->contestants[contestant]->name);
	for (int m = 0; m < METRICS; m++)
		print_number(tally_ratio(t, (enum metric)m, workload, contestant));
	printf("\n");
}

static void print_faults(const struct tally *t, int workload, int contestant)
{
	for (int i = 0; i < t->n_rounds; i++) {
		const struct trial *r = tally_at(t, workload, contestant, i);
		if (!tally_is_fault(t, workload, contestant, i))
			continue;
		printf("  *** %s, round %d: ", t->contestants[contestant]->name, i + 1);
		if (r->failed)
			printf("FAILED\n");
		else
			printf("WRONG PICTURE: %d pixels differ, the first at %d,%d\n",
				r->truth.wrong_pixels, r->truth.x, r->truth.y);
	}
}

static void print_workload(const struct tally *t, int workload)
{
	const struct workload *w = t->workloads[workload];
	printf("\n%s: %s\n%*s", w->name, w->what, NAME_W, "");
	for (int m = 0; m < METRICS; m++)
		printf("%*s", COLUMN_W, title(w, (enum metric)m));
	printf("  picture\n");
	for (int c = 0; c < t->n_contestants; c++)
		if (t->contestants[c]->fill_argv)
			print_row(t, workload, c);
	for (int c = 1; tally_contestant(t, "porthole") == 0 && c < t->n_contestants; c++)
		if (t->contestants[c]->fill_argv)
			print_ratios(t, workload, c);
	for (int c = 0; c < t->n_contestants; c++)
		print_faults(t, workload, c);
}

static const char *verdict(const struct bar *b, double ratio)
{
	if (!isfinite(ratio))
		return "not measured";
	return ratio <= b->at_most ? "met" : "missed";
}

void report_print(const struct tally *t)
{
	for (int w = 0; w < t->n_workloads; w++)
		print_workload(t, w);
	printf("\n");
	for (int i = 0; i < n_bars; i++) {
		double ratio = tally_bar(t, &bars[i]);
		if (isfinite(ratio))
			printf("bar %s against %s: %.2f, at most %.2f: %s\n", bars[i].what,
				bars[i].against, ratio, bars[i].at_most, verdict(&bars[i], ratio));
		else
			printf("bar %s against %s: not measured\n", bars[i].what, bars[i].against);
	}
	int faults = tally_faults(t);
	if (faults)
		printf("*** %d runs failed or gave a wrong picture\n", faults);
}

static void put_metrics(
	struct json *to, const struct tally *t, int workload, int contestant, int round)
{
	for (int m = 0; m < METRICS; m++) {
		double v = round < 0 ? tally_median(t, (enum metric)m, workload, contestant)
				     : tally_value(t, (enum metric)m, workload, contestant, round);
		if (isfinite(v))
			json_put_real(to, metric_info[m].key, v);
	}
}

static struct json *json_round(const struct tally *t, int workload, int contestant, int round)
{
	const struct trial *r = tally_at(t, workload, contestant, round);
	struct json *j = json_make_object();
	json_put_bool(j, "fault", tally_is_fault(t, workload, contestant, round));
	json_put_int(j, "frames_drawn", r->drawn);
	json_put_int(j, "frames_decoded", r->seen);
	json_put_int(j, "keys_lost", r->lost_keys);
	json_put_real(j, "seconds", r->seconds);
	json_put_real(j, "server_cpu_ms", r->server_cpu_ms);
	json_put_real(j, "x_server_cpu_ms", r->x_cpu_ms);
	json_put_bool(j, "exact", r->truth.exact);
	if (isfinite(r->exact_ms))
		json_put_real(j, "exact_after_ms", r->exact_ms);
	else if (isfinite(r->truth.psnr_db))
		json_put_real(j, "psnr_db", r->truth.psnr_db);
	put_metrics(j, t, workload, contestant, round);
	return j;
}

static struct json *json_contestant(const struct tally *t, int workload, int contestant)
{
	struct json *j = json_make_object(), *median = json_make_object();
	struct json *ratios = json_make_object(), *rounds = json_make_list();

	json_put_text(j, "workload", t->workloads[workload]->name);
	json_put_text(j, "server", t->contestants[contestant]->name);
	put_metrics(median, t, workload, contestant, -1);
	for (int m = 0; m < METRICS; m++) {
		double v = tally_ratio(t, (enum metric)m, workload, contestant);
		if (tally_contestant(t, "porthole") == 0 && contestant > 0 && isfinite(v))
			json_put_real(ratios, metric_info[m].key, v);
	}
	for (int i = 0; i < t->n_rounds; i++)
		json_add(rounds, json_round(t, workload, contestant, i));
	json_put(j, "median", median);
	json_put(j, "ours_over_this", ratios);
	json_put(j, "rounds", rounds);
	return j;
}

static struct json *json_bars(const struct tally *t)
{
	struct json *list = json_make_list();
	for (int i = 0; i < n_bars; i++) {
		double ratio = tally_bar(t, &bars[i]);
		struct json *j = json_make_object();
		json_put_text(j, "what", bars[i].what);
		json_put_text(j, "against", bars[i].against);
		json_put_real(j, "at_most", bars[i].at_most);
		if (isfinite(ratio))
			json_put_real(j, "ratio", ratio);
		json_put_text(j, "verdict", verdict(&bars[i], ratio));
		json_add(list, j);
	}
	return list;
}

struct json *report_json(const struct tally *t, double seconds)
{
	struct json *j = json_make_object(), *results = json_make_list();
	json_put_int(j, "rounds", t->n_rounds);
	json_put_real(j, "seconds", seconds);
	for (int w = 0; w < t->n_workloads; w++)
		for (int c = 0; c < t->n_contestants; c++)
			json_add(results, json_contestant(t, w, c));
	json_put(j, "results", results);
	json_put(j, "bars", json_bars(t));
	return j;
}
