#include "core/conflict.h"

/* How much farther than a walk went its spot is looked at, so that looking costs no more than a few
 * such walks. */
#define REMEMBER_STEPS_SHARE 8u

/* ---- what a walk has passed ---- */

/* Of what was passed so many are looked at first, ... */
#define PASSED_OPEN_MAX 64u
/* ... and so many times all of it one by one, before it is worth an index. */
#define PASSED_SCANS_MAX 1u

/* An item that was passed: its ids, and when. */
typedef struct branch {
    uint64_t clock;
    uint64_t end;
    size_t when;
    uint32_t client;
} branch;

/* Items one behind the other: which one came when. Lines from items to their origins do not cross
 * (Nicolaescu et al., YATA, rule 1): an item mostly has its origin in the one before, or where that
 * has its own, and so on: these are `open`, the last one at the end. Whatever is not among them is
 * looked for in all of it: once one by one, since it mostly is not there, then in a hash table. */
typedef struct passed {
    size_t count;
    crdt__ref first;
    size_t open_count;
    branch open[PASSED_OPEN_MAX];
    unsigned scans;
    crdt__u64map index; /* item -> when */
    size_t indexed;     /* how many of all the index knows */
    crdt__ref next;     /* the first that it does not know */
    bool failed;        /* out of memory */
} passed;

static void passed_init(passed *p, crdt_doc *doc)
{
    p->count = p->open_count = p->indexed = 0;
    p->first = p->next = 0;
    p->scans = 0;
    p->failed = false;
    crdt__u64map_init(&p->index, &doc->budget, doc->options.hash_seed);
}

/* Of what is open the later half is more likely to be asked for. */
static void close_half(passed *p)
{
    p->open_count = PASSED_OPEN_MAX / 2;
    memcpy(p->open, p->open + PASSED_OPEN_MAX / 2, p->open_count * sizeof(*p->open));
}

static void pass(const crdt_doc *doc, passed *p, crdt__ref ref)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    if (p->count == 0)
        p->first = p->next = ref;
    if (p->open_count == PASSED_OPEN_MAX)
        close_half(p);
    p->open[p->open_count++] = (branch){it->clock, crdt__item_end(it), p->count, it->client};
    p->count++;
}

/* What is passed next begins anew behind the origin that all have in common. */
static void pass_from_origin(passed *p)
{
    p->open_count = 0;
}

static bool find_open(passed *p, const crdt__item *o, size_t *when)
{
    for (size_t i = p->open_count; i-- > 0;) {
        const branch *b = &p->open[i];
        if (b->client == o->origin_client && b->clock <= o->origin_clock &&
            o->origin_clock < b->end) {
            p->open_count = i + 1;
            *when = b->when;
            return true;
        }
    }
    return false;
}

static bool find_by_scan(const crdt_doc *doc, const passed *p, crdt__ref ref, size_t *when)
{
    crdt__ref at = p->first;
    for (*when = 0; *when < p->count && at != ref; ++*when)
        at = crdt__item_at(doc, at)->right;
    return *when < p->count;
}

static bool find_indexed(const crdt_doc *doc, passed *p, crdt__ref ref, size_t *when)
{
    for (; p->indexed < p->count; p->indexed++) {
        if (!crdt__u64map_put(&p->index, p->next, p->indexed)) {
            p->failed = true;
            return false;
        }
        p->next = crdt__item_at(doc, p->next)->right;
    }
    const uint64_t *found = crdt__u64map_find(&p->index, ref);
    if (found)
        *when = (size_t)*found;
    return found != NULL;
}

/* True if `o`, which comes next, has its origin in an item that was passed; *when that was. */
static bool hangs(const crdt_doc *doc, passed *p, const crdt__item *o, size_t *when)
{
    if (!o->origin_client || p->count == 0)
        return false;
    if (find_open(p, o, when))
        return true;
    crdt__ref ref = crdt__doc_item(doc, o->origin_client, o->origin_clock);
    return p->scans++ < PASSED_SCANS_MAX ? find_by_scan(doc, p, ref, when)
                                         : find_indexed(doc, p, ref, when);
}

/* ---- spots ---- */

static uint64_t id_of(const crdt_doc *doc, const crdt__item *it)
{
    return doc->clients[it->client].id;
}

static void forget(crdt_doc *doc, crdt__spot *spot)
{
    crdt__blocks_free(&doc->objects, &spot->siblings);
    *spot = (crdt__spot){0};
    doc->spot_count--;
}

