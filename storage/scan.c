/* Opening reads the tail once, to know where each document's events stand in it, and the notes of
 * deleted documents; nothing else. */
#include "scan.h"

#include "log.h"

typedef struct scan {
    store *s;
    MDB_txn *txn;
    const store__complaint *c;
    store__entry *last; /* of the event before: neighbours in the tail are often of one document */
    size_t unknown; /* documents with events that have no record; deleted ones, if all is well */
} scan;

static store_err scan_entry(scan *sc, uint64_t number, store__entry **out)
{
    store__life life = {0};
    store_bytes name;
    *out = sc->last && sc->last->number == number ? sc->last
                                                  : store__index_find(&sc->s->index, number);
    if (*out)
        return STORE_OK;
    store_err err = store__doc_load(sc->s, sc->txn, number, &life, &name);
    if (err != STORE_OK && err != STORE_NOT_FOUND)
        return store__complain(sc->c, err, "the record of document %llu cannot be read: %s",
                               (unsigned long long)number, store_strerror(err));
    sc->unknown += err == STORE_NOT_FOUND;
    *out = store__index_add(&sc->s->index, number, &life, err == STORE_OK);
    return *out ? STORE_OK : store__complain(sc->c, STORE_NO_MEMORY, "out of memory");
}

static store_err scan_event(scan *sc, const MDB_val *key, const MDB_val *value)
{
    uint64_t number;
    store_event event;
    store__entry *entry;
    if (key->mv_size != STORE__U64_LEN || !store__event_decode(value, &number, &event))
        return store__complain(sc->c, STORE_CORRUPT,
                               "an event in the log is damaged beyond recognition");
    uint64_t tail_key = store__get_u64(key->mv_data);
    store_err err = scan_entry(sc, number, &entry);
    if (err != STORE_OK)
        return err;
    if (!store__entry_reserve(entry, 1))
        return store__complain(sc->c, STORE_NO_MEMORY, "out of memory");
    if (event.seq != entry->life.head + 1)
        entry->damaged = true;
    store__entry_push(entry, tail_key, event.time_ms, event.update.len);
    sc->last = entry;
    sc->s->next_key = tail_key + 1;
    return STORE_OK;
}

static store_err scan_table(scan *sc, MDB_dbi table,
                            store_err (*each)(scan *sc, const MDB_val *key, const MDB_val *value))
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(sc->txn, table, &cursor);
    if (rc)
        return store__complain_mdb(sc->c, rc);
    MDB_val key;
    MDB_val value;
    store_err err = STORE_OK;
    while (err == STORE_OK && !(rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)))
        err = each(sc, &key, &value);
    mdb_cursor_close(cursor);
    return err == STORE_OK && rc != MDB_NOTFOUND ? store__complain_mdb(sc->c, rc) : err;
}

/* The events of a deleted document go back to the list of what is to be removed. */
static store_err scan_purge(scan *sc, const MDB_val *key, const MDB_val *value)
{
    store_bytes body;
    if (key->mv_size != STORE__U64_LEN || !store__unseal(key, value, &body))
        return store__complain(sc->c, STORE_CORRUPT, "the note of a deleted document is damaged");
    uint64_t number = store__get_u64(key->mv_data);
    store__entry *entry = store__index_find(&sc->s->index, number);
    if (entry && entry->live)
        return store__complain(sc->c, STORE_CORRUPT, "the note of a deleted document is wrong");
    sc->unknown -= entry != NULL;
    if (!entry && !(entry = store__index_add(&sc->s->index, number, &(store__life){0}, false)))
        return store__complain(sc->c, STORE_NO_MEMORY, "out of memory");
    store__index_remove(&sc->s->index, entry);
    entry->first_seq = UINT64_MAX; /* there may be segments: only looking tells */
    store__purge_add(sc->s, entry);
    return STORE_OK;
}

static store_err scan_counter(scan *sc)
{
    MDB_val key = store__text_val(STORE__META_NEXT);
    MDB_val value;
    store_bytes body;
    int rc = mdb_get(sc->txn, sc->s->env.meta, &key, &value);
    if (rc || !store__unseal(&key, &value, &body) || body.len != STORE__U64_LEN)
        return store__complain(sc->c, STORE_CORRUPT,
                               "the counter of documents is missing or damaged");
    sc->s->next_number = store__get_u64(body.data);
    return STORE_OK;
}

store_err store__scan(store *s, MDB_txn *txn, const store__complaint *c)
{
    scan all = {.s = s, .txn = txn, .c = c};
    scan *sc = &all;
    store_err err = scan_counter(sc);
    if (err == STORE_OK)
        err = scan_table(sc, sc->s->env.tail, scan_event);
    if (err == STORE_OK)
        err = scan_table(sc, sc->s->env.purges, scan_purge);
    if (err == STORE_OK && sc->unknown)
        err = store__complain(sc->c, STORE_CORRUPT,
                              "the log has events of a document without a record");
    return err;
}
