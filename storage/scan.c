/* Opening reads the tail once, to know where each document's events stand in it, and the notes of
 * deleted documents; nothing else.
 *
 * Checksums are not looked at, unless something does not fit: then it matters whose event is
 * damaged, since a document that silently lost its last one would give its seq away again. An event
 * that can be no document's refuses the opening, as does a page that cannot be read: whose events
 * were there nobody can tell. A document that is known to be damaged is refused alone. */
#include "scan.h"

#include <stdlib.h>

#include "log.h"

typedef struct scan {
    store *s;
    MDB_txn *txn;
    const store__pages *pages;
    const store__complaint *c;
    store__entry *last; /* of the event before: neighbours in the tail are often of one document */
} scan;

static store_err no_memory(const scan *sc)
{
    return store__complain(sc->c, STORE_NO_MEMORY, "out of memory");
}

/* ---- whose an event is ---- */

/* A number without a record is a deleted document's, as its note will tell, or damage. */
static store_err find_entry(scan *sc, uint64_t number, store__entry **out)
{
    store__life life = {0};
    store_bytes name;
    *out = sc->last && sc->last->number == number ? sc->last
                                                  : store__index_find(&sc->s->index, number);
    if (*out)
        return STORE_OK;
    store_err err = store__doc_load(sc->s, sc->txn, number, &life, &name);
    if (err != STORE_OK && err != STORE_NOT_FOUND && err != STORE_CORRUPT)
        return store__complain(sc->c, err, "the record of document %llu cannot be read: %s",
                               (unsigned long long)number, store_strerror(err));
    if (err != STORE_OK)
        life = (store__life){0};
    *out = store__index_add(&sc->s->index, number, &life, err != STORE_NOT_FOUND);
    if (!*out)
        return no_memory(sc);
    (*out)->damaged = err != STORE_OK;
    return STORE_OK;
}

/* Looks through all documents for the one that lacks this event. NULL: none does. */
static store_err search_owner(scan *sc, const MDB_val *key, const MDB_val *value, uint8_t *room,
                              store__entry **owner)
{
    MDB_cursor *cursor;
    MDB_val k;
    MDB_val record;
    int rc = mdb_cursor_open(sc->txn, sc->s->env.documents, &cursor);
    if (rc)
        return store__complain_mdb(sc->c, rc);
    store_err err = STORE_OK;
    *owner = NULL;
    while (err == STORE_OK && !*owner &&
           !(rc = store__cursor_get(&sc->s->env, cursor, &k, &record, MDB_NEXT))) {
        store__entry *entry;
        if (k.mv_size != STORE__U64_LEN)
            continue;
        uint64_t number = store__get_u64(k.mv_data);
        err = find_entry(sc, number, &entry);
        if (err == STORE_OK && store__event_fits(key, value, number, entry->life.head + 1, room))
            *owner = entry;
    }
    mdb_cursor_close(cursor);
    return err;
}

/* Whether a document was deleted, and left something behind. */
static bool is_noted(const scan *sc, uint64_t number)
{
    store__key key = store__key_one(number);
    MDB_val k = store__key_val(&key);
    MDB_val value;
    store_bytes body;
    return store__get(&sc->s->env, sc->txn, sc->s->env.purges, &k, &value) == 0 &&
           store__unseal(&k, &value, &body);
}

/* Whose an event is that does not go on where the document that it tells is. */
static store_err recognize(scan *sc, const MDB_val *key, const MDB_val *value, store__entry **entry)
{
    store_bytes body;
    if (store__unseal(key, value, &body))
        return STORE_OK; /* events before it are lost, or its document is deleted */
    uint8_t *room = malloc(value->mv_size);
    if (!room)
        return no_memory(sc);
    store__entry *said = *entry;
    store_err err = search_owner(sc, key, value, room, entry);
    free(room);
    if (err == STORE_OK && !*entry && is_noted(sc, said->number))
        *entry = said;
    if (*entry != said && !said->live && !said->count) {
        store__index_remove(&sc->s->index, said);
        store__entry_free(said);
    }
    if (err == STORE_OK && !*entry)
        err = store__complain(sc->c, STORE_CORRUPT,
                              "an event in the log is damaged beyond recognition");
    return err;
}

/* ---- tables ---- */

