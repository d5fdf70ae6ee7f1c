#include "hist.h"

/* Values below HIST_STEPS have a place each; above, each doubling has HIST_STEPS / 2 places. */
static unsigned place_of(uint64_t value)
{
    unsigned range = 0;
    for (; value >> range >= HIST_STEPS && range < HIST_RANGES - 1; range++)
        continue;
    uint64_t step = value >> range;
    return range * HIST_STEPS + (unsigned)(step < HIST_STEPS ? step : HIST_STEPS - 1);
}

static uint64_t value_at(unsigned place)
{
    return (uint64_t)(place % HIST_STEPS) << (place / HIST_STEPS);
}

void hist_add(hist *h, uint64_t value)
{
    h->counts[place_of(value)]++;
    h->count++;
    if (value > h->highest)
        h->highest = value;
}

uint64_t hist_value(const hist *h, unsigned permille)
{
    uint64_t below = 0;
    for (unsigned place = 0; place < HIST_RANGES * HIST_STEPS; place++) {
        below += h->counts[place];
        if (h->counts[place] > 0 && below * 1000 >= h->count * permille)
            return value_at(place);
    }
    return 0;
}
