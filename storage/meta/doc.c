/* Documents: their names, numbers and epochs. Made and ended in a batch, looked up by anyone. */
#include <string.h>

#include <xxhash.h>

#include "batch.h"
#include "meta/mend.h"

/* ---- records on disk ---- */

static bool valid_name(store_bytes name)
{
    return name.len >= 1 && name.len <= STORE_NAME_LEN_MAX;
}

static store_err load_name(const store *s, MDB_txn *txn, store_bytes name, store__name *out)
{
    MDB_val key = store__bytes_val(name);
    MDB_val value;
    store_bytes body;
    int rc = store__get(&s->env, txn, s->env.names, &key, &value);
    if (rc)
        return store__err(rc);
    return store__unseal(&key, &value, &body) && store__name_decode(body, out) ? STORE_OK
                                                                               : STORE_CORRUPT;
}

store_err store__doc_load(const store *s, MDB_txn *txn, uint64_t number, store__life *life,
                          store_bytes *name)
{
    store__key key = store__key_one(number);
    MDB_val k = store__key_val(&key);
    MDB_val value;
    store_bytes body;
    int rc = store__get(&s->env, txn, s->env.documents, &k, &value);
    if (rc)
        return store__err(rc);
    return store__unseal(&k, &value, &body) && store__doc_decode(body, life, name) ? STORE_OK
                                                                                   : STORE_CORRUPT;
}

store_err store__doc_read(store *s, uint64_t number, store__life *life, uint8_t *name,
                          size_t *name_len)
{
    MDB_txn *txn;
    store_bytes found;
    store_err err = store__read_begin(&s->env, &txn);
    if (err != STORE_OK)
        return err;
    err = store__doc_load(s, txn, number, life, &found);
    if (err == STORE_OK && name) {
        memcpy(name, found.data, found.len);
        *name_len = found.len;
    }
    store__read_end(&s->env, txn);
    return err;
}

static void describe(store_doc *out, const store__name *record, const store__life *life)
{
    *out = (store_doc){
        .number = record->number,
        .epoch = record->epoch,
        .deleted = record->deleted,
        .head = life->head,
        .events = life->events,
        .log_bytes = life->log_bytes,
        .created_ms = life->created_ms,
        .updated_ms = life->updated_ms,
    };
}

/* ---- names in a batch ---- */

/* Names that share a hash are looked for one after the other. */
static store__staged_name *find_staged(const store_batch *b, store_bytes name, uint64_t *hash)
{
    *hash = XXH3_64bits(name.data, name.len);
    for (;; ++*hash) {
        uintptr_t place = (uintptr_t)store__map_find(&b->names_by_hash, *hash);
        if (!place)
            return NULL;
        store__staged_name *staged = &store__batch_names(b)[place - 1];
        if (staged->len == name.len &&
            memcmp(store__batch_bytes(b, staged->at), name.data, name.len) == 0)
            return staged;
    }
}

static store_err load_staged(store_batch *b, store_bytes name, store__staged_name *staged)
{
    MDB_txn *txn;
    store_err err = store__read_begin(&b->store->env, &txn);
    if (err != STORE_OK)
        return err;
    err = load_name(b->store, txn, name, &staged->record);
    store__read_end(&b->store->env, txn);
    staged->known = err == STORE_OK;
    return err == STORE_NOT_FOUND ? STORE_OK : err;
}

static store_err add_name(store_batch *b, store_bytes name, uint64_t hash,
                          store__staged_name *staged, store__staged_name **out)
{
    store__staged_name *place = store__array_reserve(&b->names, 1, sizeof(*place));
    if (!place || !store__batch_copy(b, name.data, name.len, &staged->at) ||
        !store__map_put(&b->names_by_hash, hash, (void *)(uintptr_t)(b->names.count + 1)))
        return STORE_NO_MEMORY;
    *place = *staged;
    b->names.count++;
    *out = place;
    return STORE_OK;
}

/* The name as the batch leaves it so far. The pointer is good until the next name joins the batch.
 */
