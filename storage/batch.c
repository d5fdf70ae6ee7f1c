#include "batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "pack.h"

#define ARRAY_MIN      16u
#define BYTES_KEPT_MAX (8u << 20) /* a batch's buffer above this is given back after it */

/* ---- memory ---- */

void *store__array_reserve(store__array *array, size_t more, size_t item_len)
{
    if (more > array->cap - array->count) {
        if (more > SIZE_MAX / 2 / item_len - array->count)
            return NULL;
        size_t cap = array->cap ? array->cap * 2 : ARRAY_MIN;
        if (cap < array->count + more)
            cap = array->count + more;
        void *items = realloc(array->items, cap * item_len);
        if (!items)
            return NULL;
        array->items = items;
        array->cap = cap;
    }
    return (uint8_t *)array->items + array->count * item_len;
}

uint8_t *store__batch_copy(store_batch *b, const void *data, size_t len, size_t *at)
{
    uint8_t *copy = store__array_reserve(&b->bytes, len, 1);
    if (!copy)
        return NULL;
    if (data && len)
        memcpy(copy, data, len);
    *at = b->bytes.count;
    b->bytes.count += len;
    return copy;
}

static void array_free(store__array *array)
{
    free(array->items);
    *array = (store__array){0};
}

static void batch_end(store_batch *b)
{
    if (b->bytes.cap > BYTES_KEPT_MAX)
        array_free(&b->bytes);
    b->bytes.count = b->docs.count = b->names.count = 0;
    b->events.count = b->checkpoints.count = b->mutes.count = 0;
    store__map_clear(&b->names_by_hash);
    b->packs = NULL;
    b->open = false;
}

void store__batch_deinit(store_batch *b)
{
    array_free(&b->bytes);
    array_free(&b->docs);
    array_free(&b->names);
    array_free(&b->events);
    array_free(&b->checkpoints);
    array_free(&b->mutes);
    store__map_deinit(&b->names_by_hash);
}

/* ---- begin, and the documents of a batch ---- */

store_err store_batch_begin(store *s, store_batch **out)
{
    if (s->env.read_only)
        return STORE_INVALID;
    if (s->env.fatal || !s->env.mdb) {
        store_err err = store__recover(s);
        if (err != STORE_OK)
            return err;
    }
    store_batch *b = &s->batch;
    assert(!b->open);
    b->store = s;
    b->open = true;
    b->next_number = s->next_number;
    b->next_key = s->next_key;
    *out = b;
    return STORE_OK;
}

store__staged_doc *store__batch_add_doc(store_batch *b, store__entry *entry)
{
    store__staged_doc *doc = store__array_reserve(&b->docs, 1, sizeof(*doc));
    if (!doc || b->docs.count >= UINT32_MAX - 1)
        return NULL;
    *doc = (store__staged_doc){.entry = entry, .life = entry->life, .draft = !entry->live};
    entry->staged = (uint32_t)++b->docs.count;
    return doc;
}

/* A document without events in the tail is not in the index yet. */
static store_err load_entry(store *s, uint64_t number, store__entry **out)
{
    store__life life;
    store_err err = store__doc_read(s, number, &life, NULL, NULL);
    if (err != STORE_OK)
        return err;
    *out = store__index_add(&s->index, number, &life, true);
    return *out ? STORE_OK : STORE_NO_MEMORY;
}

store_err store__batch_doc(store_batch *b, uint64_t number, store__staged_doc **out)
{
    store__entry *entry = store__index_find(&b->store->index, number);
    store_err err = entry ? STORE_OK : load_entry(b->store, number, &entry);
    if (err != STORE_OK)
        return err;
    if (entry->damaged)
        return STORE_CORRUPT;
    store__staged_doc *doc =
        entry->staged ? &store__batch_docs(b)[entry->staged - 1] : store__batch_add_doc(b, entry);
    if (!doc)
        return STORE_NO_MEMORY;
    if (doc->deleted)
        return STORE_NOT_FOUND;
    *out = doc;
    return STORE_OK;
}

/* What cannot be loaded enters the index as damaged. */
static store_err load_broken(store *s, uint64_t number, store__entry **out)
{
    store_err err = load_entry(s, number, out);
    if (err != STORE_CORRUPT && err != STORE_NOT_FOUND)
        return err;
    *out = store__index_add(&s->index, number, &(store__life){0}, true);
    if (!*out)
        return STORE_NO_MEMORY;
    pthread_mutex_lock(&s->index.lock);
    (*out)->damaged = true;
    s->damaged++;
    pthread_mutex_unlock(&s->index.lock);
    return STORE_OK;
}

store_err store__batch_broken_doc(store_batch *b, uint64_t number, store__staged_doc **out)
{
    store__entry *entry = store__index_find(&b->store->index, number);
    store_err err = entry ? STORE_OK : load_broken(b->store, number, &entry);
    if (err == STORE_OK)
        err = store__stage_mutes(b, entry);
    if (err != STORE_OK)
        return err;
    store__staged_doc *doc =
        entry->staged ? &store__batch_docs(b)[entry->staged - 1] : store__batch_add_doc(b, entry);
    if (!doc)
        return STORE_NO_MEMORY;
    doc->broken = true;
    *out = doc;
    return STORE_OK;
}

/* ---- commit ---- */