static store_err scan_event(scan *sc, const MDB_val *key, const MDB_val *value)
{
    uint64_t number;
    store_event event;
    store__entry *entry;
    if (key->mv_size != STORE__U64_LEN || !store__event_decode(value, &number, &event))
        return store__complain(sc->c, STORE_CORRUPT,
                               "an event in the log is damaged beyond recognition");
    store_err err = find_entry(sc, number, &entry);
    if (err == STORE_OK && (entry->damaged || event.seq != entry->life.head + 1)) {
        err = recognize(sc, key, value, &entry);
        if (err == STORE_OK)
            entry->damaged = true;
    }
    if (err != STORE_OK)
        return err;
    if (!store__entry_reserve(entry, 1))
        return no_memory(sc);
    uint64_t place = store__get_u64(key->mv_data);
    store__entry_push(entry, place, event.time_ms, event.update.len);
    sc->last = entry;
    sc->s->next_key = place + 1;
    return STORE_OK;
}

static store_err scan_tail(scan *sc)
{
    store__walk walk = {.pages = sc->pages};
    MDB_val key;
    MDB_val value;
    store_err err = store__pages_tree(sc->pages, STORE__TABLE_TAIL, &walk.tree);
    while (err == STORE_OK && (err = store__walk_next(&walk, &key, &value)) == STORE_OK)
        if ((err = scan_event(sc, &key, &value)) != STORE_OK) {
            store__walk_end(&walk);
            return err;
        }
    bool whole = walk.entries == walk.tree.entries;
    store__walk_end(&walk);
    if (err == STORE_NOT_FOUND && whole)
        return STORE_OK;
    return store__complain(sc->c, err == STORE_NOT_FOUND ? STORE_CORRUPT : err,
                           "a page of data.mdb that holds events is damaged, or cannot be read");
}

/* What a deleted document left goes back to the list of what is to be removed. A damaged note is
 * passed over: what it is about stays. */
static store_err scan_purge(scan *sc, const MDB_val *key, const MDB_val *value)
{
    store_bytes body;
    if (key->mv_size != STORE__U64_LEN || !store__unseal(key, value, &body))
        return STORE_OK;
    uint64_t number = store__get_u64(key->mv_data);
    store__entry *entry = store__index_find(&sc->s->index, number);
    if (entry && entry->live) {
        entry->damaged = true;
        return STORE_OK;
    }
    if (!entry && !(entry = store__index_add(&sc->s->index, number, &(store__life){0}, false)))
        return no_memory(sc);
    store__index_remove(&sc->s->index, entry);
    entry->first_seq = UINT64_MAX; /* there may be segments: only looking tells */
    store__purge_add(sc->s, entry);
    return STORE_OK;
}

static store_err scan_purges(scan *sc)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(sc->txn, sc->s->env.purges, &cursor);
    if (rc)
        return store__complain_mdb(sc->c, rc);
    MDB_val key;
    MDB_val value;
    store_err err = STORE_OK;
    while (err == STORE_OK &&
           !(rc = store__cursor_get(&sc->s->env, cursor, &key, &value, MDB_NEXT)))
        err = scan_purge(sc, &key, &value);
    mdb_cursor_close(cursor);
    return err == STORE_OK && rc != MDB_NOTFOUND ? store__complain_mdb(sc->c, rc) : err;
}

static store_err scan_counter(scan *sc)
{
    MDB_val key = store__text_val(STORE__META_NEXT);
    MDB_val value;
    store_bytes body;
    int rc = store__get(&sc->s->env, sc->txn, sc->s->env.meta, &key, &value);
    if (rc || !store__unseal(&key, &value, &body) || body.len != STORE__U64_LEN)
        return store__complain(sc->c, STORE_CORRUPT,
                               "the counter of documents is missing or damaged");
    sc->s->next_number = store__get_u64(body.data);
    return STORE_OK;
}

/* A number that is still to be given must not have events. */
static store_err count_damaged(scan *sc)
{
    size_t cursor = 0;
    sc->s->damaged = 0;
    for (store__entry *e; (e = store__map_next(&sc->s->index.entries, &cursor));) {
        sc->s->damaged += e->damaged;
        if (e->number >= sc->s->next_number)
            return store__complain(sc->c, STORE_CORRUPT, "the counter of documents is behind");
    }
    return STORE_OK;
}

store_err store__scan(store *s, MDB_txn *txn, const store__pages *pages, const store__complaint *c)
{
    scan sc = {.s = s, .txn = txn, .pages = pages, .c = c};
    store_err err = scan_counter(&sc);
    if (err == STORE_OK)
        err = scan_tail(&sc);
    if (err == STORE_OK)
        err = scan_purges(&sc);
    return err == STORE_OK ? count_damaged(&sc) : err;
}
