#include "gateway/store/password_thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* One being worked on, those that wait, and as many that are done. */
enum { ALL = PASSWORD_QUEUE + 1 };

struct ring {
	struct core_ask *asks[ALL];
	int first, n;
};

struct password_thread {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct ring waiting, done;
	int count; /* waiting, being worked on, or done */
	bool ending;
	int fd;
};

static void ring_put(struct ring *r, struct core_ask *a)
{
	r->asks[(r->first + r->n++) % ALL] = a;
}

static struct core_ask *ring_take(struct ring *r)
{
	if (r->n == 0)
		return NULL;
	struct core_ask *a = r->asks[r->first];
	r->first = (r->first + 1) % ALL;
	r->n--;
	return a;
}

static void tell(int fd)
{
	const uint64_t one = 1;
	/* Full is as good: it is readable. */
	ssize_t n = write(fd, &one, sizeof(one));
	(void)n;
}

static void *work(void *ctx)
{
	struct password_thread *t = ctx;
	pthread_mutex_lock(&t->mutex);
	while (!t->ending) {
		struct core_ask *a = ring_take(&t->waiting);
		if (!a) {
			pthread_cond_wait(&t->changed, &t->mutex);
			continue;
		}
		pthread_mutex_unlock(&t->mutex);
		core_ask_password(a);
		pthread_mutex_lock(&t->mutex);
		ring_put(&t->done, a);
		tell(t->fd);
	}
	pthread_mutex_unlock(&t->mutex);
	return NULL;
}

struct password_thread *password_thread_create(void)
{
	struct password_thread *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->fd >= 0) {
		pthread_mutex_init(&t->mutex, NULL);
		pthread_cond_init(&t->changed, NULL);
		if (pthread_create(&t->thread, NULL, work, t) == 0)
			return t;
		pthread_cond_destroy(&t->changed);
		pthread_mutex_destroy(&t->mutex);
		close(t->fd);
	}
	free(t);
	return NULL;
}

void password_thread_destroy(struct password_thread *t)
{
	struct core_ask *a;
	if (!t)
		return;
	pthread_mutex_lock(&t->mutex);
	t->ending = true;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->mutex);
	pthread_join(t->thread, NULL);
	while ((a = ring_take(&t->waiting)) || (a = ring_take(&t->done)))
		core_ask_destroy(a);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->mutex);
	close(t->fd);
	free(t);
}

int password_thread_fd(const struct password_thread *t)
{
	return t->fd;
}

bool password_thread_put(struct password_thread *t, struct core_ask *a)
{
	pthread_mutex_lock(&t->mutex);
	bool room = t->count < ALL;
	if (room) {
		t->count++;
		ring_put(&t->waiting, a);
		pthread_cond_signal(&t->changed);
	}
	pthread_mutex_unlock(&t->mutex);
	return room;
}

struct core_ask *password_thread_take(struct password_thread *t)
{
	uint64_t told;
	pthread_mutex_lock(&t->mutex);
	struct core_ask *a = ring_take(&t->done);
	if (a)
		t->count--;
	else if (read(t->fd, &told, sizeof(told)) < 0 && errno == EAGAIN)
		errno = 0;
	pthread_mutex_unlock(&t->mutex);
	return a;
}

int password_thread_count(struct password_thread *t)
{
	pthread_mutex_lock(&t->mutex);
	int n = t->count;
	pthread_mutex_unlock(&t->mutex);
	return n;
}
