/* lib0's unsigned numbers of variable length (lib0/encoding.js: writeVarUint). */
#ifndef BENCH_VARUINT_H
#define BENCH_VARUINT_H

#include <stddef.h>
#include <stdint.h>

/* Writes `value`, and returns where it ends. */
static inline uint8_t *varuint_put(uint8_t *at, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        *at++ = (uint8_t)(0x80 | (value & 0x7f));
    *at++ = (uint8_t)value;
    return at;
}

/* Reads one, and returns where it ends; NULL: it does not end before `end`. */
static inline const uint8_t *varuint_read(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; at < end && shift < 56; shift += 7) {
        *value |= (uint64_t)(*at & 0x7f) << shift;
        if ((*at++ & 0x80) == 0)
            return at;
    }
    return NULL;
}

#endif
