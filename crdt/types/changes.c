/* What a transaction changed, told: one object for each type, outermost first
 * (yjs/src/utils/YEvent.js). */
#include <stdlib.h>

#include "base/json.h"
#include "types/describe.h"
#include "types/ops.h"
#include "types/position.h"

/* What is noted, in the order in which it is told: all of one type together. */
typedef struct noted {
    crdt__change change;
    uint32_t depth;
    size_t type_seq; /* when the type was noted first */
    size_t seq;
} noted;

/* ---- order ---- */

static int compare_noted(const void *a, const void *b)
{
    const noted *x = a;
    const noted *y = b;
    if (x->depth != y->depth)
        return x->depth < y->depth ? -1 : 1;
    if (x->type_seq != y->type_seq)
        return x->type_seq < y->type_seq ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* The steps from the root to a type, CRDT_PATH_LEN_MAX + 1 of those that are more. Puts the items
 * that hold the types on the way, innermost first, into `path` (may be NULL). */
static uint32_t depth_of(const crdt_doc *doc, crdt__ref ref, crdt__ref path[CRDT_PATH_LEN_MAX])
{
    uint32_t depth = 0;
    for (;; depth++) {
        crdt__ref holder = crdt__type_at(&doc->objects, ref)->item;
        if (!holder || depth > CRDT_PATH_LEN_MAX)
            return depth;
        if (path && depth < CRDT_PATH_LEN_MAX)
            path[depth] = holder;
        ref = crdt__item_at(doc, holder)->parent;
    }
}

static bool is_deleted(const crdt_doc *doc, crdt__ref type)
{
    crdt__ref holder = crdt__type_at(&doc->objects, type)->item;
    return holder && crdt__item_at(doc, holder)->deleted;
}

/* Fills `list`, and tells how many there are. False when out of memory. */
static bool order(const crdt_doc *doc, crdt__budget *budget, noted *list, size_t *count)
{
    crdt__u64map first; /* type -> when it was noted first */
    crdt__u64map_init(&first, budget, doc->options.hash_seed);
    bool ok = true;
    *count = 0;
    for (size_t i = 0; ok && i < doc->changed.count; i++) {
        crdt__change change = doc->changed.items[i];
        if (is_deleted(doc, change.type))
            continue;
        const uint64_t *seq = crdt__u64map_find(&first, change.type);
        noted n = {.change = change, .type_seq = seq ? (size_t)*seq : i, .seq = i};
        ok = seq || crdt__u64map_put(&first, change.type, i);
        n.depth = depth_of(doc, change.type, NULL);
        list[(*count)++] = n;
    }
    crdt__u64map_deinit(&first);
    if (ok && *count > 1)
        qsort(list, *count, sizeof(*list), compare_noted);
    return ok;
}

/* ---- where ---- */

static void write_place(crdt__printer *p, crdt_doc *doc, crdt__ref type)
{
    crdt__ref path[CRDT_PATH_LEN_MAX];
    uint32_t depth = depth_of(doc, type, path);
    if (depth > CRDT_PATH_LEN_MAX) {
        crdt__out_raw(&p->out, "\"root\":null,\"path\":null");
        return;
    }
    crdt__ref root = depth > 0 ? crdt__item_at(doc, path[depth - 1])->parent : type;
    crdt__out_raw(&p->out, "\"root\":");
    crdt__out_string(&p->out, crdt__doc_name_bytes(doc, crdt__type_at(&doc->objects, root)->name));
    crdt__out_raw(&p->out, ",\"path\":[");
    while (depth-- > 0) {
        const crdt__item *it = crdt__item_at(doc, path[depth]);
        if (it->key)
            crdt__out_string(&p->out, crdt__doc_name_bytes(doc, it->key));
        else
            crdt__json_write_number((double)crdt__position_index(doc, path[depth]), &p->out.w);
        crdt__out_raw(&p->out, depth > 0 ? "," : "");
    }
    crdt__out_raw(&p->out, "]");
}

static void write_kind(crdt__printer *p, bool known, crdt_type_kind kind)
{
    static const char *const names[] = {[CRDT_ARRAY] = "\"array\"",
                                        [CRDT_MAP] = "\"map\"",
                                        [CRDT_TEXT] = "\"text\"",
                                        [CRDT_XML_ELEMENT] = "\"xmlElement\"",
                                        [CRDT_XML_FRAGMENT] = "\"xmlFragment\"",
                                        [CRDT_XML_HOOK] = "\"xmlHook\"",
                                        [CRDT_XML_TEXT] = "\"xmlText\""};
    crdt__out_raw(&p->out, ",\"kind\":");
    crdt__out_raw(&p->out, known ? names[kind] : "null");
}

/* ---- keys ---- */

static void write_value(crdt__printer *p, const char *name, const crdt__run *run,
                        crdt__moment moment)
{
    crdt__moment usual = p->moment;
    crdt__out_raw(&p->out, name);
    p->moment = moment;
    crdt__print_units(p, run, false);
    crdt__printer_run(p);
    p->moment = usual;
}

/* Writes what became of a key, behind `before`; false if nothing did. */
static bool write_key(crdt__printer *p, const crdt__type *type, uint32_t key, const char *before)
{
    const crdt__moment now = {.when = CRDT__NOW};
    const crdt__moment then = {.when = CRDT__BEFORE};
    const crdt_doc *doc = p->doc;
    crdt__ref newest = crdt__type_get(&doc->objects, type, key);
    const crdt__item *it = crdt__item_at(doc, newest);
    bool same = !it->deleted && it->clock < crdt__txn_before(doc, it->client);
    crdt__run old_run;
    crdt__run new_run;
    bool had = crdt__visible_value(doc, &then, newest, &old_run);
    bool has = crdt__visible_value(doc, &now, newest, &new_run);
    if (same || (!had && !has))
        return false;
    crdt__out_raw(&p->out, before);
    crdt__out_string(&p->out, crdt__doc_name_bytes(doc, key));
    crdt__out_raw(&p->out, ":{\"action\":");
    crdt__out_raw(&p->out, !had ? "\"add\"" : has ? "\"update\"" : "\"delete\"");
    if (had)
        write_value(p, ",\"oldValue\":", &old_run, then);
    if (has)
        write_value(p, ",\"newValue\":", &new_run, now);
    crdt__out_raw(&p->out, "}");
    return true;
}

static bool write_keys(crdt__printer *p, const crdt__type *type, const noted *list, size_t count)
{
    bool behind = false;
    for (size_t i = 0; i < count && p->ok; i++)
        if (list[i].change.key &&
            write_key(p, type, list[i].change.key, behind ? "," : ",\"keys\":{"))
            behind = true;
    crdt__out_raw(&p->out, behind ? "}" : "");
    return behind;
}

/* ---- types ---- */

static bool list_changed(const noted *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!list[i].change.key)
            return true;
    return false;
}

