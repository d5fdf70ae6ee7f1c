/* Updates made by hand, struct by struct: for inputs that no editor sends, and for engines tested
 * without an editor.
 *
 *     crdt_buf u = {0};
 *     wm_begin(&u, 1);                                    sections
 *     wm_section(&u, 1, 7, 0);                            structs, client, clock of the first
 *     wm_struct(&u, &(wm_item){.kind = WM_STRING, .root = "t", .text = "abc"});
 *     wm_begin_deletes(&u, 0);                            clients with deletes
 *
 * The counts are the caller's: nothing here keeps them from being wrong. Running out of memory
 * aborts.
 */
#ifndef TESTS_LIB_WIREMAKE_H
#define TESTS_LIB_WIREMAKE_H

#include "crdt.h"

/* Struct and content references, as on the wire. */
enum {
    WM_GC = 0,
    WM_DELETED = 1,
    WM_JSON = 2,
    WM_BINARY = 3,
    WM_STRING = 4,
    WM_EMBED = 5,
    WM_FORMAT = 6,
    WM_TYPE = 7,
    WM_ANY = 8,
    WM_SKIP = 10
};

enum { WM_ARRAY = 0, WM_MAP = 1, WM_TEXT = 2 };

typedef struct wm_id {
    uint64_t client;
    uint64_t clock;
} wm_id;

typedef struct wm_item {
    unsigned kind;
    const wm_id *origin;
    const wm_id *right;
    const char *root;    /* the parent, when there is neither origin nor right origin: a root ... */
    const wm_id *parent; /* ... or the item that holds it */
    const char *sub;     /* map key */
    const char *text;    /* STRING, BINARY: the bytes; EMBED: JSON; FORMAT: the key */
    const char *value;   /* FORMAT: JSON */
    uint64_t len;        /* GC, DELETED, SKIP: units; ANY, JSON: how many integers, 0, 1, 2 ... */
    unsigned type_ref;   /* TYPE */
} wm_item;

void wm_byte(crdt_buf *u, uint8_t byte);
void wm_varuint(crdt_buf *u, uint64_t value);
void wm_string(crdt_buf *u, const char *text);

void wm_begin(crdt_buf *u, uint64_t sections);
void wm_section(crdt_buf *u, uint64_t structs, uint64_t client, uint64_t clock);
void wm_struct(crdt_buf *u, const wm_item *item);
void wm_begin_deletes(crdt_buf *u, uint64_t clients);
void wm_deletes_of(crdt_buf *u, uint64_t client, uint64_t ranges);
void wm_range(crdt_buf *u, uint64_t clock, uint64_t len);

/* Whole updates: one struct of one client; one deleted range. `u` is emptied first. */
crdt_bytes wm_one(crdt_buf *u, wm_id id, const wm_item *item);
crdt_bytes wm_delete(crdt_buf *u, wm_id id, uint64_t len);

static inline crdt_bytes wm_bytes(const crdt_buf *u)
{
    return (crdt_bytes){u->data, u->len};
}

#endif