static store_err stage_name(store_batch *b, store_bytes name, store__staged_name **out)
{
    uint64_t hash;
    *out = find_staged(b, name, &hash);
    if (*out)
        return STORE_OK;
    store__staged_name staged = {.len = name.len};
    store_err err = load_staged(b, name, &staged);
    return err == STORE_OK ? add_name(b, name, hash, &staged, out) : err;
}

/* A name whose record is damaged, with what it should say. */
static store_err stage_mended(store_batch *b, store_bytes name, store__staged_name **out)
{
    uint64_t hash;
    (void)find_staged(b, name, &hash);
    store__staged_name staged = {.len = name.len, .known = true};
    store_err err = store__name_mend(b->store, name, &staged.record);
    return err == STORE_OK ? add_name(b, name, hash, &staged, out) : err;
}

/* ---- create ---- */

static store_err may_create(const store__staged_name *name, uint32_t epoch)
{
    store_end end;
    if (!name->known)
        return STORE_OK;
    if (!name->record.deleted)
        return STORE_EXISTS;
    return store__name_epoch(&name->record, epoch, &end) ? STORE_INVALID : STORE_OK;
}

static store__staged_doc *stage_new(store_batch *b, int64_t now_ms)
{
    store__life life = {.created_ms = now_ms, .updated_ms = now_ms};
    store__entry *entry = store__index_add(&b->store->index, b->next_number, &life, false);
    if (!entry)
        return NULL;
    store__staged_doc *doc = store__batch_add_doc(b, entry);
    if (!doc) {
        store__index_remove(&b->store->index, entry);
        store__entry_free(entry);
        return NULL;
    }
    b->next_number++;
    return doc;
}

/* The record of a name that a document may be created with. */
static store_err stage_free_name(store_batch *b, store_bytes name, uint32_t epoch,
                                 store__staged_name **out)
{
    if (!valid_name(name))
        return STORE_INVALID;
    store_err err = stage_name(b, name, out);
    return err == STORE_OK ? may_create(*out, epoch) : err;
}

static void begin_life(const store_batch *b, store__staged_doc *doc, store__staged_name *staged,
                       uint32_t epoch, store_doc *out)
{
    doc->name = (size_t)(staged - store__batch_names(b));
    staged->record.number = doc->entry->number;
    staged->record.epoch = epoch;
    staged->record.deleted = false;
    staged->known = staged->changed = true;
    describe(out, &staged->record, &doc->life);
}

store_err store_batch_create(store_batch *b, store_bytes name, uint32_t epoch, int64_t now_ms,
                             store_doc *out)
{
    store__staged_name *staged;
    store_err err = stage_free_name(b, name, epoch, &staged);
    if (err != STORE_OK)
        return err;
    store__staged_doc *doc = stage_new(b, now_ms);
    if (!doc)
        return STORE_NO_MEMORY;
    doc->created = true;
    doc->draft = false;
    begin_life(b, doc, staged, epoch, out);
    return STORE_OK;
}

/* ---- drafts ----
 *
 * Until it is published a draft stands where deleted documents stand: its number is noted in
 * "purges", no record leads to it, and its entry in the index is not live. Whatever opens the store
 * next finds something to be removed. */

store_err store_batch_draft(store_batch *b, int64_t created_ms, uint64_t *number)
{
    store__staged_doc *doc = stage_new(b, created_ms);
    if (!doc)
        return STORE_NO_MEMORY;
    doc->created = true;
    *number = doc->entry->number;
    return STORE_OK;
}

store_err store_batch_publish(store_batch *b, uint64_t number, store_bytes name, uint32_t epoch,
                              store_doc *out)
{
    store__staged_doc *doc;
    store__staged_name *staged;
    store_err err = store__batch_doc(b, number, &doc);
    if (err != STORE_OK)
        return err;
    if (!doc->draft || doc->created || doc->published)
        return STORE_NOT_FOUND;
    err = stage_free_name(b, name, epoch, &staged);
    if (err != STORE_OK)
        return err;
    doc->published = true;
    begin_life(b, doc, staged, epoch, out);
    return STORE_OK;
}

