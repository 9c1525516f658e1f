#include "screen/x11/x11_shm.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int x11_shm_open(struct x11_shm *s, struct x11_conn *c, size_t size)
{
	*s = (struct x11_shm){ 0 };
	int fd = memfd_create("porthole-frame", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return ERR_IO;
	/* Sealed, because a segment that shrinks under the server would kill it. */
	if (ftruncate(fd, (off_t)size) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		goto fail;
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		goto fail;
	s->mem = mem;
	s->size = size;
	s->seg = xcb_generate_id(c->xcb);
	xcb_shm_attach_fd(c->xcb, s->seg, fd, 0); /* takes the descriptor */
	return OK;

fail:
	close(fd);
	return ERR_NOMEM;
}

void x11_shm_close(struct x11_shm *s, struct x11_conn *c)
{
	if (!s->mem)
		return;
	xcb_shm_detach(c->xcb, s->seg);
	munmap(s->mem, s->size);
	*s = (struct x11_shm){ 0 };
}
