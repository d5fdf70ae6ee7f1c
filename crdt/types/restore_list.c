/* Making a list what it was: one walk over its items, from what both rows have in common to the
 * next. Between, what is there goes, then what was there is made anew.
 *
 * Formatting marks are elements of the row, but what counts is which formats are in force at each
 * unit. Units come out in the order of the past. So whatever formats lie before a unit there (in
 * `now`) were those before it in the past, and between two units a key needs looking at only if
 * there is a mark of it between them, here or there: `have` is what the marks here come to, `want`
 * what those of the past did. If both are the same, the marks stay as they are, however many there
 * are; if not, they go, and one is made if it is needed.
 */
#include "base/value.h"
#include "types/restore.h"

/* One key of formats. No bytes: not in force. */
typedef struct slot {
    uint32_t name;
    crdt_bytes now;  /* at the unit before */
    crdt_bytes have; /* behind the marks that are here */
    crdt_bytes want; /* behind those of the past */
    bool touched;
    bool drops;   /* its marks are to go */
    size_t marks; /* here, since the unit before */
    size_t found; /* of them in the past as well */
} slot;

typedef struct seen {
    crdt__ref mark;
    size_t slot;
    bool found;
} seen;

typedef struct listing {
    crdt__restore *r;
    crdt_doc *doc;
    crdt__ref type;
    crdt__row now;
    crdt__row then;
    crdt__matches matches;
    crdt__position at;
    uint64_t inside; /* elements of the item to the right that are behind us */

    crdt__u64map index; /* name -> slot */
    slot *slots;
    size_t slot_count;
    size_t slot_cap;
    size_t *touched; /* slots, since the unit before */
    size_t touched_count;
    size_t touched_cap;
    seen *marks; /* the same */
    size_t mark_count;
    size_t mark_cap;
    bool removed; /* units were deleted since the one before */
} listing;

/* ---- moving ---- */

static void step(listing *l)
{
    l->at.left = l->at.right;
    l->at.right = crdt__item_at(l->doc, l->at.right)->right;
    l->inside = 0;
}

/* The item with the next element, which must be there. */
static const crdt__item *here(listing *l)
{
    for (;;) {
        const crdt__item *it = crdt__item_at(l->doc, l->at.right);
        if (!it->deleted && l->inside < crdt__item_len(it))
            return it;
        step(l);
    }
}

/* Comes to lie between two items. */
static bool come_between(listing *l)
{
    if (l->inside == 0)
        return true;
    if (l->inside < crdt__item_len(crdt__item_at(l->doc, l->at.right)) &&
        !crdt__item_split(l->doc, l->at.right, l->inside))
        return false;
    step(l);
    return true;
}

static bool insert(listing *l, const crdt__wstruct *content, crdt__ref *out)
{
    if (!come_between(l))
        return false;
    *out = crdt__edit_insert(l->doc, l->type, 0, l->at, content);
    if (*out)
        l->at.left = *out;
    return *out != 0;
}

/* ---- formats ---- */

static slot *slot_of(listing *l, uint32_t name)
{
    const uint64_t *found = crdt__u64map_find(&l->index, name);
    size_t i = found ? (size_t)*found : l->slot_count;
    if (!found) {
        if (!crdt__budget_reserve(&l->r->budget, &l->slots, &l->slot_cap, i + 1, sizeof(slot)) ||
            !crdt__u64map_put(&l->index, name, i))
            return NULL;
        l->slots[l->slot_count++] = (slot){.name = name};
    }
    slot *s = &l->slots[i];
    if (!s->touched) {
        if (!crdt__budget_reserve(&l->r->budget, &l->touched, &l->touched_cap, l->touched_count + 1,
                                  sizeof(*l->touched)))
            return NULL;
        l->touched[l->touched_count++] = i;
        s->touched = true;
    }
    return s;
}

static crdt_bytes in_force(crdt_bytes value)
{
    return crdt__value_is_null(value) ? (crdt_bytes){0} : value;
}

/* Passes a mark that is here. */
static bool pass_mark(listing *l, bool found)
{
    uint32_t name;
    crdt_bytes value;
    crdt__content_mark(l->doc, here(l), &name, &value);
    slot *s = slot_of(l, name);
    if (!s || !crdt__budget_reserve(&l->r->budget, &l->marks, &l->mark_cap, l->mark_count + 1,
                                    sizeof(*l->marks)))
        return false;
    l->marks[l->mark_count++] = (seen){l->at.right, (size_t)(s - l->slots), found};
    s->have = in_force(value);
    s->marks++;
    s->found += found;
    l->inside = 1;
    return true;
}

/* Passes a mark of the past. */
static bool want_mark(listing *l, const crdt__item *mark)
{
    uint32_t name;
    crdt_bytes value;
    crdt_doc *past = l->r->past;
    crdt__content_mark(past, mark, &name, &value);
    uint32_t key = crdt__doc_name(l->doc, crdt__doc_name_bytes(past, name));
    slot *s = key ? slot_of(l, key) : NULL;
    if (s)
        s->want = in_force(value);
    return s != NULL;
}

static bool insert_mark(listing *l, uint32_t name, crdt_bytes value)
{
    crdt__wstruct content = {.kind = CRDT__FORMAT,
                             .len = 1,
                             .canonical = true,
                             .content = crdt__doc_name_bytes(l->doc, name),
                             .content2 = value.len > 0 ? value : crdt_bytes_of("null")};
    crdt__ref ref;
    return insert(l, &content, &ref);
}