/* ---- delete ---- */

/* The staged name of a living document: noted when the batch created it, else found by the
 * document's record. */
static store_err stage_name_of(store_batch *b, const store__staged_doc *doc,
                               store__staged_name **out)
{
    store__life life;
    uint8_t bytes[STORE_NAME_LEN_MAX];
    size_t len;
    if (doc->created) {
        *out = &store__batch_names(b)[doc->name];
        return STORE_OK;
    }
    store_err err = store__doc_read(b->store, doc->entry->number, &life, bytes, &len);
    if (err == STORE_OK)
        err = stage_name(b, (store_bytes){bytes, len}, out);
    if (err != STORE_OK)
        return err == STORE_NOT_FOUND ? STORE_CORRUPT : err;
    return (*out)->known && (*out)->record.number == doc->entry->number ? STORE_OK : STORE_CORRUPT;
}

static void end_life(const store_batch *b, store__staged_doc *doc, store__staged_name *name,
                     int64_t now_ms)
{
    doc->name = (size_t)(name - store__batch_names(b));
    doc->deleted = true;
    doc->life.updated_ms = now_ms;
    name->record.deleted = true;
    name->record.last = doc->life;
    store__name_end(&name->record, STORE_END_DELETED);
    name->changed = true;
}

store_err store_batch_delete(store_batch *b, uint64_t number, int64_t now_ms)
{
    store__staged_doc *doc;
    store__staged_name *name;
    store_err err = store__batch_doc(b, number, &doc);
    if (err == STORE_OK && doc->draft)
        return STORE_INVALID;
    if (err == STORE_OK)
        err = stage_name_of(b, doc, &name);
    if (err != STORE_OK)
        return err;
    end_life(b, doc, name, now_ms);
    return STORE_OK;
}

/* A document that cannot be read cannot be trusted to lead to its name: the name leads to it,
 * unless it is damaged itself. */
store_err store_batch_discard(store_batch *b, store_bytes name, int64_t now_ms)
{
    store__staged_doc *doc;
    store__staged_name *staged;
    if (!valid_name(name))
        return STORE_NOT_FOUND;
    store_err err = stage_name(b, name, &staged);
    bool damaged = err == STORE_CORRUPT;
    if (damaged)
        err = stage_mended(b, name, &staged);
    if (err == STORE_OK && (!staged->known || staged->record.deleted)) {
        staged->changed = staged->changed || damaged;
        return damaged ? STORE_OK : STORE_NOT_FOUND;
    }
    if (err == STORE_OK)
        err = store__batch_broken_doc(b, staged->record.number, &doc);
    if (err != STORE_OK)
        return err;
    end_life(b, doc, staged, now_ms);
    return STORE_OK;
}

/* ---- write ---- */

int store__write_counter(const store *s, MDB_txn *txn, uint64_t next_number)
{
    uint8_t value[STORE__CHECKSUM_LEN + STORE__U64_LEN];
    MDB_val key = store__text_val(STORE__META_NEXT);
    store__put_u64(value + STORE__CHECKSUM_LEN, next_number);
    store__seal(&key, value, sizeof(value));
    MDB_val val = {.mv_data = value, .mv_size = sizeof(value)};
    return mdb_put(txn, s->env.meta, &key, &val, 0);
}

int store__write_names(const store_batch *b, MDB_txn *txn)
{
    uint8_t value[STORE__CHECKSUM_LEN + STORE__NAME_RECORD_MAX];
    int rc = 0;
    for (size_t i = 0; i < b->names.count && !rc; i++) {
        const store__staged_name *name = &store__batch_names(b)[i];
        if (!name->changed)
            continue;
        MDB_val key = {.mv_data = store__batch_bytes(b, name->at), .mv_size = name->len};
        MDB_val val = {.mv_data = value};
        val.mv_size =
            STORE__CHECKSUM_LEN + store__name_encode(&name->record, value + STORE__CHECKSUM_LEN);
        store__seal(&key, value, val.mv_size);
        rc = mdb_put(txn, b->store->env.names, &key, &val, 0);
    }
    return rc;
}

