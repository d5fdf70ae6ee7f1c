/* Whole states at chosen events: the key is (document, seq), so that the newest at or before an
 * event is one step back. */
#include "batch.h"

#include <string.h>

#include "row.h"

/* ---- write ---- */

store_err store_batch_checkpoint(store_batch *b, uint64_t number, uint64_t seq, store_bytes state)
{
    if (state.len > STORE_UPDATE_LEN_MAX)
        return STORE_INVALID;
    store__staged_doc *doc;
    store_err err = store__batch_doc(b, number, &doc);
    if (err != STORE_OK)
        return err;
    if (seq == 0 || seq > doc->life.head)
        return STORE_INVALID;

    size_t at;
    size_t len = STORE__CHECKSUM_LEN + state.len;
    store__staged_checkpoint *staged = store__array_reserve(&b->checkpoints, 1, sizeof(*staged));
    uint8_t *value = staged ? store__batch_copy(b, NULL, len, &at) : NULL;
    if (!value)
        return STORE_NO_MEMORY;
    if (state.len)
        memcpy(value + STORE__CHECKSUM_LEN, state.data, state.len);
    store__key key = store__key_two(number, seq);
    MDB_val k = store__key_val(&key);
    store__seal(&k, value, len);
    *staged = (store__staged_checkpoint){
        .doc = doc->entry->staged - 1u, .seq = seq, .at = at, .len = len};
    b->checkpoints.count++;
    return STORE_OK;
}

static int write_one(const store_batch *b, MDB_cursor *cursor,
                     const store__staged_checkpoint *staged)
{
    uint64_t number = store__batch_docs(b)[staged->doc].entry->number;
    store__key key = store__key_two(number, staged->seq);
    MDB_val k = store__key_val(&key);
    MDB_val value = {.mv_data = store__batch_bytes(b, staged->at), .mv_size = staged->len};
    return mdb_cursor_put(cursor, &k, &value, 0);
}

int store__write_checkpoints(const store_batch *b, MDB_txn *txn)
{
    const store__staged_checkpoint *staged = b->checkpoints.items;
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(txn, b->store->env.checkpoints, &cursor);
    if (rc)
        return rc;
    for (size_t i = 0; i < b->checkpoints.count && !rc; i++)
        if (!store__batch_docs(b)[staged[i].doc].deleted)
            rc = write_one(b, cursor, &staged[i]);
    mdb_cursor_close(cursor);
    return rc;
}

/* ---- read ---- */

/* What a deleted document left behind is not read any more. */
static store_err check_living(store *s, MDB_txn *txn, uint64_t number)
{
    store__life life;
    store_bytes name;
    return store__doc_load(s, txn, number, &life, &name);
}

store_err store_checkpoint_find(store *s, uint64_t number, uint64_t until,
                                void (*use)(void *ctx, uint64_t seq, store_bytes state), void *ctx)
{
    MDB_txn *txn;
    store_bytes state = {0};
    store_err err = store__read_begin(&s->env, &txn);
    if (err != STORE_OK)
        return err;
    err = check_living(s, txn, number);
    if (err == STORE_OK)
        err = store__row_back(&s->env, txn, s->env.checkpoints, number, &until, &state);
    if (err == STORE_OK)
        use(ctx, until, state);
    store__read_end(&s->env, txn);
    return err;
}

/* One after the other, each in a transaction of its own: all of them may take a while. */
typedef struct walk {
    store *store;
    uint64_t number;
    uint64_t next; /* the seq from which on */
    bool (*each)(void *ctx, uint64_t seq, store_bytes state);
    void *ctx;
    bool ended;
} walk;

static store_err hand_out(walk *w, MDB_txn *txn)
{
    store_bytes state = {0};
    store_err err = check_living(w->store, txn, w->number);
    if (err != STORE_OK)
        return err;
    const store__env *env = &w->store->env;
    err = store__row_on(env, txn, env->checkpoints, w->number, &w->next, &state);
    if (err == STORE_OK)
        w->ended = !w->each(w->ctx, w->next++, state);
    if (err != STORE_NOT_FOUND)
        return err;
    w->ended = true;
    return STORE_OK;
}

store_err store_checkpoints(store *s, uint64_t number,
                            bool (*each)(void *ctx, uint64_t seq, store_bytes state), void *ctx)
{
    walk w = {.store = s, .number = number, .each = each, .ctx = ctx};
    store_err err = STORE_OK;
    while (err == STORE_OK && !w.ended) {
        MDB_txn *txn;
        err = store__read_begin(&s->env, &txn);
        if (err != STORE_OK)
            break;
        err = hand_out(&w, txn);
        store__read_end(&s->env, txn);
    }
    return err;
}
