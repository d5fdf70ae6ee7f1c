/* Events: appended to a batch, written to the tail, read back through the index. README.md draws
 * the value. */
#include "log.h"

#include <string.h>

#define READ_KEYS_MAX 256u /* tail keys taken from the index at a time */

/* ---- the value ---- */

#define AT_NUMBER   STORE__CHECKSUM_LEN
#define AT_SEQ      (AT_NUMBER + 8)
#define AT_TIME     (AT_SEQ + 8)
#define AT_USER_LEN (AT_TIME + 8)
#define AT_USER     (AT_USER_LEN + 2)

static void encode(uint8_t *value, size_t len, uint64_t key, uint64_t number,
                   const store_event *event)
{
    store__put_u64(value + AT_NUMBER, number);
    store__put_u64(value + AT_SEQ, event->seq);
    store__put_u64(value + AT_TIME, (uint64_t)event->time_ms);
    store__put_u16(value + AT_USER_LEN, (uint16_t)event->user.len);
    if (event->user.len)
        memcpy(value + AT_USER, event->user.data, event->user.len);
    if (event->update.len)
        memcpy(value + AT_USER + event->user.len, event->update.data, event->update.len);
    store__key k = store__key_one(key);
    MDB_val key_val = store__key_val(&k);
    store__seal(&key_val, value, len);
}

bool store__event_decode(const MDB_val *value, uint64_t *number, store_event *out)
{
    const uint8_t *at = value->mv_data;
    if (value->mv_size < AT_USER)
        return false;
    size_t user_len = store__get_u16(at + AT_USER_LEN);
    if (user_len > STORE_USER_LEN_MAX || user_len > value->mv_size - AT_USER)
        return false;
    *number = store__get_u64(at + AT_NUMBER);
    *out = (store_event){
        .seq = store__get_u64(at + AT_SEQ),
        .time_ms = (int64_t)store__get_u64(at + AT_TIME),
        .user = {at + AT_USER, user_len},
        .update = {at + AT_USER + user_len, value->mv_size - AT_USER - user_len},
    };
    return true;
}

/* ---- append ---- */

store_err store_batch_append(store_batch *b, uint64_t number, const store_event *event,
                             uint64_t *seq)
{
    if (event->user.len > STORE_USER_LEN_MAX || event->update.len > STORE_UPDATE_LEN_MAX)
        return STORE_INVALID;
    store__staged_doc *doc;
    store_err err = store__batch_doc(b, number, &doc);
    if (err != STORE_OK)
        return err;

    size_t at;
    size_t len = AT_USER + event->user.len + event->update.len;
    store__staged_event *staged = store__array_reserve(&b->events, 1, sizeof(*staged));
    uint8_t *value = staged ? store__batch_copy(b, NULL, len, &at) : NULL;
    if (!value || doc->added == UINT32_MAX)
        return STORE_NO_MEMORY;

    store_event numbered = *event;
    numbered.seq = doc->life.head + 1;
    encode(value, len, b->next_key, number, &numbered);
    *staged = (store__staged_event){.doc = doc->entry->staged - 1u,
                                    .key = b->next_key++,
                                    .time_ms = event->time_ms,
                                    .at = at,
                                    .len = len,
                                    .update_len = event->update.len};
    b->events.count++;
    doc->added++;
    doc->life.head++;
    doc->life.events++;
    doc->life.log_bytes += event->update.len;
    doc->life.updated_ms = event->time_ms;
    *seq = numbered.seq;
    return STORE_OK;
}

int store__write_events(const store_batch *b, MDB_txn *txn)
{
    const store__staged_doc *docs = store__batch_docs(b);
    const store__staged_event *events = b->events.items;
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(txn, b->store->env.tail, &cursor);
    if (rc)
        return rc;
    for (size_t i = 0; i < b->events.count && !rc; i++) {
        if (docs[events[i].doc].deleted)
            continue;
        store__key key = store__key_one(events[i].key);
        MDB_val k = store__key_val(&key);
        MDB_val value = {.mv_data = store__batch_bytes(b, events[i].at), .mv_size = events[i].len};
        rc = mdb_cursor_put(cursor, &k, &value, MDB_APPEND);
    }
    mdb_cursor_close(cursor);
    return rc;
}

/* ---- read ---- */

typedef struct reading {
    store *store;
    MDB_txn *txn;
    uint64_t number;
    bool (*each)(void *ctx, const store_event *event);
    void *ctx;
    bool stopped;
} reading;

static store_err read_one(reading *r, uint64_t tail_key, uint64_t seq)
{
    store__key key = store__key_one(tail_key);
    MDB_val k = store__key_val(&key);
    MDB_val value;
    store_bytes body;
    store_event event;
    uint64_t number;
    int rc = mdb_get(r->txn, r->store->env.tail, &k, &value);
    if (rc)
        return rc == MDB_NOTFOUND ? STORE_CORRUPT : store__err(rc);
    if (!store__unseal(&k, &value, &body) || !store__event_decode(&value, &number, &event) ||
        number != r->number || event.seq != seq)
        return STORE_CORRUPT;
    r->stopped = !r->each(r->ctx, &event);
    return STORE_OK;
}

static store_err read_tail(reading *r, uint64_t after, uint64_t until)
{
    uint64_t keys[READ_KEYS_MAX];
    store__range range;
    do {
        if (!store__index_range(&r->store->index, r->number, after, until, keys, READ_KEYS_MAX,
                                &range))
            return STORE_NOT_FOUND;
        if (range.damaged)
            return STORE_CORRUPT;
        for (size_t i = 0; i < range.count && !r->stopped; i++) {
            store_err err = read_one(r, keys[i], range.first_seq + i);
            if (err != STORE_OK)
                return err;
        }
        after = range.first_seq + range.count - 1;
    } while (range.count && !r->stopped);
    return STORE_OK;
}

/* A document without an entry has no events in the tail: there is nothing to read, if only it
 * exists. */
static store_err read_unindexed(const reading *r)
{
    store__life life;
    store_bytes name;
    return store__doc_load(r->store, r->txn, r->number, &life, &name);
}

store_err store_read(store *s, uint64_t number, uint64_t after, uint64_t until,
                     bool (*each)(void *ctx, const store_event *event), void *ctx)
{
    /* The head before the transaction begins: later events are in the index, but not in the
     * transaction. */
    store__life life;
    bool indexed = store__index_life(&s->index, number, &life);
    reading r = {.store = s, .number = number, .each = each, .ctx = ctx};
    store_err err = store__read_begin(&s->env, &r.txn);
    if (err != STORE_OK)
        return err;
    if (!indexed)
        err = read_unindexed(&r);
    else if (after < until && after < life.head)
        err = read_tail(&r, after, until < life.head ? until : life.head);
    store__read_end(&s->env, r.txn);
    return err;
}