static int write_record(const store_batch *b, MDB_txn *txn, const store__staged_doc *doc)
{
    uint8_t value[STORE__CHECKSUM_LEN + STORE__DOC_RECORD_MAX];
    const store__staged_name *name = &store__batch_names(b)[doc->name];
    store__life base = {.created_ms = doc->life.created_ms, .updated_ms = doc->life.created_ms};
    store__key key = store__key_one(doc->entry->number);
    MDB_val k = store__key_val(&key);
    MDB_val val = {.mv_data = value};
    val.mv_size =
        STORE__CHECKSUM_LEN +
        store__doc_encode(&base, (store_bytes){store__batch_bytes(b, name->at), name->len},
                          value + STORE__CHECKSUM_LEN);
    store__seal(&k, value, val.mv_size);
    return mdb_put(txn, b->store->env.documents, &k, &val, doc->created ? MDB_APPEND : 0);
}

static int write_purge_note(const store *s, MDB_txn *txn, uint64_t number)
{
    uint8_t value[STORE__CHECKSUM_LEN];
    store__key key = store__key_one(number);
    MDB_val k = store__key_val(&key);
    MDB_val val = {.mv_data = value, .mv_size = sizeof(value)};
    store__seal(&k, value, sizeof(value));
    return mdb_put(txn, s->env.purges, &k, &val, 0);
}

static int write_published(const store_batch *b, MDB_txn *txn, const store__staged_doc *doc)
{
    store__key key = store__key_one(doc->entry->number);
    MDB_val k = store__key_val(&key);
    int rc = mdb_del(txn, b->store->env.purges, &k, NULL);
    return rc ? rc : write_record(b, txn, doc);
}

static int write_deleted(const store_batch *b, MDB_txn *txn, const store__staged_doc *doc)
{
    const store *s = b->store;
    store__key key = store__key_one(doc->entry->number);
    MDB_val k = store__key_val(&key);
    int rc = mdb_del(txn, s->env.documents, &k, NULL);
    if (rc == MDB_NOTFOUND && doc->broken)
        rc = 0;
    if (!rc && (doc->broken || store__entry_has_events(doc->entry)))
        rc = write_purge_note(s, txn, doc->entry->number);
    return rc;
}

int store__write_documents(const store_batch *b, MDB_txn *txn)
{
    int rc = 0;
    for (size_t i = 0; i < b->docs.count && !rc; i++) {
        const store__staged_doc *doc = &store__batch_docs(b)[i];
        if (doc->published)
            rc = write_published(b, txn, doc);
        else if (doc->created && doc->draft)
            rc = write_purge_note(b->store, txn, doc->entry->number);
        else if (doc->created && !doc->deleted)
            rc = write_record(b, txn, doc);
        else if (doc->deleted && !doc->created)
            rc = write_deleted(b, txn, doc);
    }
    return rc;
}

/* ---- find ---- */

static store_err look_up(store *s, store_bytes name, store__name *record, store__life *base)
{
    MDB_txn *txn;
    store_bytes found;
    store_err err = store__read_begin(&s->env, &txn);
    if (err != STORE_OK)
        return err;
    err = load_name(s, txn, name, record);
    if (err == STORE_OK && !record->deleted) {
        err = store__doc_load(s, txn, record->number, base, &found);
        if (err == STORE_NOT_FOUND)
            err = STORE_CORRUPT;
    }
    store__read_end(&s->env, txn);
    return err;
}

