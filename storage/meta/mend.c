/* A name leads to its document, and the document's record back to its name: where the first is
 * damaged the second is looked for. All of it page by page (pages.h), since LMDB is about to write
 * to the pages that lead there. */
#include "meta/mend.h"

#include <string.h>

typedef struct search {
    store_bytes name;
    uint64_t number; /* 0: not found */
    bool unreadable; /* one of those looked at might have been it */
} search;

static void look_at(search *sr, const MDB_val *key, const MDB_val *value)
{
    store_bytes body;
    store_bytes name;
    store__life life;
    if (key->mv_size != STORE__U64_LEN || !store__unseal(key, value, &body) ||
        !store__doc_decode(body, &life, &name))
        sr->unreadable = true;
    else if (name.len == sr->name.len && memcmp(name.data, sr->name.data, name.len) == 0)
        sr->number = store__get_u64(key->mv_data);
}

static store_err search_documents(const store__pages *pages, search *sr)
{
    store__walk walk = {.pages = pages};
    MDB_val key;
    MDB_val value;
    store_err err = store__pages_tree(pages, STORE__TABLE_DOCUMENTS, &walk.tree);
    while (err == STORE_OK && (err = store__walk_next(&walk, &key, &value)) == STORE_OK)
        look_at(sr, &key, &value);
    store__walk_end(&walk);
    return err == STORE_NOT_FOUND ? STORE_OK : err;
}

/* The record as it stands, whatever its checksum says. */
static store_err read_damaged(const store__pages *pages, store_bytes name, store__name *out)
{
    store__walk walk = {.pages = pages};
    MDB_val value;
    store_err err = store__pages_tree(pages, STORE__TABLE_NAMES, &walk.tree);
    if (err == STORE_OK)
        err = store__walk_find(&walk, store__bytes_val(name), &value);
    if (err == STORE_OK) {
        size_t head = value.mv_size < STORE__CHECKSUM_LEN ? value.mv_size : STORE__CHECKSUM_LEN;
        store_bytes body = {(const uint8_t *)value.mv_data + head, value.mv_size - head};
        if (!store__name_decode(body, out))
            *out = (store__name){0};
    }
    store__walk_end(&walk);
    return err == STORE_NOT_FOUND ? STORE_CORRUPT : err;
}

store_err store__name_mend(const store *s, store_bytes name, store__name *out)
{
    store__pages pages;
    search sr = {.name = name};
    store_err err = store__env_pages(&s->env, &pages);
    if (err == STORE_OK)
        err = search_documents(&pages, &sr);
    if (err == STORE_OK && sr.number == 0 && sr.unreadable)
        err = STORE_CORRUPT;
    if (err == STORE_OK)
        err = read_damaged(&pages, name, out);
    if (err != STORE_OK)
        return err;
    out->number = sr.number;
    out->deleted = sr.number == 0;
    return STORE_OK;
}
