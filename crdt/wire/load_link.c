/* Items that were read into their lists: what crdt__integrate_resolve and crdt__integrate
 * (core/integrate.h) come to, with neighbours found where they mostly are. */
#include "core/conflict.h"
#include "wire/loader.h"

/* So many items are looked up ahead. */
#define AHEAD 32u

/* ---- looking up ----
 *
 * What an item continues is looked up for some items at a time, and fetched from memory meanwhile:
 * in a large document it is in no cache. The same for what is to the right of that now, since it
 * mostly was when the item was made. */

/* The struct that holds a unit, as it was read; 0: there is none. */
static crdt__ref look_up(const crdt__loader *ld, uint32_t client, uint64_t clock)
{
    const crdt__load_section *s = crdt__load_section_of(ld, client);
    if (!s || clock >= s->end)
        return 0;
    uint32_t number = crdt__load_number(ld, s, clock);
    __builtin_prefetch(s->items + number, 1);
    return crdt__load_ref(s, number);
}

/* Until an item with an origin is linked, `left` is where that lies. */
static void look_ahead(const crdt__loader *ld, crdt__load_section *s)
{
    uint32_t from = s->linked;
    uint32_t until = s->made - from < AHEAD ? s->made : from + AHEAD;
    for (uint32_t i = from; i < until; i++) {
        crdt__item *it = s->items + i;
        if (it->origin_client == s->client && it->origin_clock + 1 == it->clock)
            it->left = crdt__load_ref(s, i - 1);
        else if (it->origin_client)
            it->left = look_up(ld, it->origin_client, it->origin_clock);
    }
    for (uint32_t i = from; i < until; i++) {
        const crdt__item *it = s->items + i;
        if (it->origin_client && it->left)
            __builtin_prefetch(crdt__item_at(ld->doc, crdt__item_at(ld->doc, it->left)->right), 1);
    }
    s->looked_up = until;
}

/* Where the right origin of an item lies, into `right`, where it stays until the item is linked. */
static inline void look_right(const crdt__loader *ld, crdt__item *it)
{
    crdt__ref ref = it->origin_client && it->left ? crdt__item_at(ld->doc, it->left)->right : 0;
    if (ref) {
        const crdt__item *right = crdt__item_at(ld->doc, ref);
        if (right->client == it->right_client && right->clock == it->right_clock) {
            it->right = ref;
            return;
        }
    }
    it->right = look_up(ld, it->right_client, it->right_clock);
}

/* ---- resolving ---- */

/* As crdt__item_clean_end and crdt__item_clean_start; `ref` is what was looked up, which may have
 * been split since. 0 when out of memory. */

static inline crdt__ref end_at(crdt_doc *doc, crdt__ref ref, uint32_t client, uint64_t clock)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    if (it->kind == CRDT__GC || crdt__item_end(it) == clock + 1)
        return ref;
    return crdt__item_clean_end(doc, client, clock);
}

