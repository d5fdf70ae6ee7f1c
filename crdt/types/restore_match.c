/* What the row of a list and the row it was have in common.
 *
 *     0. all, where both rows hold the same
 *     1. elements with the same id, which hold the same: where the past is the document's own
 *     2. in the gaps between, equal content: what was taken away and made anew
 *     3. in the gaps that are left, types of one kind and name: they are changed, not made anew
 */
#include "types/restore.h"

/* Elements [now, now_to) of one row beside [then, then_to) of the other. */
typedef struct gap {
    uint64_t now;
    uint64_t now_to;
    uint64_t then;
    uint64_t then_to;
} gap;

typedef struct matching {
    crdt__restore *r;
    crdt__budget *budget;
    crdt__row *now;
    crdt__row *then;
} matching;

/* Adds as much of the match as really holds the same, piece by piece. */
static bool add_verified(const matching *m, crdt__match match, crdt__matches *out)
{
    crdt__row_part now = crdt__row_part_of(m->now, match.now, match.now + match.len);
    crdt__row_part then = crdt__row_part_of(m->then, match.then, match.then + match.len);
    crdt__run a;
    crdt__run b;
    for (uint64_t len; (len = crdt__row_part_ahead(&now)) > 0;) {
        uint64_t other = crdt__row_part_ahead(&then);
        crdt__match part = {now.at, then.at, len < other ? len : other};
        (void)crdt__row_part_next(&now, part.len, &a);
        (void)crdt__row_part_next(&then, part.len, &b);
        if (crdt__restore_same(m->now->doc, &a, m->then->doc, &b) &&
            !crdt__matches_add(out, m->budget, part))
            return false;
    }
    return true;
}

/* ---- by id ---- */

/* Elements that lie in another order now are left: one document's never do. */
static bool add_same_id(const matching *m, crdt__match match, crdt__matches *out)
{
    uint64_t behind =
        out->count > 0 ? out->items[out->count - 1].now + out->items[out->count - 1].len : 0;
    return match.now < behind || add_verified(m, match, out);
}

static bool match_piece(const matching *m, const crdt__u64map *places, const crdt__piece *piece,
                        crdt__matches *out)
{
    crdt_doc *doc = m->now->doc;
    const crdt__item *was = crdt__item_at(m->then->doc, piece->ref);
    uint32_t client = crdt__doc_find_client(doc, m->then->doc->clients[was->client].id);
    uint64_t len = crdt__item_len(was);
    for (uint64_t unit = 0; unit < len;) {
        uint64_t clock = was->clock + unit;
        if (!client || clock >= doc->clients[client].state)
            return true;
        crdt__ref ref = crdt__doc_item(doc, client, clock);
        const crdt__item *it = crdt__item_at(doc, ref);
        uint64_t count =
            crdt__item_end(it) - clock < len - unit ? crdt__item_end(it) - clock : len - unit;
        const uint64_t *place = crdt__u64map_find(places, ref);
        if (place && !add_same_id(m,
                                  (crdt__match){m->now->pieces[*place].at + (clock - it->clock),
                                                piece->at + unit, count},
                                  out))
            return false;
        unit += count;
    }
    return true;
}

static bool match_ids(const matching *m, crdt__matches *out)
{
    crdt__u64map places;
    crdt__u64map_init(&places, m->budget, m->now->doc->options.hash_seed);
    bool ok = true;
    for (size_t i = 0; ok && i < m->now->count; i++)
        ok = crdt__u64map_put(&places, m->now->pieces[i].ref, i);
    for (size_t i = 0; ok && i < m->then->count; i++)
        ok = match_piece(m, &places, &m->then->pieces[i], out);
    crdt__u64map_deinit(&places);
    return ok;
}

/* ---- by content ---- */

/* From places among tokens to places among elements. */
typedef struct ruler {
    const uint64_t *tokens;
    uint64_t token;
    uint64_t at;
} ruler;

static uint64_t measure(ruler *r, uint64_t token)
{
    for (; r->token < token; r->token++)
        r->at += crdt__row_token_width(r->tokens[r->token]);
    return r->at;
}

static bool match_tokens(const matching *m, gap g, const crdt__row_tokens *now,
                         const crdt__row_tokens *then, crdt__matches *out)
{
    crdt__matches found = {0};
    bool ok =
        crdt__common_find(m->budget, now->items, now->count, then->items, then->count, &found);
    ruler a = {now->items, 0, g.now};
    ruler b = {then->items, 0, g.then};
    for (size_t i = 0; ok && i < found.count; i++) {
        const crdt__match *match = &found.items[i];
        crdt__match elements = {measure(&a, match->now), measure(&b, match->then), 0};
        elements.len = measure(&a, match->now + match->len) - elements.now;
        ok = add_verified(m, elements, out);
    }
    crdt__matches_deinit(&found, m->budget);
    return ok;
}

