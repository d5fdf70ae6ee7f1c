#include "dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy.h"
#include "env.h"

#define DIR_MODE  0750
#define FILE_MODE 0640

static int sync_parent(const store__complaint *c)
{
    char *path;
    if (asprintf(&path, "%s/..", c->path) < 0)
        return ENOMEM;
    int rc = store__sync_dir(path);
    free(path);
    return rc;
}

store_err store__dir_make(const store__complaint *c)
{
    int rc = mkdir(c->path, DIR_MODE) == 0 ? sync_parent(c) : errno;
    struct stat info;
    if (rc == EEXIST)
        rc = stat(c->path, &info) != 0 ? errno : S_ISDIR(info.st_mode) ? 0 : ENOTDIR;
    return rc ? store__complain(c, store__err(rc), "cannot make the data directory: %s",
                                strerror(rc))
              : STORE_OK;
}

store_err store__dir_lock(const store__complaint *c, int *fd)
{
    char *path;
    *fd = -1;
    if (asprintf(&path, "%s/" STORE__LOCK_FILE, c->path) < 0)
        return store__complain(c, STORE_NO_MEMORY, "out of memory");
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    int rc = lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0 ? errno : 0;
    free(path);
    if (rc && lock >= 0)
        close(lock);
    if (rc == EWOULDBLOCK)
        return store__complain(c, STORE_BUSY, "another process uses the data directory");
    if (rc)
        return store__complain(c, store__err(rc), "cannot lock the data directory: %s",
                               strerror(rc));
    *fd = lock;
    return STORE_OK;
}