void crdt__conflict_forget_origin(crdt_doc *doc, crdt__ref parent, uint32_t origin_client,
                                  uint64_t origin_clock)
{
    for (size_t i = 0; doc->spot_count > 0 && i < CRDT__SPOTS_MAX; i++) {
        crdt__spot *spot = &doc->spots[i];
        if (spot->parent == parent && spot->origin_client == origin_client &&
            (!origin_client || spot->origin_clock == origin_clock))
            forget(doc, spot);
    }
}

void crdt__conflict_forget(crdt_doc *doc, crdt__ref parent)
{
    for (size_t i = 0; doc->spot_count > 0 && i < CRDT__SPOTS_MAX; i++)
        if (doc->spots[i].parent == parent)
            forget(doc, &doc->spots[i]);
}

void crdt__conflict_deinit(crdt_doc *doc)
{
    crdt__budget_release(&doc->budget, doc->spots,
                         doc->spots ? CRDT__SPOTS_MAX * sizeof(*doc->spots) : 0);
    doc->spots = NULL;
    doc->spot_count = 0;
}

/* An unused spot, if need be one that was in use; NULL when out of memory. */
static crdt__spot *spot_new(crdt_doc *doc)
{
    if (!doc->spots) {
        size_t size = CRDT__SPOTS_MAX * sizeof(*doc->spots);
        doc->spots = crdt__budget_resize(&doc->budget, NULL, 0, size);
        if (!doc->spots)
            return NULL;
        memset(doc->spots, 0, size);
    }
    for (size_t i = 0; i < CRDT__SPOTS_MAX; i++)
        if (!doc->spots[i].parent)
            return &doc->spots[i];
    crdt__spot *oldest = &doc->spots[doc->spot_oldest++ % CRDT__SPOTS_MAX];
    forget(doc, oldest);
    return oldest;
}

static bool has_origin_of(const crdt__spot *spot, const crdt__item *it)
{
    return spot->parent == it->parent && spot->key == it->key &&
           spot->origin_client == it->origin_client &&
           (!it->origin_client || spot->origin_clock == it->origin_clock);
}

static bool is_sibling(const crdt__spot *spot, const crdt__item *it)
{
    return has_origin_of(spot, it) && spot->right_client == it->right_client &&
           (!it->right_client || spot->right_clock == it->right_clock);
}

/* Adds a sibling whose place is known; whatever hinders it, the spot is forgotten then. */
static void add_sibling(crdt_doc *doc, crdt__spot *spot, uint64_t id, crdt__ref ref)
{
    crdt__pos pos = crdt__blocks_find(&doc->objects, &spot->siblings, id + 1);
    if (crdt__blocks_clock(&doc->objects, pos) == id + 1 ||
        !crdt__blocks_insert_after(&doc->objects, &spot->siblings, pos, id + 1, ref))
        forget(doc, spot);
}

/* Adds a sibling if its client is greater than those of all before, of which *last is the greatest.
 */
static bool add_greatest(crdt_doc *doc, crdt__spot *spot, crdt__ref ref, uint64_t *last)
{
    uint64_t id = id_of(doc, crdt__item_at(doc, ref)) + 1;
    bool greater = id > *last;
    *last = id;
    return greater && crdt__blocks_append(&doc->objects, &spot->siblings, id, ref);
}

/* Collects the siblings from `ref` on, up to the end of what hangs together there or to `end`.
 * False: something else is among them, or it is too far, or memory ran out. */
static bool collect(crdt_doc *doc, crdt__spot *spot, crdt__ref ref, crdt__ref end, size_t steps_max)
{
    passed p;
    passed_init(&p, doc);
    size_t block_at = 0;
    uint64_t last = 0;
    bool ok = crdt__blocks_append(&doc->objects, &spot->siblings, last, 0);
    for (; ok && ref && ref != end; ref = crdt__item_at(doc, ref)->right) {
        const crdt__item *o = crdt__item_at(doc, ref);
        size_t when = 0;
        if (has_origin_of(spot, o)) {
            bool sibling = is_sibling(spot, o);
            ok = !sibling || add_greatest(doc, spot, ref, &last);
            spot->pure = spot->pure && sibling;
            block_at = p.count;
            pass_from_origin(&p);
        } else if (hangs(doc, &p, o, &when)) {
            ok = when >= block_at;
        } else {
            break;
        }
        pass(doc, &p, ref);
        ok = ok && p.count < steps_max;
    }
    ok = ok && !p.failed;
    crdt__u64map_deinit(&p.index);
    return ok;
}

