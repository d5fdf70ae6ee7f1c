/* A store made from a backup.
 *
 *     check the file      before anything is made
 *     make the directory  if there is none; weft.lock is held from here on, so that no server
 *                         makes a store of its own there
 *     copy                to data.mdb.partial; living names get an epoch of their own
 *     rename              to data.mdb, synced: now there is a store
 *
 * What a restore that died leaves is weft.lock and data.mdb.partial: no store, refused by a server,
 * and written over by the next restore. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch.h"
#include "copy.h"
#include "dir.h"
#include "format.h"

#define DRAWS_MAX 1000u /* epochs asked for, for one name */

typedef struct restore {
    const char *file;
    const char *dir;
    uint64_t map_len_max; /* 0: no limit */
    uint32_t (*draw)(void *ctx);
    void *ctx;
    store__complaint of_file;
    store__complaint of_dir;
    int fd;
    store__pages from;
    store__walk documents; /* for looking records up */
    uint64_t next_number;
    uint64_t living;
    uint8_t value[STORE__CHECKSUM_LEN + STORE__NAME_RECORD_MAX];
} restore;

/* ---- the file ---- */

static store_err damaged(const restore *r, store_err err, const char *what)
{
    return store__complain(&r->of_file, err == STORE_NOT_FOUND ? STORE_CORRUPT : err,
                           "it is no backup, or is damaged: %s", what);
}

static store_err open_file(restore *r)
{
    struct stat info;
    r->fd = open(r->file, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0 || fstat(r->fd, &info) != 0)
        return store__complain(&r->of_file, errno == ENOENT ? STORE_NOT_FOUND : store__err(errno),
                               "cannot read it: %s", strerror(errno));
    if (!S_ISREG(info.st_mode))
        return damaged(r, STORE_CORRUPT, "it is not a file");
    store_err err = store__pages_open(r->fd, &r->from);
    if (err != STORE_OK)
        return damaged(r, err, "it does not begin as one");
    if ((uint64_t)info.st_size < r->from.page_count * r->from.page_len)
        return damaged(r, STORE_CORRUPT, "it has been cut short");
    return STORE_OK;
}

/* Finds an entry whose checksum holds; *body is good until the walk ends. */
static store_err find_body(store__walk *walk, MDB_val key, store_bytes *body)
{
    MDB_val value;
    store_err err = store__walk_find(walk, key, &value);
    if (err == STORE_OK && !store__unseal(&key, &value, body))
        err = STORE_CORRUPT;
    return err;
}

static store_err check_meta(restore *r)
{
    store__walk walk = {.pages = &r->from};
    store_bytes body;
    store_err err = store__pages_tree(&r->from, STORE__TABLE_META, &walk.tree);
    if (err == STORE_OK)
        err = find_body(&walk, store__text_val(STORE__META_FORMAT), &body);
    if (err != STORE_OK)
        err = damaged(r, err, "it has no format record");
    else
        err = store__format_check(body, &r->of_file);
    if (err == STORE_OK) {
        err = find_body(&walk, store__text_val(STORE__META_NEXT), &body);
        if (err != STORE_OK || body.len != STORE__U64_LEN)
            err = damaged(r, err == STORE_OK ? STORE_CORRUPT : err, "it has no counter");
        else
            r->next_number = store__get_u64(body.data);
    }
    store__walk_end(&walk);
    return err;
}

static store_err check_file(restore *r)
{
    store_err err = open_file(r);
    if (err == STORE_OK)
        err = check_meta(r);
    if (err == STORE_OK &&
        (err = store__pages_tree(&r->from, STORE__TABLE_DOCUMENTS, &r->documents.tree)) != STORE_OK)
        err = damaged(r, err, "it has no documents");
    return err;
}

/* ---- names ---- */

static store_err bad_name(const restore *r, const MDB_val *name)
{
    return store__complain(
        &r->of_file, STORE_CORRUPT, "the record of the document \"%.*s\" is damaged",
        (int)(name->mv_size < STORE_NAME_LEN_MAX ? name->mv_size : STORE_NAME_LEN_MAX),
        (const char *)name->mv_data);
}

/* A living name has a document, which has the name. */
static store_err check_document(restore *r, const MDB_val *name, const store__name *record)
{
    store__key key = store__key_one(record->number);
    store__life life;
    store_bytes body;
    store_bytes found = {0};
    store_err err = find_body(&r->documents, store__key_val(&key), &body);
    bool good = err == STORE_OK && store__doc_decode(body, &life, &found) &&
                found.len == name->mv_size && memcmp(found.data, name->mv_data, found.len) == 0 &&
                record->number < r->next_number;
    if (err == STORE_IO || err == STORE_NO_MEMORY)
        return store__complain(&r->of_file, err, "cannot read it");
    return good ? STORE_OK : bad_name(r, name);
}

