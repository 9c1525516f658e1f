#pragma once
#include <stdbool.h>
#include <stdint.h>

/* How many continuous updates may be under way to a viewer. A fence follows each
 * update and comes back when the viewer has painted it. Two may always be on
 * their way, one painted while the other travels; as many more as the path holds:
 * its shortest round trip by the time between two answers that followed on each
 * other. A viewer or line that is slow stretches both and gets two, a long path
 * is filled. Pure: times in microseconds are the caller's. */
enum { PACE_MAX = 32 };

struct pace {
	uint64_t sent_us[PACE_MAX]; /* by number, modulo PACE_MAX */
	uint8_t next;               /* the number of the next update */
	unsigned n;                 /* under way: next - n to next - 1 */
	uint64_t base_us;           /* shortest round trip; 0: none yet */
	uint64_t gap_us;            /* between answers, smoothed; 0: none yet */
	uint64_t answered_us;       /* the last answer, when others were under way; else 0 */
};

bool pace_open(const struct pace *p);
/* An update leaves; returns the number that its fence is to carry. */
uint8_t pace_sent(struct pace *p, uint64_t now_us);
/* A fence is back; a number that is not under way is no matter. */
void pace_answered(struct pace *p, uint8_t number, uint64_t now_us);
