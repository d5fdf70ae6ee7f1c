/* What malloc does with memory that was given back to it. */
#ifndef WEFT_BASE_HEAP_H
#define WEFT_BASE_HEAP_H

#include <stddef.h>

/* Blocks from so many bytes on are the system's again as soon as they are freed. Smaller ones are
 * kept for the next: what is sent and merged all the time is below. */
#define HEAP_RETURNED_LEN_MIN ((size_t)1 << 20)

/* Once, before there are threads. Without it, malloc (glibc's) takes each large block that is freed
 * for a sign that more of that size will be needed, up to 32 MiB, and every thread keeps as much:
 * putting a text of 25 MB together left 150 MB behind. */
void heap_return_large(void);

#endif
