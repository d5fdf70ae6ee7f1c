/* Removing what deleted documents left behind.
 *
 * A document's deletion is one small transaction: its record goes, and its number is noted in
 * "purges". From then on nothing leads to its events and checkpoints any more. They may be many
 * segments and states, large ones, and events scattered over the tail, a page each at worst, so
 * they go in steps of bounded size, one after each commit; when the last is gone the note goes with
 * it. At opening, the events of a noted number are put on the list again.
 *
 * LMDB follows what stands in its pages, and the process may end where they are damaged; after the
 * next opening the same would be tried again. So the pages are looked at before: what lies among
 * damaged ones stays, with its note. */
#include "batch.h"

#include <stdlib.h>
#include <string.h>

#define STEP_EVENTS_MAX 1024u
#define ROW_WEIGHT      16u   /* removing a segment or a state counts as so many events, */
#define ROW_BYTES       65536 /* and as one more for each so many bytes */

/* One step: how much it may remove, and how far it came. */
typedef struct purge {
    store *store;
    uint32_t budget;   /* events to remove */
    uint32_t finished; /* documents, from the head of the list, that left nothing behind */
    bool bare;         /* the one behind them has no segments and checkpoints any more, */
    uint32_t removed;  /* and has lost so many of its events in the tail */
} purge;

void store__purge_add(store *s, store__entry *entry)
{
    if (!store__entry_has_events(entry)) {
        store__entry_free(entry);
        return;
    }
    entry->next = s->purges;
    s->purges = entry;
}

void store__purge_clear(store *s)
{
    while (s->purges) {
        store__entry *entry = s->purges;
        s->purges = entry->next;
        store__entry_free(entry);
    }
}

static uint32_t spend(uint32_t budget, size_t value_len)
{
    uint64_t weight = ROW_WEIGHT + value_len / ROW_BYTES;
    return weight < budget ? budget - (uint32_t)weight : 0;
}

/* Removes the document's first row of a table. MDB_NOTFOUND: it has none. */
static int purge_row(MDB_cursor *cursor, uint64_t number, size_t *value_len)
{
    store__key first = store__key_two(number, 0);
    MDB_val key = store__key_val(&first);
    MDB_val value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (!rc && (key.mv_size != first.len || memcmp(key.mv_data, first.bytes, STORE__U64_LEN) != 0))
        rc = MDB_NOTFOUND;
    if (rc)
        return rc;
    *value_len = value.mv_size;
    return mdb_cursor_del(cursor, 0);
}

/* Removes the document's rows of a table, as long as there is budget. */
static int purge_table(MDB_txn *txn, MDB_dbi table, uint64_t number, uint32_t *budget)
{
    MDB_cursor *cursor;
    size_t len = 0;
    int rc = mdb_cursor_open(txn, table, &cursor);
    if (rc)
        return rc;
    while (*budget && !(rc = purge_row(cursor, number, &len)))
        *budget = spend(*budget, len);
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* The newest first: the entry's count is then the only thing that changes. */
static int purge_tail(const store *s, MDB_txn *txn, const store__entry *entry, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        store__key key = store__key_one(entry->keys[entry->count - 1 - i]);
        MDB_val k = store__key_val(&key);
        int rc = mdb_del(txn, s->env.tail, &k, NULL);
        if (rc && rc != MDB_NOTFOUND)
            return rc;
    }
    return 0;
}

static int forget(const store *s, MDB_txn *txn, const store__entry *entry)
{
    store__key key = store__key_one(entry->number);
    MDB_val k = store__key_val(&key);
    return mdb_del(txn, s->env.purges, &k, NULL);
}

/* Segments and checkpoints first, then events of the tail, then the note. *budget is what is left
 * of it. */
static int purge_entry(purge *p, MDB_txn *txn, const store__entry *entry, uint32_t *budget)
{
    const store__env *env = &p->store->env;
    int rc = 0;
    if (!entry->bare && !(rc = purge_table(txn, env->segments, entry->number, budget)))
        rc = purge_table(txn, env->checkpoints, entry->number, budget);
    if (rc || !*budget)
        return rc;
    p->bare = true;
    p->removed = entry->count < *budget ? entry->count : *budget;
    *budget -= p->removed;
    rc = purge_tail(p->store, txn, entry, p->removed);
    if (rc || p->removed < entry->count)
        return rc;
    p->finished++;
    p->bare = false;
    p->removed = 0;
    return forget(p->store, txn, entry);
}

/* ---- are the pages whole? ---- */

