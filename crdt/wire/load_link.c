/* Items that were read into their lists: what crdt__integrate_resolve and crdt__integrate
 * (core/integrate.h) come to, with neighbours found where they mostly are. */
#include "core/conflict.h"
#include "wire/loader.h"

/* ---- finding ---- */

/* The struct that holds a unit, which is linked. */
static crdt__ref find(const crdt__loader *ld, uint32_t client, uint64_t clock)
{
    const crdt__load_section *s = crdt__load_section_of(ld, client);
    uint32_t number = crdt__load_number(ld, s, clock);
    if (clock < crdt__item_end(&s->items[number]))
        return crdt__load_ref(s, number);
    return crdt__doc_item(ld->doc, client, clock); /* it was split */
}

/* As crdt__item_clean_end and crdt__item_clean_start. */

static crdt__ref find_end(const crdt__loader *ld, uint32_t client, uint64_t clock)
{
    crdt__ref ref = find(ld, client, clock);
    const crdt__item *it = crdt__item_at(ld->doc, ref);
    if (it->kind == CRDT__GC || crdt__item_end(it) == clock + 1)
        return ref;
    return crdt__item_clean_end(ld->doc, client, clock);
}

static crdt__ref find_start(const crdt__loader *ld, uint32_t client, uint64_t clock)
{
    crdt__ref ref = find(ld, client, clock);
    const crdt__item *it = crdt__item_at(ld->doc, ref);
    if (it->kind == CRDT__GC || it->clock == clock)
        return ref;
    return crdt__item_clean_start(ld->doc, client, clock);
}

/* ---- resolving ---- */

/* What an item continues is most often the struct before it. */
static crdt__ref find_left(const crdt__loader *ld, const crdt__load_section *s,
                           const crdt__item *it)
{
    if (it->origin_client == s->client && it->origin_clock + 1 == it->clock &&
        crdt__item_end(it - 1) == it->clock)
        return crdt__load_ref(s, s->linked - 1);
    return find_end(ld, it->origin_client, it->origin_clock);
}

/* And what was to its right is mostly what still is to the right of that. */
static crdt__ref find_right(const crdt__loader *ld, const crdt__item *it, crdt__ref left)
{
    crdt__ref ref = left ? crdt__item_at(ld->doc, left)->right : 0;
    if (ref) {
        const crdt__item *right = crdt__item_at(ld->doc, ref);
        if (right->client == it->right_client && right->clock == it->right_clock)
            return ref;
    }
    return find_start(ld, it->right_client, it->right_clock);
}

/* The type that an item without origins names, and what it kept of that is cleared; 0 where there
 * is none (*ok stays true). */
static crdt__ref named_parent(const crdt__loader *ld, crdt__item *it, bool *ok)
{
    uint64_t clock = it->right_clock;
    uint32_t client = it->left;
    it->right_clock = 0;
    it->left = 0;
    if (client) {
        const crdt__item *holder = crdt__item_at(ld->doc, find(ld, client, clock));
        return holder->kind == CRDT__TYPE ? holder->content : 0;
    }
    crdt__ref root = crdt__doc_root_of_name(ld->doc, (uint32_t)clock);
    *ok = root != 0;
    return root;
}

static bool is_gc(const crdt_doc *doc, crdt__ref ref)
{
    return ref && crdt__item_at(doc, ref)->kind == CRDT__GC;
}

/* Where the item goes; its own parent and key are set too. Out of memory: false. */
static bool resolve(const crdt__loader *ld, const crdt__load_section *s, crdt__item *it,
                    crdt__place *out)
{
    *out = (crdt__place){0};
    if (it->origin_client && !(out->left = find_left(ld, s, it)))
        return false;
    if (it->right_client && !(out->right = find_right(ld, it, out->left)))
        return false;
    if (is_gc(ld->doc, out->left) || is_gc(ld->doc, out->right))
        return true;
    bool ok = true;
    crdt__ref from = out->left ? out->left : out->right;
    if (from) {
        it->parent = crdt__item_at(ld->doc, from)->parent;
        it->key = crdt__item_at(ld->doc, from)->key;
    } else {
        it->parent = named_parent(ld, it, &ok);
    }
    out->parent = it->parent;
    out->key = it->key;
    return ok;
}

/* ---- merging ---- */

/* Whether the item would merge with the struct before it if nothing comes between them
 * (crdt__item_join). */
static bool may_merge(const crdt__load_section *s, const crdt__item *it, crdt__ref left)
{
    if (s->linked == 0 || it[-1].kind != it->kind)
        return false;
    return it->kind == CRDT__GC ||
           (left == crdt__load_ref(s, s->linked - 1) && crdt__item_same_right_origin(it - 1, it));
}

static bool note_pair(crdt__loader *ld, crdt__ref right)
{
    if (ld->pair_count == ld->pair_cap) {
        size_t cap = ld->pair_cap ? ld->pair_cap * 2 : 256;
        crdt__ref *pairs = crdt__resize(ld->doc->budget.mem, ld->pairs,
                                        ld->pair_cap * sizeof(*pairs), cap * sizeof(*pairs));
        if (!pairs)
            return crdt__load_stop(ld, CRDT__LOAD_NO_MEMORY);
        ld->pairs = pairs;
        ld->pair_cap = cap;
    }
    ld->pairs[ld->pair_count++] = right;
    return true;
}

