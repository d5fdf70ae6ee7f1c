/* Reads everything, page by page, and tells what does not fit.
 *
 *     free pages, tables     LMDB's own
 *     meta, purges, names    each name leads to its document, and back
 *     tail                   each document's events go on where its record ends
 *     documents              with them, side by side in the order of numbers, segments and
 *                            checkpoints
 *
 * Nothing is followed that was not checked, so that damage of any kind is told and passed over. */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

#include "format.h"

void store__verify_tell(store__verify *v, const store__known *of, uint64_t first, uint64_t last,
                        const char *what)
{
    store_fault fault = {.seq_first = first, .seq_last = last, .what = what};
    if (of)
        fault.name = (store_bytes){of->name, of->name_len};
    v->found(v->ctx, &fault);
}

#define META_RECORDS 2u

/* ---- what is known of documents ---- */

static store_err know(store__verify *v, uint64_t number, store__owner owner, store_bytes name,
                      store__known **out)
{
    store__known *known = calloc(1, sizeof(*known) + name.len);
    if (!known || !store__map_put(&v->known, number, known)) {
        free(known);
        return STORE_NO_MEMORY;
    }
    known->number = number;
    known->owner = owner;
    known->name_len = name.len;
    if (name.len)
        memcpy(known->name, name.data, name.len);
    *out = known;
    return STORE_OK;
}

/* The record of a document. STORE_NOT_FOUND, STORE_CORRUPT; *name is good until the next one. */
static store_err load(store__verify *v, uint64_t number, store__life *life, store_bytes *name)
{
    store__key key = store__key_one(number);
    MDB_val k = store__key_val(&key);
    MDB_val value;
    store_bytes body;
    store_err err = store__walk_find(&v->documents, k, &value);
    if (err != STORE_OK)
        return err;
    return store__unseal(&k, &value, &body) && store__doc_decode(body, life, name) ? STORE_OK
                                                                                   : STORE_CORRUPT;
}

store_err store__verify_know(store__verify *v, uint64_t number, store__known **out)
{
    store__life life = {0};
    store_bytes name = {0};
    *out = store__map_find(&v->known, number);
    if (*out)
        return STORE_OK;
    store_err err = load(v, number, &life, &name);
    store__owner owner = err == STORE_OK        ? STORE__OWNER_DOCUMENT
                         : err == STORE_CORRUPT ? STORE__OWNER_DAMAGED
                                                : STORE__OWNER_NONE;
    if (err == STORE_OK || err == STORE_CORRUPT || err == STORE_NOT_FOUND)
        err = know(v, number, owner, name, out);
    if (err != STORE_OK)
        return err;
    (*out)->life = life;
    (*out)->head = life.head;
    return STORE_OK;
}

/* ---- walking ---- */

/* An entry whose value cannot be read; of one of a document's, its key tells whose. */
static void tell_damage(void *ctx, const MDB_val *key, const char *what)
{
    store__verify *v = ctx;
    store__known *known = NULL;
    uint64_t seq = 0;
    v->unwalkable = true;
    bool of_document = key && key->mv_size == 2 * STORE__U64_LEN &&
                       (strcmp(v->table, STORE__TABLE_SEGMENTS) == 0 ||
                        strcmp(v->table, STORE__TABLE_CHECKPOINTS) == 0);
    if (of_document && store__verify_know(v, store__get_u64(key->mv_data), &known) == STORE_OK)
        seq = store__get_u64((const uint8_t *)key->mv_data + STORE__U64_LEN);
    store__verify_tell(v, known, seq, seq, what);
}

store_err store__verify_walk(store__verify *v, const char *table, store__walk *out)
{
    *out = (store__walk){.pages = &v->counted, .damaged = tell_damage, .ctx = v};
    v->table = table;
    store_err err = store__pages_tree(v->pages, table, &out->tree);
    if (err == STORE_OK || (err != STORE_NOT_FOUND && err != STORE_CORRUPT))
        return err;
    out->tree.root = UINT64_MAX;
    v->unwalkable = true;
    store__verify_tell(v, NULL, 0, 0, "a table is missing or cannot be found");
    return STORE_OK;
}

void store__verify_walked(store__verify *v, store__walk *walk, const char *miscounted)
{
    if (walk->entries != walk->tree.entries && !v->unwalkable)
        store__verify_tell(v, NULL, 0, 0, miscounted);
    store__walk_end(walk);
}

