/* Rows of elements, and the numbers that stand for them. */
#include "base/any.h"
#include "base/utf16.h"
#include "types/restore.h"

/* ---- rows ---- */

bool crdt__row_init(crdt__row *row, crdt__budget *budget, crdt_doc *doc, crdt__ref type)
{
    *row = (crdt__row){.doc = doc};
    if (!type)
        return true;
    const crdt__moment now = {0};
    crdt__walk walk = crdt__walk_of(crdt__type_at(&doc->objects, type));
    for (crdt__run run; crdt__walk_next(doc, &now, &walk, &run); row->len += run.to) {
        if (!crdt__budget_reserve(budget, &row->pieces, &row->cap, row->count + 1,
                                  sizeof(*row->pieces)))
            return false;
        row->pieces[row->count++] = (crdt__piece){run.ref, row->len};
    }
    return true;
}

void crdt__row_deinit(crdt__row *row, crdt__budget *budget)
{
    crdt__budget_release(budget, row->pieces, row->cap * sizeof(*row->pieces));
}

size_t crdt__row_find(const crdt__row *row, uint64_t at)
{
    size_t low = 0;
    for (size_t high = row->count; high - low > 1;) {
        size_t middle = low + (high - low) / 2;
        if (row->pieces[middle].at <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

crdt__row_part crdt__row_part_of(crdt__row *row, uint64_t from, uint64_t to)
{
    return (crdt__row_part){row, from, to, from < to ? crdt__row_find(row, from) : 0};
}

static uint64_t end_of(const crdt__row *row, size_t piece)
{
    return piece + 1 < row->count ? row->pieces[piece + 1].at : row->len;
}

uint64_t crdt__row_part_ahead(crdt__row_part *part)
{
    if (part->at == part->to)
        return 0;
    while (end_of(part->row, part->piece) <= part->at)
        part->piece++;
    uint64_t end = end_of(part->row, part->piece);
    return (end < part->to ? end : part->to) - part->at;
}

bool crdt__row_part_next(crdt__row_part *part, uint64_t max, crdt__run *out)
{
    uint64_t ahead = crdt__row_part_ahead(part);
    uint64_t len = ahead < max ? ahead : max;
    if (len == 0)
        return false;
    crdt__row *row = part->row;
    const crdt__piece *piece = &row->pieces[part->piece];
    uint64_t from = part->at - piece->at;
    if (row->walk.ref != piece->ref || row->walk.unit > from)
        row->walk = (crdt__walk){.ref = piece->ref};
    *out = crdt__run_of_units(row->doc, &row->walk, from, from + len);
    part->at += len;
    return true;
}

/* ---- tokens ----
 *
 *     text      the character; U+10000 and above count two elements
 *     others    VALUE, and a hash
 *     LONE      equal to nothing of the other side
 */

#define VALUE      (UINT64_C(1) << 63)
#define LONE(side) (UINT64_C(1) << (40 + (unsigned)(side)))
#define CHARACTER  UINT64_C(0x1fffff)

uint64_t crdt__row_token_width(uint64_t token)
{
    return !(token & VALUE) && (token & CHARACTER) > 0xffff ? 2 : 1;
}

typedef struct tokenizer {
    crdt__restore *r;
    const crdt_doc *doc;
    crdt__side side;
    crdt__row_tokens *out;
    crdt__row_use use;
    uint64_t lone;
} tokenizer;

static bool add(tokenizer *t, uint64_t token)
{
    if (!crdt__budget_reserve(&t->r->budget, &t->out->items, &t->out->cap, t->out->count + 1,
                              sizeof(*t->out->items)))
        return false;
    t->out->items[t->out->count++] = token;
    return true;
}

static bool add_text(tokenizer *t, const crdt__run *run)
{
    uint64_t lone = t->use == CRDT__ROW_TYPES ? t->lone : 0;
    if (run->low_half && !add(t, t->lone))
        return false;
    const uint8_t *p = run->bytes.data;
    for (const uint8_t *end = run->bytes.len > 0 ? p + run->bytes.len : p; p < end;)
        if (!add(t, crdt__wtf8_next(&p) | lone))
            return false;
    return !run->high_half || add(t, t->lone);
}

static bool add_values(tokenizer *t, const crdt__run *run)
{
    crdt__reader r = crdt__reader_of(run->bytes);
    for (uint64_t i = run->from; i < run->to; i++) {
        const uint8_t *from = r.pos;
        if (run->item->kind == CRDT__ANY)
            crdt__any_skip_valid(&r);
        else
            (void)crdt__read_varbytes(&r);
        crdt__run one = *run;
        one.bytes = (crdt_bytes){from, (size_t)(r.pos - from)};
        uint64_t hash = crdt__restore_hash_run(t->doc, &one);
        if (!add(t, VALUE | (t->use == CRDT__ROW_TYPES ? t->lone : hash)))
            return false;
    }
    return true;
}

static bool add_one(tokenizer *t, const crdt__run *run)
{
    bool is_type = run->item->kind == CRDT__TYPE;
    uint64_t inside = 0;
    if (t->use == CRDT__ROW_TYPES && !is_type)
        return add(t, VALUE | t->lone);
    if (t->use == CRDT__ROW_ALL && is_type &&
        !crdt__restore_hash(t->r, t->side, run->item->content, &inside))
        return false;
    return add(t, VALUE | (crdt__restore_hash_run(t->doc, run) + inside));
}

bool crdt__row_tokenize(crdt__restore *r, crdt__row_part part, crdt__row_use use, crdt__side side,
                        crdt__row_tokens *out)
{
    tokenizer t = {
        .r = r, .doc = part.row->doc, .side = side, .out = out, .use = use, .lone = LONE(side)};
    bool ok = true;
    for (crdt__run run; ok && crdt__row_part_next(&part, UINT64_MAX, &run);) {
        if (run.item->kind == CRDT__STRING)
            ok = add_text(&t, &run);
        else if (run.item->kind == CRDT__ANY || run.item->kind == CRDT__JSON)
            ok = add_values(&t, &run);
        else
            ok = add_one(&t, &run);
    }
    return ok;
}