/* The struct before one in its section lies right before it in memory. */
bool crdt__load_would_merge(const crdt__loader *ld)
{
    for (size_t i = 0; i < ld->pair_count; i++) {
        const crdt__item *it = crdt__item_at(ld->doc, ld->pairs[i]);
        if (it->kind == CRDT__GC || it[-1].right == ld->pairs[i])
            return true;
    }
    return false;
}

/* ---- linking ---- */

static void become_gc(crdt_doc *doc, crdt__item *it)
{
    if (it->kind != CRDT__DELETED)
        crdt__content_drop(doc, it);
    *it = (crdt__item){
        .clock = it->clock, .len = it->len, .client = it->client, .kind = CRDT__GC, .deleted = 1};
}

/* True if the item goes between neighbours that nobody has come between. */
static bool is_plain(const crdt_doc *doc, const crdt__item *it, const crdt__place *place)
{
    return place->left && !place->key && crdt__item_at(doc, place->left)->right == place->right &&
           (it->kind == CRDT__STRING || it->kind == CRDT__DELETED || it->kind == CRDT__ANY);
}

static bool link_plain(crdt_doc *doc, crdt__ref ref, crdt__item *it, const crdt__place *place)
{
    crdt__type *parent = crdt__type_at(&doc->objects, place->parent);
    it->left = place->left;
    it->right = place->right;
    crdt__item_at(doc, place->left)->right = ref;
    if (place->right)
        crdt__item_at(doc, place->right)->left = ref;
    if (doc->spot_count > 0)
        crdt__conflict_added(doc, ref, it);
    if (it->deleted)
        return true;
    parent->length += crdt__item_len(it);
    return !parent->item || !crdt__item_at(doc, parent->item)->deleted ||
           crdt__item_delete(doc, ref);
}

static bool link_item(crdt__loader *ld, const crdt__load_section *s, crdt__item *it,
                      crdt__place *place)
{
    crdt__ref ref = crdt__load_ref(s, s->linked);
    if (!resolve(ld, s, it, place))
        return false;
    if (!place->parent) {
        become_gc(ld->doc, it);
        return true;
    }
    if (is_plain(ld->doc, it, place))
        return link_plain(ld->doc, ref, it, place);
    return crdt__integrate_link(ld->doc, ref, it, *place);
}

bool crdt__load_link(crdt__loader *ld, crdt__load_section *s)
{
    crdt__item *it = s->items + s->linked;
    crdt__place place = {0};
    if (it->kind != CRDT__GC && !link_item(ld, s, it, &place))
        return crdt__load_out_of_memory(ld);
    if (may_merge(s, it, place.left) && !note_pair(ld, crdt__load_ref(s, s->linked)))
        return false;
    s->state = crdt__item_end(it);
    s->linked++;
    return true;
}

/* ---- the order of it all ---- */

static bool is_ahead(const crdt__loader *ld, const crdt__load_section *s, uint32_t client,
                     uint64_t clock)
{
    if (client == 0 || client == s->client)
        return false;
    const crdt__load_section *other = crdt__load_section_of(ld, client);
    return !other || clock >= other->state;
}

uint32_t crdt__load_waits_for(const crdt__loader *ld, const crdt__load_section *s)
{
    const crdt__item *it = s->items + s->linked;
    if (it->kind == CRDT__GC)
        return 0;
    if (is_ahead(ld, s, it->origin_client, it->origin_clock))
        return it->origin_client;
    if (is_ahead(ld, s, it->right_client, it->right_clock))
        return it->right_client;
    /* `left` is the client of a parent that is told, and nothing else yet */
    return is_ahead(ld, s, it->left, it->right_clock) ? it->left : 0;
}

/* Links the next item of a section, and before it what it waits for, and so on; `stack` has room
 * for all sections. False: stopped. */
static bool link_next(crdt__loader *ld, uint32_t section, uint32_t *stack)
{
    size_t depth = 0;
    for (;;) {
        crdt__load_section *s = &ld->sections[section];
        uint32_t client = crdt__load_waits_for(ld, s);
        if (client) {
            uint32_t other = ld->section_of[client];
            if (!other || ld->sections[other - 1].waits ||
                ld->sections[other - 1].linked == ld->sections[other - 1].count)
                return crdt__load_stop(ld, CRDT__LOAD_UNUSUAL);
            s->waits = true;
            stack[depth++] = section;
            section = other - 1;
            continue;
        }
        if (!crdt__load_link(ld, s))
            return false;
        if (depth == 0)
            return true;
        section = stack[--depth];
        ld->sections[section].waits = false;
    }
}

bool crdt__load_link_all(crdt__loader *ld)
{
    size_t size = ld->section_count * sizeof(uint32_t);
    uint32_t *stack = crdt__resize(ld->doc->budget.mem, NULL, 0, size);
    if (!stack)
        return crdt__load_stop(ld, CRDT__LOAD_NO_MEMORY);
    bool ok = true;
    for (uint32_t i = 0; i < ld->section_count && ok; i++)
        while (ld->sections[i].linked < ld->sections[i].count && ok)
            ok = link_next(ld, i, stack);
    crdt__release(ld->doc->budget.mem, stack, size);
    return ok;
}
