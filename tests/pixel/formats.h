#pragma once
#include "pix/format.h"

struct named_format {
	const char *name;
	struct pix_format format;
};

enum { FORMATS = 16 };

extern const struct named_format formats[FORMATS];
