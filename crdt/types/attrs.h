/* The formats of a text at a place, or those a caller asks for: names with kept values
 * (base/value.h), in order.
 *
 * They behave as JavaScript's Map, which Yjs keeps them in: what is set anew stays where it was,
 * what was taken out and is set again comes last. Nearly always there are a handful; a document
 * from somebody else may have as many as it has marks, so that many are found by a hash.
 *
 * Values are borrowed: from marks in the document, which keep them until the transaction is
 * committed, or from what the caller's attributes were read into.
 */
#ifndef CRDT_TYPES_ATTRS_H
#define CRDT_TYPES_ATTRS_H

#include "core/doc.h"

#define CRDT__ATTRS_SMALL 8

typedef struct crdt__attr {
    uint32_t name;  /* 0: it was taken out */
    crdt__ref mark; /* the mark that says so; 0: a caller does */
    crdt_bytes value;
} crdt__attr;

typedef struct crdt__attrs {
    crdt__attr *slots; /* `small`, or owned */
    size_t cap;
    size_t used;        /* slots, those taken out included */
    size_t count;       /* formats */
    crdt__u64map index; /* name -> slot; in use once `slots` is not `small` */
    crdt__attr small[CRDT__ATTRS_SMALL];
} crdt__attrs;

/* An empty set; must not be moved. */
void crdt__attrs_init(crdt__attrs *attrs, crdt_doc *doc);
void crdt__attrs_deinit(crdt__attrs *attrs);

/* The format of that name, or NULL. */
const crdt__attr *crdt__attrs_find(const crdt__attrs *attrs, uint32_t name);
/* The same, or one with the value `null` if it is not set, or set to undefined (?? null). */
crdt__attr crdt__attrs_or_null(const crdt__attrs *attrs, uint32_t name);
/* The same, or one with the value `undefined` if it is not set. */
crdt__attr crdt__attrs_or_undefined(const crdt__attrs *attrs, uint32_t name);

/* False when out of memory. */
bool crdt__attrs_set(crdt__attrs *attrs, crdt__attr attr);
void crdt__attrs_remove(crdt__attrs *attrs, uint32_t name);
/* Copies into an empty set. False when out of memory. */
bool crdt__attrs_copy(crdt__attrs *to, const crdt__attrs *from);

/* Calls for i = 0, 1, ... give the formats in order; NULL at the end. */
const crdt__attr *crdt__attrs_next(const crdt__attrs *attrs, size_t *i);

/* Orders them as the keys of a JavaScript object: array indices first, ascending. False when out of
 * memory. */
bool crdt__attrs_sort(const crdt_doc *doc, crdt__attrs *attrs);

/* ---- from callers ---- */

/* Checks attributes, which are an object, JSON or Any, and appends them to `out` in a form that
 * crdt__attrs_load reads. CRDT_MALFORMED: does not parse; CRDT_INVALID: no object, or one with an
 * undefined member, of which Yjs makes marks that cannot be written. CRDT_NO_MEMORY. */
CRDT_MUST_CHECK crdt_err crdt__attrs_read(const crdt_value *attributes, const crdt_mem *mem,
                                          crdt_buf *out);
/* Sets what crdt__attrs_read wrote, in the order of a JavaScript object; `encoded` is borrowed for
 * as long as the set is used. False when out of memory. */
bool crdt__attrs_load(crdt_doc *doc, crdt_bytes encoded, crdt__attrs *out);

#endif
