#include "format.h"

#include <string.h>

/* The record begins with what tells a data directory of weft from any other use of LMDB. */
#define MAGIC       "weft"
#define MAGIC_LEN   (sizeof(MAGIC) - 1)
#define VERSION     2u
#define VERSION_OLD 1u /* without segments; is brought forward */

static int write_format(store *s, MDB_txn *txn)
{
    uint8_t value[STORE__CHECKSUM_LEN + MAGIC_LEN + 4];
    uint8_t *body = value + STORE__CHECKSUM_LEN;
    MDB_val key = store__text_val(STORE__META_FORMAT);
    memcpy(body, MAGIC, MAGIC_LEN);
    store__put_u32(body + MAGIC_LEN, VERSION);
    store__seal(&key, value, sizeof(value));
    MDB_val val = {.mv_data = value, .mv_size = sizeof(value)};
    return mdb_put(txn, s->env.meta, &key, &val, 0);
}

static bool decode_format(store_bytes body, uint32_t *version)
{
    if (body.len != MAGIC_LEN + 4 || memcmp(body.data, MAGIC, MAGIC_LEN) != 0)
        return false;
    *version = store__get_u32((const uint8_t *)body.data + MAGIC_LEN);
    return true;
}

static store_err refuse_version(const store__complaint *c, uint32_t version)
{
    return store__complain(c, STORE_VERSION,
                           "it has format %u, and this weft reads formats up to %u; use the "
                           "version of weft that wrote it",
                           version, VERSION);
}

static store_err refuse_older(const store__complaint *c, uint32_t version)
{
    return store__complain(c, STORE_VERSION,
                           "it has the older format %u; the server brings a data directory forward "
                           "when it starts",
                           version);
}

store_err store__format_check(store_bytes body, const store__complaint *c)
{
    uint32_t version;
    if (!decode_format(body, &version))
        return store__complain(c, STORE_CORRUPT, "it is not of weft");
    return version == VERSION       ? STORE_OK
           : version == VERSION_OLD ? refuse_older(c, version)
                                    : refuse_version(c, version);
}

static store_err read_version(const store *s, MDB_txn *txn, const store__complaint *c,
                              uint32_t *version)
{
    MDB_val key = store__text_val(STORE__META_FORMAT);
    MDB_val val;
    store_bytes body;
    int rc = mdb_get(txn, s->env.meta, &key, &val);
    if (rc && rc != MDB_NOTFOUND)
        return store__complain_mdb(c, rc);
    if (rc || !store__unseal(&key, &val, &body) || !decode_format(body, version))
        return store__complain(c, STORE_CORRUPT,
                               "the format record of data.mdb is missing or damaged");
    return *version == VERSION || *version == VERSION_OLD ? STORE_OK : refuse_version(c, *version);
}

const char *const store__tables[STORE__TABLES] = {
    STORE__TABLE_META,        STORE__TABLE_NAMES,  STORE__TABLE_DOCUMENTS, STORE__TABLE_TAIL,
    STORE__TABLE_CHECKPOINTS, STORE__TABLE_PURGES, STORE__TABLE_SEGMENTS,
};

/* With MDB_CREATE, those that are absent are made. */
static int open_dbis(store *s, MDB_txn *txn, unsigned flags)
{
    store__env *env = &s->env;
    const struct {
        const char *name;
        MDB_dbi *dbi;
    } tables[] = {
        {STORE__TABLE_META, &env->meta},
        {STORE__TABLE_NAMES, &env->names},
        {STORE__TABLE_DOCUMENTS, &env->documents},
        {STORE__TABLE_TAIL, &env->tail},
        {STORE__TABLE_CHECKPOINTS, &env->checkpoints},
        {STORE__TABLE_PURGES, &env->purges},
        {STORE__TABLE_SEGMENTS, &env->segments},
    };
    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
        int rc = mdb_dbi_open(txn, tables[i].name, flags, tables[i].dbi);
        if (rc)
            return rc;
    }
    return 0;
}

