#include "complaint.h"

#include <stdarg.h>
#include <stdio.h>

#include "env.h"

store_err store__complain(const store__complaint *c, store_err err, const char *format, ...)
{
    if (!c->text || !c->len)
        return err;
    int used = snprintf(c->text, c->len, "%s: ", c->path);
    if (used < 0 || (size_t)used >= c->len)
        return err;
    va_list args;
    va_start(args, format);
    vsnprintf(c->text + used, c->len - (size_t)used, format, args);
    va_end(args);
    return err;
}

store_err store__complain_mdb(const store__complaint *c, int rc)
{
    if (rc == MDB_INVALID)
        return store__complain(c, STORE_CORRUPT,
                               "data.mdb is not a data file of weft, or is damaged");
    if (rc == MDB_VERSION_MISMATCH)
        return store__complain(c, STORE_VERSION, "data.mdb was written by another version of LMDB");
    return store__complain(c, store__err(rc), "the data file cannot be used: %s", mdb_strerror(rc));
}
