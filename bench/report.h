#pragma once
#include "base/json.h"
#include "tally.h"

/* The tables, ratios and bars, for people. */
void report_print(const struct tally *t);
/* All of it and each round's values; NULL: no memory. The caller drops it. */
struct json *report_json(const struct tally *t, double seconds);
