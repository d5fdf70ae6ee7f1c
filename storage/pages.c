#include "pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* LMDB's data format 1 (mdb.c: MDB_page, MDB_node, MDB_db, MDB_meta), with 8 bytes to a page
 * number. Numbers are the machine's. */
#define MAGIC       0xBEEFC0DEu
#define DATA_FORMAT 1u

#define PAGE_HEAD_LEN STORE__PAGE_HEAD_LEN
#define AT_PAGE_FLAGS 10u
#define AT_LOWER      12u
#define AT_UPPER      14u
#define AT_RUN_LEN    12u /* of overflow: pages, in place of lower and upper */

#define FLAG_BRANCH   0x01u
#define FLAG_LEAF     0x02u
#define FLAG_OVERFLOW 0x04u
#define FLAG_META     0x08u

#define NODE_HEAD_LEN 8u
#define AT_NODE_FLAGS 4u
#define AT_KEY_LEN    6u

#define NODE_OVERFLOW 0x01u /* the value is a page number */
#define NODE_TREE     0x02u /* the value is a tree: among the tables */

#define TREE_LEN        48u
#define AT_TREE_DEPTH   6u
#define AT_TREE_ENTRIES 32u
#define AT_TREE_ROOT    40u

#define META_LEN         (PAGE_HEAD_LEN + 136u)
#define AT_META_MAGIC    PAGE_HEAD_LEN
#define AT_META_FORMAT   (AT_META_MAGIC + 4)
#define AT_META_FREE     (AT_META_MAGIC + 24)
#define AT_META_TABLES   (AT_META_FREE + TREE_LEN)
#define AT_META_LAST     (AT_META_TABLES + TREE_LEN)
#define AT_META_COMMIT   (AT_META_LAST + 8)
#define AT_META_PAGE_LEN AT_META_FREE /* where a tree has room that this one does not need */

#define META_PAGES   2u
#define PAGE_LEN_MIN 256u
#define PAGE_LEN_MAX 65536u

_Static_assert(sizeof(size_t) == 8, "page numbers take eight bytes");

static const char *const ENDS = "the data file ends before one of its pages";
static const char *const UNREADABLE = "a page of the data file cannot be read";
static const char *const DAMAGED = "a page of the data file is damaged";
static const char *const TWICE = "a page of the data file is used twice";

static uint16_t get_u16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static uint64_t get_u64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

/* Why something cannot be followed: a code, and a sentence for whoever is told of damage. */
typedef struct reason {
    store_err err;
    const char *what; /* NULL: nothing is wrong, or it is not the file */
} reason;

static const reason FINE = {STORE_OK, NULL};

static reason damage(const char *what)
{
    return (reason){STORE_CORRUPT, what};
}

/* ---- reading ---- */

