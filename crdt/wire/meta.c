/* What updates say, without a document (yjs/src/utils/updates.js). */
#include "wire/open.h"
#include "wire/lazy.h"
#include "wire/sections.h"
#include "wire/statevec.h"

bool crdt_update_is_empty(crdt_encoding encoding, crdt_bytes update)
{
    crdt__opened opened;
    if (crdt__open(encoding, update, NULL, &opened) != CRDT_OK)
        return false;
    crdt__close(&opened);
    return opened.shape.structs == opened.shape.skips && opened.shape.ds_ranges == 0;
}

/* Per client in the order of the update: the clocks that lie before its first Skip, if they begin
 * at 0. (Yjs counts a Skip that begins the whole update, and so claims what is missing; we do not.)
 */
static uint64_t write_prefixes(crdt__lazy_reader *r, crdt__writer *w)
{
    uint64_t clients = 0;
    while (!r->done) {
        uint64_t client = crdt__lazy_id(r).client;
        bool broken = crdt__lazy_id(r).clock != 0;
        uint64_t clock = 0;
        while (!r->done && crdt__lazy_id(r).client == client) {
            crdt__wstruct s;
            crdt__lazy_read(r, &s);
            broken = broken || s.kind == CRDT__SKIP;
            if (!broken)
                clock = s.id.clock + s.len;
        }
        if (clock == 0)
            continue;
        crdt__write_varuint(w, client);
        crdt__write_varuint(w, clock);
        clients++;
    }
    return clients;
}

static crdt_err write_state_vector(crdt__lazy_reader *r, crdt_buf *out)
{
    crdt_buf entries = {.mem = out->mem};
    crdt__writer w = crdt__writer_on(&entries);
    uint64_t clients = write_prefixes(r, &w);
    crdt_err err = crdt__writer_finish(&w);
    if (err == CRDT_OK) {
        w = crdt__writer_on(out);
        crdt__write_varuint(&w, clients);
        crdt__write_bytes(&w, entries.data, entries.len);
        err = crdt__writer_finish(&w);
    }
    crdt_buf_free(&entries);
    return err;
}

crdt_err crdt_update_state_vector(crdt_encoding encoding, crdt_bytes update, crdt_buf *out)
{
    crdt__opened opened;
    crdt_err err = crdt__open(encoding, update, out->mem, &opened);
    if (err != CRDT_OK)
        return err;
    crdt__lazy_reader r = crdt__lazy_reader_of(opened.update, CRDT__SKIPS_KEPT);
    err = write_state_vector(&r, out);
    crdt__close(&opened);
    return err;
}

/* ---- clients ---- */

typedef struct client_list {
    crdt_update_client *items;
    size_t count;
    size_t cap;
} client_list;

/* The entry that a struct of `id` belongs to: the last one, or a new one. NULL: out of memory. */
static crdt_update_client *client_entry(client_list *list, crdt_id id)
{
    if (list->count > 0 && list->items[list->count - 1].client == id.client)
        return &list->items[list->count - 1];
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 4 : list->cap * 2;
        crdt_update_client *items =
            crdt__resize(NULL, list->items, list->cap * sizeof *items, cap * sizeof *items);
        if (items == NULL)
            return NULL;
        list->items = items;
        list->cap = cap;
    }
    crdt_update_client *entry = &list->items[list->count++];
    *entry = (crdt_update_client){.client = id.client, .from = id.clock, .to = id.clock};
    return entry;
}

static crdt_err list_clients(crdt_bytes update, client_list *list)
{
    crdt__lazy_reader r = crdt__lazy_reader_of(update, CRDT__SKIPS_KEPT);
    while (!r.done) {
        crdt__wstruct s;
        crdt__lazy_read(&r, &s);
        crdt_update_client *entry = client_entry(list, s.id);
        if (entry == NULL)
            return CRDT_NO_MEMORY;
        entry->to = s.id.clock + s.len;
        entry->structs = entry->structs || s.kind != CRDT__SKIP;
    }
    return CRDT_OK;
}

