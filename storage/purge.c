/* Removing what deleted documents left in the tail.
 *
 * A document's deletion is one small transaction: its records and checkpoints go, and its number is
 * noted in "purges". From then on nothing leads to its events any more. They are scattered over the
 * tail, a page each at worst, so they go in steps of bounded size, one after each commit; when the
 * last is gone the note goes with it. At opening, the events of a noted number are put on the list
 * again. */
#include "batch.h"

#include <stdlib.h>

#define STEP_EVENTS_MAX 1024u

typedef struct purge {
    store *store;
    uint32_t budget; /* events to remove */
} purge;

void store__purge_add(store *s, store__entry *entry)
{
    if (!entry->count) {
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

static uint32_t share(const store__entry *entry, uint32_t budget)
{
    return entry->count < budget ? entry->count : budget;
}

/* The newest first: the entry's count is then the only thing that changes. */
static int purge_entry(const store *s, MDB_txn *txn, const store__entry *entry, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        store__key key = store__key_one(entry->keys[entry->count - 1 - i]);
        MDB_val k = store__key_val(&key);
        int rc = mdb_del(txn, s->env.tail, &k, NULL);
        if (rc && rc != MDB_NOTFOUND)
            return rc;
    }
    if (count < entry->count)
        return 0;
    store__key key = store__key_one(entry->number);
    MDB_val k = store__key_val(&key);
    return mdb_del(txn, s->env.purges, &k, NULL);
}

static int write_purge(void *ctx, MDB_txn *txn)
{
    const purge *p = ctx;
    uint32_t budget = p->budget;
    int rc = 0;
    for (const store__entry *e = p->store->purges; e && budget && !rc; e = e->next) {
        uint32_t count = share(e, budget);
        rc = purge_entry(p->store, txn, e, count);
        budget -= count;
    }
    return rc;
}

static void fold_purge(store *s, uint32_t budget)
{
    while (s->purges && budget) {
        store__entry *entry = s->purges;
        uint32_t count = share(entry, budget);
        entry->count -= count;
        budget -= count;
        if (entry->count)
            return;
        s->purges = entry->next;
        store__entry_free(entry);
    }
}

static store_err purge_step(store *s, uint32_t budget)
{
    purge p = {.store = s, .budget = budget};
    store_err err = store__env_write(&s->env, STORE__SPACE_RESERVE, write_purge, &p);
    if (err == STORE_OK)
        fold_purge(s, budget);
    return err;
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