static reason read_at(int fd, void *out, size_t len, uint64_t at)
{
    for (uint8_t *to = out; len > 0;) {
        ssize_t got = pread(fd, to, len, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return (reason){STORE_IO, UNREADABLE};
        if (got == 0)
            return damage(ENDS);
        to += got;
        at += (uint64_t)got;
        len -= (size_t)got;
    }
    return FINE;
}

/* ---- metas and trees ---- */

static store__tree get_tree(const uint8_t *at)
{
    return (store__tree){.depth = get_u16(at + AT_TREE_DEPTH),
                         .entries = get_u64(at + AT_TREE_ENTRIES),
                         .root = get_u64(at + AT_TREE_ROOT)};
}

static bool is_page_len(uint32_t len)
{
    return len >= PAGE_LEN_MIN && len <= PAGE_LEN_MAX && (len & (len - 1)) == 0;
}

static bool get_meta(const uint8_t *at, uint64_t page, store__pages *out)
{
    if (get_u64(at) != page || get_u16(at + AT_PAGE_FLAGS) != FLAG_META ||
        get_u32(at + AT_META_MAGIC) != MAGIC || get_u32(at + AT_META_FORMAT) != DATA_FORMAT)
        return false;
    out->page_len = get_u32(at + AT_META_PAGE_LEN);
    out->page_count = get_u64(at + AT_META_LAST) + 1;
    out->commit = get_u64(at + AT_META_COMMIT);
    out->free = get_tree(at + AT_META_FREE);
    out->free.integer_keys = true;
    out->tables = get_tree(at + AT_META_TABLES);
    return is_page_len(out->page_len) && out->page_count >= META_PAGES &&
           out->page_count <= (uint64_t)INT64_MAX / out->page_len;
}

/* One of the two. The second stands where the first says that pages are long. */
static reason read_meta(int fd, uint64_t page, store__pages *out)
{
    uint8_t bytes[META_LEN];
    *out = (store__pages){.fd = fd};
    reason why = read_at(fd, bytes, sizeof(bytes), 0);
    if (why.err != STORE_OK)
        return why;
    uint32_t page_len = get_u32(bytes + AT_META_PAGE_LEN);
    if (page > 0 && is_page_len(page_len))
        why = read_at(fd, bytes, sizeof(bytes), page * page_len);
    if (why.err != STORE_OK)
        return why;
    return get_meta(bytes, page, out) ? FINE : damage(DAMAGED);
}

store_err store__pages_open_at(int fd, uint64_t commit, store__pages *out)
{
    reason why = read_meta(fd, commit % META_PAGES, out);
    return why.err == STORE_OK && out->commit != commit ? STORE_NOT_FOUND : why.err;
}

store_err store__pages_open(int fd, store__pages *out)
{
    store__pages other;
    reason first = read_meta(fd, 0, out);
    if (first.err != STORE_OK)
        return first.err;
    reason second = read_meta(fd, 1, &other);
    if (second.err == STORE_OK && other.commit > out->commit)
        *out = other;
    return second.err;
}

store_err store__pages_tree(const store__pages *pages, const char *name, store__tree *out)
{
    store__walk walk = {.pages = pages, .tree = pages->tables};
    MDB_val value;
    store_err err = store__walk_find(&walk, store__text_val(name), &value);
    if (err == STORE_OK && value.mv_size == TREE_LEN)
        *out = get_tree(value.mv_data);
    else if (err == STORE_OK)
        err = STORE_CORRUPT;
    store__walk_end(&walk);
    return err;
}

bool store__pages_list(const MDB_val *value, const uint8_t **numbers, uint64_t *count)
{
    if (value->mv_size < sizeof(*count))
        return false;
    *count = get_u64(value->mv_data);
    *numbers = (const uint8_t *)value->mv_data + sizeof(*count);
    return *count <= value->mv_size / sizeof(*count) - 1;
}

store_err store__pages_are_free(const store__pages *pages, uint64_t first, bool *out)
{
    store__walk walk = {.pages = pages, .tree = pages->free};
    uint64_t found = 0;
    MDB_val key;
    MDB_val value;
    store_err err;
    while ((err = store__walk_next(&walk, &key, &value)) == STORE_OK) {
        const uint8_t *numbers;
        uint64_t count;
        if (!store__pages_list(&value, &numbers, &count))
            break;
        for (uint64_t i = 0; i < count; i++)
            found += get_u64(numbers + i * sizeof(uint64_t)) >= first;
    }
    store__walk_end(&walk);
    *out = err == STORE_NOT_FOUND && found == pages->page_count - first;
    return err == STORE_NOT_FOUND || err == STORE_CORRUPT ? STORE_OK : err;
}

bool store__pages_are_unborn(int fd, uint64_t len)
{
    store__pages pages;
    return len < META_PAGES * (uint64_t)PAGE_LEN_MAX && read_meta(fd, 0, &pages).err == STORE_OK &&
           pages.commit == 0 && len < META_PAGES * (uint64_t)pages.page_len;
}

/* ---- one page ---- */

static const uint8_t *node_at(const uint8_t *page, unsigned index)
{
    return page + get_u16(page + PAGE_HEAD_LEN + 2 * index);
}

static MDB_val node_key(const uint8_t *page, unsigned index)
{
    const uint8_t *node = node_at(page, index);
    return (MDB_val){get_u16(node + AT_KEY_LEN), (void *)(uintptr_t)(node + NODE_HEAD_LEN)};
}

static uint64_t child_of(const uint8_t *node)
{
    return get_u32(node) | (uint64_t)get_u16(node + AT_NODE_FLAGS) << 32;
}

static int compare(const store__tree *tree, const MDB_val *a, const MDB_val *b)
{
    if (tree->integer_keys) {
        uint64_t x = get_u64(a->mv_data);
        uint64_t y = get_u64(b->mv_data);
        return x < y ? -1 : x > y;
    }
    size_t len = a->mv_size < b->mv_size ? a->mv_size : b->mv_size;
    int order = len ? memcmp(a->mv_data, b->mv_data, len) : 0;
    return order ? order : a->mv_size < b->mv_size ? -1 : a->mv_size > b->mv_size;
}

/* Whether a node is whole within its page. */
static bool is_node(const store__walk *walk, const uint8_t *page, unsigned index, bool leaf)
{
    uint32_t page_len = walk->pages->page_len;
    uint32_t at = get_u16(page + PAGE_HEAD_LEN + 2 * index);
    if (at < get_u16(page + AT_UPPER) || at + NODE_HEAD_LEN > page_len)
        return false;
    const uint8_t *node = page + at;
    uint64_t key_len = get_u16(node + AT_KEY_LEN);
    uint64_t len = NODE_HEAD_LEN + key_len;
    unsigned flags = get_u16(node + AT_NODE_FLAGS);
    if (leaf && (flags & ~(NODE_OVERFLOW | NODE_TREE)))
        return false;
    if (leaf)
        len += flags & NODE_OVERFLOW ? sizeof(uint64_t) : get_u32(node);
    return len <= page_len - at &&
           (key_len == sizeof(uint64_t) || !walk->tree.integer_keys || (!leaf && index == 0));
}

/* Whether its keys grow, within what the pages above allow. The first key of a branch page is not
 * used. */
static bool is_ordered(const store__walk *walk, const store__level *level, bool leaf)
{
    MDB_val before = level->low;
    for (unsigned i = leaf ? 0 : 1; i < level->count; i++) {
        MDB_val key = node_key(level->page, i);
        int order = before.mv_data ? compare(&walk->tree, &before, &key) : -1;
        bool first = i == (leaf ? 0 : 1);
        if (order > 0 || (order == 0 && !first))
            return false;
        before = key;
    }
    return !level->high.mv_data || !before.mv_data ||
           compare(&walk->tree, &before, &level->high) < 0;
}

static bool is_page(const store__walk *walk, uint64_t number, store__level *level, bool leaf)
{
    const uint8_t *page = level->page;
    uint32_t lower = get_u16(page + AT_LOWER);
    uint32_t upper = get_u16(page + AT_UPPER);
    if (get_u64(page) != number ||
        get_u16(page + AT_PAGE_FLAGS) != (leaf ? FLAG_LEAF : FLAG_BRANCH) ||
        lower <= PAGE_HEAD_LEN || lower % 2 || lower > upper || upper > walk->pages->page_len)
        return false;
    level->count = (lower - PAGE_HEAD_LEN) / 2;
    for (unsigned i = 0; i < level->count; i++)
        if (!is_node(walk, page, i, leaf))
            return false;
    return is_ordered(walk, level, leaf);
}

/* Notes that pages are in use. */
static reason use_pages(const store__pages *pages, uint64_t first, uint64_t count)
{
    if (first < META_PAGES || first >= pages->page_count || count > pages->page_count - first)
        return damage(DAMAGED);
    for (uint64_t page = first; pages->used && page < first + count; page++) {
        uint8_t bit = (uint8_t)(1u << (page % 8));
        if (pages->used[page / 8] & bit)
            return damage(TWICE);
        pages->used[page / 8] |= bit;
    }
    return FINE;
}

/* ---- the walk ---- */

/* The pages of a commit do not change: one that is there need not be read again. */
static reason load_page(store__walk *walk, store__level *level, uint64_t number)
{
    const store__pages *pages = walk->pages;
    bool leaf = walk->depth + 1 == walk->tree.depth;
    if (level->number == number)
        return FINE;
    if (!level->page && !(level->page = malloc(pages->page_len)))
        return (reason){STORE_NO_MEMORY, NULL};
    level->number = 0;
    reason why = read_at(pages->fd, level->page, pages->page_len, number * pages->page_len);
    if (why.err != STORE_OK)
        return why;
    if (!is_page(walk, number, level, leaf))
        return damage(DAMAGED);
    level->number = number;
    return FINE;
}

/* One level down, to a page whose keys lie between two. */
static reason descend(store__walk *walk, uint64_t number, MDB_val low, MDB_val high)
{
    if (walk->depth == walk->tree.depth)
        return damage(DAMAGED);
    store__level *level = &walk->levels[walk->depth];
    reason why = use_pages(walk->pages, number, 1);
    level->next = 0;
    level->low = low;
    level->high = high;
    if (why.err == STORE_OK)
        why = load_page(walk, level, number);
    walk->depth += why.err == STORE_OK;
    return why;
}

static reason descend_to_root(store__walk *walk)
{
    walk->begun = true;
    walk->depth = 0;
    if (walk->tree.root == UINT64_MAX)
        return FINE;
    if (walk->tree.depth == 0 || walk->tree.depth > STORE__DEPTH_MAX)
        return damage(DAMAGED);
    return descend(walk, walk->tree.root, (MDB_val){0}, (MDB_val){0});
}

/* To the page that the branch node `index` of the lowest level leads to. */
static reason descend_from(store__walk *walk, unsigned index)
{
    store__level *level = &walk->levels[walk->depth - 1];
    MDB_val low = index > 0 ? node_key(level->page, index) : level->low;
    MDB_val high = index + 1 < level->count ? node_key(level->page, index + 1) : level->high;
    level->next = index + 1;
    return descend(walk, child_of(node_at(level->page, index)), low, high);
}

static bool reserve(store_buf *buf, size_t len)
{
    if (len <= buf->cap)
        return true;
    void *data = malloc(len);
    if (!data)
        return false;
    free(buf->data);
    *buf = (store_buf){.data = data, .cap = len};
    return true;
}

/* A value in a run of pages. The run may be longer than it needs to be: LMDB writes a shorter value
 * over a longer one of the same transaction. */
static reason read_run(store__walk *walk, uint64_t number, size_t len, MDB_val *out)
{
    const store__pages *pages = walk->pages;
    uint8_t head[PAGE_HEAD_LEN];
    if (number < META_PAGES || number >= pages->page_count)
        return damage(DAMAGED);
    reason why = read_at(pages->fd, head, sizeof(head), number * pages->page_len);
    if (why.err != STORE_OK)
        return why;
    uint64_t count = get_u32(head + AT_RUN_LEN);
    if (get_u64(head) != number || get_u16(head + AT_PAGE_FLAGS) != FLAG_OVERFLOW ||
        PAGE_HEAD_LEN + (uint64_t)len > count * pages->page_len)
        return damage(DAMAGED);
    why = use_pages(pages, number, count);
    if (why.err != STORE_OK)
        return why;
    *out = (MDB_val){len, NULL};
    if (walk->heads_only)
        return FINE;
    if (!reserve(&walk->value, len))
        return (reason){STORE_NO_MEMORY, NULL};
    out->mv_data = walk->value.data;
    return read_at(pages->fd, walk->value.data, len, number * pages->page_len + PAGE_HEAD_LEN);
}

bool store__run_holds(const uint8_t *page, size_t page_len, uint64_t last_page, size_t value_len)
{
    uint64_t number = get_u64(page);
    uint64_t count = get_u32(page + AT_RUN_LEN);
    return get_u16(page + AT_PAGE_FLAGS) == FLAG_OVERFLOW && number <= last_page &&
           count <= last_page - number + 1 &&
           PAGE_HEAD_LEN + (uint64_t)value_len <= count * page_len;
}

/* The entry of a leaf; the key also if the value cannot be read. */
static reason read_entry(store__walk *walk, const store__level *level, unsigned index, MDB_val *key,
                         MDB_val *value)
{
    const uint8_t *node = node_at(level->page, index);
    *key = node_key(level->page, index);
    uint8_t *data = (uint8_t *)key->mv_data + key->mv_size;
    walk->entries++;
    if (get_u16(node + AT_NODE_FLAGS) & NODE_OVERFLOW)
        return read_run(walk, get_u64(data), get_u32(node), value);
    *value = (MDB_val){get_u32(node), data};
    return FINE;
}

/* One step: down, up, or to an entry, whose key is then set. */
static reason step(store__walk *walk, MDB_val *key, MDB_val *value)
{
    store__level *level = &walk->levels[walk->depth - 1];
    if (level->next == level->count) {
        walk->depth--;
        return FINE;
    }
    if (walk->depth < walk->tree.depth)
        return descend_from(walk, level->next);
    return read_entry(walk, level, level->next++, key, value);
}

/* What is damaged is told and passed over, or ends the walk. */
static store_err pass(store__walk *walk, reason why, MDB_val *key)
{
    if (why.err == STORE_OK || !why.what || !walk->damaged)
        return why.err;
    walk->damaged(walk->ctx, key->mv_data ? key : NULL, why.what);
    *key = (MDB_val){0};
    return STORE_OK;
}

store_err store__walk_next(store__walk *walk, MDB_val *key, MDB_val *value)
{
    store_err err = STORE_OK;
    *key = (MDB_val){0};
    if (!walk->begun)
        err = pass(walk, descend_to_root(walk), key);
    while (err == STORE_OK && !key->mv_data) {
        if (walk->depth == 0)
            return STORE_NOT_FOUND;
        err = pass(walk, step(walk, key, value), key);
    }
    return err;
}

/* The node to follow for a key: in a branch the last that is not behind it, in a leaf the first
 * that is not before it. */
static unsigned find_node(const store__walk *walk, const store__level *level, const MDB_val *wanted,
                          bool leaf)
{
    unsigned low = leaf ? 0 : 1;
    unsigned high = level->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        MDB_val key = node_key(level->page, middle);
        int order = compare(&walk->tree, &key, wanted);
        if (leaf ? order < 0 : order <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return leaf ? low : low - 1;
}

store_err store__walk_find(store__walk *walk, MDB_val wanted, MDB_val *value)
{
    MDB_val key;
    reason why = descend_to_root(walk);
    while (why.err == STORE_OK && walk->depth && walk->depth < walk->tree.depth) {
        store__level *level = &walk->levels[walk->depth - 1];
        why = descend_from(walk, find_node(walk, level, &wanted, false));
    }
    if (why.err != STORE_OK || walk->depth == 0)
        return why.err == STORE_OK ? STORE_NOT_FOUND : why.err;
    store__level *leaf = &walk->levels[walk->depth - 1];
    leaf->next = find_node(walk, leaf, &wanted, true);
    if (leaf->next == leaf->count)
        return STORE_NOT_FOUND;
    key = node_key(leaf->page, leaf->next);
    if (compare(&walk->tree, &key, &wanted) != 0)
        return STORE_NOT_FOUND;
    return read_entry(walk, leaf, leaf->next++, &key, value).err;
}

/* From a page on the way to another child of it, and down its edge. */
static reason check_edge(const store__walk *walk, unsigned depth, unsigned index)
{
    store__walk aside = {
        .pages = walk->pages, .tree = walk->tree, .begun = true, .depth = depth + 1};
    aside.levels[depth] = walk->levels[depth];
    reason why = descend_from(&aside, index);
    while (why.err == STORE_OK && aside.depth < aside.tree.depth)
        why = descend_from(&aside, 0);
    aside.levels[depth].page = NULL; /* the other walk's */
    store__walk_end(&aside);
    return why;
}

store_err store__walk_check_beside(const store__walk *walk)
{
    reason why = FINE;
    for (unsigned depth = 0; depth + 1 < walk->depth && why.err == STORE_OK; depth++) {
        const store__level *level = &walk->levels[depth];
        if (level->next > 1)
            why = check_edge(walk, depth, level->next - 2);
        if (why.err == STORE_OK && level->next < level->count)
            why = check_edge(walk, depth, level->next);
    }
    return why.err;
}

uint64_t store__walk_leaf(const store__walk *walk)
{
    return walk->levels[walk->depth - 1].number;
}

void store__walk_end(store__walk *walk)
{
    for (unsigned i = 0; i < STORE__DEPTH_MAX; i++)
        free(walk->levels[i].page);
    store_buf_free(&walk->value);
    *walk = (store__walk){0};
}