/* Everything that the fold will need, and the whole of the documents created. */
static store_err prepare(store_batch *b)
{
    store__staged_doc *docs = store__batch_docs(b);
    store__staged_event *events = b->events.items;
    store_err err = STORE_OK;
    pthread_mutex_lock(&b->store->index.lock);
    for (size_t i = 0; i < b->docs.count && err == STORE_OK; i++)
        if (!docs[i].deleted && !store__entry_reserve(docs[i].entry, docs[i].added))
            err = STORE_NO_MEMORY;
    for (size_t i = 0; i < b->events.count && err == STORE_OK; i++) {
        const store__staged_event *event = &events[i];
        if (docs[event->doc].created && !docs[event->doc].deleted)
            store__entry_push(docs[event->doc].entry, event->key, event->time_ms,
                              event->update_len);
    }
    for (size_t i = 0; i < b->docs.count && err == STORE_OK; i++)
        if ((docs[i].created && !docs[i].draft && !docs[i].deleted) || docs[i].published)
            docs[i].entry->live = true;
    pthread_mutex_unlock(&b->store->index.lock);
    return err;
}

static int write_batch(void *ctx, MDB_txn *txn)
{
    const store_batch *b = ctx;
    int rc = 0;
    if (b->next_number != b->store->next_number)
        rc = store__write_counter(b->store, txn, b->next_number);
    if (!rc)
        rc = store__write_names(b, txn);
    if (!rc)
        rc = store__write_documents(b, txn);
    if (!rc)
        rc = store__write_checkpoints(b, txn);
    if (!rc)
        rc = store__write_events(b, txn);
    if (!rc)
        rc = store__write_packs(b, txn);
    if (!rc)
        rc = store__write_mutes(b, txn);
    return rc;
}

static bool has_deletion(const store_batch *b)
{
    for (size_t i = 0; i < b->docs.count; i++)
        if (store__batch_docs(b)[i].deleted)
            return true;
    return false;
}

static bool has_publication(const store_batch *b)
{
    for (size_t i = 0; i < b->docs.count; i++)
        if (store__batch_docs(b)[i].published)
            return true;
    return false;
}

/* Of a deleted name whose record was damaged, the record is all that changes. */
static bool has_changed_name(const store_batch *b)
{
    for (size_t i = 0; i < b->names.count; i++)
        if (store__batch_names(b)[i].changed)
            return true;
    return false;
}

static bool is_empty(const store_batch *b)
{
    return !b->events.count && !b->checkpoints.count && !b->packs && !has_changed_name(b) &&
           !has_publication(b) && b->next_number == b->store->next_number;
}

static store_err write_with_room(store_batch *b)
{
    store *s = b->store;
    store__space space = has_deletion(b) ? STORE__SPACE_RESERVE : STORE__SPACE_REGULAR;
    store_err err;
    do
        err = store__env_write(&s->env, space, write_batch, b);
    while (err == STORE_FULL && !s->env.fatal && store__make_room(s));
    return err;
}

static void fold_events(store_batch *b)
{
    const store__staged_doc *docs = store__batch_docs(b);
    const store__staged_event *events = b->events.items;
    pthread_mutex_lock(&b->store->index.lock);
    for (size_t i = 0; i < b->events.count; i++) {
        const store__staged_event *event = &events[i];
        const store__staged_doc *doc = &docs[event->doc];
        if (!doc->created && !doc->deleted)
            store__entry_push(doc->entry, event->key, event->time_ms, event->update_len);
    }
    pthread_mutex_unlock(&b->store->index.lock);
}

static void fold_deleted(store *s, const store__staged_doc *doc)
{
    store__entry *entry = doc->entry;
    store__index_remove(&s->index, entry);
    pthread_mutex_lock(&s->index.lock);
    s->damaged -= entry->damaged;
    pthread_mutex_unlock(&s->index.lock);
    if (doc->broken && !doc->created)
        entry->first_seq = UINT64_MAX; /* there may be segments: only looking tells */
    store__purge_add(s, entry);
}

static void fold(store_batch *b)
{
    store *s = b->store;
    fold_events(b);
    store__fold_packs(b);
    for (size_t i = 0; i < b->docs.count; i++) {
        store__staged_doc *doc = &store__batch_docs(b)[i];
        doc->entry->staged = 0;
        if (doc->deleted)
            fold_deleted(s, doc);
    }
    store__forget_packed(b);
    s->next_number = b->next_number;
    s->next_key = b->next_key;
    s->ticks_left = STORE__TICKS;
}

/* The index as it was: only the documents created had entered it, and drafts had become visible. */
static void unfold(store_batch *b)
{
    pthread_mutex_lock(&b->store->index.lock);
    for (size_t i = 0; i < b->docs.count; i++)
        if (store__batch_docs(b)[i].published)
            store__batch_docs(b)[i].entry->live = false;
    pthread_mutex_unlock(&b->store->index.lock);
    for (size_t i = 0; i < b->docs.count; i++) {
        store__staged_doc *doc = &store__batch_docs(b)[i];
        doc->entry->staged = 0;
        if (doc->created) {
            store__index_remove(&b->store->index, doc->entry);
            store__entry_free(doc->entry);
        }
    }
}

store_err store_batch_commit(store_batch *b)
{
    store *s = b->store;
    bool empty = is_empty(b);
    store_err err = prepare(b);
    if (err == STORE_OK && !empty)
        err = write_with_room(b);
    if (err == STORE_OK)
        fold(b);
    else
        unfold(b);
    batch_end(b);
    if (err == STORE_OK)
        store__purge_some(s);
    if (s->env.fatal) {
        store_err again =
            store__recover(s); /* reported by the next store_batch_begin if it fails */
        (void)again;
    } else if (err == STORE_OK) {
        store__env_grow_early(&s->env);
    }
    return err;
}

void store_batch_abort(store_batch *b)
{
    unfold(b);
    batch_end(b);
}
