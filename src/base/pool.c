#include "base/pool.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"

void pool_set_size(void)
{
    char size[16];
    snprintf(size, sizeof(size), "%d", POOL_THREADS);
    must(setenv("UV_THREADPOOL_SIZE", size, 1) == 0);
}
