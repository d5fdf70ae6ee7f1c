/* Deep equality of JSON texts. */
#ifndef CRDT_BASE_DEEP_H
#define CRDT_BASE_DEEP_H

#include "base/bytes.h"

/* Whether two valid JSON texts tell the same value: numbers by value, arrays by their elements,
 * objects by their members in any order, all the way down (lib0/function.js, equalityDeep). Out of
 * memory: false, for want of an answer. Cost: linear, times the logarithm of an object's keys. */
bool crdt__json_equal(crdt_bytes a, crdt_bytes b, const crdt_mem *mem);

#endif
