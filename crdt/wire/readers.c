#include "wire/readers.h"

/* Below 0: `a` comes first. */
static int compare_ids(const crdt__lazy_reader *a, const crdt__lazy_reader *b)
{
    crdt_id left = crdt__lazy_id(a);
    crdt_id right = crdt__lazy_id(b);
    if (left.client != right.client)
        return left.client > right.client ? -1 : 1;
    return left.clock == right.clock ? 0 : left.clock < right.clock ? -1 : 1;
}

/* Yjs' comparison, which contradicts itself for an item and a GC struct of the same ID. */
static int compare_as_yjs(const crdt__lazy_reader *a, const crdt__lazy_reader *b)
{
    int order = compare_ids(a, b);
    return order == 0 && (a->kind == CRDT__GC) != (b->kind == CRDT__GC) ? -1 : order;
}

/* ---- few ---- */

/* How long a run, ascending or strictly descending, begins the array; it is left ascending. */
static size_t begin_with_run(crdt__lazy_reader **items, size_t count)
{
    if (count < 2)
        return count;
    bool descending = compare_as_yjs(items[1], items[0]) < 0;
    size_t run = 2;
    while (run < count && (compare_as_yjs(items[run], items[run - 1]) < 0) == descending)
        run++;
    for (size_t low = 0, high = run - 1; descending && low < high; low++, high--) {
        crdt__lazy_reader *swap = items[low];
        items[low] = items[high];
        items[high] = swap;
    }
    return run;
}

/* Array.prototype.sort of V8 for short arrays (third_party/v8/builtins/array-sort.tq). */
static void sort_as_v8(crdt__lazy_reader **items, size_t count)
{
    for (size_t start = begin_with_run(items, count); start < count; start++) {
        crdt__lazy_reader *pivot = items[start];
        size_t left = 0;
        size_t right = start;
        while (left < right) {
            size_t mid = left + (right - left) / 2;
            if (compare_as_yjs(pivot, items[mid]) < 0)
                right = mid;
            else
                left = mid + 1;
        }
        memmove(items + left + 1, items + left, (start - left) * sizeof *items);
        items[left] = pivot;
    }
}

static bool mixed_tie(const crdt__lazy_reader *a, const crdt__lazy_reader *b)
{
    return compare_ids(a, b) == 0 && compare_as_yjs(a, b) != 0;
}

static bool has_mixed_tie(const crdt__readers *rs)
{
    for (size_t i = 1; i < rs->count; i++)
        if (mixed_tie(rs->items[i - 1], rs->items[i]))
            return true;
    return false;
}

static void sort_few(crdt__readers *rs)
{
    sort_as_v8(rs->items, rs->count);
    rs->mixed = has_mixed_tie(rs);
}

/* Brings the first reader to its place among the others, before its equals. */
static void place_first(crdt__readers *rs)
{
    crdt__lazy_reader *first = rs->items[0];
    size_t left = 1; /* readers below `left` come before `first` */
    for (size_t right = rs->count; left < right;) {
        size_t mid = left + (right - left) / 2;
        if (compare_ids(rs->items[mid], first) < 0)
            left = mid + 1;
        else
            right = mid;
    }
    if (left < rs->count && mixed_tie(first, rs->items[left])) {
        sort_few(rs);
        return;
    }
    memmove(rs->items, rs->items + 1, (left - 1) * sizeof *rs->items);
    rs->items[left - 1] = first;
}

static void step_few(crdt__readers *rs)
{
    bool gone = rs->items[0]->done;
    if (gone)
        memmove(rs->items, rs->items + 1, --rs->count * sizeof *rs->items);
    if (rs->mixed)
        sort_few(rs);
    else if (!gone)
        place_first(rs);
    rs->first = rs->count > 0 ? rs->items[0] : NULL;
}

/* ---- many ---- */

static bool comes_before(const crdt__lazy_reader *a, const crdt__lazy_reader *b)
{
    int order = compare_ids(a, b);
    return order != 0 ? order < 0 : a->turn < b->turn;
}

