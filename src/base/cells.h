/* Structs of one size of which there may be very many: side by side in pages, where malloc would
 * put some bytes between them, and leave gaps. Pages that nobody uses any more are given back, but
 * for one. Loop thread only. */
#ifndef WEFT_BASE_CELLS_H
#define WEFT_BASE_CELLS_H

#include "base/list.h"

#define CELLS_PAGE_LEN ((size_t)64 * 1024)

typedef struct cells {
    size_t size;
    list open; /* pages with room; the others are known by their cells alone */
    size_t pages;
} cells;

/* `size`: that of one cell, a multiple of 8, and a 32nd of a page at most. */
void cells_init(cells *c, size_t size);
/* Every cell must have been freed. */
void cells_deinit(cells *c);

/* Returns owned (cells_free), zeroed. Aborts when out of memory. */
void *cells_new(cells *c);
void cells_free(cells *c, void *cell);

#endif
