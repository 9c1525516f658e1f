/* Feeds every file of a corpus directory to a fuzz target, as TAP. What a
 * fuzzer once found so stays found, without a fuzzer. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The memory is exactly as long as the file, so that the address sanitizer
 * sees the first byte read past it. */
static uint8_t *read_file(const char *path, size_t *size)
{
	struct stat st;
	FILE *f = fopen(path, "rb");
	if (!f)
		return NULL;
	uint8_t *data = fstat(fileno(f), &st) ? NULL : malloc((size_t)st.st_size + 1);
	*size = data ? fread(data, 1, (size_t)st.st_size, f) : 0;
	fclose(f);
	uint8_t *exact = data ? realloc(data, *size ? *size : 1) : NULL;
	return exact ? exact : data;
}

static bool replay(const char *dir, const char *name)
{
	char path[4096];
	size_t size = 0;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	uint8_t *data = read_file(path, &size);
	if (!data)
		return false;
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return true;
}

int main(int argc, char **argv)
{
	struct dirent **files = NULL;
	int n = argc == 2 ? scandir(argv[1], &files, NULL, alphasort) : -1;
	int tests = 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0); /* the file that crashes is the one after the last line */
	for (int i = 0; i < n; i++) {
		if (files[i]->d_name[0] != '.') {
			bool ok = replay(argv[1], files[i]->d_name);
			failed += !ok;
			printf("%s %d - %s\n", ok ? "ok" : "not ok", ++tests, files[i]->d_name);
		}
		free(files[i]);
	}
	free(files);
	if (tests == 0)
		printf("not ok %d - a directory with a corpus\n", ++tests);
	printf("1..%d\n", tests);
	return tests == 0 || failed;
}
