#include "share/password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "crypto/vncauth.h"

enum { ASK_LOAD = 'L', ASK_CHECK = 'C', FILE_MAX = 1024, PATH_LEN_MAX = 4096 };

/* One line, cut to the 8 bytes that count; returns what follows it, or NULL. */
static const char *take_line(const char *text, char out[9])
{
	size_t n = strcspn(text, "\r\n");
	size_t keep = n < 8 ? n : 8;
	memcpy(out, text, keep);
	out[keep] = '\0';
	text += n;
	text += *text == '\r';
	return *text == '\n' ? text + 1 : NULL;
}

static const char *fill(struct password_store *s, int fd)
{
	char text[FILE_MAX + 1];
	ssize_t n = read(fd, text, FILE_MAX);
	if (n < 0)
		return strerror(errno);
	text[n] = '\0';
	const char *next = take_line(text, s->control);
	if (next)
		take_line(next, s->view);
	s->has_view = next && s->view[0];
	secret_wipe(text, sizeof(text));
	return s->control[0] ? NULL : "its first line is empty; put the password there";
}

static const char *load(struct password_store *s, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return strerror(errno);
	struct stat st;
	const char *wrong = NULL;
	if (fstat(fd, &st))
		wrong = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		wrong = "it is not a regular file";
	else if (st.st_mode & 077)
		wrong = "other users may read it; run chmod 600 on it";
	else
		wrong = fill(s, fd);
	close(fd);
	return wrong;
}

static enum desktop_rights check(
	const struct password_store *s, const uint8_t *challenge, const uint8_t *response)
{
	uint8_t expected[16];
	enum desktop_rights rights = DESKTOP_REFUSED;
	vncauth_response(challenge, s->view, expected);
	if (s->has_view && secret_equal(expected, 16, response, 16))
		rights = DESKTOP_VIEW;
	vncauth_response(challenge, s->control, expected);
	if (s->control[0] && secret_equal(expected, 16, response, 16))
		rights = DESKTOP_CONTROL;
	return rights;
}

size_t password_serve(void *ctx, const uint8_t *in, size_t n, uint8_t *out)
{
	struct password_store *s = ctx;
	if (n == PASSWORD_CHECK && in[0] == ASK_CHECK) {
		memcpy(out, in + 1, 4);
		out[4] = (uint8_t)check(s, in + 5, in + 21);
		return 5;
	}
	if (n < 2 || n > PATH_LEN_MAX || in[0] != ASK_LOAD || in[n - 1] != '\0')
		return 0;
	const char *wrong = load(s, (const char *)in + 1);
	size_t len = wrong ? strlen(wrong) : 0;
	memcpy(out, wrong ? wrong : "", len);
	out[len] = '\0';
	return len + 1;
}

int password_load(struct child *c, const char *path, char *error, size_t cap)
{
	uint8_t request[PATH_LEN_MAX], answer[CHILD_PACKET_MAX];
	size_t len = strlen(path);
	if (len + 2 > sizeof(request)) {
		snprintf(error, cap, "the password file's name is too long");
		return ERR_AUTH;
	}
	request[0] = ASK_LOAD;
	memcpy(request + 1, path, len + 1);
	int n = child_ask_now(c, request, len + 2, answer, sizeof(answer) - 1);
	if (n == 1 && answer[0] == '\0')
		return OK;
	answer[n > 0 ? n : 0] = '\0';
	snprintf(error, cap, "cannot use the password file %s: %s", path,
		n > 0 ? (const char *)answer : "the supervisor does not answer");
	return ERR_AUTH;
}

void password_put_check(uint8_t out[PASSWORD_CHECK], uint32_t viewer, const uint8_t challenge[16],
	const uint8_t response[16])
{
	out[0] = ASK_CHECK;
	memcpy(out + 1, &viewer, 4);
	memcpy(out + 5, challenge, 16);
	memcpy(out + 21, response, 16);
}

bool password_parse_answer(
	const uint8_t *answer, size_t n, uint32_t *viewer, enum desktop_rights *rights)
{
	if (n != 5 || answer[4] > DESKTOP_CONTROL)
		return false;
	memcpy(viewer, answer, 4);
	*rights = (enum desktop_rights)answer[4];
	return true;
}
