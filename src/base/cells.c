/* A page is aligned to its length, so that a cell leads to it:
 *
 *     | page | cell | cell | cell | ... | rest |
 *
 * Cells that were freed hang together by their first bytes; those behind them were never used.
 * AddressSanitizer is told which are free. */
#include "base/cells.h"

#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/must.h"

typedef struct page {
    list_node link; /* in cells.open while there is room */
    void *freed;    /* the first of those that were used before */
    uint32_t fresh; /* cells that never were */
    uint32_t used;
} page;

static page *page_of(void *cell)
{
    return (page *)(void *)((char *)cell - (uintptr_t)cell % CELLS_PAGE_LEN);
}

static uint32_t cells_in_page(const cells *c)
{
    return (uint32_t)((CELLS_PAGE_LEN - sizeof(page)) / c->size);
}

void cells_init(cells *c, size_t size)
{
    must(size % sizeof(void *) == 0 && size > 0 && size <= CELLS_PAGE_LEN / 32);
    *c = (cells){.size = size};
    list_init(&c->open);
}

/* Straight from the system: among malloc's blocks, aligned ones leave gaps of their own length. */
static void *map_page(void)
{
    char *map =
        mmap(NULL, 2 * CELLS_PAGE_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(map != MAP_FAILED);
    size_t before = (CELLS_PAGE_LEN - (uintptr_t)map % CELLS_PAGE_LEN) % CELLS_PAGE_LEN;
    if (before > 0)
        munmap(map, before);
    munmap(map + before + CELLS_PAGE_LEN, CELLS_PAGE_LEN - before);
    return map + before;
}

static page *page_new(cells *c)
{
    page *p = map_page();
    *p = (page){.fresh = cells_in_page(c)};
    ASAN_POISON_MEMORY_REGION(p + 1, CELLS_PAGE_LEN - sizeof(*p));
    list_push(&c->open, &p->link);
    c->pages++;
    return p;
}

static void unmap_page(cells *c, page *p)
{
    must(p->used == 0);
    list_remove(&p->link);
    ASAN_UNPOISON_MEMORY_REGION(p, CELLS_PAGE_LEN);
    munmap(p, CELLS_PAGE_LEN);
    c->pages--;
}

/* A free cell of a page that has one. */
static void *take(cells *c, page *p)
{
    bool used_before = p->freed != NULL;
    void *cell = p->freed;
    if (!used_before)
        cell = (char *)(p + 1) + (cells_in_page(c) - p->fresh--) * c->size;
    ASAN_UNPOISON_MEMORY_REGION(cell, c->size);
    if (used_before)
        memcpy(&p->freed, cell, sizeof(p->freed));
    p->used++;
    return cell;
}

void *cells_new(cells *c)
{
    page *p =
        list_is_empty(&c->open) ? page_new(c) : container_of(list_first(&c->open), page, link);
    void *cell = take(c, p);
    if (p->freed == NULL && p->fresh == 0)
        list_remove(&p->link);
    return memset(cell, 0, c->size);
}

void cells_free(cells *c, void *cell)
{
    page *p = page_of(cell);
    memcpy(cell, &p->freed, sizeof(p->freed));
    ASAN_POISON_MEMORY_REGION(cell, c->size);
    p->freed = cell;
    if (!list_is_linked(&p->link))
        list_push(&c->open, &p->link);
    /* One is kept, so that who comes and goes alone maps nothing. */
    if (--p->used == 0 && list_first(&c->open) != list_last(&c->open))
        unmap_page(c, p);
}

void cells_deinit(cells *c)
{
    if (!list_is_empty(&c->open))
        unmap_page(c, container_of(list_first(&c->open), page, link));
    must(c->pages == 0);
}
