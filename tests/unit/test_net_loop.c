#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/loop.h"

/* One of everything, and who destroys whom. */
struct fixture {
	struct loop *loop;
	struct loop_timer *timer, *other;
	struct loop_task task, second;
	struct loop_io *io;
	struct loop_hook *hook;
	struct loop_wake *wake;
	struct loop_signal *sig;
	int fds[2];
	int calls, second_calls, events;
	bool destroy;
};

static int set_up(void **state)
{
	static struct fixture f;
	f = (struct fixture){ .loop = loop_create() };
	*state = &f;
	return f.loop ? socketpair(AF_UNIX, SOCK_STREAM, 0, f.fds) : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	loop_destroy(f->loop);
	close(f->fds[0]);
	close(f->fds[1]);
	return 0;
}

static void stop_loop(void *ctx)
{
	struct fixture *f = ctx;
	f->calls++;
	loop_stop(f->loop);
}

static void timer_again(void *ctx)
{
	struct fixture *f = ctx;
	assert_false(loop_timer_active(f->timer));
	if (++f->calls == 5)
		loop_stop(f->loop);
	else
		loop_timer_start(f->timer, 0);
}

static void timer_is_one_shot_and_restarts(void **state)
{
	struct fixture *f = *state;
	f->timer = loop_timer_create(f->loop, timer_again, f);
	loop_timer_start(f->timer, 0);
	assert_true(loop_timer_active(f->timer));
	assert_int_equal(loop_run(f->loop), OK);
	assert_int_equal(f->calls, 5);
	loop_timer_destroy(f->timer);
}

static void timer_counts_from_the_call(void **state)
{
	struct fixture *f = *state;
	f->timer = loop_timer_create(f->loop, stop_loop, f);
	usleep(60000); /* the loop's own idea of now is this much behind */
	uint64_t begin = clock_now_us();
	loop_timer_start(f->timer, 40);
	assert_int_equal(loop_run(f->loop), OK);
	assert_true(clock_now_us() - begin >= 39000);
	loop_timer_destroy(f->timer);
}

static void timer_moves_and_stops(void **state)
{
	struct fixture *f = *state;
	f->timer = loop_timer_create(f->loop, stop_loop, f);
	f->other = loop_timer_create(f->loop, stop_loop, f);
	loop_timer_start(f->timer, 1);
	loop_timer_start(f->timer, UINT64_MAX);
	loop_timer_start(f->other, 1);
	loop_timer_stop(f->other);
	assert_false(loop_timer_active(f->other));
	loop_timer_start(f->other, 20);
	assert_int_equal(loop_run(f->loop), OK);
	assert_int_equal(f->calls, 1);
	loop_timer_destroy(f->timer);
	loop_timer_destroy(f->other);
	loop_timer_destroy(NULL);
}

static void destroy_both_timers(void *ctx)
{
	struct fixture *f = ctx;
	f->calls++;
	loop_timer_destroy(f->timer);
	loop_timer_destroy(f->other);
}

static void timers_end_inside_a_callback(void **state)
{
	struct fixture *f = *state;
	f->timer = loop_timer_create(f->loop, destroy_both_timers, f);
	f->other = loop_timer_create(f->loop, destroy_both_timers, f);
	loop_timer_start(f->timer, 1);
	loop_timer_start(f->other, 1);
	while (!f->calls)
		loop_turn(f->loop);
	assert_int_equal(f->calls, 1);
}

/* The classic trap: the timer fires first and the poll after it sleeps. */
static void turn_returns_after_a_timer(void **state)
{
	struct fixture *f = *state;
	f->timer = loop_timer_create(f->loop, stop_loop, f);
	loop_timer_start(f->timer, 1);
	usleep(5000);
	while (!f->calls)
		loop_turn(f->loop);
	loop_timer_destroy(f->timer);
}

static void task_counts(void *ctx)
{
	struct fixture *f = ctx;
	f->calls++;
}

static void task_cancels_and_requeues(void *ctx)
{
	struct fixture *f = ctx;
	loop_task_cancel(f->loop, &f->second);
	if (++f->calls < 100)
		loop_task_queue(f->loop, &f->task);
}

static void second_counts(void *ctx)
{
	struct fixture *f = ctx;
	f->second_calls++;
}

static void tasks_run_once_before_sleep(void **state)
{
	struct fixture *f = *state;
	f->task = (struct loop_task){ .run = task_counts, .ctx = f };
	loop_task_queue(f->loop, &f->task);
	loop_task_queue(f->loop, &f->task);
	loop_turn(f->loop); /* would sleep for ever if the task did not count */
	assert_int_equal(f->calls, 1);
	loop_task_queue(f->loop, &f->task);
	loop_task_cancel(f->loop, &f->task);
	loop_task_cancel(f->loop, &f->task);
	f->second = (struct loop_task){ .run = second_counts, .ctx = f };
	loop_task_queue(f->loop, &f->second);
	loop_turn(f->loop);
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->second_calls, 1);
}

static void task_may_cancel_a_neighbour(void **state)
{
	struct fixture *f = *state;
	f->task = (struct loop_task){ .run = task_cancels_and_requeues, .ctx = f };
	f->second = (struct loop_task){ .run = second_counts, .ctx = f };
	loop_task_queue(f->loop, &f->task);
	loop_task_queue(f->loop, &f->second);
	while (f->calls < 100)
		loop_turn(f->loop);
	assert_int_equal(f->second_calls, 0);
}

static void io_ready(void *ctx, int events)
{
	struct fixture *f = ctx;
	f->calls++;
	f->events |= events;
	char c;
	if (events & LOOP_READ)
		f->events |= recv(f->fds[0], &c, 1, MSG_DONTWAIT) == 0 ? 256 : 0;
	if (f->destroy)
		loop_io_destroy(f->io);
}