static bool is_row_of(const MDB_val *key, uint64_t number)
{
    return key->mv_size == 2 * STORE__U64_LEN && store__get_u64(key->mv_data) == number;
}

/* The pages on the way to the document's rows, as many as there is budget for, and those beside
 * them. The tail's were looked at when the store was opened. */
static store_err check_rows(const store__pages *pages, const char *table, uint64_t number,
                            uint32_t *budget)
{
    store__walk walk = {.pages = pages, .heads_only = true};
    store__key first = store__key_two(number, 0);
    MDB_val key = {0};
    MDB_val value;
    store_err err = store__pages_tree(pages, table, &walk.tree);
    if (err == STORE_OK)
        err = store__walk_find(&walk, store__key_val(&first), &value);
    err = err == STORE_NOT_FOUND ? STORE_OK : err; /* no event has seq 0: now it stands before 1 */
    for (uint64_t leaf = 0; err == STORE_OK && *budget;) {
        err = store__walk_next(&walk, &key, &value);
        if (err != STORE_OK || !is_row_of(&key, number))
            break;
        *budget = spend(*budget, value.mv_size);
        if (store__walk_leaf(&walk) != leaf)
            err = store__walk_check_beside(&walk);
        leaf = store__walk_leaf(&walk);
    }
    store__walk_end(&walk);
    return err == STORE_NOT_FOUND ? STORE_OK : err;
}

static store_err check_entry(const store__pages *pages, const store__entry *entry, uint32_t *budget)
{
    store_err err = STORE_OK;
    if (!entry->bare)
        err = check_rows(pages, STORE__TABLE_SEGMENTS, entry->number, budget);
    if (err == STORE_OK && !entry->bare)
        err = check_rows(pages, STORE__TABLE_CHECKPOINTS, entry->number, budget);
    *budget -= entry->count < *budget ? entry->count : *budget;
    return err;
}

/* Takes off the list what a step of so much cannot remove. */
static store_err pass_over_damaged(store *s, uint32_t budget)
{
    store__pages pages;
    store_err err = store__env_pages(&s->env, &pages);
    for (store__entry **at = &s->purges; err == STORE_OK && *at && budget;) {
        store__entry *entry = *at;
        uint32_t left = budget;
        err = check_entry(&pages, entry, &left);
        if (err == STORE_CORRUPT || err == STORE_IO) {
            *at = entry->next;
            store__entry_free(entry);
            err = STORE_OK;
        } else {
            at = &entry->next;
            budget = left;
        }
    }
    return err;
}

/* ---- steps ---- */

static int write_purge(void *ctx, MDB_txn *txn)
{
    purge *p = ctx;
    uint32_t budget = p->budget;
    int rc = 0;
    p->finished = p->removed = 0;
    p->bare = false;
    for (const store__entry *e = p->store->purges; e && budget && !rc; e = e->next)
        rc = purge_entry(p, txn, e, &budget);
    return rc;
}

static store_err purge_step(store *s, uint32_t budget)
{
    purge p = {.store = s, .budget = budget};
    store_err err = pass_over_damaged(s, budget);
    if (err == STORE_OK && s->purges)
        err = store__env_write(&s->env, STORE__SPACE_RESERVE, write_purge, &p);
    if (err != STORE_OK)
        return err;
    for (; p.finished > 0; p.finished--) {
        store__entry *entry = s->purges;
        s->purges = entry->next;
        store__entry_free(entry);
    }
    if (s->purges) {
        s->purges->bare = s->purges->bare || p.bare;
        s->purges->count -= p.removed;
    }
    return STORE_OK;
}

void store__purge_some(store *s)
{
    /* A step that fails is made again after the next commit: nothing reads these events meanwhile.
     */
    if (s->purges && !s->env.fatal)
        (void)purge_step(s, STEP_EVENTS_MAX);
}

static int write_tick(void *ctx, MDB_txn *txn)
{
    const store *s = ctx;
    return store__write_counter(s, txn, s->next_number);
}

bool store__make_room(store *s)
{
    store_err err = STORE_FULL;
    for (uint32_t budget = STEP_EVENTS_MAX; s->purges && budget; budget /= 2) {
        err = purge_step(s, budget);
        if (err != STORE_FULL)
            return err == STORE_OK;
    }
    if (!s->ticks_left)
        return false;
    s->ticks_left--;
    return store__env_write(&s->env, STORE__SPACE_RESERVE, write_tick, s) == STORE_OK;
}
