#include "build_info.h"
#include "cli/cli.h"

/* LICENSE and doc/notices.txt, a string for each line. */
static const char *const license_lines[] = {
#include "licenses.inc"
};

void cli_version(FILE *to)
{
	fprintf(to, "porthole %s\nbuilt with %s\n", BUILD_VERSION, BUILD_LIBRARIES);
}

void cli_licenses(FILE *to)
{
	for (size_t i = 0; i < ARRAY_LEN(license_lines); i++)
		fprintf(to, "%s\n", license_lines[i]);
}