/* Deletes the marks of slots whose marks are to go, and forgets the others. */
static bool settle_marks(listing *l)
{
    for (size_t i = 0; i < l->mark_count; i++)
        if (l->slots[l->marks[i].slot].drops && !crdt__item_delete(l->doc, l->marks[i].mark))
            return false;
    l->mark_count = 0;
    return true;
}

/* Here a unit comes. Where units went, marks that say nothing any more go with them. */
static bool settle(listing *l)
{
    for (size_t i = 0; i < l->touched_count; i++) {
        slot *s = &l->slots[l->touched[i]];
        bool right = crdt__bytes_equal(s->have, s->want);
        bool idle = crdt__bytes_equal(s->now, s->want);
        s->drops = !right || (l->removed && idle && s->found == 0);
        if (!right && !idle && !insert_mark(l, s->name, s->want))
            return false;
    }
    if (!settle_marks(l))
        return false;
    for (size_t i = 0; i < l->touched_count; i++) {
        slot *s = &l->slots[l->touched[i]];
        *s = (slot){.name = s->name, .now = s->want, .have = s->want, .want = s->want};
    }
    l->touched_count = 0;
    l->removed = false;
    return true;
}

/* Behind the last unit formats do not show: only what went with the units is tidied away. */
static bool settle_end(listing *l)
{
    for (size_t i = 0; l->removed && i < l->mark_count; i++)
        if (!l->marks[i].found && !crdt__item_delete(l->doc, l->marks[i].mark))
            return false;
    return true;
}

/* ---- stretches ---- */

/* What is here goes. */
static bool drop(listing *l, uint64_t len)
{
    while (len > 0) {
        const crdt__item *it = here(l);
        if (crdt__item_is_mark(it)) {
            if (!pass_mark(l, false))
                return false;
            len--;
            continue;
        }
        if (!come_between(l))
            return false;
        it = here(l);
        if (crdt__item_len(it) > len && !crdt__item_split(l->doc, l->at.right, len))
            return false;
        len -= crdt__item_len(it);
        l->removed = true;
        if (!crdt__item_delete(l->doc, l->at.right))
            return false;
    }
    return true;
}

/* What was there is made anew. */
static bool add(listing *l, crdt__row_part part)
{
    for (crdt__run run; crdt__row_part_next(&part, UINT64_MAX, &run);) {
        if (run.item->kind == CRDT__FORMAT) {
            if (!want_mark(l, run.item))
                return false;
            continue;
        }
        crdt__wstruct content = crdt__restore_content(l->r->past, &run);
        crdt__ref ref;
        if (!settle(l) || !insert(l, &content, &ref))
            return false;
        if (run.item->kind == CRDT__TYPE &&
            !crdt__restore_push(l->r, crdt__item_at(l->doc, ref)->content, run.item->content))
            return false;
    }
    return true;
}

static void pass(listing *l, uint64_t len)
{
    while (len > 0) {
        uint64_t left = crdt__item_len(here(l)) - l->inside;
        uint64_t count = left < len ? left : len;
        l->inside += count;
        len -= count;
    }
}

/* What is here and was there stays. */
static bool keep(listing *l, crdt__row_part part)
{
    for (crdt__run run; crdt__row_part_next(&part, UINT64_MAX, &run);) {
        if (run.item->kind == CRDT__FORMAT) {
            if (!want_mark(l, run.item) || !pass_mark(l, true))
                return false;
            continue;
        }
        if (!settle(l))
            return false;
        if (run.item->kind == CRDT__TYPE &&
            !crdt__restore_push(l->r, here(l)->content, run.item->content))
            return false;
        pass(l, run.to - run.from);
    }
    return true;
}

static bool rewrite(listing *l)
{
    crdt__match end = {l->now.len, l->then.len, 0};
    uint64_t now = 0;
    uint64_t then = 0;
    for (size_t i = 0; i <= l->matches.count; i++) {
        const crdt__match *m = i < l->matches.count ? &l->matches.items[i] : &end;
        if (!drop(l, m->now - now) || !add(l, crdt__row_part_of(&l->then, then, m->then)) ||
            !keep(l, crdt__row_part_of(&l->then, m->then, m->then + m->len)))
            return false;
        now = m->now + m->len;
        then = m->then + m->len;
    }
    return settle_end(l);
}

bool crdt__restore_list(crdt__restore *r, crdt__pair pair)
{
    crdt__budget *budget = &r->budget;
    listing l = {.r = r, .doc = r->doc, .type = pair.now};
    l.at.right = crdt__type_at(&r->doc->objects, pair.now)->start;
    crdt__u64map_init(&l.index, budget, r->doc->options.hash_seed);
    bool ok = crdt__row_init(&l.now, budget, r->doc, pair.now) &&
              crdt__row_init(&l.then, budget, r->past, pair.then) &&
              crdt__row_match(r, &l.now, &l.then, &l.matches) && rewrite(&l);
    crdt__u64map_deinit(&l.index);
    crdt__budget_release(budget, l.slots, l.slot_cap * sizeof(*l.slots));
    crdt__budget_release(budget, l.touched, l.touched_cap * sizeof(*l.touched));
    crdt__budget_release(budget, l.marks, l.mark_cap * sizeof(*l.marks));
    crdt__matches_deinit(&l.matches, budget);
    crdt__row_deinit(&l.now, budget);
    crdt__row_deinit(&l.then, budget);
    return ok;
}
