#include "base/idset.h"

/* Compares by client (descending), and perhaps by clock: true if `b` must stand before `a`. */
typedef bool (*out_of_order)(const crdt__range *a, const crdt__range *b);

static bool by_client(const crdt__range *a, const crdt__range *b)
{
    return a->client < b->client;
}

static bool by_client_and_clock(const crdt__range *a, const crdt__range *b)
{
    return a->client < b->client || (a->client == b->client && a->clock > b->clock);
}

void crdt__idset_init(crdt__idset *set, const crdt_mem *mem)
{
    *set = (crdt__idset){.mem = mem};
}

void crdt__idset_deinit(crdt__idset *set)
{
    crdt__idset_clear(set);
}

void crdt__idset_clear(crdt__idset *set)
{
    crdt__release(set->mem, set->heap, crdt__idset_bytes(set));
    *set = (crdt__idset){.mem = set->mem};
}

size_t crdt__idset_bytes(const crdt__idset *set)
{
    return set->cap * sizeof(crdt__range);
}

static crdt__range *ranges_of(crdt__idset *set)
{
    return set->heap != NULL ? set->heap : set->small;
}

/* ---- adding ---- */

static bool grow(crdt__idset *set)
{
    size_t cap = set->count * 4;
    crdt__range *heap =
        crdt__resize(set->mem, set->heap, crdt__idset_bytes(set), cap * sizeof(crdt__range));
    if (heap == NULL)
        return false;
    if (set->heap == NULL)
        memcpy(heap, set->small, sizeof set->small);
    set->heap = heap;
    set->cap = cap;
    return true;
}

static bool append(crdt__idset *set, crdt__range range)
{
    size_t cap = set->heap != NULL ? set->cap : CRDT__IDSET_INLINE;
    if (set->count == cap && !grow(set))
        return false;
    ranges_of(set)[set->count++] = range;
    return true;
}

bool crdt__idset_add(crdt__idset *set, uint64_t client, uint64_t clock, uint64_t len)
{
    crdt__range *last = set->count > 0 ? &ranges_of(set)[set->count - 1] : NULL;
    if (last == NULL)
        return append(set, (crdt__range){client, clock, len});
    if (last->client == client && last->clock + last->len == clock) {
        last->len += len;
        return true;
    }
    bool follows =
        client < last->client || (client == last->client && clock > last->clock + last->len);
    if (!append(set, (crdt__range){client, clock, len}))
        return false;
    set->dirty = set->dirty || !follows;
    return true;
}

/* ---- sorting ---- */

/* The end of the longest run in order that begins at `from`. */
static size_t run_end(const crdt__range *ranges, size_t from, size_t count, out_of_order wrong)
{
    size_t end = from + 1;
    while (end < count && !wrong(&ranges[end - 1], &ranges[end]))
        end++;
    return end;
}

/* Merges the runs [from, mid) and [mid, end) of `in` into `out`; of equal ones the first stays
 * first. */
static void merge_runs(const crdt__range *in, size_t from, size_t mid, size_t end, crdt__range *out,
                       out_of_order wrong)
{
    size_t a = from;
    size_t b = mid;
    for (size_t i = from; i < end; i++) {
        bool take_b = a == mid || (b < end && wrong(&in[a], &in[b]));
        out[i] = take_b ? in[b++] : in[a++];
    }
}

/* One pass over `in`: neighbouring runs are merged into `out`. Returns how many runs that leaves.
 */
static size_t merge_pass(const crdt__range *in, size_t count, crdt__range *out, out_of_order wrong)
{
    size_t runs = 0;
    for (size_t from = 0; from < count; runs++) {
        size_t mid = run_end(in, from, count, wrong);
        size_t end = mid < count ? run_end(in, mid, count, wrong) : mid;
        merge_runs(in, from, mid, end, out, wrong);
        from = end;
    }
    return runs;
}

/* A stable natural merge sort: what is merged from several delete sets is a few long runs. False:
 * out of memory. */
static bool sort(crdt__idset *set, out_of_order wrong)
{
    crdt__range *ranges = ranges_of(set);
    if (set->count < 2 || run_end(ranges, 0, set->count, wrong) == set->count)
        return true;
    size_t size = set->count * sizeof(crdt__range);
    crdt__range *other = crdt__resize(set->mem, NULL, 0, size);
    if (other == NULL)
        return false;
    crdt__range *in = ranges;
    crdt__range *out = other;
    size_t runs;
    do {
        runs = merge_pass(in, set->count, out, wrong);
        crdt__range *swap = in;
        in = out;
        out = swap;
    } while (runs > 1);
    if (in != ranges)
        memcpy(ranges, in, size);
    crdt__release(set->mem, other, size);
    return true;
}

bool crdt__idset_group(crdt__idset *set)
{
    return sort(set, by_client);
}

void crdt__idset_keep_last(crdt__idset *set)
{
    crdt__range *ranges = ranges_of(set);
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++)
        if (i + 1 == set->count || ranges[i + 1].client != ranges[i].client)
            ranges[kept++] = ranges[i];
    set->count = kept;
}

bool crdt__idset_normalize(crdt__idset *set)
{
    if (!set->dirty)
        return true;
    if (!sort(set, by_client_and_clock))
        return false;
    crdt__range *ranges = ranges_of(set);
    size_t kept = 0;
    for (size_t i = 1; i < set->count; i++) {
        crdt__range *left = &ranges[kept];
        crdt__range right = ranges[i];
        if (left->client != right.client || left->clock + left->len < right.clock)
            ranges[++kept] = right;
        else if (left->clock + left->len < right.clock + right.len)
            left->len = right.clock + right.len - left->clock;
    }
    set->count = set->count > 0 ? kept + 1 : 0;
    set->dirty = false;
    return true;
}

