/* Putting one struct where it belongs: dependencies, resolution, conflict resolution (YATA),
 * linking. */
#ifndef CRDT_CORE_INTEGRATE_H
#define CRDT_CORE_INTEGRATE_H

#include "core/doc.h"

/* The first client that the struct refers to and whose units are not all known: origin, right
 * origin, parent, in this order. False if there is none. `state_of` tells the next clock of a
 * client (yjs: Item#getMissing). */
bool crdt__integrate_missing(const crdt__wstruct *ws,
                             uint64_t (*state_of)(void *ctx, uint64_t client), void *ctx,
                             uint64_t *client);

/* Where a struct whose dependencies are all known goes. */
typedef struct crdt__place {
    crdt__ref left;
    crdt__ref right;
    crdt__ref parent; /* 0: it becomes a GC struct */
    uint32_t key;
} crdt__place;

/* Finds its neighbours, splitting them if need be, and its parent. False when out of memory. */
bool crdt__integrate_resolve(crdt_doc *doc, const crdt__wstruct *ws, crdt__place *out);

/* Adds the struct, whose first `offset` units are known. False when out of memory. (yjs:
 * Item#integrate, GC#integrate) */
bool crdt__integrate(crdt_doc *doc, const crdt__wstruct *ws, uint64_t offset, crdt__place place);

/* Links an item that has its origins, its parent and its content: finds its place between
 * `place.left` and `place.right` among what others put there, and does what follows from it. But it
 * is not noted as added, and what it deletes by itself, with DELETED content, not as deleted. False
 * when out of memory. */
bool crdt__integrate_link(crdt_doc *doc, crdt__ref ref, crdt__item *it, crdt__place place);

/* Makes the next item of the client with the content of `content` (its content fields, kind and
 * len; nothing else of it is looked at) and adds it at `place`, whose left and right are neighbours
 * in the list of `parent`, which is there. Returns it, or 0 when out of memory. (yjs: new
 * Item(...).integrate) */
crdt__ref crdt__integrate_made(crdt_doc *doc, uint32_t client, const crdt__wstruct *content,
                               crdt__place place);

#endif
