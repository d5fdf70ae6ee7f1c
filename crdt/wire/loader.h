/* What the parts of loading share (wire/load.h): reading makes items of bytes, linking puts them in
 * their lists.
 *
 * The items of a section lie one behind the other in memory, in the order of their clocks, so that
 * its n-th struct is found by its number. The number of the struct that holds a clock is found
 * through a table (for each so many clocks, the last struct that begins among them or before) and a
 * list of the clocks at which structs begin, which lie closer together than the items do.
 */
#ifndef CRDT_WIRE_LOADER_H
#define CRDT_WIRE_LOADER_H

#include "core/doc.h"

typedef struct crdt__load_section {
    crdt__item *items;
    crdt__ref first;    /* handle of the first */
    uint32_t client;    /* its index */
    uint32_t count;     /* structs */
    uint32_t made;      /* how many of them are items already */
    uint32_t looked_up; /* of how many it is known what they refer to */
    uint32_t linked;    /* how many are linked */
    uint64_t end;       /* clock behind what is made */
    uint64_t state;     /* and behind what is linked */
    size_t starts;      /* where its clocks begin among the numbers ... */
    size_t table;       /* ... and where its table does */
    uint32_t table_len;
    uint32_t shift; /* 2^shift clocks for each entry of the table */
    bool waits;     /* its next struct waits for another client's */
} crdt__load_section;

/* Clients with higher clocks are left to the ordinary way. */
#define CRDT__LOAD_CLOCK_MAX (UINT32_MAX - 1)
/* Structs that are looked at unasked; behind a section's clocks so many stand that are above all.
 */
#define CRDT__LOAD_FEW 4u

/* A client met lately. */
typedef struct crdt__load_client {
    uint64_t id;
    uint32_t index; /* 0: nobody */
} crdt__load_client;

typedef enum crdt__load_end {
    CRDT__LOAD_FINE,
    CRDT__LOAD_MALFORMED,
    CRDT__LOAD_UNUSUAL,
    CRDT__LOAD_NO_MEMORY
} crdt__load_end;

typedef struct crdt__loader {
    crdt_doc *doc;
    crdt_bytes update;
    crdt__trust trust;
    crdt__reader r;
    crdt__load_end end; /* why it does not go on */

    crdt__load_section *sections;
    size_t section_count;
    crdt__load_section **section_of; /* by client; NULL: there is one section */
    size_t section_of_count;
    uint32_t *numbers; /* clocks and tables of all sections */
    size_t number_cap;
    crdt__ref *pairs; /* items that might merge with the struct before them */
    size_t pair_count;
    size_t pair_cap;
    crdt__load_client *clients; /* by the low bits of their ids */
    size_t client_mask;

    /* the client of the section that is read, as the wire has it */
    uint64_t own_word;
    uint64_t own_mask;
    size_t own_len;

    uint8_t *text; /* where the next text goes, with room for all there can be, and a word more */
    crdt__ref text_ref; /* its handle */
    crdt__ref text_end; /* the end of that room */
} crdt__loader;

/* Notes why it does not go on. Returns false. */
static inline bool crdt__load_stop(crdt__loader *ld, crdt__load_end end)
{
    ld->end = end;
    return false;
}

/* Out of memory, or beyond a limit: then it is for the ordinary way to say so. */
static inline bool crdt__load_out_of_memory(crdt__loader *ld)
{
    return crdt__load_stop(ld, ld->doc->budget.err == CRDT_LIMIT ? CRDT__LOAD_UNUSUAL
                                                                 : CRDT__LOAD_NO_MEMORY);
}

static inline crdt__ref crdt__load_ref(const crdt__load_section *s, uint32_t number)
{
    return s->first + number * CRDT__ITEM_UNITS;
}

/* The section of a client, or NULL. */
static inline crdt__load_section *crdt__load_section_of(const crdt__loader *ld, uint32_t client)
{
    if (ld->section_of)
        return ld->section_of[client];
    return client == ld->sections->client ? ld->sections : NULL;
}

/* The number of the struct that holds a clock of what is made. Rarely do more than a few structs
 * begin within one entry of the table: those are counted without a branch. */
static inline uint32_t crdt__load_number(const crdt__loader *ld, const crdt__load_section *s,
                                         uint64_t clock)
{
    const uint32_t *table = ld->numbers + s->table;
    const uint32_t *starts = ld->numbers + s->starts;
    uint64_t entry = clock >> s->shift;
    if (entry >= s->table_len)
        entry = s->table_len - 1;
    uint32_t high = table[entry];
    uint32_t behind = 0;
    for (uint32_t i = 0; i < CRDT__LOAD_FEW; i++)
        behind += *(starts + high - i) > clock;
    if (behind < CRDT__LOAD_FEW)
        return high - behind;
    uint32_t low = entry > 0 ? table[entry - 1] : 0;
    while (low < high) {
        uint32_t mid = high - (high - low) / 2;
        if (starts[mid] <= clock)
            low = mid;
        else
            high = mid - 1;
    }
    return low;
}

/* Reads the header of the next section, and gets room for its items. False: stopped. */
bool crdt__load_open(crdt__loader *ld, crdt__load_section *s);
/* Makes some of the next items of the section that was opened last. False: stopped. */
bool crdt__load_read(crdt__loader *ld, crdt__load_section *s);

/* Links the next item of a section, and before it what it waits for, and so on, in the order of
 * wire/schedule.h; `stack` has room for all sections, where there are several. False: stopped. */
bool crdt__load_link(crdt__loader *ld, crdt__load_section *s, crdt__load_section **stack);
/* True if some struct would merge with the one before it now. */
bool crdt__load_would_merge(const crdt__loader *ld);

#endif
