#include "row.h"

#include <string.h>

/* Where a cursor goes to from a key. */
typedef int (*seeker)(const store__env *env, MDB_cursor *cursor, store__key *wanted, MDB_val *key,
                      MDB_val *value);

/* To the last key at or before `wanted`. */
static int seek_back(const store__env *env, MDB_cursor *cursor, store__key *wanted, MDB_val *key,
                     MDB_val *value)
{
    *key = store__key_val(wanted);
    int rc = store__cursor_get(env, cursor, key, value, MDB_SET_RANGE);
    if (rc == MDB_NOTFOUND)
        return store__cursor_get(env, cursor, key, value, MDB_LAST);
    if (!rc && (key->mv_size != wanted->len || memcmp(key->mv_data, wanted->bytes, wanted->len)))
        return store__cursor_get(env, cursor, key, value, MDB_PREV);
    return rc;
}

/* To the first key at or after it. */
static int seek_on(const store__env *env, MDB_cursor *cursor, store__key *wanted, MDB_val *key,
                   MDB_val *value)
{
    *key = store__key_val(wanted);
    return store__cursor_get(env, cursor, key, value, MDB_SET_RANGE);
}

static store_err find(const store__env *env, MDB_txn *txn, MDB_dbi table, seeker seek,
                      uint64_t number, uint64_t *seq, store_bytes *body)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(txn, table, &cursor);
    if (rc)
        return store__err(rc);
    store__key wanted = store__key_two(number, *seq);
    MDB_val key;
    MDB_val value;
    rc = seek(env, cursor, &wanted, &key, &value);
    mdb_cursor_close(cursor);
    if (rc)
        return store__err(rc);
    if (key.mv_size != wanted.len)
        return STORE_CORRUPT;
    if (memcmp(key.mv_data, wanted.bytes, STORE__U64_LEN) != 0)
        return STORE_NOT_FOUND;
    *seq = store__get_u64((const uint8_t *)key.mv_data + STORE__U64_LEN);
    return store__unseal(&key, &value, body) ? STORE_OK : STORE_CORRUPT;
}

store_err store__row_back(const store__env *env, MDB_txn *txn, MDB_dbi table, uint64_t number,
                          uint64_t *seq, store_bytes *body)
{
    return find(env, txn, table, seek_back, number, seq, body);
}

store_err store__row_on(const store__env *env, MDB_txn *txn, MDB_dbi table, uint64_t number,
                        uint64_t *seq, store_bytes *body)
{
    return find(env, txn, table, seek_on, number, seq, body);
}
