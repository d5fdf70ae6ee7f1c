/* An editor that does whatever a program says, through the public API: texts with formats and
 * embeds, deltas, lists, maps, XML, types in types. It never cuts a surrogate pair: what that comes
 * to depends on who hears of what when, in Yjs, too.
 */
#ifndef TESTS_LIB_EDITOR_H
#define TESTS_LIB_EDITOR_H

#include "program.h"

enum { EDITOR_ROOTS = 4, EDITOR_TYPES_MAX = 48 };

typedef struct editor_type {
    crdt_type handle; /* of a nested one: the same in every document */
    crdt_type_kind kind;
} editor_type;

/* The nested types that the editors of a program know. */
typedef struct editor_types {
    editor_type items[EDITOR_TYPES_MAX];
    size_t count;
} editor_types;

extern const char *const editor_root_names[EDITOR_ROOTS];
extern const crdt_type_kind editor_root_kinds[EDITOR_ROOTS];

/* The document's root `i`, made if need be. */
crdt_type editor_root(program *p, crdt_doc *doc, size_t i);

/* One edit, in an open transaction. Types it makes are added to `types`; types that the document
 * does not have, or no longer, are edited in vain. */
void editor_edit(program *p, crdt_doc *doc, editor_types *types);

#endif
