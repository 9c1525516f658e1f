#include "pix/dsp.h"

void pix_dsp_init_cpu(struct pix_dsp *d, unsigned mask)
{
	(void)d;
	(void)mask;
}