static inline crdt__ref start_at(crdt_doc *doc, crdt__ref ref, uint32_t client, uint64_t clock)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    if (it->kind == CRDT__GC || it->clock == clock)
        return ref;
    return crdt__item_clean_start(doc, client, clock);
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
        const crdt__item *holder = crdt__item_at(ld->doc, look_up(ld, client, clock));
        return holder->kind == CRDT__TYPE && holder->clock == clock ? holder->content : 0;
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
static bool resolve(const crdt__loader *ld, crdt__item *it, crdt__place *out)
{
    crdt_doc *doc = ld->doc;
    *out = (crdt__place){0};
    if (it->origin_client &&
        !(out->left = end_at(doc, it->left, it->origin_client, it->origin_clock)))
        return false;
    if (it->right_client &&
        !(out->right = start_at(doc, it->right, it->right_client, it->right_clock)))
        return false;
    if (is_gc(doc, out->left) || is_gc(doc, out->right))
        return true;
    bool ok = true;
    crdt__ref from = out->left ? out->left : out->right;
    if (from) {
        it->parent = crdt__item_at(doc, from)->parent;
        it->key = crdt__item_at(doc, from)->key;
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
    if (it->kind == CRDT__GC)
        return true;
    return left == crdt__load_ref(s, s->linked - 1) && crdt__item_same_right_origin(it - 1, it) &&
           (it->kind == CRDT__STRING || it->kind == CRDT__DELETED || it->kind == CRDT__ANY ||
            it->kind == CRDT__JSON);
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

static bool is_text_like(const crdt__item *it)
{
    return it->kind == CRDT__STRING || it->kind == CRDT__DELETED || it->kind == CRDT__ANY;
}

/* Links an item that is like most: it goes right behind what it continues, and what is to the right
 * there was to the right then. False, and nothing happened, if it is another. */
static inline bool link_simply(const crdt__loader *ld, crdt__ref ref, crdt__item *it)
{
    crdt_doc *doc = ld->doc;
    if (!it->origin_client || !it->left || !is_text_like(it))
        return false;
    crdt__item *left = crdt__item_at(doc, it->left);
    crdt__item *right = left->right ? crdt__item_at(doc, left->right) : NULL;
    if (!left->parent || left->key || crdt__item_end(left) != it->origin_clock + 1)
        return false; /* not linked, GC, an entry of a map, or to be split */
    if (right ? right->client != it->right_client || right->clock != it->right_clock
              : it->right_client != 0)
        return false;
    crdt__type *parent = crdt__type_at(&doc->objects, left->parent);
    if (parent->item && crdt__item_at(doc, parent->item)->deleted)
        return false;
    it->parent = left->parent;
    it->right = left->right;
    left->right = ref;
    if (right)
        right->left = ref;
    if (!it->deleted)
        parent->length += crdt__item_len(it);
    if (doc->spot_count > 0)
        crdt__conflict_added(doc, ref, it);
    return true;
}

static void become_gc(crdt_doc *doc, crdt__item *it)
{
    if (it->kind != CRDT__DELETED)
        crdt__content_drop(doc, it);
    *it = (crdt__item){
        .clock = it->clock, .len = it->len, .client = it->client, .kind = CRDT__GC, .deleted = 1};
}

/* Links any item, all that it refers to being linked. *left is what it continues. False when out of
 * memory. */
static bool link_any(const crdt__loader *ld, crdt__ref ref, crdt__item *it, crdt__ref *left)
{
    crdt__place place = {0};
    if (it->kind == CRDT__GC)
        return true;
    if (!resolve(ld, it, &place))
        return false;
    *left = place.left;
    if (place.parent)
        return crdt__integrate_link(ld->doc, ref, it, place);
    become_gc(ld->doc, it);
    return true;
}

/* ---- the order of it all ---- */

/* True if the unit of another client, in the struct `ref`, is not linked. */
static bool is_ahead(const crdt__loader *ld, const crdt__load_section *s, crdt__ref ref,
                     uint32_t client, uint64_t clock)
{
    if (client == s->client)
        return false;
    if (!ref)
        return true;
    if (crdt__item_at(ld->doc, ref)->parent)
        return false; /* it is linked, and so are all before it */
    return clock >= crdt__load_section_of(ld, client)->state;
}

/* The first client whose units the item waits for; 0: none (crdt__integrate_missing). */
static uint32_t waits_for(const crdt__loader *ld, const crdt__load_section *s, crdt__item *it)
{
    if (it->origin_client && is_ahead(ld, s, it->left, it->origin_client, it->origin_clock))
        return it->origin_client;
    if (it->right_client) {
        look_right(ld, it);
        if (is_ahead(ld, s, it->right, it->right_client, it->right_clock))
            return it->right_client;
    }
    if (it->origin_client || it->right_client || !it->left)
        return 0;
    crdt__ref parent = look_up(ld, it->left, it->right_clock); /* it is told by its ID */
    return is_ahead(ld, s, parent, it->left, it->right_clock) ? it->left : 0;
}

/* Links the next item of a section, unless it waits for a client, which *client is then, else 0.
 * False: stopped. */
static bool link_one(crdt__loader *ld, crdt__load_section *s, uint32_t *client)
{
    if (s->looked_up == s->linked)
        look_ahead(ld, s);
    crdt__item *it = s->items + s->linked;
    crdt__ref ref = crdt__load_ref(s, s->linked);
    crdt__ref left = it->left;
    *client = 0;
    if (!link_simply(ld, ref, it)) {
        if ((*client = waits_for(ld, s, it)) != 0)
            return true;
        if (!link_any(ld, ref, it, &left))
            return crdt__load_out_of_memory(ld);
    }
    if (may_merge(s, it, left) && !note_pair(ld, ref))
        return false;
    s->state = crdt__item_end(it);
    s->linked++;
    return true;
}

bool crdt__load_link(crdt__loader *ld, crdt__load_section *s, crdt__load_section **stack)
{
    size_t depth = 0;
    for (;;) {
        uint32_t client;
        if (!link_one(ld, s, &client))
            return false;
        if (client) {
            crdt__load_section *other = crdt__load_section_of(ld, client);
            if (!other || other->waits || other->linked == other->count)
                return crdt__load_stop(ld, CRDT__LOAD_UNUSUAL);
            s->waits = true;
            stack[depth++] = s;
            s = other;
            continue;
        }
        if (depth == 0)
            return true;
        s = stack[--depth];
        s->waits = false;
    }
}