/* Remembers the spot of `it`, whose items begin with `first`. */
static void remember(crdt_doc *doc, crdt__ref ref, const crdt__item *it, crdt__ref first,
                     crdt__ref end, size_t steps_max)
{
    crdt__spot *spot = spot_new(doc);
    if (!spot)
        return;
    *spot = (crdt__spot){.parent = it->parent,
                         .key = it->key,
                         .origin_client = it->origin_client,
                         .right_client = it->right_client,
                         .origin_clock = it->origin_clock,
                         .right_clock = it->right_clock,
                         .pure = true,
                         .first = first};
    doc->spot_count++;
    if (collect(doc, spot, first, end, steps_max))
        add_sibling(doc, spot, id_of(doc, it), ref);
    else
        forget(doc, spot);
}

/* ---- walking ---- */

static crdt__ref leftmost_of_key(crdt_doc *doc, const crdt__type *parent, uint32_t key)
{
    crdt__ref ref = crdt__type_get(&doc->objects, parent, key);
    for (; ref && crdt__item_at(doc, ref)->left; doc->work++)
        ref = crdt__item_at(doc, ref)->left;
    return ref;
}

/* Where what lies between the origins begins. */
static crdt__ref first_between(crdt_doc *doc, const crdt__item *it, const crdt__place *place)
{
    if (place->left)
        return crdt__item_at(doc, place->left)->right;
    const crdt__type *parent = crdt__type_at(&doc->objects, it->parent);
    return it->key ? leftmost_of_key(doc, parent, it->key) : parent->start;
}

/* `it`, of another origin, comes from the left into a spot that begins with `ref`, or past it. */
static void forget_entered(crdt_doc *doc, const crdt__item *it, crdt__ref ref)
{
    for (size_t i = 0; doc->spot_count > 0 && i < CRDT__SPOTS_MAX; i++) {
        crdt__spot *spot = &doc->spots[i];
        if (spot->parent && spot->first == ref && !has_origin_of(spot, it))
            forget(doc, spot);
    }
}

/* Walks from `ref` on over what others have put between the item's origins, and finds what it goes
 * behind:
 *
 *     { origin, { ... conflicting items ... }, right origin }
 *
 * An item with the same origin lies to the left if its client is smaller; one whose origin was
 * passed belongs to what it hangs on; anything else ends the conflict. `since` stands for Yjs' set
 * of conflicting items: those passed since it was last emptied. */
static crdt__ref walk(crdt_doc *doc, passed *p, const crdt__item *it, crdt__ref left, crdt__ref ref,
                      crdt__ref end)
{
    size_t since = p->count;
    for (; ref && ref != end; ref = crdt__item_at(doc, ref)->right) {
        if (doc->spot_count > 0)
            forget_entered(doc, it, ref);
        const crdt__item *o = crdt__item_at(doc, ref);
        bool goes_behind;
        size_t when;
        if (crdt__item_same_origin(o, it)) {
            goes_behind = id_of(doc, o) < id_of(doc, it);
            if (!goes_behind && crdt__item_same_right_origin(o, it))
                break;
            pass_from_origin(p);
        } else if (hangs(doc, p, o, &when)) {
            goes_behind = when < since;
        } else {
            break;
        }
        pass(doc, p, ref);
        if (goes_behind) {
            left = ref;
            since = p->count;
        }
    }
    doc->work += p->count + 1;
    return left;
}

/* ---- resolving ---- */

/* Makes place->left and place->right, between which `it` goes, its neighbours; `p` knows what was
 * walked over before `ref`. */
static bool walk_from(crdt_doc *doc, passed *p, const crdt__item *it, crdt__ref ref,
                      crdt__place *place)
{
    crdt__ref left = walk(doc, p, it, place->left, ref, place->right);
    /* where it found nothing, the origin is still the neighbour; if there is none, `ref` is first
     */
    place->right = left ? crdt__item_at(doc, left)->right : ref;
    place->left = left;
    if (doc->spot_count > 0)
        forget_entered(doc, it, place->right);
    crdt__u64map_deinit(&p->index);
    return !p->failed;
}

