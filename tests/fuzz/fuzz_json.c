/* A body, read and checked as the gateway does: what is taken prints, fits its
 * own table again, and is no larger than it may be. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const rights[] = { "view", "control", NULL };
static const struct shape_field fields[] = {
	{ .name = "id", .type = SHAPE_ID },
	{ .name = "workerType", .other_name = "worker_type", .type = SHAPE_TEXT, .max = 20 },
	{ .name = "rights", .type = SHAPE_TEXT, .choices = rights },
	{ .name = "limit", .type = SHAPE_INT, .min = 1, .max = 200, .loose = true },
	{ .name = "enableTotp", .type = SHAPE_BOOL },
	{ .name = "tags", .type = SHAPE_TEXTS, .max = 4 },
	{ .name = "metadata", .type = SHAPE_OBJECT, .max = 64 },
	{ .name = "result", .type = SHAPE_ANY },
};
static const struct shape shape = { fields, ARRAY_LEN(fields) };

static void check_taken(const struct json *taken)
{
	char error[SHAPE_ERROR_MAX];
	const char *id = json_get_text(json_of(taken), "id");
	long long limit = json_int(json_get(json_of(taken), "limit"), 1);
	char *text = json_print(taken, false);
	struct json *again = shape_take(&shape, json_of(taken), error);
	char *text_again = json_print(again, false);
	if ((id && (strlen(id) < 1 || strlen(id) > 50)) || limit < 1 || limit > 200)
		abort();
	if (!text || !text_again || strcmp(text, text_again) != 0)
		abort();
	free(text);
	free(text_again);
	json_drop(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char problem[JSON_PROBLEM_MAX] = "", error[SHAPE_ERROR_MAX];
	struct json *j = json_parse(data, size, problem);
	if (!j) {
		if (!problem[0] || strlen(problem) >= JSON_PROBLEM_MAX)
			abort();
		struct json *text = json_make_text(problem); /* must be UTF-8 */
		if (!text)
			abort();
		json_drop(text);
		return 0;
	}
	struct json *taken = shape_take(&shape, json_of(j), error);
	if (!taken != (error[0] != 0))
		abort();
	if (taken)
		check_taken(taken);
	json_drop(taken);
	json_drop(j);
	return 0;
}
