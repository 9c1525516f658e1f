/* Linked with --wrap for malloc, calloc and realloc: each allocation of a
 * session of every encoder and its decoder fails in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "formats.h"
#include "link.h"
#include "pictures.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static long fail_at, count;

void *__wrap_malloc(size_t size)
{
	return ++count == fail_at ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return ++count == fail_at ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return ++count == fail_at ? NULL : __real_realloc(p, size);
}

enum { SIDE = 140 };

static uint32_t px[SIDE * SIDE];

/* Two rectangles of every picture, then the end, however far it came. */
static int session(const struct encoder_ops *ops)
{
	struct link l;
	int err = link_init(&l, ops, &formats[2].format, SIDE, SIDE);
	if (err)
		return err;
	struct pix_canvas c = { px, SIDE, SIDE, SIDE };
	struct pix_view v = pix_canvas_view(&c);
	for (int i = 0; i < 2 * PICTURES && !err; i++) {
		struct encoder_settings settings = { i % 2 ? 5 : -1, i % 2 };
		picture_paint((enum picture)(i / 2), 1, &c);
		err = link_encode(&l, &v, 0, 0, &settings);
		if (!err)
			err = link_decode(&l);
	}
	link_fini(&l);
	return err;
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	for (unsigned i = 0; encoder_at(i); i++) {
		int err = ERR_NOMEM;
		for (fail_at = 1; err; fail_at++) {
			count = 0;
			err = session(encoder_at(i));
			assert_true(err == OK || err == ERR_NOMEM);
			assert_true(err == OK || count >= fail_at);
		}
		/* The first that succeeds is the first that had none to fail. */
		assert_true(count < fail_at - 1);
		assert_true(fail_at > 5);
	}
	fail_at = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_allocation_may_fail) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