static void sift_down(crdt__readers *rs, size_t at)
{
    crdt__lazy_reader *moved = rs->items[at];
    for (size_t child; (child = 2 * at + 1) < rs->count; at = child) {
        if (child + 1 < rs->count && comes_before(rs->items[child + 1], rs->items[child]))
            child++;
        if (!comes_before(rs->items[child], moved))
            break;
        rs->items[at] = rs->items[child];
    }
    rs->items[at] = moved;
}

static void sift_up(crdt__readers *rs, size_t at)
{
    crdt__lazy_reader *moved = rs->items[at];
    for (size_t parent; at > 0 && comes_before(moved, rs->items[parent = (at - 1) / 2]);
         at = parent)
        rs->items[at] = rs->items[parent];
    rs->items[at] = moved;
}

static size_t queued(const crdt__readers *rs)
{
    return rs->end - rs->next;
}

/* There are few enough for an array in order. */
static void become_few(crdt__readers *rs)
{
    memmove(rs->items + rs->count, rs->items + rs->next, queued(rs) * sizeof *rs->items);
    rs->count += queued(rs);
    for (size_t i = 1; i < rs->count; i++) {
        crdt__lazy_reader *moved = rs->items[i];
        size_t at = i;
        for (; at > 0 && comes_before(moved, rs->items[at - 1]); at--)
            rs->items[at] = rs->items[at - 1];
        rs->items[at] = moved;
    }
    rs->many = false;
    rs->mixed = has_mixed_tie(rs);
    if (rs->mixed)
        sort_few(rs);
    rs->first = rs->items[0];
}

static bool heap_is_first(const crdt__readers *rs)
{
    return queued(rs) == 0 || (rs->count > 0 && comes_before(rs->items[0], rs->items[rs->next]));
}

static void choose_first(crdt__readers *rs)
{
    rs->first = heap_is_first(rs) ? rs->items[0] : rs->items[rs->next];
}

static void step_heap(crdt__readers *rs)
{
    if (rs->first->done)
        rs->items[0] = rs->items[--rs->count];
    sift_down(rs, 0);
}

static void step_queue(crdt__readers *rs)
{
    rs->next++;
    if (rs->first->done)
        return;
    rs->items[rs->count++] = rs->first;
    sift_up(rs, rs->count - 1);
}

static void step_many(crdt__readers *rs)
{
    bool in_heap = rs->count > 0 && rs->first == rs->items[0];
    rs->first->turn = --rs->turn;
    if (in_heap)
        step_heap(rs);
    else
        step_queue(rs);
    if (rs->count + queued(rs) < CRDT__READERS_FEW)
        become_few(rs);
    else
        choose_first(rs);
}

static bool in_order(const crdt__readers *rs)
{
    for (size_t i = 1; i < rs->count; i++)
        if (!comes_before(rs->items[i - 1], rs->items[i]))
            return false;
    return true;
}

static void begin_many(crdt__readers *rs)
{
    rs->many = true;
    rs->next = rs->end = rs->count;
    if (in_order(rs))
        rs->next = rs->count = 0;
    for (size_t at = rs->count / 2; at-- > 0;)
        sift_down(rs, at);
    choose_first(rs);
}

/* ---- both ---- */

void crdt__readers_init(crdt__readers *rs, crdt__lazy_reader *readers, size_t count,
                        crdt__lazy_reader **room)
{
    *rs = (crdt__readers){.items = room};
    for (size_t i = 0; i < count; i++) {
        readers[i].turn = (int64_t)i;
        if (!readers[i].done)
            room[rs->count++] = &readers[i];
    }
    if (rs->count >= CRDT__READERS_FEW) {
        begin_many(rs);
        return;
    }
    sort_few(rs);
    rs->first = rs->count > 0 ? rs->items[0] : NULL;
}

void crdt__readers_step(crdt__readers *rs)
{
    if (rs->many)
        step_many(rs);
    else
        step_few(rs);
}
