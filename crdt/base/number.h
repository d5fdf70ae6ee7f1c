/* Decimal text of doubles by JavaScript's rules, whatever the C locale says. */
#ifndef CRDT_BASE_NUMBER_H
#define CRDT_BASE_NUMBER_H

#include "crdt.h"

/* Room for any number printed, the final NUL of snprintf included. */
#define CRDT__NUMBER_LEN_MAX 32

/* The nearest double to a number in JSON's grammar, infinite where it is too large. Cost: linear.
 */
double crdt__number_parse(crdt_bytes text);

/* Writes a finite number as ECMAScript's Number::toString does (the fewest digits that give the
 * same double again; 1e21 and more, and less than 1e-6, with an exponent; -0 as 0). Returns how
 * many bytes. */
size_t crdt__number_print(double value, char out[CRDT__NUMBER_LEN_MAX]);

#endif
