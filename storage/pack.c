/* Events leave the tail in two steps. Whoever likes (store_packs_prepare: any thread, reading only)
 * takes the oldest ones, by document, and makes segments of them. The owner of the batch then puts
 * the segments in and takes the events out of the tail, in one transaction with whatever else the
 * batch holds. Events never change, so nothing can have become wrong meanwhile but that the
 * document was deleted, or the events were moved by somebody else: then the preparation is dropped.
 */
#include "pack.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "row.h"
#include "segment.h"

#define PACKS_MAX 32u    /* documents in one preparation */
#define LOOK_MAX  65536u /* events of the tail looked at in one preparation */

/* ---- segments ---- */

store_err store__segment_find(const store *s, MDB_txn *txn, uint64_t number, uint64_t seq,
                              uint64_t *first_seq, store_bytes *segment)
{
    *first_seq = seq;
    return store__row_back(&s->env, txn, s->env.segments, number, first_seq, segment);
}

/* ---- preparing one document ---- */

/* The events of one segment to be: those of the document's last one, if it is small, then those of
 * the tail, borrowed from the transaction. */
typedef struct gathering {
    store__segment last;
    store_event *events;
    size_t count;
    uint64_t bytes; /* of their updates */
} gathering;

static void gathering_deinit(gathering *g)
{
    store__segment_deinit(&g->last);
    free(g->events);
}

/* Takes the last segment apart, if there is room in it. */
static store_err open_last(const store *s, MDB_txn *txn, uint64_t number, uint64_t before_seq,
                           gathering *g)
{
    uint64_t first;
    store_bytes segment;
    store__segment_head head;
    if (before_seq == 1)
        return STORE_OK;
    store_err err = store__segment_find(s, txn, number, before_seq - 1, &first, &segment);
    if (err != STORE_OK)
        return err == STORE_NOT_FOUND ? STORE_CORRUPT : err;
    if (!store__segment_peek(segment, &head) || first + head.count != before_seq)
        return STORE_CORRUPT;
    if (head.count >= STORE__SEGMENT_EVENTS_MAX || head.update_bytes >= STORE__SEGMENT_BYTES_MAX)
        return STORE_OK;
    g->bytes = head.update_bytes;
    return store__segment_decode(s->codec, number, first, segment, &g->last);
}

static store_err take_event(const store *s, MDB_txn *txn, uint64_t tail_key, const store__pack *p,
                            gathering *g)
{
    store_event *event = &g->events[g->count];
    store_err err = store__event_get(s, txn, tail_key, p->number, p->first_seq + p->count, event);
    if (err == STORE_OK) {
        g->bytes += event->update.len;
        g->count++;
    }
    return err;
}

/* Fills the segment up with events of the tail: one at least. */
static store_err gather(const store *s, MDB_txn *txn, size_t keys, store__pack *p, gathering *g)
{
    g->events = malloc((g->last.count + keys) * sizeof(*g->events));
    if (!g->events)
        return STORE_NO_MEMORY;
    if (g->last.count)
        memcpy(g->events, g->last.events, g->last.count * sizeof(*g->events));
    g->count = g->last.count;
    store_err err = STORE_OK;
    while (err == STORE_OK && p->count < keys && g->count < STORE__SEGMENT_EVENTS_MAX &&
           (p->count == 0 || g->bytes < STORE__SEGMENT_BYTES_MAX)) {
        err = take_event(s, txn, p->keys[p->count], p, g);
        p->count += err == STORE_OK;
    }
    return err;
}

static store_err seal_segment(const store *s, store__pack *p, const gathering *g)
{
    uint8_t room[STORE__CHECKSUM_LEN] = {0};
    store_err err = store__buf_put(&p->segment, (store_bytes){room, sizeof(room)});
    if (err == STORE_OK)
        err = store__segment_encode(s->codec, p->number, g->events, g->count, &p->segment);
    if (err != STORE_OK)
        return err;
    p->segment_seq = g->events[0].seq;
    store__key key = store__key_two(p->number, p->segment_seq);
    MDB_val k = store__key_val(&key);
    store__seal(&k, p->segment.data, p->segment.len);
    return STORE_OK;
}

/* The record as it will be: it counts what has left the tail. */
static void count_events(store__pack *p, const gathering *g)
{
    for (size_t i = g->last.count; i < g->count; i++) {
        p->life.head++;
        p->life.events++;
        p->life.log_bytes += g->events[i].update.len;
        p->life.updated_ms = g->events[i].time_ms;
    }
}