static store_err make_tables(store *s, MDB_txn *txn, const store__complaint *c)
{
    int rc;
    if ((rc = open_dbis(s, txn, MDB_CREATE)) || (rc = write_format(s, txn)) ||
        (rc = store__write_counter(s, txn, 1)))
        return store__complain_mdb(c, rc);
    return STORE_OK;
}

/* The version of what is there. A data file with tables of which none is ours is refused. */
static store_err look(store *s, MDB_txn *txn, const store__complaint *c, uint32_t *version)
{
    int rc = mdb_dbi_open(txn, STORE__TABLE_META, 0, &s->env.meta);
    if (rc == MDB_NOTFOUND || rc == MDB_INCOMPATIBLE)
        return store__complain(c, STORE_CORRUPT, "data.mdb belongs to another program");
    return rc ? store__complain_mdb(c, rc) : read_version(s, txn, c, version);
}

static store_err is_empty(MDB_txn *txn, const store__complaint *c, bool *empty)
{
    MDB_dbi root;
    MDB_stat stat;
    int rc;
    if ((rc = mdb_dbi_open(txn, NULL, 0, &root)) || (rc = mdb_stat(txn, root, &stat)))
        return store__complain_mdb(c, rc);
    *empty = !stat.ms_entries;
    return STORE_OK;
}

/* An empty data file becomes a store; one that has tables must be one already. */
static store_err open_tables(store *s, MDB_txn *txn, const store__complaint *c)
{
    bool empty = false;
    uint32_t version;
    int rc;
    store_err err = is_empty(txn, c, &empty);
    if (err != STORE_OK)
        return err;
    if (empty)
        return make_tables(s, txn, c);
    err = look(s, txn, c, &version);
    if (err != STORE_OK)
        return err;
    if ((rc = open_dbis(s, txn, MDB_CREATE)) || (version != VERSION && (rc = write_format(s, txn))))
        return store__complain_mdb(c, rc);
    return STORE_OK;
}

/* Down to the first entry: the root and what else every way passes. */
static store_err check_root(const store__pages *pages, const char *table)
{
    store__walk walk = {.pages = pages};
    MDB_val key;
    MDB_val value;
    store_err err = store__pages_tree(pages, table, &walk.tree);
    if (err == STORE_OK)
        err = store__walk_next(&walk, &key, &value);
    store__walk_end(&walk);
    return err == STORE_NOT_FOUND ? STORE_OK : err;
}

store_err store__format_check_pages(const store__pages *pages, const store__complaint *c)
{
    for (size_t i = 0; i < STORE__TABLES; i++) {
        store_err err = check_root(pages, store__tables[i]);
        if (err != STORE_OK)
            return store__complain(c, err, "data.mdb is damaged: its table %s cannot be read",
                                   store__tables[i]);
    }
    return STORE_OK;
}

store_err store__format_open(store *s, const store__complaint *c)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env.mdb, NULL, 0, &txn);
    if (rc)
        return store__complain_mdb(c, rc);
    store_err err = open_tables(s, txn, c);
    if (err != STORE_OK) {
        mdb_txn_abort(txn);
        return err;
    }
    rc = mdb_txn_commit(txn);
    return rc ? store__complain_mdb(c, rc) : STORE_OK;
}

store_err store__format_read(store *s, MDB_txn *txn, const store__complaint *c)
{
    bool empty = false;
    uint32_t version;
    store_err err = is_empty(txn, c, &empty);
    if (err == STORE_OK && empty)
        err = store__complain(c, STORE_NOT_FOUND, "there is no store yet");
    if (err == STORE_OK)
        err = look(s, txn, c, &version);
    if (err != STORE_OK)
        return err;
    if (version != VERSION)
        return refuse_older(c, version);
    int rc = open_dbis(s, txn, 0);
    return rc ? store__complain_mdb(c, rc == MDB_NOTFOUND ? MDB_INVALID : rc) : STORE_OK;
}