static void io_gets_its_turn_beside_a_task(void **state)
{
	struct fixture *f = *state;
	f->task = (struct loop_task){ .run = task_cancels_and_requeues, .ctx = f };
	f->io = loop_io_create(f->loop, f->fds[0], io_ready, f);
	loop_io_want(f->io, LOOP_WRITE);
	loop_task_queue(f->loop, &f->task);
	loop_turn(f->loop);
	loop_turn(f->loop);
	assert_true(f->events & LOOP_WRITE);
	assert_true(f->calls < 100);
	loop_task_cancel(f->loop, &f->task);
	loop_io_destroy(f->io);
}

static void io_reports_what_is_wanted(void **state)
{
	struct fixture *f = *state;
	f->io = loop_io_create(f->loop, f->fds[0], io_ready, f);
	assert_int_equal(write(f->fds[1], "x", 1), 1);
	loop_io_want(f->io, LOOP_WRITE);
	loop_turn(f->loop);
	assert_int_equal(f->events, LOOP_WRITE);
	f->events = 0;
	loop_io_want(f->io, LOOP_READ);
	loop_turn(f->loop);
	assert_int_equal(f->events, LOOP_READ);
	f->events = 0;
	loop_io_want(f->io, 0);
	f->timer = loop_timer_create(f->loop, stop_loop, f);
	loop_timer_start(f->timer, 1);
	shutdown(f->fds[1], SHUT_RDWR);
	assert_int_equal(loop_run(f->loop), OK);
	assert_int_equal(f->events, 0);
	loop_io_want(f->io, LOOP_READ); /* the hang-up */
	f->destroy = true;
	loop_turn(f->loop);
	assert_int_equal(f->events, LOOP_READ | 256);
	loop_timer_destroy(f->timer);
}

static void io_refuses_a_closed_descriptor(void **state)
{
	struct fixture *f = *state;
	assert_null(loop_io_create(f->loop, 9999, io_ready, f));
	loop_io_destroy(NULL);
}

static void hook_is_called_before_the_sleep(void **state)
{
	struct fixture *f = *state;
	f->hook = loop_hook_create(f->loop, task_counts, f);
	f->timer = loop_timer_create(f->loop, stop_loop, f);
	loop_timer_start(f->timer, 5);
	assert_int_equal(loop_run(f->loop), OK);
	assert_true(f->calls >= 2);
	loop_hook_destroy(f->hook);
	loop_timer_destroy(f->timer);
}

static void *send_wake(void *arg)
{
	struct fixture *f = arg;
	usleep(10000);
	loop_wake_send(f->wake);
	return NULL;
}

static void wake_comes_from_a_thread(void **state)
{
	struct fixture *f = *state;
	f->wake = loop_wake_create(f->loop, stop_loop, f);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, send_wake, f), 0);
	assert_int_equal(loop_run(f->loop), OK);
	pthread_join(thread, NULL);
	assert_int_equal(f->calls, 1);
	loop_wake_destroy(f->wake);
}

static void signal_arrives_on_the_loop(void **state)
{
	struct fixture *f = *state;
	f->sig = loop_signal_create(f->loop, SIGUSR1, stop_loop, f);
	raise(SIGUSR1);
	assert_int_equal(f->calls, 0);
	assert_int_equal(loop_run(f->loop), OK);
	assert_int_equal(f->calls, 1);
	loop_signal_destroy(f->sig);
	assert_null(loop_signal_create(f->loop, SIGKILL, stop_loop, f));
}

static long context_switches(void)
{
	struct rusage u;
	getrusage(RUSAGE_THREAD, &u);
	return u.ru_nvcsw;
}

static uint64_t thread_cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* With descriptors watched and nothing to do the thread sleeps: no wake-up and
 * no CPU time until the one timer that ends the test. */
static void idle_loop_sleeps(void **state)
{
	struct fixture *f = *state;
	f->io = loop_io_create(f->loop, f->fds[0], io_ready, f);
	loop_io_want(f->io, LOOP_READ);
	f->hook = loop_hook_create(f->loop, second_counts, f);
	f->task = (struct loop_task){ .run = task_counts, .ctx = f };
	loop_task_queue(f->loop, &f->task);
	loop_turn(f->loop);
	f->second_calls = 0;
	f->timer = loop_timer_create(f->loop, stop_loop, f);
	loop_timer_start(f->timer, 500);
	long switches = context_switches();
	uint64_t cpu = thread_cpu_us();
	assert_int_equal(loop_run(f->loop), OK);
	assert_true(context_switches() - switches <= 3);
	assert_true(thread_cpu_us() - cpu < 100000);
	assert_true(f->second_calls <= 3);
	loop_io_destroy(f->io);
	loop_hook_destroy(f->hook);
	loop_timer_destroy(f->timer);
}

#define LOOP_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(timer_is_one_shot_and_restarts),
		LOOP_TEST(timer_counts_from_the_call),
		LOOP_TEST(timer_moves_and_stops),
		LOOP_TEST(timers_end_inside_a_callback),
		LOOP_TEST(turn_returns_after_a_timer),
		LOOP_TEST(tasks_run_once_before_sleep),
		LOOP_TEST(task_may_cancel_a_neighbour),
		LOOP_TEST(io_gets_its_turn_beside_a_task),
		LOOP_TEST(io_reports_what_is_wanted),
		LOOP_TEST(io_refuses_a_closed_descriptor),
		LOOP_TEST(hook_is_called_before_the_sleep),
		LOOP_TEST(wake_comes_from_a_thread),
		LOOP_TEST(signal_arrives_on_the_loop),
		LOOP_TEST(idle_loop_sleeps),
	};
	return cmocka_run_group_tests_name("net/loop", tests, NULL, NULL);
}
