#include "core/integrate.h"

#include "core/conflict.h"
#include "core/order.h"

/* ---- dependencies ---- */

static bool lacks(const crdt_doc *doc, uint32_t client, crdt_id id, crdt_id *unit)
{
    if (id.clock < doc->clients[client].state)
        return false;
    *unit = id;
    return true;
}

static uint32_t find_party(crdt_doc *doc, uint64_t client, const crdt__wstruct *ws, uint32_t own)
{
    return client == ws->id.client ? own : crdt__doc_find_client(doc, client);
}

bool crdt__integrate_lacks_now(crdt_doc *doc, const crdt__wstruct *ws, crdt__parties *parties,
                               crdt_id *unit)
{
    uint32_t own = crdt__doc_find_client(doc, ws->id.client);
    *parties = (crdt__parties){.own = own};
    if (ws->id.clock > doc->clients[own].state) {
        *unit = (crdt_id){ws->id.client, ws->id.clock - 1};
        return true;
    }
    if (ws->has_origin) {
        parties->origin = find_party(doc, ws->origin.client, ws, own);
        if (lacks(doc, parties->origin, ws->origin, unit))
            return true;
    }
    if (ws->has_right) {
        parties->right = find_party(doc, ws->right.client, ws, own);
        if (lacks(doc, parties->right, ws->right, unit))
            return true;
    }
    return ws->has_parent && !ws->parent_is_root &&
           lacks(doc, find_party(doc, ws->parent_id.client, ws, own), ws->parent_id, unit);
}

crdt__parties crdt__integrate_parties(crdt_doc *doc, const crdt__wstruct *ws)
{
    crdt__parties parties;
    crdt_id none;
    (void)crdt__integrate_lacks_now(doc, ws, &parties, &none);
    return parties;
}

/* ---- resolution ---- */

static bool is_gc(const crdt_doc *doc, crdt__ref ref)
{
    return ref && crdt__item_at(doc, ref)->kind == CRDT__GC;
}

/* The type that the struct names as its parent, or 0 where there is no such type any more (*ok
 * stays true). */
static crdt__ref named_parent(crdt_doc *doc, const crdt__wstruct *ws, bool *ok)
{
    if (ws->parent_is_root) {
        crdt__ref root = crdt__doc_root(doc, ws->parent_root);
        *ok = root != 0;
        return root;
    }
    uint32_t client = crdt__doc_find_client(doc, ws->parent_id.client);
    const crdt__item *holder = crdt__item_at(doc, crdt__doc_item(doc, client, ws->parent_id.clock));
    return holder->kind == CRDT__TYPE ? holder->content : 0;
}

/* What begins with the right origin: nearly always the left neighbour's neighbour. */
static crdt__ref find_right(crdt_doc *doc, const crdt__wstruct *ws, uint32_t client, crdt__ref left)
{
    crdt__ref next = left ? crdt__item_at(doc, left)->right : 0;
    if (next) {
        const crdt__item *it = crdt__item_at(doc, next);
        if (it->clock == ws->right.clock && it->client == client)
            return next;
    }
    return crdt__item_clean_start(doc, client, ws->right.clock);
}

/* Finds the neighbours of a struct, splitting them if need be, and its parent. False when out of
 * memory. */
static bool resolve(crdt_doc *doc, const crdt__wstruct *ws, crdt__parties parties, crdt__place *out)
{
    *out = (crdt__place){0};
    if (ws->has_origin &&
        !(out->left = crdt__item_clean_end(doc, parties.origin, ws->origin.clock)))
        return false;
    if (ws->has_right && !(out->right = find_right(doc, ws, parties.right, out->left)))
        return false;
    if (is_gc(doc, out->left) || is_gc(doc, out->right))
        return true;
    if (!ws->has_parent) {
        crdt__ref from = out->left ? out->left : out->right;
        if (from) {
            out->parent = crdt__item_at(doc, from)->parent;
            out->key = crdt__item_at(doc, from)->key;
        }
        return true;
    }
    bool ok = true;
    out->parent = named_parent(doc, ws, &ok);
    if (out->parent && ws->has_sub)
        ok = (out->key = crdt__doc_name(doc, ws->sub)) != 0;
    return ok;
}

/* ---- linking ---- */

static bool link_item(crdt_doc *doc, crdt__ref ref, crdt__item *it, const crdt__place *place)
{
    crdt__type *parent = crdt__type_at(&doc->objects, it->parent);
    it->left = place->left;
    it->right = place->right;
    if (it->left)
        crdt__item_at(doc, it->left)->right = ref;
    else if (!it->key)
        parent->start = ref;
    if (it->right)
        crdt__item_at(doc, it->right)->left = ref;
    else if (it->key)
        return crdt__type_set(&doc->objects, parent, it->key, ref) &&
               (!it->left || crdt__item_delete(doc, it->left));
    return true;
}

/* True if the item's origins are neighbours: nobody else has put anything between them. */
static bool is_undisputed(const crdt_doc *doc, const crdt__place *place)
{
    if (place->left)
        return crdt__item_at(doc, place->left)->right == place->right;
    return place->right && !crdt__item_at(doc, place->right)->left;
}

/* What the content does to the document once it is in. */
static bool content_integrated(crdt_doc *doc, crdt__item *it)
{
    crdt__type *parent = crdt__type_at(&doc->objects, it->parent);
    if (it->kind == CRDT__FORMAT)
        parent->has_formatting = true;
    return it->kind != CRDT__DOC || crdt__doc_add_subdoc(doc, (crdt__unit){it->clock, it->client});
}