/* ---- asking ---- */

bool crdt__idset_contains_range(const crdt__idset *set, uint64_t client, uint64_t clock,
                                uint64_t len)
{
    const crdt__range *ranges = crdt__idset_ranges(set);
    crdt__range wanted = {client, clock, len};
    size_t low = 0; /* ranges before `low` begin at or before the wanted one */
    for (size_t high = set->count; low < high;) {
        size_t mid = low + (high - low) / 2;
        if (by_client_and_clock(&ranges[mid], &wanted))
            high = mid;
        else
            low = mid + 1;
    }
    if (low == 0)
        return false;
    const crdt__range *found = &ranges[low - 1];
    return found->client == client && clock + len <= found->clock + found->len;
}

size_t crdt__idset_run(const crdt__idset *set, size_t first)
{
    const crdt__range *ranges = crdt__idset_ranges(set);
    size_t end = first + 1;
    while (end < set->count && ranges[end].client == ranges[first].client)
        end++;
    return end - first;
}

/* ---- on the wire ---- */

static uint64_t count_clients(const crdt__idset *set)
{
    uint64_t clients = 0;
    for (size_t i = 0; i < set->count; i += crdt__idset_run(set, i))
        clients++;
    return clients;
}

void crdt__idset_write_v1(const crdt__idset *set, crdt__writer *w)
{
    const crdt__range *ranges = crdt__idset_ranges(set);
    crdt__write_varuint(w, count_clients(set));
    for (size_t i = 0; i < set->count && w->ok;) {
        size_t end = i + crdt__idset_run(set, i);
        crdt__write_varuint(w, ranges[i].client);
        crdt__write_varuint(w, end - i);
        for (; i < end; i++) {
            crdt__write_varuint(w, ranges[i].clock);
            crdt__write_varuint(w, ranges[i].len);
        }
    }
}

/* One client's ranges that are not empty, in the set from `first` up to `end`. */
static uint64_t count_ranges(const crdt__range *ranges, size_t first, size_t end)
{
    uint64_t count = 0;
    for (size_t i = first; i < end; i++)
        count += ranges[i].len > 0;
    return count;
}

static void write_ranges_v2(const crdt__range *ranges, size_t first, size_t end, crdt__writer *w)
{
    uint64_t at = 0;
    for (size_t i = first; i < end; i++) {
        if (ranges[i].len == 0)
            continue;
        crdt__write_varuint(w, ranges[i].clock - at);
        crdt__write_varuint(w, ranges[i].len - 1);
        at = ranges[i].clock + ranges[i].len;
    }
}

void crdt__idset_write_v2(const crdt__idset *set, crdt__writer *w)
{
    const crdt__range *ranges = crdt__idset_ranges(set);
    uint64_t clients = 0;
    size_t end;
    for (size_t i = 0; i < set->count; i = end) {
        end = i + crdt__idset_run(set, i);
        clients += count_ranges(ranges, i, end) > 0;
    }
    crdt__write_varuint(w, clients);
    for (size_t i = 0; i < set->count && w->ok; i = end) {
        end = i + crdt__idset_run(set, i);
        uint64_t count = count_ranges(ranges, i, end);
        if (count == 0)
            continue;
        crdt__write_varuint(w, ranges[i].client);
        crdt__write_varuint(w, count);
        write_ranges_v2(ranges, i, end, w);
    }
}

/* One range, as the two codings tell it; *at is where the range before ended. */
typedef crdt__range (*range_reader)(crdt__reader *r, uint64_t *at);

static crdt__range read_range_v1(crdt__reader *r, uint64_t *at)
{
    crdt__range range = {.clock = crdt__read_varuint(r)};
    range.len = crdt__read_varuint(r);
    *at = range.clock + range.len;
    return range;
}

static crdt__range read_range_v2(crdt__reader *r, uint64_t *at)
{
    crdt__range range = {.clock = *at + crdt__read_varuint(r)};
    range.len = crdt__read_varuint(r) + 1;
    *at = range.clock + range.len;
    return range;
}

static bool read_set(crdt__reader *r, uint64_t clients, crdt__idset *set, range_reader read)
{
    for (uint64_t i = 0; i < clients && r->ok; i++) {
        uint64_t client = crdt__read_varuint(r);
        uint64_t at = 0;
        for (uint64_t left = crdt__read_varuint(r); left > 0; left--) {
            crdt__range range = read(r, &at);
            if (at > CRDT_CLOCK_MAX)
                crdt__reader_fail(r);
            if (!r->ok)
                return true;
            range.client = client;
            set->dirty = true;
            if (!append(set, range))
                return false;
        }
    }
    return true;
}

bool crdt__idset_read_v1(crdt__reader *r, crdt__idset *set)
{
    return read_set(r, crdt__read_varuint(r), set, read_range_v1);
}

bool crdt__idset_read_clients(crdt__reader *r, uint64_t clients, crdt__idset *set)
{
    return read_set(r, clients, set, read_range_v1);
}

bool crdt__idset_read_v2(crdt__reader *r, crdt__idset *set)
{
    return read_set(r, crdt__read_varuint(r), set, read_range_v2);
}