static bool match_content(const matching *m, gap g, crdt__row_use use, crdt__matches *out)
{
    if (g.now == g.now_to || g.then == g.then_to)
        return true;
    crdt__row_tokens now = {0};
    crdt__row_tokens then = {0};
    const crdt__walk now_begin = m->now->walk;
    const crdt__walk then_begin = m->then->walk;
    bool ok = crdt__row_tokenize(m->r, crdt__row_part_of(m->now, g.now, g.now_to), use,
                                 CRDT__SIDE_NOW, &now) &&
              crdt__row_tokenize(m->r, crdt__row_part_of(m->then, g.then, g.then_to), use,
                                 CRDT__SIDE_THEN, &then);
    /* What was found is compared from here on, not from where the pieces begin: gaps are many. */
    m->now->walk = now_begin;
    m->then->walk = then_begin;
    ok = ok && match_tokens(m, g, &now, &then, out);
    crdt__budget_release(m->budget, now.items, now.cap * sizeof(*now.items));
    crdt__budget_release(m->budget, then.items, then.cap * sizeof(*then.items));
    return ok;
}

/* Looks in the gaps between the matches for more, and adds all of them in order. */
static bool fill_gaps(const matching *m, const crdt__matches *found, crdt__row_use use,
                      crdt__matches *out)
{
    gap g = {0};
    bool ok = true;
    for (size_t i = 0; ok && i <= found->count; i++) {
        crdt__match match = {m->now->len, m->then->len, 0};
        if (i < found->count)
            match = found->items[i];
        g.now_to = match.now;
        g.then_to = match.then;
        ok = match_content(m, g, use, out) && crdt__matches_add(out, m->budget, match);
        g.now = match.now + match.len;
        g.then = match.then + match.len;
    }
    return ok;
}

/* ---- all alike ---- */

/* Units of the next piece that is no mark. */
static uint64_t units_ahead(crdt__row_part *part)
{
    crdt__run mark;
    uint64_t ahead;
    while ((ahead = crdt__row_part_ahead(part)) > 0 &&
           crdt__item_is_mark(crdt__item_at(part->row->doc, part->row->pieces[part->piece].ref)))
        (void)crdt__row_part_next(part, 1, &mark);
    return ahead;
}

static bool same_inside(const matching *m, const crdt__run *a, const crdt__run *b, bool *same)
{
    uint64_t x = 0;
    uint64_t y = 0;
    bool ok = a->item->kind != CRDT__TYPE ||
              (crdt__restore_hash(m->r, CRDT__SIDE_NOW, a->item->content, &x) &&
               crdt__restore_hash(m->r, CRDT__SIDE_THEN, b->item->content, &y));
    *same = x == y;
    return ok;
}

/* Finds whether both rows hold the same from begin to end, and if so matches unit by unit. Ids
 * alone could mislead: of `aa`, the second `a` may have become the first. */
static bool match_all(const matching *m, crdt__matches *out, bool *same)
{
    crdt__row_part now = crdt__row_part_of(m->now, 0, m->now->len);
    crdt__row_part then = crdt__row_part_of(m->then, 0, m->then->len);
    crdt__run a;
    crdt__run b;
    *same = true;
    while (*same) {
        uint64_t ahead = units_ahead(&now);
        uint64_t other = units_ahead(&then);
        *same = (ahead > 0) == (other > 0);
        if (!*same || ahead == 0)
            return true;
        crdt__match match = {now.at, then.at, ahead < other ? ahead : other};
        (void)crdt__row_part_next(&now, match.len, &a);
        (void)crdt__row_part_next(&then, match.len, &b);
        *same = crdt__restore_same(m->now->doc, &a, m->then->doc, &b);
        if (*same && (!same_inside(m, &a, &b, same) || !crdt__matches_add(out, m->budget, match)))
            return false;
    }
    return true;
}

static bool match_some(const matching *m, crdt__matches *out)
{
    crdt__matches by_id = {0};
    crdt__matches by_content = {0};
    bool ok = match_ids(m, &by_id) && fill_gaps(m, &by_id, CRDT__ROW_ALL, &by_content) &&
              fill_gaps(m, &by_content, CRDT__ROW_TYPES, out);
    crdt__matches_deinit(&by_id, m->budget);
    crdt__matches_deinit(&by_content, m->budget);
    return ok;
}

bool crdt__row_match(crdt__restore *r, crdt__row *now, crdt__row *then, crdt__matches *out)
{
    matching m = {r, &r->budget, now, then};
    bool same;
    if (!match_all(&m, out, &same))
        return false;
    if (same)
        return true;
    out->count = 0;
    return match_some(&m, out);
}