/* A root that the application has defined as a text is one, whatever is in it. */
static bool kind_of(const crdt__printer *p, const crdt__type *type, crdt_type_kind *out)
{
    if (type->item || !type->is_text)
        return crdt__kind_of_type(p->doc, &p->moment, type, CRDT__LIST_FIRST, out);
    *out = CRDT_TEXT;
    return true;
}

/* Writes what became of a type; false, and nothing, if it is as it was. */
static bool write_type(crdt__printer *p, crdt_doc *doc, const noted *list, size_t count,
                       const char *before)
{
    const crdt__type *type = crdt__type_at(&doc->objects, list->change.type);
    size_t start = crdt__writer_len(&p->out.w);
    crdt_type_kind kind;
    bool known = kind_of(p, type, &kind);
    bool is_text = known && (kind == CRDT_TEXT || kind == CRDT_XML_TEXT);
    crdt__out_raw(&p->out, before);
    crdt__out_raw(&p->out, "{");
    write_place(p, doc, list->change.type);
    write_kind(p, known, kind);
    bool differs = false;
    if (list_changed(list, count))
        differs = is_text ? crdt__ops_of_text(p, type) : crdt__ops_of_list(p, type);
    differs = write_keys(p, type, list, count) || differs;
    crdt__out_raw(&p->out, "}");
    if (!differs)
        p->out.w.pos -= crdt__writer_len(&p->out.w) - start;
    return differs;
}

static void write_all(crdt__printer *p, crdt_doc *doc, const noted *list, size_t count)
{
    crdt__out_raw(&p->out, "[");
    bool behind = false;
    for (size_t i = 0, n; i < count && p->ok; i += n) {
        for (n = 1; i + n < count && list[i + n].change.type == list[i].change.type;)
            n++;
        behind = write_type(p, doc, list + i, n, behind ? "," : "") || behind;
    }
    crdt__out_raw(&p->out, "]");
}

static crdt_err tell(crdt_doc *doc, noted *list)
{
    crdt__printer p;
    size_t count;
    crdt__printer_init(&p, doc, (crdt__moment){0}, &doc->changed.told);
    p.ok = order(doc, &p.budget, list, &count);
    if (p.ok)
        write_all(&p, doc, list, count);
    return crdt__printer_finish(&p);
}

/* A rendering as large as this is not kept room for. */
#define TOLD_KEPT_MAX 4096u

void crdt__changed_tell(crdt_doc *doc)
{
    crdt__changed *changed = &doc->changed;
    size_t size = changed->count * sizeof(noted);
    noted *list = NULL;
    if (changed->told.cap > TOLD_KEPT_MAX)
        crdt_buf_free(&changed->told);
    changed->told.len = 0;
    changed->err = changed->lost;
    if (size > 0 && !(list = crdt__budget_resize(&doc->budget, NULL, 0, size)))
        changed->err = doc->budget.err;
    doc->budget.err = CRDT_OK;
    if (changed->err == CRDT_OK && tell(doc, list) != CRDT_OK)
        changed->err = doc->budget.err ? doc->budget.err : CRDT_NO_MEMORY;
    crdt__budget_release(&doc->budget, list, size);
    crdt__changed_clear(doc);
}

crdt_err crdt_doc_changes(const crdt_doc *doc, crdt_buf *out)
{
    const crdt__changed *changed = &doc->changed;
    if (doc->failed)
        return CRDT_FAILED;
    if (doc->options.changes == CRDT_CHANGES_OFF)
        return CRDT_INVALID;
    if (changed->err != CRDT_OK)
        return changed->err;
    crdt__writer w = crdt__writer_on(out);
    if (changed->told.len > 0)
        crdt__write_bytes(&w, changed->told.data, changed->told.len);
    else
        crdt__write_bytes(&w, "[]", 2); /* there was no transaction yet */
    return crdt__writer_finish(&w);
}