static bool walk_whole(crdt_doc *doc, crdt__ref ref, const crdt__item *it, crdt__place *place)
{
    uint64_t work = doc->work;
    crdt__ref first = first_between(doc, it, place);
    crdt__ref end = place->right;
    passed p;
    passed_init(&p, doc);
    if (!walk_from(doc, &p, it, first, place))
        return false;
    uint64_t steps = doc->work - work;
    if (steps >= CRDT__SPOT_STEPS_MIN)
        remember(doc, ref, it, first, end, steps * REMEMBER_STEPS_SHARE);
    return true;
}

/* The same, from the next smaller sibling on, if there is one. */
static bool walk_part(crdt_doc *doc, crdt__ref smaller, const crdt__item *it, crdt__place *place)
{
    passed p;
    passed_init(&p, doc);
    if (!smaller)
        return walk_from(doc, &p, it, first_between(doc, it, place), place);
    pass(doc, &p, smaller);
    place->left = smaller;
    return walk_from(doc, &p, it, crdt__item_at(doc, smaller)->right, place);
}

static crdt__spot *find_spot(const crdt_doc *doc, const crdt__item *it)
{
    for (size_t i = 0; doc->spot_count > 0 && i < CRDT__SPOTS_MAX; i++)
        if (doc->spots[i].parent && is_sibling(&doc->spots[i], it))
            return &doc->spots[i];
    return NULL;
}

bool crdt__conflict_resolve(crdt_doc *doc, crdt__ref ref, const crdt__item *it, crdt__place *place)
{
    crdt__spot *spot = find_spot(doc, it);
    if (!spot)
        return walk_whole(doc, ref, it, place);
    uint64_t id = id_of(doc, it);
    crdt__pos pos = crdt__blocks_find(&doc->objects, &spot->siblings, id + 1);
    crdt__ref smaller = crdt__blocks_item(&doc->objects, pos);
    if (crdt__blocks_clock(&doc->objects, pos) == id + 1) {
        forget(doc, spot); /* two of one client: no editor makes them */
        return walk_whole(doc, ref, it, place);
    }
    doc->work++;
    if (spot->pure && crdt__blocks_next(&doc->objects, &pos)) {
        place->right = crdt__blocks_item(&doc->objects, pos);
        place->left = crdt__item_at(doc, place->right)->left;
    } else if (!walk_part(doc, smaller, it, place)) {
        return false;
    }
    add_sibling(doc, spot, id, ref);
    return true;
}

void crdt__conflict_added(crdt_doc *doc, crdt__ref ref, const crdt__item *it)
{
    for (size_t i = 0; doc->spot_count > 0 && i < CRDT__SPOTS_MAX; i++) {
        crdt__spot *spot = &doc->spots[i];
        if (!spot->parent || !has_origin_of(spot, it))
            continue;
        spot->pure = spot->pure && is_sibling(spot, it);
        if (it->right == spot->first)
            spot->first = ref;
    }
}

/* ---- checking ---- */

static const char *check_spot(const crdt_doc *doc, const crdt__spot *spot)
{
    const char *wrong = crdt__blocks_check(&doc->objects, &spot->siblings);
    if (wrong)
        return wrong;
    crdt__pos pos = crdt__blocks_first(&spot->siblings);
    crdt__ref ref = spot->first;
    while (crdt__blocks_next(&doc->objects, &pos)) {
        const crdt__item *it = crdt__item_at(doc, crdt__blocks_item(&doc->objects, pos));
        if (!is_sibling(spot, it) || id_of(doc, it) + 1 != crdt__blocks_clock(&doc->objects, pos))
            return "I14: a sibling is not what its spot says";
        while (ref && ref != crdt__blocks_item(&doc->objects, pos)) {
            ref = crdt__item_at(doc, ref)->right;
            if (ref && is_sibling(spot, crdt__item_at(doc, ref)) &&
                ref != crdt__blocks_item(&doc->objects, pos))
                return "I14: a spot does not know a sibling, or it is in the wrong order";
        }
        if (!ref)
            return "I14: a sibling does not lie behind the smaller ones";
    }
    return NULL;
}

const char *crdt__conflict_check(const crdt_doc *doc)
{
    uint32_t count = 0;
    const char *wrong = NULL;
    for (size_t i = 0; !wrong && doc->spots && i < CRDT__SPOTS_MAX; i++) {
        count += doc->spots[i].parent != 0;
        wrong = doc->spots[i].parent ? check_spot(doc, &doc->spots[i]) : NULL;
    }
    return wrong || count == doc->spot_count ? wrong : "I14: a spot is forgotten";
}
