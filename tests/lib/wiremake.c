#include "wiremake.h"

#include <stdlib.h>
#include <string.h>

void wm_byte(crdt_buf *u, uint8_t byte)
{
    if (u->len == u->cap) {
        u->cap = u->cap ? u->cap * 2 : 64;
        u->data = realloc(u->data, u->cap);
        if (!u->data)
            abort();
    }
    u->data[u->len++] = byte;
}

void wm_varuint(crdt_buf *u, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        wm_byte(u, (uint8_t)(0x80 | (value & 0x7f)));
    wm_byte(u, (uint8_t)value);
}

void wm_string(crdt_buf *u, const char *text)
{
    wm_varuint(u, strlen(text));
    for (; *text; text++)
        wm_byte(u, (uint8_t)*text);
}

static void wm_id_of(crdt_buf *u, const wm_id *id)
{
    wm_varuint(u, id->client);
    wm_varuint(u, id->clock);
}

void wm_begin(crdt_buf *u, uint64_t sections)
{
    u->len = 0;
    wm_varuint(u, sections);
}

void wm_section(crdt_buf *u, uint64_t structs, uint64_t client, uint64_t clock)
{
    wm_varuint(u, structs);
    wm_varuint(u, client);
    wm_varuint(u, clock);
}

static void wm_parent(crdt_buf *u, const wm_item *item)
{
    wm_varuint(u, item->root ? 1 : 0);
    if (item->root)
        wm_string(u, item->root);
    else
        wm_id_of(u, item->parent);
    if (item->sub)
        wm_string(u, item->sub);
}

static void wm_integers(crdt_buf *u, uint64_t count)
{
    wm_varuint(u, count);
    for (uint64_t i = 0; i < count; i++) {
        wm_byte(u, 125);
        wm_byte(u, (uint8_t)(i % 64));
    }
}

static void wm_json_integers(crdt_buf *u, uint64_t count)
{
    wm_varuint(u, count);
    for (uint64_t i = 0; i < count; i++) {
        const char digit[] = {(char)('0' + i % 10), '\0'};
        wm_string(u, digit);
    }
}

static void wm_content(crdt_buf *u, const wm_item *item)
{
    switch (item->kind) {
    case WM_ANY:
        wm_integers(u, item->len);
        break;
    case WM_JSON:
        wm_json_integers(u, item->len);
        break;
    case WM_TYPE:
        wm_varuint(u, item->type_ref);
        break;
    case WM_FORMAT:
        wm_string(u, item->text);
        wm_string(u, item->value);
        break;
    case WM_STRING:
    case WM_EMBED:
    case WM_BINARY:
        wm_string(u, item->text);
        break;
    default:
        wm_varuint(u, item->len);
    }
}

void wm_struct(crdt_buf *u, const wm_item *item)
{
    bool plain = item->kind == WM_GC || item->kind == WM_SKIP;
    wm_byte(u, (uint8_t)(item->kind | (item->origin ? 0x80u : 0) | (item->right ? 0x40u : 0) |
                         (item->sub ? 0x20u : 0)));
    if (item->origin)
        wm_id_of(u, item->origin);
    if (item->right)
        wm_id_of(u, item->right);
    if (!plain && !item->origin && !item->right)
        wm_parent(u, item);
    wm_content(u, item);
}

void wm_begin_deletes(crdt_buf *u, uint64_t clients)
{
    wm_varuint(u, clients);
}

void wm_deletes_of(crdt_buf *u, uint64_t client, uint64_t ranges)
{
    wm_varuint(u, client);
    wm_varuint(u, ranges);
}

void wm_range(crdt_buf *u, uint64_t clock, uint64_t len)
{
    wm_varuint(u, clock);
    wm_varuint(u, len);
}

crdt_bytes wm_one(crdt_buf *u, wm_id id, const wm_item *item)
{
    wm_begin(u, 1);
    wm_section(u, 1, id.client, id.clock);
    wm_struct(u, item);
    wm_begin_deletes(u, 0);
    return wm_bytes(u);
}

crdt_bytes wm_delete(crdt_buf *u, wm_id id, uint64_t len)
{
    wm_begin(u, 0);
    wm_begin_deletes(u, 1);
    wm_deletes_of(u, id.client, 1);
    wm_range(u, id.clock, len);
    return wm_bytes(u);
}