crdt_err crdt_update_clients(crdt_encoding encoding, crdt_bytes update, crdt_update_client **out,
                             size_t *count)
{
    crdt__opened opened;
    crdt_buf sorted = {0};
    client_list list = {0};
    crdt_err err = crdt__open(encoding, update, NULL, &opened);
    if (err != CRDT_OK)
        return err;
    if (opened.shape.clients_twice) {
        err = crdt__v1_sort_sections(opened.update, &opened.shape, &sorted);
        opened.update = (crdt_bytes){sorted.data, sorted.len};
    }
    if (err == CRDT_OK)
        err = list_clients(opened.update, &list);
    crdt__close(&opened);
    crdt_buf_free(&sorted);
    if (err == CRDT_OK) {
        *out = list.items;
        *count = list.count;
    } else {
        crdt_update_clients_free(list.items, list.cap);
    }
    return err;
}

void crdt_update_clients_free(crdt_update_client *clients, size_t count)
{
    crdt__release(NULL, clients, count * sizeof *clients);
}

/* ---- a state vector from before ---- */

static crdt_err add_structs(crdt_bytes update, crdt__idset *told)
{
    crdt__lazy_reader r = crdt__lazy_reader_of(update, CRDT__SKIPS_LEFT_OUT);
    while (!r.done) {
        crdt__wstruct s;
        crdt__lazy_read(&r, &s);
        if (!crdt__idset_add(told, s.id.client, s.id.clock, s.len))
            return CRDT_NO_MEMORY;
    }
    return CRDT_OK;
}

/* Adds the clocks that an update tells of. */
static crdt_err add_told(crdt_encoding encoding, crdt_bytes update, crdt__idset *told)
{
    crdt__opened opened;
    crdt_err err = crdt__open(encoding, update, told->mem, &opened);
    if (err != CRDT_OK)
        return err;
    err = add_structs(opened.update, told);
    crdt__close(&opened);
    return err;
}

/* Per client the smaller of its clock in `sv` and the first clock in `told`. */
static crdt_err lower(const crdt__statevec *sv, const crdt__idset *told, crdt__idset *out)
{
    const crdt__range *known = crdt__idset_ranges(&sv->known);
    const crdt__range *ranges = crdt__idset_ranges(told);
    size_t at = 0;
    for (size_t i = 0; i < sv->known.count; i++) {
        uint64_t clock = known[i].len;
        while (at < told->count && ranges[at].client > known[i].client)
            at++;
        if (at < told->count && ranges[at].client == known[i].client && ranges[at].clock < clock)
            clock = ranges[at].clock;
        if (clock > 0 && !crdt__idset_add(out, known[i].client, 0, clock))
            return CRDT_NO_MEMORY;
    }
    return CRDT_OK;
}

static crdt_err append_statevec(const crdt__idset *known, crdt_buf *out)
{
    const crdt__range *ranges = crdt__idset_ranges(known);
    crdt__writer w = crdt__writer_on(out);
    crdt__write_varuint(&w, known->count);
    for (size_t i = 0; i < known->count; i++) {
        crdt__write_varuint(&w, ranges[i].client);
        crdt__write_varuint(&w, ranges[i].len);
    }
    return crdt__writer_finish(&w);
}

crdt_err crdt_state_vector_rewind(crdt_encoding encoding, crdt_bytes sv, const crdt_bytes *updates,
                                  size_t count, crdt_buf *out)
{
    crdt__statevec after;
    crdt__idset told;
    crdt__idset before;
    crdt__idset_init(&told, out->mem);
    crdt__idset_init(&before, out->mem);
    crdt_err err = crdt__statevec_read(sv, out->mem, &after);
    for (size_t i = 0; i < count && err == CRDT_OK; i++)
        err = add_told(encoding, updates[i], &told);
    if (err == CRDT_OK && !crdt__idset_normalize(&told))
        err = CRDT_NO_MEMORY;
    if (err == CRDT_OK)
        err = lower(&after, &told, &before);
    if (err == CRDT_OK)
        err = append_statevec(&before, out);
    crdt__idset_deinit(&before);
    crdt__idset_deinit(&told);
    crdt__statevec_deinit(&after);
    return err;
}
