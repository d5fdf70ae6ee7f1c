/* Latencies by the million: a histogram whose steps are a 64th of the value. */
#ifndef FAN_HIST_H
#define FAN_HIST_H

#include <stdint.h>

#define HIST_STEPS  64
#define HIST_RANGES 40

typedef struct hist {
    uint64_t counts[HIST_RANGES * HIST_STEPS];
    uint64_t count;
    uint64_t highest;
} hist;

void hist_add(hist *h, uint64_t value);
/* The value that `permille` of a thousand do not exceed, to a 64th; 0 if there is none. */
uint64_t hist_value(const hist *h, unsigned permille);

#endif
