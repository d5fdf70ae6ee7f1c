/* Removing what deleted documents left in the tail.
 *
 * A document's deletion is one small transaction: its records and checkpoints go, and its number is
 * noted in "purges". From then on nothing leads to its events any more. They may be many segments,
 * and scattered over the tail, a page each at worst, so they go in steps of bounded size, one after
 * each commit; when the last is gone the note goes with it. At opening, the events of a noted
 * number are put on the list again. */
#include "pack.h"

#include <stdlib.h>

#define STEP_EVENTS_MAX 1024u
#define SEGMENT_WEIGHT  16u /* removing a segment counts as removing so many events */

/* One step: how much it may remove, and how far it came. */
typedef struct purge {
    store *store;
    uint32_t budget;   /* events to remove */
    uint32_t finished; /* documents, from the head of the list, that left nothing behind */
    bool unpacked;     /* the one behind them has no segments any more, */
    uint32_t removed;  /* and has lost so many of its events in the tail */
} purge;

void store__purge_add(store *s, store__entry *entry)
{
    if (!store__entry_has_events(entry)) {
        store__entry_free(entry);
        return;
    }
    entry->unpacked = entry->first_seq == 1;
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

/* Segments first, then events of the tail, then the note. *budget is what is left of it. */
static int purge_entry(purge *p, MDB_txn *txn, const store__entry *entry, uint32_t *budget)
{
    uint32_t max = *budget / SEGMENT_WEIGHT + 1;
    uint32_t gone = 0;
    int rc = 0;
    if (!entry->unpacked)
        rc = store__delete_segments(p->store, txn, entry->number, max, &gone);
    *budget -= gone * SEGMENT_WEIGHT < *budget ? gone * SEGMENT_WEIGHT : *budget;
    if (rc || gone == max)
        return rc;
    p->unpacked = true;
    p->removed = entry->count < *budget ? entry->count : *budget;
    *budget -= p->removed;
    rc = purge_tail(p->store, txn, entry, p->removed);
    if (rc || p->removed < entry->count)
        return rc;
    p->finished++;
    p->unpacked = false;
    p->removed = 0;
    return forget(p->store, txn, entry);
}

static int write_purge(void *ctx, MDB_txn *txn)
{
    purge *p = ctx;
    uint32_t budget = p->budget;
    int rc = 0;
    p->finished = p->removed = 0;
    p->unpacked = false;
    for (const store__entry *e = p->store->purges; e && budget && !rc; e = e->next)
        rc = purge_entry(p, txn, e, &budget);
    return rc;
}

static store_err purge_step(store *s, uint32_t budget)
{
    purge p = {.store = s, .budget = budget};
    store_err err = store__env_write(&s->env, STORE__SPACE_RESERVE, write_purge, &p);
    if (err != STORE_OK)
        return err;
    for (; p.finished > 0; p.finished--) {
        store__entry *entry = s->purges;
        s->purges = entry->next;
        store__entry_free(entry);
    }
    if (s->purges) {
        s->purges->unpacked = s->purges->unpacked || p.unpacked;
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
