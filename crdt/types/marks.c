#include "types/marks.h"

#include "base/value.h"
#include "core/content.h"

/* Marks searched one by one. */
#define LIST_MAX 16u

void crdt__marks_init(crdt__marks *marks, crdt__budget *budget, uint64_t seed)
{
    *marks = (crdt__marks){.budget = budget};
    crdt__u64map_init(&marks->index, budget, seed);
}

void crdt__marks_deinit(crdt__marks *marks)
{
    crdt__budget_release(marks->budget, marks->items, marks->cap * sizeof(*marks->items));
    crdt__u64map_deinit(&marks->index);
}

static crdt__mark *find(const crdt__marks *marks, uint32_t key)
{
    if (marks->index.count > 0) {
        const uint64_t *place = crdt__u64map_find(&marks->index, key);
        return place ? &marks->items[*place] : NULL;
    }
    for (size_t i = 0; i < marks->count; i++)
        if (marks->items[i].key == key)
            return &marks->items[i];
    return NULL;
}

crdt_bytes crdt__marks_get(const crdt__marks *marks, uint32_t key)
{
    const crdt__mark *mark = find(marks, key);
    return mark ? mark->value : (crdt_bytes){0};
}

/* Puts the marks from the i-th on into the hash table, once there are many. */
static bool index_from(crdt__marks *marks, size_t i)
{
    if (marks->count <= LIST_MAX)
        return true;
    for (i = marks->index.count > 0 ? i : 0; i < marks->count; i++)
        if (!crdt__u64map_put(&marks->index, marks->items[i].key, i))
            return false;
    return true;
}

static crdt__mark *add(crdt__marks *marks, uint32_t key)
{
    if (!crdt__budget_reserve(marks->budget, &marks->items, &marks->cap, marks->count + 1,
                              sizeof(*marks->items)))
        return NULL;
    marks->items[marks->count++] = (crdt__mark){.key = key};
    return index_from(marks, marks->count - 1) ? &marks->items[marks->count - 1] : NULL;
}

bool crdt__marks_set(crdt__marks *marks, uint32_t key, crdt_bytes value)
{
    crdt__mark *mark = find(marks, key);
    if (!mark && value.len == 0)
        return true;
    if (!mark && !(mark = add(marks, key)))
        return false;
    marks->untold -= !crdt__bytes_equal(mark->value, mark->told);
    mark->value = value;
    marks->untold += !crdt__bytes_equal(mark->value, mark->told);
    return true;
}

/* Finds places anew. A table that has become far too large is not worth emptying each time. */
static bool index_anew(crdt__marks *marks)
{
    if (marks->index.cap / 8 > marks->count)
        crdt__u64map_deinit(&marks->index);
    else
        crdt__u64map_clear(&marks->index);
    return index_from(marks, 0);
}

bool crdt__marks_tell(crdt__marks *marks)
{
    size_t kept = 0;
    for (size_t i = 0; i < marks->count; i++) {
        crdt__mark *mark = &marks->items[i];
        mark->told = mark->value;
        if (mark->value.len > 0)
            marks->items[kept++] = *mark;
    }
    marks->untold = 0;
    if (kept == marks->count)
        return true;
    marks->count = kept;
    return index_anew(marks);
}

bool crdt__marks_pass(crdt__marks *marks, const crdt_doc *doc, const crdt__item *it)
{
    uint32_t key;
    crdt_bytes value;
    crdt__content_mark(doc, it, &key, &value);
    bool ends = crdt__value_is_null(value);
    return crdt__marks_set(marks, key, ends ? (crdt_bytes){0} : value);
}
