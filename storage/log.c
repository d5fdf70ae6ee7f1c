/* Events: appended to a batch, written to the tail, read back through the index. README.md draws
 * the value. */
#include "log.h"

#include <string.h>

#include "pack.h"
#include "segment.h"

#define READ_KEYS_MAX 256u /* tail keys taken from the index at a time */
#define MISSES_MAX    2u   /* transactions in a row that lack the next event before it is missing */

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

bool store__event_peek(const MDB_val *value, uint64_t *number, uint64_t *seq)
{
    const uint8_t *at = value->mv_data;
    if (value->mv_size < AT_USER)
        return false;
    *number = store__get_u64(at + AT_NUMBER);
    *seq = store__get_u64(at + AT_SEQ);
    return true;
}

bool store__event_fits(const MDB_val *key, const MDB_val *value, uint64_t number, uint64_t seq,
                       uint8_t *room)
{
    store_bytes body;
    MDB_val copy = {value->mv_size, room};
    memcpy(room, value->mv_data, value->mv_size);
    store__put_u64(room + AT_NUMBER, number);
    store__put_u64(room + AT_SEQ, seq);
    return store__unseal(key, &copy, &body);
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

/* ---- events that do not say whose they are ---- */

static bool says_whose_it_is(const store *s, MDB_txn *txn, uint64_t tail_key, uint64_t number)
{
    store__key key = store__key_one(tail_key);
    MDB_val k = store__key_val(&key);
    MDB_val value;
    store_bytes body;
    store_event event;
    uint64_t owner;
    return store__get(&s->env, txn, s->env.tail, &k, &value) == 0 &&
           store__unseal(&k, &value, &body) && store__event_decode(&value, &owner, &event) &&
           owner == number;
}

static store_err add_mute(store_batch *b, uint64_t tail_key)
{
    uint64_t *mute = store__array_reserve(&b->mutes, 1, sizeof(*mute));
    if (!mute)
        return STORE_NO_MEMORY;
    *mute = tail_key;
    b->mutes.count++;
    return STORE_OK;
}

store_err store__stage_mutes(store_batch *b, const store__entry *entry)
{
    MDB_txn *txn;
    size_t before = b->mutes.count;
    store_err err = store__read_begin(&b->store->env, &txn);
    if (err != STORE_OK)
        return err;
    for (uint32_t i = 0; i < entry->count && err == STORE_OK; i++)
        if (!says_whose_it_is(b->store, txn, entry->keys[i], entry->number))
            err = add_mute(b, entry->keys[i]);
    store__read_end(&b->store->env, txn);
    if (err != STORE_OK)
        b->mutes.count = before;
    return err;
}

int store__write_mutes(const store_batch *b, MDB_txn *txn)
{
    const uint64_t *mutes = b->mutes.items;
    int rc = 0;
    for (size_t i = 0; i < b->mutes.count && (!rc || rc == MDB_NOTFOUND); i++) {
        store__key key = store__key_one(mutes[i]);
        MDB_val k = store__key_val(&key);
        rc = mdb_del(txn, b->store->env.tail, &k, NULL);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* ---- read ---- */

store_err store__event_get(const store *s, MDB_txn *txn, uint64_t tail_key, uint64_t number,
                           uint64_t seq, store_event *out)
{
    store__key key = store__key_one(tail_key);
    MDB_val k = store__key_val(&key);
    MDB_val value;
    store_bytes body;
    uint64_t owner;
    int rc = store__get(&s->env, txn, s->env.tail, &k, &value);
    if (rc)
        return store__err(rc);
    return store__unseal(&k, &value, &body) && store__event_decode(&value, &owner, out) &&
                   owner == number && out->seq == seq
               ? STORE_OK
               : STORE_CORRUPT;
}

/* One call of store_read: where it stands, and what it has to deal with in turn.
 *
 * Events lie in segments first and in the tail behind them, and packing moves the border while we
 * read. The index says where the tail begins; the transaction may be older or newer than it. So an
 * event that is not in the tail where the index has it is looked for in the segments of the same
 * transaction; and if it is not there either, the transaction is too old, and one more is begun. */
typedef struct reading {
    store *store;
    uint64_t number;
    uint64_t next;  /* the seq to be read next */
    uint64_t until; /* inclusive, not beyond the head */
    bool (*each)(void *ctx, const store_event *event);
    void *ctx;
    bool stopped;
} reading;

static void hand_out(reading *r, const store_event *event)
{
    r->stopped = !r->each(r->ctx, event);
    r->next = event->seq + 1;
}

/* Hands out events of the tail from r->next on. STORE_NOT_FOUND: the next one is not there. */
static store_err read_tail(reading *r, MDB_txn *txn)
{
    uint64_t keys[READ_KEYS_MAX];
    store__range range;
    do {
        if (!store__index_range(&r->store->index, r->number, r->next - 1, r->until, keys,
                                READ_KEYS_MAX, &range))
            return STORE_NOT_FOUND;
        if (range.damaged)
            return STORE_CORRUPT;
        if (range.count == 0 || range.first_seq != r->next)
            return STORE_NOT_FOUND;
        for (size_t i = 0; i < range.count && !r->stopped; i++) {
            store_event event;
            store_err err =
                store__event_get(r->store, txn, keys[i], r->number, range.first_seq + i, &event);
            if (err != STORE_OK)
                return err;
            hand_out(r, &event);
        }
    } while (r->next <= r->until && !r->stopped);
    return STORE_OK;
}

/* Copies the segment that holds r->next. STORE_NOT_FOUND: none does. */
static store_err copy_segment(const reading *r, MDB_txn *txn, uint64_t *first, store_buf *out)
{
    store_bytes segment;
    store__segment_head head;
    store_err err = store__segment_find(r->store, txn, r->number, r->next, first, &segment);
    if (err != STORE_OK)
        return err;
    if (!store__segment_peek(segment, &head))
        return STORE_CORRUPT;
    return r->next - *first < head.count ? store__buf_put(out, segment) : STORE_NOT_FOUND;
}

/* Outside of any transaction: taking a segment apart takes a while, and so may whoever gets the
 * events. */
static store_err read_segment(reading *r, uint64_t first, const store_buf *copy)
{
    store__segment segment;
    store_err err = store__segment_decode(r->store->codec, r->number, first,
                                          (store_bytes){copy->data, copy->len}, &segment);
    if (err != STORE_OK)
        return err;
    for (size_t i = (size_t)(r->next - first);
         i < segment.count && r->next <= r->until && !r->stopped; i++)
        hand_out(r, &segment.events[i]);
    store__segment_deinit(&segment);
    return STORE_OK;
}

/* Reads on in one transaction. STORE_NOT_FOUND: it does not hold the next event. */
static store_err read_some(reading *r)
{
    MDB_txn *txn;
    uint64_t first = 0;
    store_buf copy = {0};
    store_err err = store__read_begin(&r->store->env, &txn);
    if (err != STORE_OK)
        return err;
    err = read_tail(r, txn);
    if (err == STORE_NOT_FOUND)
        err = copy_segment(r, txn, &first, &copy);
    store__read_end(&r->store->env, txn);
    if (err == STORE_OK && copy.len)
        err = read_segment(r, first, &copy);
    store_buf_free(&copy);
    return err;
}

/* The document as the index or, without events in the tail, its record has it. */
static store_err load_life(store *s, uint64_t number, store__life *out)
{
    bool damaged;
    for (int look = 0; look < 2; look++) {
        if (store__index_life(&s->index, number, out, &damaged))
            return damaged ? STORE_CORRUPT : STORE_OK;
        store_err err = store__doc_read(s, number, out, NULL, NULL);
        if (err != STORE_OK)
            return err;
    }
    return STORE_OK;
}

store_err store_read(store *s, uint64_t number, uint64_t after, uint64_t until,
                     bool (*each)(void *ctx, const store_event *event), void *ctx)
{
    store__life life;
    store_err err = load_life(s, number, &life);
    reading r = {.store = s, .number = number, .next = after + 1, .each = each, .ctx = ctx};
    if (err != STORE_OK || after >= life.head)
        return err;
    r.until = until < life.head ? until : life.head;
    for (unsigned misses = 0; err == STORE_OK && r.next <= r.until && !r.stopped;) {
        uint64_t before = r.next;
        err = read_some(&r);
        if (err == STORE_NOT_FOUND && (err = load_life(s, number, &life)) == STORE_OK &&
            ++misses > MISSES_MAX)
            err = STORE_CORRUPT;
        if (r.next > before)
            misses = 0;
    }
    return err;
}