static bool integrate_gc(crdt_doc *doc, uint32_t client, uint64_t clock, uint64_t len)
{
    crdt__ref ref = crdt__doc_item_new(doc);
    if (!ref)
        return false;
    crdt__item *it = crdt__item_at(doc, ref);
    it->client = client & CRDT_CLIENTS_MAX;
    it->clock = clock;
    it->len = len;
    it->kind = CRDT__GC;
    it->deleted = 1;
    return crdt__doc_add(doc, client, clock, ref);
}

static void set_origins(const crdt__wstruct *ws, crdt__parties parties, crdt__item *it)
{
    if (ws->has_origin) {
        it->origin_client = parties.origin & CRDT_CLIENTS_MAX;
        it->origin_clock = ws->origin.clock;
    }
    if (ws->has_right) {
        it->right_client = parties.right & CRDT_CLIENTS_MAX;
        it->right_clock = ws->right.clock;
    }
}

/* Takes away the first `offset` units, which are known already, by the rules of splitting; the item
 * continues what its client's last struct ends with. */
static bool cut_known(crdt_doc *doc, crdt__item *it, uint64_t offset)
{
    crdt__item rest = *it;
    rest.content = 0;
    if (!crdt__content_split(doc, it, &rest, offset))
        return false;
    crdt__content_drop(doc, it);
    rest.clock += offset;
    rest.origin_client = it->client;
    rest.origin_clock = rest.clock - 1;
    *it = rest;
    return true;
}

/* What continues a known struct goes where that one is, whatever its first, known unit referred to.
 * Yjs throws half way behind a GC struct, and takes parent and key from the reference, which bad
 * updates use to hang items of one list into another. */
static void continue_left(const crdt_doc *doc, crdt__place *place)
{
    const crdt__item *left = crdt__item_at(doc, place->left);
    place->parent = left->kind == CRDT__GC ? 0 : left->parent;
    place->key = left->key;
}

bool crdt__integrate_link(crdt_doc *doc, crdt__ref ref, crdt__item *it, crdt__place place)
{
    if (!is_undisputed(doc, &place) && !crdt__conflict_resolve(doc, ref, it, &place))
        return false;
    if (!link_item(doc, ref, it, &place))
        return false;
    if (doc->spot_count > 0)
        crdt__conflict_added(doc, ref, it);
    crdt__list_added(doc, ref);
    crdt__type *parent = crdt__type_at(&doc->objects, it->parent);
    if (!it->key && crdt__item_countable(it))
        parent->length += crdt__item_len(it);
    if (!content_integrated(doc, it) || !crdt__txn_change(doc, it))
        return false;
    bool parent_deleted = parent->item && crdt__item_at(doc, parent->item)->deleted;
    bool outdated = it->key && it->right;
    return (!parent_deleted && !outdated) || crdt__item_delete(doc, ref);
}

/* Adds an item to its client's and links it. */
static bool put_in(crdt_doc *doc, crdt__ref ref, crdt__item *it, crdt__place place)
{
    it->deleted = it->kind == CRDT__DELETED;
    if (!crdt__doc_add(doc, it->client, it->clock, ref) ||
        !crdt__integrate_link(doc, ref, it, place))
        return false;
    return it->kind != CRDT__DELETED || crdt__txn_deleted(doc, it->client, it->clock, it->len, ref);
}

/* Adds the struct, whose first `offset` units are known. */
static bool integrate(crdt_doc *doc, const crdt__wstruct *ws, uint64_t offset,
                      crdt__parties parties, crdt__place place)
{
    uint32_t client = parties.own ? parties.own : crdt__doc_get_client(doc, ws->id.client);
    if (!client)
        return false;
    uint64_t clock = ws->id.clock + offset;
    if (offset > 0 && place.parent) {
        if (!(place.left = crdt__item_clean_end(doc, client, clock - 1)))
            return false;
        continue_left(doc, &place);
    }
    if (!place.parent)
        return integrate_gc(doc, client, clock, ws->len - offset);

    crdt__ref ref = crdt__doc_item_new(doc);
    if (!ref)
        return false;
    crdt__item *it = crdt__item_at(doc, ref);
    it->client = client & CRDT_CLIENTS_MAX;
    it->clock = ws->id.clock;
    set_origins(ws, parties, it);
    it->parent = place.parent;
    it->key = place.key;
    if (!crdt__content_take(doc, ws, ref, it) || (offset > 0 && !cut_known(doc, it, offset)))
        return false;
    return put_in(doc, ref, it, place);
}

bool crdt__integrate_struct(crdt_doc *doc, const crdt__wstruct *ws, crdt__parties parties)
{
    crdt__place place = {0};
    if (ws->kind != CRDT__GC && !resolve(doc, ws, parties, &place))
        return false;
    uint64_t offset = doc->clients[parties.own].state - ws->id.clock;
    return (offset > 0 && offset >= ws->len) || integrate(doc, ws, offset, parties, place);
}

crdt__ref crdt__integrate_made(crdt_doc *doc, uint32_t client, const crdt__wstruct *content,
                               crdt__place place)
{
    crdt__ref ref = crdt__doc_item_new(doc);
    if (!ref)
        return 0;
    crdt__item *it = crdt__item_at(doc, ref);
    it->client = client & CRDT_CLIENTS_MAX;
    it->clock = doc->clients[client].state;
    if (place.left) {
        const crdt__item *left = crdt__item_at(doc, place.left);
        it->origin_client = left->client;
        it->origin_clock = crdt__item_end(left) - 1;
    }
    if (place.right) {
        const crdt__item *right = crdt__item_at(doc, place.right);
        it->right_client = right->client;
        it->right_clock = right->clock;
    }
    it->parent = place.parent;
    it->key = place.key;
    return crdt__content_take(doc, content, ref, it) && put_in(doc, ref, it, place) ? ref : 0;
}
