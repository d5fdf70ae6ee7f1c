/* Putting one struct where it belongs: dependencies, resolution, conflict resolution (YATA),
 * linking. */
#ifndef CRDT_CORE_INTEGRATE_H
#define CRDT_CORE_INTEGRATE_H

#include "core/doc.h"

/* The first unit that a struct lacks: the one before it, or of origin, right origin and parent, in
 * this order, the first that is not known. False if there is none. `state_of` tells the next clock
 * of a client (yjs: integrateStructs, Item#getMissing). */
static inline bool crdt__integrate_lacks(const crdt__wstruct *ws,
                                         uint64_t (*state_of)(void *ctx, uint64_t client),
                                         void *ctx, crdt_id *unit)
{
    uint64_t own = ws->id.client;
    if (ws->id.clock > state_of(ctx, own)) {
        *unit = (crdt_id){own, ws->id.clock - 1};
        return true;
    }
    if (ws->has_origin && ws->origin.client != own &&
        ws->origin.clock >= state_of(ctx, ws->origin.client)) {
        *unit = ws->origin;
        return true;
    }
    if (ws->has_right && ws->right.client != own &&
        ws->right.clock >= state_of(ctx, ws->right.client)) {
        *unit = ws->right;
        return true;
    }
    if (ws->has_parent && !ws->parent_is_root && ws->parent_id.client != own &&
        ws->parent_id.clock >= state_of(ctx, ws->parent_id.client)) {
        *unit = ws->parent_id;
        return true;
    }
    return false;
}

/* The clients that a struct names, by index; 0: not known, or not named. */
typedef struct crdt__parties {
    uint32_t own;
    uint32_t origin;
    uint32_t right;
} crdt__parties;

/* The same, as the document stands. Looks up the clients on the way: where nothing is lacked, all
 * but the struct's own are known. */
bool crdt__integrate_lacks_now(crdt_doc *doc, const crdt__wstruct *ws, crdt__parties *parties,
                               crdt_id *unit);

/* Adds a struct that lacks nothing, as far as it is new. False when out of memory. (yjs:
 * Item#integrate, GC#integrate) */
bool crdt__integrate_struct(crdt_doc *doc, const crdt__wstruct *ws, crdt__parties parties);

/* Looks up the clients of a struct that lacks nothing. */
crdt__parties crdt__integrate_parties(crdt_doc *doc, const crdt__wstruct *ws);

/* Where an item goes. */
typedef struct crdt__place {
    crdt__ref left;
    crdt__ref right;
    crdt__ref parent; /* 0: it becomes a GC struct */
    uint32_t key;
} crdt__place;

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