/* Ends the life that is in the file, and begins another. */
static store_err renew(restore *r, store__name *record)
{
    store_end end;
    uint32_t epoch = 0;
    unsigned draws = 0;
    do
        epoch = r->draw(r->ctx);
    while (store__name_epoch(record, epoch, &end) && ++draws < DRAWS_MAX);
    if (draws == DRAWS_MAX)
        return store__complain(&r->of_dir, STORE_INVALID, "no epoch was found for a document");
    store__name_end(record, STORE_END_RESTORED);
    record->epoch = epoch;
    return STORE_OK;
}

static store_err edit_name(void *ctx, const MDB_val *key, MDB_val *value)
{
    restore *r = ctx;
    store__name record;
    store_bytes body;
    if (key->mv_size == 0 || key->mv_size > STORE_NAME_LEN_MAX ||
        !store__unseal(key, value, &body) || !store__name_decode(body, &record))
        return bad_name(r, key);
    if (record.deleted)
        return STORE_OK;
    r->living++;
    store_err err = check_document(r, key, &record);
    if (err == STORE_OK)
        err = renew(r, &record);
    if (err != STORE_OK)
        return err;
    value->mv_data = r->value;
    value->mv_size =
        STORE__CHECKSUM_LEN + store__name_encode(&record, r->value + STORE__CHECKSUM_LEN);
    store__seal(key, r->value, value->mv_size);
    return STORE_OK;
}

/* ---- the copy ---- */

static store_err copy_tables(restore *r, store__copy *copy)
{
    store_err err = STORE_OK;
    for (size_t i = 0; i < STORE__TABLES && err == STORE_OK; i++) {
        bool names = strcmp(store__tables[i], STORE__TABLE_NAMES) == 0;
        err = store__copy_table(copy, &r->from, store__tables[i], names ? edit_name : NULL, r);
    }
    if (err == STORE_OK && r->living != r->documents.tree.entries)
        err = damaged(r, STORE_CORRUPT, "it has a document without a name");
    return err;
}

static store_err copy_file(restore *r)
{
    char *path;
    store__copy copy;
    uint64_t len_max = 2 * r->from.page_count * r->from.page_len;
    if (r->map_len_max && r->from.page_count * r->from.page_len > r->map_len_max)
        return store__complain(&r->of_dir, STORE_FULL, "the backup is larger than the map may be");
    if (asprintf(&path, "%s/" STORE__DATA_FILE, r->dir) < 0)
        return store__complain(&r->of_dir, STORE_NO_MEMORY, "out of memory");
    store_err err = store__copy_begin(&copy, path, len_max, &r->of_dir);
    if (err == STORE_OK)
        err = copy_tables(r, &copy);
    if (err == STORE_OK)
        err = store__copy_finish(&copy);
    store__copy_end(&copy);
    free(path);
    return err;
}

/* ---- the directory ---- */

static bool is_leftover(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
           strcmp(name, STORE__LOCK_FILE) == 0 ||
           strcmp(name, STORE__DATA_FILE STORE__PARTIAL) == 0;
}

/* Whether there is nothing in it but what an earlier restore may have left. */
static store_err check_empty(const restore *r)
{
    DIR *dir = opendir(r->dir);
    if (!dir)
        return errno == ENOENT ? STORE_OK
                               : store__complain(&r->of_dir, store__err(errno),
                                                 "cannot read the directory: %s", strerror(errno));
    bool empty = true;
    for (struct dirent *entry; (entry = readdir(dir));)
        empty = empty && is_leftover(entry->d_name);
    closedir(dir);
    return empty ? STORE_OK : store__complain(&r->of_dir, STORE_EXISTS, "is not empty");
}

/* Looked at before it is locked, so that nothing is left in another's directory, and afterwards. */
static store_err take_dir(const restore *r, int *lock)
{
    store_err err = check_empty(r);
    if (err == STORE_OK)
        err = store__dir_make(&r->of_dir);
    if (err == STORE_OK)
        err = store__dir_lock(&r->of_dir, lock);
    return err == STORE_OK ? check_empty(r) : err;
}

store_err store_restore(const char *file, const char *dir, const store_options *options,
                        uint32_t (*draw)(void *ctx), void *ctx, char *detail, size_t detail_len)
{
    int lock = -1;
    restore r = {
        .file = file,
        .dir = dir,
        .map_len_max = options ? options->map_size_max : 0,
        .draw = draw,
        .ctx = ctx,
        .of_file = {.path = file, .text = detail, .len = detail_len},
        .of_dir = {.path = dir, .text = detail, .len = detail_len},
        .fd = -1,
        .documents = {.pages = &r.from},
    };
    store_err err = check_empty(&r);
    if (err == STORE_OK)
        err = check_file(&r);
    if (err == STORE_OK)
        err = take_dir(&r, &lock);
    if (err == STORE_OK)
        err = copy_file(&r);
    store__walk_end(&r.documents);
    if (lock >= 0)
        close(lock);
    if (r.fd >= 0)
        close(r.fd);
    return err;
}
