/* The directory of a store, and the lock of the one process that writes there. */
#ifndef STORAGE_DIR_H
#define STORAGE_DIR_H

#include "complaint.h"

#define STORE__LOCK_FILE "weft.lock"

/* Makes the complaint's path a directory, if it is none. */
store_err store__dir_make(const store__complaint *c);

/* Takes the lock, which goes with *fd; -1 on failure. STORE_BUSY: another process has it. */
store_err store__dir_lock(const store__complaint *c, int *fd);

#endif
