/* How many threads libuv's pool has. Everything that may wait for the disk or takes its time is
 * done there: loading, packing, encoding, looks at the past. The latter may take seconds each, so
 * they hold only so many threads that the others always have some (server.c holds the limits
 * against these numbers). */
#ifndef WEFT_BASE_POOL_H
#define WEFT_BASE_POOL_H

#define POOL_THREADS 8
/* Of them, always left for work that is soon done. */
#define POOL_THREADS_QUICK 4

/* Once, before anything is given to the pool; what the environment says of its size is not heeded.
 */
void pool_set_size(void);

#endif
