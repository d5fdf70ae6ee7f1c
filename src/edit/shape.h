/* The shape of edits: what members each has, and of what types. Looks at no document. */
#ifndef WEFT_EDIT_SHAPE_H
#define WEFT_EDIT_SHAPE_H

#include <crdt.h>
#include <jansson.h>

/* Checks an array of edits, of which every number was read as a real. NULL: all are well formed. Or
 * a static sentence on the first that is not, which *wrong is. */
const char *shape_check(const json_t *edits, size_t *wrong);

/* A count: an index, a length, a number of units. False: it is none. */
bool shape_count(const json_t *value, uint64_t *out);

#endif