static store_err pack_keys(const store *s, MDB_txn *txn, size_t keys, store__pack *p)
{
    gathering g = {0};
    store_bytes name;
    store_err err = store__doc_load(s, txn, p->number, &p->life, &name);
    if (err != STORE_OK)
        return err;
    memcpy(p->name, name.data, name.len);
    p->name_len = name.len;
    if (p->life.head + 1 != p->first_seq)
        return STORE_NOT_FOUND; /* moved meanwhile */
    err = open_last(s, txn, p->number, p->first_seq, &g);
    if (err == STORE_OK)
        err = gather(s, txn, keys, p, &g);
    if (err == STORE_OK)
        err = seal_segment(s, p, &g);
    if (err == STORE_OK)
        count_events(p, &g);
    gathering_deinit(&g);
    return err;
}

static void pack_deinit(store__pack *p)
{
    free(p->keys);
    store_buf_free(&p->segment);
}

/* STORE_NOT_FOUND: the document is no more, or has nothing in the tail any more. */
static store_err prepare_one(store *s, uint64_t number, store__pack *p)
{
    MDB_txn *txn;
    store__range range;
    *p = (store__pack){.number = number};
    p->keys = malloc(STORE__SEGMENT_EVENTS_MAX * sizeof(*p->keys));
    if (!p->keys)
        return STORE_NO_MEMORY;
    if (!store__index_range(&s->index, number, 0, UINT64_MAX, p->keys, STORE__SEGMENT_EVENTS_MAX,
                            &range) ||
        range.count == 0)
        return STORE_NOT_FOUND;
    if (range.damaged)
        return STORE_CORRUPT;
    p->first_seq = range.first_seq;
    store_err err = store__read_begin(&s->env, &txn);
    if (err != STORE_OK)
        return err;
    err = pack_keys(s, txn, range.count, p);
    store__read_end(&s->env, txn);
    return err;
}

/* ---- choosing ---- */

typedef struct choice {
    uint64_t numbers[PACKS_MAX];
    size_t count;
} choice;

static void choose(choice *c, uint64_t number)
{
    for (size_t i = c->count; i-- > 0;)
        if (c->numbers[i] == number)
            return;
    c->numbers[c->count++] = number;
}

/* Bytes that the pages of the tail take. */
static int tail_bytes(const store *s, MDB_txn *txn, uint64_t *out)
{
    MDB_stat stat;
    int rc = mdb_stat(txn, s->env.tail, &stat);
    if (!rc)
        *out = (uint64_t)stat.ms_psize * (stat.ms_leaf_pages + stat.ms_overflow_pages);
    return rc;
}

