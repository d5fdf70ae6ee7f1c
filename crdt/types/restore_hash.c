/* Hashes of what types hold, so that types that were made anew are known again. They only tell
 * where to look: what is taken for equal is compared, and made so. */
#include "base/any.h"
#include "base/utf16.h"
#include "types/restore.h"

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static uint64_t mix_bytes(uint64_t hash, crdt_bytes bytes)
{
    hash = mix(hash, bytes.len);
    for (size_t i = 0; i < bytes.len; i++)
        hash = mix(hash, bytes.data[i]);
    return hash;
}

uint64_t crdt__restore_hash_run(const crdt_doc *doc, const crdt__run *run)
{
    crdt__wstruct content = crdt__restore_content(doc, run);
    uint64_t hash = mix(content.kind, content.type_ref);
    return mix_bytes(mix_bytes(hash, content.content), content.content2);
}

/* ---- types ---- */

/* A type that is looked into: its keys first, then its list. */
typedef struct look {
    crdt__ref type;
    uint32_t key; /* the next */
    crdt__walk walk;
    uint64_t keys; /* in any order */
    uint64_t list;
} look;

typedef struct looking {
    crdt_doc *doc;
    crdt__budget *budget;
    crdt__u64map *known;
    look *open;
    size_t count;
    size_t cap;
} looking;

static bool enter(looking *l, crdt__ref type)
{
    if (!crdt__budget_reserve(l->budget, &l->open, &l->cap, l->count + 1, sizeof(*l->open)))
        return false;
    const crdt__type *t = crdt__type_at(&l->doc->objects, type);
    l->open[l->count++] = (look){.type = type, .walk = crdt__walk_of(t)};
    return true;
}

/* True if the type is known, or the run holds none: *hash tells the run. False: it is to be entered
 * first. */
static bool tell(const looking *l, const crdt__run *run, uint64_t *hash)
{
    *hash = crdt__restore_hash_run(l->doc, run);
    if (run->item->kind != CRDT__TYPE)
        return true;
    const uint64_t *inside = crdt__u64map_find(l->known, run->item->content);
    if (inside)
        *hash = mix(*hash, *inside);
    return inside != NULL;
}

/* Goes on with the keys. False: a type is to be entered first. */
static bool look_at_keys(const looking *l, look *at, crdt__ref *type)
{
    const crdt__moment now = {0};
    uint32_t key;
    crdt__ref newest;
    crdt__run run;
    uint64_t hash;
    for (; crdt__type_entry(&l->doc->objects, crdt__type_at(&l->doc->objects, at->type), at->key,
                            &key, &newest);
         at->key++) {
        if (!newest || !crdt__visible_value(l->doc, &now, newest, &run))
            continue;
        if (!tell(l, &run, &hash)) {
            *type = run.item->content;
            return false;
        }
        at->keys += mix_bytes(hash, crdt__doc_name_bytes(l->doc, key));
    }
    return true;
}

static uint64_t mix_text(uint64_t hash, crdt_bytes text)
{
    const uint8_t *p = text.data;
    for (const uint8_t *end = text.len > 0 ? p + text.len : p; p < end;)
        hash = mix(hash, crdt__wtf8_next(&p));
    return hash;
}

static uint64_t mix_values(uint64_t hash, const crdt_doc *doc, const crdt__run *run)
{
    crdt__reader r = crdt__reader_of(run->bytes);
    while (crdt__reader_left(&r) > 0) {
        crdt__run one = *run;
        one.bytes.data = r.pos;
        if (run->item->kind == CRDT__ANY)
            crdt__any_skip_valid(&r);
        else
            (void)crdt__read_varbytes(&r);
        one.bytes.len = (size_t)(r.pos - one.bytes.data);
        hash = mix(hash, crdt__restore_hash_run(doc, &one));
    }
    return hash;
}

/* The same with the list. */
static bool look_at_list(const looking *l, look *at, crdt__ref *type)
{
    const crdt__moment now = {0};
    crdt__run run;
    uint64_t hash;
    for (crdt__walk before = at->walk; crdt__walk_next(l->doc, &now, &at->walk, &run);
         before = at->walk) {
        if (run.item->kind == CRDT__STRING) {
            at->list = mix_text(at->list, run.bytes);
        } else if (run.item->kind == CRDT__ANY || run.item->kind == CRDT__JSON) {
            at->list = mix_values(at->list, l->doc, &run);
        } else if (run.item->kind != CRDT__FORMAT) {
            if (!tell(l, &run, &hash)) {
                *type = run.item->content;
                at->walk = before;
                return false;
            }
            at->list = mix(at->list, hash);
        }
    }
    return true;
}

static bool look_on(looking *l)
{
    look *at = &l->open[l->count - 1];
    crdt__ref type = 0;
    if (!look_at_keys(l, at, &type) || !look_at_list(l, at, &type))
        return enter(l, type);
    l->count--;
    return crdt__u64map_put(l->known, at->type, mix(at->keys, at->list));
}

bool crdt__restore_hash(crdt__restore *r, crdt__side side, crdt__ref type, uint64_t *out)
{
    looking l = {.doc = side == CRDT__SIDE_NOW ? r->doc : r->past,
                 .budget = &r->budget,
                 .known = &r->hashes[side]};
    bool ok = crdt__u64map_find(l.known, type) || enter(&l, type);
    while (ok && l.count > 0)
        ok = look_on(&l);
    crdt__budget_release(l.budget, l.open, l.cap * sizeof(*l.open));
    const uint64_t *found = crdt__u64map_find(l.known, type);
    *out = found ? *found : 0;
    return ok;
}
