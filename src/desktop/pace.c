#include "desktop/pace.h"

bool pace_open(const struct pace *p)
{
	uint64_t window = p->gap_us ? (p->base_us + p->gap_us / 2) / p->gap_us + 1 : 0;
	if (window < 2)
		window = 2;
	return p->n < (window < PACE_MAX ? window : PACE_MAX);
}

uint8_t pace_sent(struct pace *p, uint64_t now_us)
{
	p->sent_us[p->next % PACE_MAX] = now_us;
	if (p->n < PACE_MAX)
		p->n++;
	return p->next++;
}

static void note_gap(struct pace *p, uint64_t gap_us)
{
	p->gap_us = p->gap_us ? (3 * p->gap_us + gap_us) / 4 : gap_us;
	if (p->gap_us == 0)
		p->gap_us = 1;
}

void pace_answered(struct pace *p, uint8_t number, uint64_t now_us)
{
	unsigned after = (uint8_t)(p->next - number) - 1u; /* updates sent after it */
	if (after >= p->n)
		return;
	uint64_t trip_us = now_us - p->sent_us[number % PACE_MAX];
	if (p->answered_us)
		note_gap(p, now_us - p->answered_us);
	p->answered_us = after > 0 ? now_us : 0;
	p->n = after;
	if (!p->base_us || trip_us < p->base_us)
		p->base_us = trip_us > 0 ? trip_us : 1;
}
