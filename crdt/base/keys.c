#include "base/keys.h"

/* The largest array index, and how many digits it has. */
#define INDEX_MAX     UINT64_C(4294967294)
#define INDEX_LEN_MAX 10
/* Ranks of what is no index. */
#define RANK_NAMED   CRDT__KEYS_RANK_NAMED
#define RANK_DROPPED (RANK_NAMED + 1)

uint64_t crdt__keys_rank(crdt_bytes key)
{
    if (key.len == 0 || key.len > INDEX_LEN_MAX || (key.data[0] == '0' && key.len > 1))
        return RANK_NAMED;
    uint64_t index = 0;
    for (size_t i = 0; i < key.len; i++) {
        if (key.data[i] < '0' || key.data[i] > '9')
            return RANK_NAMED;
        index = index * 10 + (uint64_t)(key.data[i] - '0');
    }
    return index <= INDEX_MAX ? index : RANK_NAMED;
}

/* ---- watching ---- */

bool crdt__keys_next(crdt__keys *keys, crdt__keys_level *level, crdt_bytes key)
{
    uint64_t rank = crdt__keys_rank(key);
    bool in_order = rank >= level->index_min;
    level->index_min = rank == RANK_NAMED ? rank : rank + 1;
    if (rank != RANK_NAMED)
        return in_order;
    for (size_t i = level->from; i < keys->count; i++)
        if (crdt__bytes_equal(keys->kept[i], key))
            return false;
    if (keys->count == CRDT__KEYS_KEPT)
        return false;
    keys->kept[keys->count++] = key;
    return true;
}

/* ---- bringing in order ---- */

bool crdt__members_push(crdt__members *members, size_t from, size_t start, size_t key_len,
                        crdt__member_use use, const crdt__writer *w)
{
    if (members->count == members->cap) {
        size_t cap = members->cap == 0 ? 16 : members->cap * 2;
        crdt__member *items = crdt__resize(members->mem, members->items,
                                           members->cap * sizeof *items, cap * sizeof *items);
        if (items == NULL)
            return false;
        members->items = items;
        members->cap = cap;
    }
    crdt_bytes key = {w->pos - key_len, key_len};
    members->items[members->count] = (crdt__member){
        .start = start,
        .key_start = crdt__writer_len(w) - key_len,
        .key_len = key_len,
        .inserted = members->count - from,
        .rank = use == CRDT__MEMBER_DROPPED ? RANK_DROPPED : crdt__keys_rank(key),
    };
    members->count++;
    return true;
}

void crdt__members_free(crdt__members *members)
{
    crdt__release(members->mem, members->items, members->cap * sizeof *members->items);
    *members = (crdt__members){.mem = members->mem};
}

/* True if `a` must stand before `b`; `bytes` is what was written. */
typedef bool (*member_before)(const crdt__member *a, const crdt__member *b, const uint8_t *bytes);

static bool by_key(const crdt__member *a, const crdt__member *b, const uint8_t *bytes)
{
    if (a->key_len != b->key_len)
        return a->key_len < b->key_len;
    int order =
        a->key_len == 0 ? 0 : memcmp(bytes + a->key_start, bytes + b->key_start, a->key_len);
    return order != 0 ? order < 0 : a->inserted < b->inserted;
}

static bool by_rank(const crdt__member *a, const crdt__member *b, const uint8_t *bytes)
{
    (void)bytes;
    return a->rank != b->rank ? a->rank < b->rank : a->inserted < b->inserted;
}

static void sift_down(crdt__member *items, size_t at, size_t count, member_before before,
                      const uint8_t *bytes)
{
    crdt__member moved = items[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && before(&items[child], &items[child + 1], bytes))
            child++;
        if (!before(&moved, &items[child], bytes))
            break;
        items[at] = items[child];
    }
    items[at] = moved;
}

/* A heap sort: no memory, and no order of keys that makes it slow. */
static void sort(crdt__member *items, size_t count, member_before before, const uint8_t *bytes)
{
    for (size_t at = count / 2; at-- > 0;)
        sift_down(items, at, count, before, bytes);
    for (size_t end = count; end-- > 1;) {
        crdt__member largest = items[0];
        items[0] = items[end];
        items[end] = largest;
        sift_down(items, 0, end, before, bytes);
    }
}

/* Of members sorted by key: one for each, the last one's bytes at the first one's place. */
static size_t unite(crdt__member *items, size_t count, const uint8_t *bytes)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        crdt__member *last = kept > 0 ? &items[kept - 1] : NULL;
        if (last != NULL && last->key_len == items[i].key_len &&
            (last->key_len == 0 ||
             memcmp(bytes + last->key_start, bytes + items[i].key_start, last->key_len) == 0)) {
            last->start = items[i].start;
            last->end = items[i].end;
        } else {
            items[kept++] = items[i];
        }
    }
    return kept;
}

/* Orders the members; returns how many are left of them. */
static size_t arrange(crdt__member *items, size_t count, const uint8_t *bytes)
{
    sort(items, count, by_key, bytes);
    size_t kept = unite(items, count, bytes);
    sort(items, kept, by_rank, bytes);
    while (kept > 0 && items[kept - 1].rank == RANK_DROPPED)
        kept--;
    return kept;
}

static bool as_written(const crdt__member *items, size_t kept, size_t count)
{
    for (size_t i = 0; i < kept; i++)
        if (items[i].inserted != i)
            return false;
    return kept == count;
}

/* Writes the members again, from a copy of what was written since `head`. */
static void rewrite(const crdt__member *items, size_t kept, size_t head, crdt__members_form form,
                    const crdt_mem *mem, crdt__writer *w)
{
    size_t size = crdt__writer_len(w) - head;
    uint8_t *copy = crdt__resize(mem, NULL, 0, size);
    if (copy == NULL) {
        w->ok = false;
        return;
    }
    w->pos -= size;
    memcpy(copy, w->pos, size);
    if (form == CRDT__MEMBERS_COUNTED)
        crdt__write_varuint(w, kept);
    for (size_t i = 0; i < kept; i++) {
        if (form == CRDT__MEMBERS_COMMAS && i > 0)
            crdt__write_u8(w, ',');
        crdt__write_bytes(w, copy + (items[i].start - head), items[i].end - items[i].start);
    }
    crdt__release(mem, copy, size);
}

void crdt__members_close(crdt__members *members, size_t from, size_t head, crdt__members_form form,
                         crdt__writer *w)
{
    size_t count = members->count - from;
    members->count = from;
    if (count == 0 || !w->ok)
        return;
    crdt__member *items = members->items + from;
    size_t comma = form == CRDT__MEMBERS_COMMAS ? 1 : 0;
    for (size_t i = 0; i + 1 < count; i++)
        items[i].end = items[i + 1].start - comma;
    items[count - 1].end = crdt__writer_len(w);
    const uint8_t *bytes = w->pos - crdt__writer_len(w);
    size_t kept = arrange(items, count, bytes);
    if (!as_written(items, kept, count))
        rewrite(items, kept, head, form, members->mem, w);
}
