/* A store's snapshot as one file, while its writer goes on. Tables are copied entry by entry, not
 * by LMDB's own copy: that takes a snapshot of its own, writes on a second thread, and ends the
 * process on a damaged page. */
#include <string.h>
#include <sys/stat.h>

#include "batch.h"
#include "copy.h"
#include "format.h"

static store_err copy_all(store__copy *copy, const store__pages *from)
{
    store_err err = STORE_OK;
    for (size_t i = 0; i < STORE__TABLES && err == STORE_OK; i++)
        err = store__copy_table(copy, from, store__tables[i], NULL, NULL);
    return err;
}

store_err store_backup(store *s, const char *file, char *detail, size_t detail_len)
{
    store__complaint c = {.path = s->env.dir, .text = detail, .len = detail_len};
    store__copy copy;
    struct stat there;
    if (!s->env.read_only)
        return store__complain(&c, STORE_INVALID, "only a store opened to be read is copied");
    if (lstat(file, &there) == 0)
        return store__complain(&c, STORE_EXISTS, "%s exists", file);
    store_err err =
        store__copy_begin(&copy, file, 2 * s->env.pages.page_count * s->env.pages.page_len, &c);
    if (err == STORE_OK)
        err = copy_all(&copy, &s->env.pages);
    if (err == STORE_OK)
        err = store__copy_finish(&copy);
    store__copy_end(&copy);
    return err;
}