/* The documents that own the oldest events. Events of deleted documents are passed over. */
static int choose_oldest(const store *s, MDB_txn *txn, const store_pack_policy *policy, choice *c)
{
    uint64_t bytes = 0;
    MDB_cursor *cursor;
    int rc = tail_bytes(s, txn, &bytes);
    if (rc || (rc = mdb_cursor_open(txn, s->env.tail, &cursor)))
        return rc;
    MDB_val key;
    MDB_val value;
    for (unsigned looked = 0; looked < LOOK_MAX && c->count < PACKS_MAX; looked++) {
        uint64_t number;
        store_event event;
        if ((rc = store__cursor_get(&s->env, cursor, &key, &value, MDB_NEXT)))
            break;
        if (!store__event_decode(&value, &number, &event))
            continue;
        if (bytes <= policy->tail_bytes_max && event.time_ms >= policy->before_ms)
            break;
        choose(c, number);
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* A document whose log is damaged keeps its events where they are, and does not stop the others. */
static store_err prepare_chosen(store *s, const choice *c, store_packs *out)
{
    for (size_t i = 0; i < c->count; i++) {
        store__pack *p = &out->items[out->count];
        store_err err = prepare_one(s, c->numbers[i], p);
        if (err == STORE_OK)
            out->count++;
        else
            pack_deinit(p);
        if (err != STORE_OK && err != STORE_NOT_FOUND && err != STORE_CORRUPT)
            return err;
    }
    return STORE_OK;
}

store_err store_packs_prepare(store *s, const store_pack_policy *policy, store_packs **out)
{
    MDB_txn *txn;
    choice chosen = {.count = 0};
    if (s->env.read_only)
        return STORE_INVALID;
    store_err err = store__read_begin(&s->env, &txn);
    if (err != STORE_OK)
        return err;
    err = store__err(choose_oldest(s, txn, policy, &chosen));
    store__read_end(&s->env, txn);
    *out = NULL;
    if (err != STORE_OK || chosen.count == 0)
        return err;
    store_packs *packs = calloc(1, sizeof(*packs) + chosen.count * sizeof(store__pack));
    if (!packs)
        return STORE_NO_MEMORY;
    err = prepare_chosen(s, &chosen, packs);
    if (err == STORE_OK && packs->count > 0)
        *out = packs;
    else
        store_packs_free(packs);
    return err;
}

void store_packs_free(store_packs *packs)
{
    if (!packs)
        return;
    for (size_t i = 0; i < packs->count; i++)
        pack_deinit(&packs->items[i]);
    free(packs);
}

/* ---- writing ---- */

/* Whether the events still stand where they stood. */
static bool is_current(const store__entry *entry, const store__pack *p)
{
    return entry->live && !entry->damaged && entry->first_seq == p->first_seq &&
           entry->count >= p->count && entry->keys[0] == p->keys[0];
}

store_err store_batch_pack(store_batch *b, store_packs *packs)
{
    if (b->packs)
        return STORE_INVALID;
    for (size_t i = 0; i < packs->count; i++) {
        store__pack *p = &packs->items[i];
        store__staged_doc *doc;
        store_err err = store__batch_doc(b, p->number, &doc);
        p->entry = NULL;
        if (err == STORE_OK && is_current(doc->entry, p))
            p->entry = doc->entry;
        else if (err != STORE_OK && err != STORE_NOT_FOUND && err != STORE_CORRUPT)
            return err;
    }
    b->packs = packs;
    return STORE_OK;
}

static bool is_deleted(const store_batch *b, const store__pack *p)
{
    return store__batch_docs(b)[p->entry->staged - 1].deleted;
}

static int write_record(const store *s, MDB_txn *txn, const store__pack *p)
{
    uint8_t value[STORE__CHECKSUM_LEN + STORE__DOC_RECORD_MAX];
    store__key key = store__key_one(p->number);
    MDB_val k = store__key_val(&key);
    MDB_val val = {.mv_data = value};
    val.mv_size =
        STORE__CHECKSUM_LEN + store__doc_encode(&p->life, (store_bytes){p->name, p->name_len},
                                                value + STORE__CHECKSUM_LEN);
    store__seal(&k, value, val.mv_size);
    return mdb_put(txn, s->env.documents, &k, &val, 0);
}

static int write_pack(const store *s, MDB_txn *txn, const store__pack *p)
{
    store__key key = store__key_two(p->number, p->segment_seq);
    MDB_val k = store__key_val(&key);
    MDB_val val = {.mv_data = p->segment.data, .mv_size = p->segment.len};
    int rc = mdb_put(txn, s->env.segments, &k, &val, 0);
    if (!rc)
        rc = write_record(s, txn, p);
    for (uint32_t i = 0; i < p->count && !rc; i++) {
        store__key place = store__key_one(p->keys[i]);
        MDB_val at = store__key_val(&place);
        rc = mdb_del(txn, s->env.tail, &at, NULL);
    }
    return rc;
}

int store__write_packs(const store_batch *b, MDB_txn *txn)
{
    int rc = 0;
    for (size_t i = 0; b->packs && i < b->packs->count && !rc; i++) {
        const store__pack *p = &b->packs->items[i];
        if (p->entry && !is_deleted(b, p))
            rc = write_pack(b->store, txn, p);
    }
    return rc;
}

void store__fold_packs(store_batch *b)
{
    pthread_mutex_lock(&b->store->index.lock);
    for (size_t i = 0; b->packs && i < b->packs->count; i++) {
        store__pack *p = &b->packs->items[i];
        if (p->entry && is_deleted(b, p))
            p->entry = NULL;
        if (!p->entry)
            continue;
        p->entry->count -= p->count;
        p->entry->first_seq += p->count;
        memmove(p->entry->keys, p->entry->keys + p->count,
                p->entry->count * sizeof(*p->entry->keys));
    }
    pthread_mutex_unlock(&b->store->index.lock);
}

void store__forget_packed(store_batch *b)
{
    for (size_t i = 0; b->packs && i < b->packs->count; i++) {
        store__entry *entry = b->packs->items[i].entry;
        if (!entry || entry->count)
            continue;
        store__index_remove(&b->store->index, entry);
        store__entry_free(entry);
    }
}