/* Walks a table whose entries are judged one by one. */
static store_err walk_table(store__verify *v, const char *table, const char *miscounted,
                            store_err (*each)(store__verify *v, const MDB_val *key,
                                              const MDB_val *value))
{
    store__walk walk;
    MDB_val key;
    MDB_val value;
    store_err err = store__verify_walk(v, table, &walk);
    while (err == STORE_OK && (err = store__walk_next(&walk, &key, &value)) == STORE_OK)
        err = each(v, &key, &value);
    store__verify_walked(v, &walk, miscounted);
    return err == STORE_NOT_FOUND ? STORE_OK : err;
}

/* ---- LMDB's own ---- */

static bool set_bit(uint8_t *bits, uint64_t at)
{
    bool was = bits[at / 8] & (1u << (at % 8));
    bits[at / 8] |= (uint8_t)(1u << (at % 8));
    return was;
}

static bool note_free(const store__verify *v, uint8_t *bits, const MDB_val *list)
{
    const uint8_t *numbers;
    uint64_t count;
    if (!store__pages_list(list, &numbers, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t page;
        memcpy(&page, numbers + i * sizeof(page), sizeof(page));
        if (page < 2 || page >= v->pages->page_count || set_bit(bits, page))
            return false;
    }
    return true;
}

static store_err check_free(store__verify *v, uint8_t *bits)
{
    store__walk walk = {
        .pages = &v->counted, .tree = v->pages->free, .damaged = tell_damage, .ctx = v};
    MDB_val key;
    MDB_val value;
    store_err err;
    v->table = "";
    while ((err = store__walk_next(&walk, &key, &value)) == STORE_OK)
        if (!note_free(v, bits, &value))
            store__verify_tell(v, NULL, 0, 0, "the list of free pages is damaged");
    store__verify_walked(v, &walk, "the list of free pages is not whole");
    return err == STORE_NOT_FOUND ? STORE_OK : err;
}

/* What is in use and free as well will be written over. */
static void check_overlap(store__verify *v, const uint8_t *bits)
{
    for (uint64_t i = 0; i < (v->pages->page_count + 7) / 8; i++)
        if (bits[i] & v->counted.used[i]) {
            store__verify_tell(v, NULL, 0, 0, "a page in use counts as free");
            return;
        }
}

static bool is_table(const MDB_val *key)
{
    for (size_t i = 0; i < STORE__TABLES; i++)
        if (strlen(store__tables[i]) == key->mv_size &&
            memcmp(store__tables[i], key->mv_data, key->mv_size) == 0)
            return true;
    return false;
}

static store_err check_tables(store__verify *v)
{
    store__walk walk = {
        .pages = &v->counted, .tree = v->pages->tables, .damaged = tell_damage, .ctx = v};
    MDB_val key;
    MDB_val value;
    store_err err;
    v->table = "";
    while ((err = store__walk_next(&walk, &key, &value)) == STORE_OK)
        if (!is_table(&key))
            store__verify_tell(v, NULL, 0, 0, "there is a table that is not of weft");
    store__verify_walked(v, &walk, "the list of tables is not whole");
    return err == STORE_NOT_FOUND ? STORE_OK : err;
}

/* ---- meta, purges, names ---- */

static bool is_key(const MDB_val *key, const char *text)
{
    return key->mv_size == strlen(text) && memcmp(key->mv_data, text, key->mv_size) == 0;
}

static store_err check_meta(store__verify *v, const MDB_val *key, const MDB_val *value)
{
    store_bytes body;
    store__complaint nobody = {0};
    bool good = store__unseal(key, value, &body);
    v->metas++;
    if (is_key(key, STORE__META_FORMAT)) {
        if (!good || store__format_check(body, &nobody) != STORE_OK)
            store__verify_tell(v, NULL, 0, 0, "the format record is damaged");
    } else if (is_key(key, STORE__META_NEXT)) {
        if (good && body.len == STORE__U64_LEN)
            v->next_number = store__get_u64(body.data);
        else
            store__verify_tell(v, NULL, 0, 0, "the counter of documents is damaged");
    } else {
        store__verify_tell(v, NULL, 0, 0, "there is a record that is not of weft");
    }
    return STORE_OK;
}

static store_err check_purge(store__verify *v, const MDB_val *key, const MDB_val *value)
{
    store__known *known;
    store_bytes body;
    if (key->mv_size != STORE__U64_LEN || !store__unseal(key, value, &body) || body.len) {
        store__verify_tell(v, NULL, 0, 0, "the note of a deleted document is damaged");
        return STORE_OK;
    }
    store_err err = store__verify_know(v, store__get_u64(key->mv_data), &known);
    if (err != STORE_OK)
        return err;
    if (known->owner != STORE__OWNER_NONE || known->number >= v->next_number)
        store__verify_tell(v, known, 0, 0, "the note of a deleted document is wrong");
    else
        known->owner = STORE__OWNER_PURGED;
    return STORE_OK;
}

/* A name whose document cannot be read: what is found of that document is told under this name. */
static store_err know_damaged(store__verify *v, uint64_t number, store_bytes name)
{
    store__known *known;
    if (store__map_find(&v->known, number))
        return STORE_OK;
    return know(v, number, STORE__OWNER_DAMAGED, name, &known);
}

static store_err check_living(store__verify *v, store_bytes name, const store__name *record)
{
    store__life life;
    store_bytes found = {0};
    const char *what = NULL;
    store_err err = load(v, record->number, &life, &found);
    if (err == STORE_CORRUPT)
        what = "the record of the document is damaged";
    else if (err == STORE_NOT_FOUND)
        what = "the record of the document is missing";
    else if (err == STORE_OK &&
             (found.len != name.len || memcmp(found.data, name.data, name.len) != 0))
        what = "the name leads to another document";
    else if (err == STORE_OK && record->number >= v->next_number)
        what = "the counter of documents is behind";
    if (!what)
        return err;
    v->found(v->ctx, &(store_fault){.name = name, .what = what});
    return err == STORE_OK ? STORE_OK : know_damaged(v, record->number, name);
}

static store_err check_name(store__verify *v, const MDB_val *key, const MDB_val *value)
{
    store__name record;
    store_bytes body;
    store_bytes name = {key->mv_data, key->mv_size};
    if (name.len == 0 || name.len > STORE_NAME_LEN_MAX || !store__unseal(key, value, &body) ||
        !store__name_decode(body, &record)) {
        v->found(v->ctx, &(store_fault){.name = name, .what = "the record of the name is damaged"});
        return STORE_OK;
    }
    return record.deleted ? STORE_OK : check_living(v, name, &record);
}

/* ---- all of it ---- */

static store_err check_all(store__verify *v, uint8_t *free_pages)
{
    if (v->store->env.cut)
        store__verify_tell(v, NULL, 0, 0, "the data file has been cut short");
    store_err err = check_free(v, free_pages);
    if (err == STORE_OK)
        err = check_tables(v);
    if (err == STORE_OK)
        err = walk_table(v, STORE__TABLE_META, "a meta record is missing", check_meta);
    if (err == STORE_OK && v->metas < META_RECORDS)
        store__verify_tell(v, NULL, 0, 0, "a meta record is missing");
    if (err == STORE_OK)
        err = walk_table(v, STORE__TABLE_PURGES, "the note of a deleted document is missing",
                         check_purge);
    if (err == STORE_OK)
        err = walk_table(v, STORE__TABLE_NAMES, "a name is missing", check_name);
    if (err == STORE_OK)
        err = store__verify_tail(v);
    if (err == STORE_OK)
        err = store__verify_documents(v);
    if (err == STORE_OK)
        check_overlap(v, free_pages);
    return err == STORE_OK && v->unwalkable ? STORE_CORRUPT : err;
}

static void forget_all(store__verify *v)
{
    size_t cursor = 0;
    for (store__known *known; (known = store__map_next(&v->known, &cursor));)
        free(known);
    store__map_deinit(&v->known);
}

/* A table that cannot be found is told when its turn comes. */
static void begin_lookup(const store__verify *v, const char *table, store__walk *out)
{
    *out = (store__walk){.pages = v->pages};
    if (store__pages_tree(v->pages, table, &out->tree) != STORE_OK)
        out->tree.root = UINT64_MAX;
}

store_err store_verify(store *s, void (*found)(void *ctx, const store_fault *fault), void *ctx)
{
    store__verify v = {.store = s, .pages = &s->env.pages, .found = found, .ctx = ctx};
    if (!s->env.read_only)
        return STORE_INVALID;
    size_t len = (size_t)(s->env.pages.page_count + 7) / 8;
    uint8_t *free_pages = calloc(1, len);
    v.counted = s->env.pages;
    v.counted.used = calloc(1, len);
    v.next_number = UINT64_MAX;
    store_err err = free_pages && v.counted.used ? STORE_OK : STORE_NO_MEMORY;
    if (err == STORE_OK) {
        begin_lookup(&v, STORE__TABLE_DOCUMENTS, &v.documents);
        begin_lookup(&v, STORE__TABLE_NAMES, &v.names);
        err = check_all(&v, free_pages);
    }
    store__walk_end(&v.documents);
    store__walk_end(&v.names);
    forget_all(&v);
    free(v.counted.used);
    free(free_pages);
    return err;
}
