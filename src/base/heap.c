#include "base/heap.h"

#include <malloc.h>

void heap_return_large(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, (int)HEAP_RETURNED_LEN_MIN);
}
