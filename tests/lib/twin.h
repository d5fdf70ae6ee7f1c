/* A naive twin of the engine: one entry per unit, every search a walk. It always tells the truth,
 * slowly.
 *
 * It knows one text, and map entries under a few keys: lists of units, each integrated by Yjs'
 * rules (yjs/src/structs/Item.js, Item#integrate) with units for items. What refers to units that
 * it lacks is refused, and to be tried again later.
 */
#ifndef TESTS_LIB_TWIN_H
#define TESTS_LIB_TWIN_H

#include "wiremake.h"

/* List 0 is the text; the others are the entries of the keys "1", "2" ... */
enum { TWIN_TEXT = 0, TWIN_LISTS = 4 };

typedef struct twin_unit {
    wm_id id;
    wm_id origin;
    wm_id right;
    bool has_origin;
    bool has_right;
    bool deleted;
} twin_unit;

typedef struct twin_list {
    twin_unit *units;
    size_t count;
    size_t cap;
} twin_list;

typedef struct twin {
    twin_list lists[TWIN_LISTS];
} twin;

/* `len` units in a row: the first has the origin, each other the one before it. */
typedef struct twin_run {
    wm_id id;
    uint64_t len;
    size_t list;
    wm_id origin;
    wm_id right;
    bool has_origin;
    bool has_right;
} twin_run;

void twin_free(twin *t);

/* The place of a unit in its list; false if the twin does not have it. */
bool twin_find(const twin *t, size_t list, wm_id id, size_t *place);

/* False: something it refers to, or the client's unit before it, is not there yet. True also when
 * it was known. */
bool twin_insert(twin *t, const twin_run *run);
/* Deletes the units; false, and nothing happens, if one of them is not there yet. */
bool twin_delete(twin *t, wm_id id, uint64_t len);

#endif