store_err store_find(store *s, store_bytes name, store_doc *out)
{
    store__name record;
    store__life life;
    if (!valid_name(name))
        return STORE_INVALID;
    /* A document that is not in the index has no events in the tail, or was deleted since the
     * record was read. A second look tells, with a transaction that begins after the index was
     * asked. Numbers begin at 1. */
    for (uint64_t absent = 0;;) {
        bool damaged = false;
        store_err err = look_up(s, name, &record, &life);
        if (err != STORE_OK)
            return err;
        if (record.deleted)
            life = record.last;
        else if (!store__index_life(&s->index, record.number, &life, &damaged) &&
                 record.number != absent) {
            absent = record.number;
            continue;
        }
        if (damaged)
            return STORE_CORRUPT;
        describe(out, &record, &life);
        return STORE_OK;
    }
}

store_err store_epoch_end(store *s, store_bytes name, uint32_t epoch, bool *known, store_end *out)
{
    MDB_txn *txn;
    store__name record;
    if (!valid_name(name))
        return STORE_INVALID;
    store_err err = store__read_begin(&s->env, &txn);
    if (err != STORE_OK)
        return err;
    err = load_name(s, txn, name, &record);
    store__read_end(&s->env, txn);
    if (err != STORE_OK && err != STORE_NOT_FOUND)
        return err;
    *out = STORE_END_NONE;
    *known = err == STORE_OK && store__name_epoch(&record, epoch, out);
    return STORE_OK;
}

/* ---- list ---- */

static bool begins_with(const MDB_val *key, store_bytes prefix)
{
    return key->mv_size >= prefix.len &&
           (!prefix.len || memcmp(key->mv_data, prefix.data, prefix.len) == 0);
}

static bool equal(const MDB_val *key, store_bytes name)
{
    return key->mv_size == name.len && begins_with(key, name);
}

/* To the first name that begins with `prefix` and comes after `after`, or behind both. */
static int seek(const store__env *env, MDB_cursor *cursor, store_bytes prefix, store_bytes after,
                MDB_val *key, MDB_val *value)
{
    size_t common = prefix.len < after.len ? prefix.len : after.len;
    int order = common ? memcmp(prefix.data, after.data, common) : 0;
    bool after_first = order < 0 || (order == 0 && prefix.len <= after.len);
    store_bytes from = after_first ? after : prefix;
    if (!from.len)
        return store__cursor_get(env, cursor, key, value, MDB_FIRST);
    *key = store__bytes_val(from);
    int rc = store__cursor_get(env, cursor, key, value, MDB_SET_RANGE);
    if (!rc && equal(key, after))
        rc = store__cursor_get(env, cursor, key, value, MDB_NEXT);
    return rc;
}

static store_err list(const store__env *env, MDB_cursor *cursor, store_bytes prefix,
                      store_bytes after, bool (*each)(void *ctx, store_bytes name), void *ctx)
{
    MDB_val key;
    MDB_val value;
    store_bytes body;
    store__name record;
    int rc = seek(env, cursor, prefix, after, &key, &value);
    for (; !rc && begins_with(&key, prefix);
         rc = store__cursor_get(env, cursor, &key, &value, MDB_NEXT)) {
        bool damaged = !store__unseal(&key, &value, &body) || !store__name_decode(body, &record);
        if ((damaged || !record.deleted) && !each(ctx, (store_bytes){key.mv_data, key.mv_size}))
            return STORE_OK;
    }
    return rc == MDB_NOTFOUND ? STORE_OK : store__err(rc);
}

store_err store_list(store *s, store_bytes prefix, store_bytes after,
                     bool (*each)(void *ctx, store_bytes name), void *ctx)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    if (prefix.len > STORE_NAME_LEN_MAX || after.len > STORE_NAME_LEN_MAX)
        return STORE_INVALID;
    store_err err = store__read_begin(&s->env, &txn);
    if (err != STORE_OK)
        return err;
    int rc = mdb_cursor_open(txn, s->env.names, &cursor);
    if (rc) {
        err = store__err(rc);
    } else {
        err = list(&s->env, cursor, prefix, after, each, ctx);
        mdb_cursor_close(cursor);
    }
    store__read_end(&s->env, txn);
    return err;
}
