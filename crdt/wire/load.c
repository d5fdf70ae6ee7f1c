/* The sections are read one after the other. An update of one section needs nobody else's, so each
 * of its items is linked as soon as it is made; of several all are made first. */
#include "wire/load.h"

#include "wire/delete.h"
#include "wire/event.h"
#include "wire/loader.h"

#define UPDATE_LEN_MIN  32u                 /* below, the ordinary way has little to lose */
#define UPDATE_LEN_MAX  (UINT32_C(1) << 30) /* text is then within what its arena can name */
#define SECTION_LEN_MIN 5u                  /* bytes: three numbers, one struct */
#define TEXT_SLACK      16u                 /* texts are copied with what lies behind them */

#define STRUCT_LEN_MOST 20u /* bytes that most structs take, with their share of all else */
/* Clients are kept by the low bits of their ids: so many places for each, so many at most. */
#define CLIENT_SLOTS_EACH 4u
#define CLIENT_SLOTS_MAX  4096u

/* ---- room ---- */

/* What one section needs of that many may need more of. */
typedef struct alone {
    crdt__load_section section;
    crdt__load_client client;
} alone;

static bool begin_text(crdt__loader *ld)
{
    uint32_t room = (uint32_t)ld->update.len + TEXT_SLACK;
    ld->text_ref = crdt__arena_run(&ld->doc->text, room);
    if (!ld->text_ref)
        return crdt__load_out_of_memory(ld);
    ld->text = crdt__arena_at(&ld->doc->text, ld->text_ref);
    ld->text_end = ld->text_ref + room;
    return true;
}

/* Gives back the room for text that was not needed. */
static void end_text(crdt__loader *ld)
{
    uint32_t idle = ld->text_end - ld->text_ref;
    if (!crdt__arena_retract(&ld->doc->text, ld->text_end, idle))
        ld->doc->text_dead += idle;
}

/* Room for several sections. For their structs it is a guess, of which the rest is given back. */
static bool begin_sections(crdt__loader *ld)
{
    const crdt_mem *mem = ld->doc->budget.mem;
    size_t slots = 1;
    while (slots < CLIENT_SLOTS_MAX && slots < ld->section_count * CLIENT_SLOTS_EACH)
        slots *= 2;
    ld->client_mask = slots - 1;
    ld->sections = crdt__resize(mem, NULL, 0, ld->section_count * sizeof(*ld->sections));
    ld->clients = crdt__resize(mem, NULL, 0, slots * sizeof(*ld->clients));
    if (!ld->sections || !ld->clients)
        return crdt__load_stop(ld, CRDT__LOAD_NO_MEMORY);
    memset(ld->clients, 0, slots * sizeof(*ld->clients));
    uint32_t structs = (uint32_t)ld->update.len / STRUCT_LEN_MOST;
    return crdt__arena_reserve(&ld->doc->objects,
                               structs * CRDT__ITEM_UNITS + crdt__blocks_units(structs)) ||
           crdt__load_out_of_memory(ld);
}

static bool begin(crdt__loader *ld, alone *one)
{
    uint64_t count = crdt__read_varuint(&ld->r);
    if (!ld->r.ok || count == 0 || count > crdt__reader_left(&ld->r) / SECTION_LEN_MIN)
        return crdt__load_stop(ld, CRDT__LOAD_UNUSUAL);
    *one = (alone){.client = {0}};
    ld->section_count = (size_t)count;
    ld->sections = &one->section;
    ld->clients = &one->client;
    return (count == 1 || begin_sections(ld)) && begin_text(ld);
}

static void end(crdt__loader *ld)
{
    const crdt_mem *mem = ld->doc->budget.mem;
    if (ld->section_count > 1) {
        crdt__release(mem, ld->sections, ld->section_count * sizeof(*ld->sections));
        crdt__release(mem, ld->clients, (ld->client_mask + 1) * sizeof(*ld->clients));
    }
    crdt__release(mem, ld->section_of, ld->section_of_count * sizeof(crdt__load_section *));
    crdt__release(mem, ld->pairs, ld->pair_cap * sizeof(*ld->pairs));
    crdt__release(mem, ld->numbers, ld->number_cap * sizeof(*ld->numbers));
}

/* ---- structs ---- */

static bool read_section(crdt__loader *ld, crdt__load_section *s)
{
    if (!crdt__load_open(ld, s))
        return false;
    while (s->made < s->count)
        if (!crdt__load_read(ld, s))
            return false;
    return true;
}

static bool read_and_link_section(crdt__loader *ld, crdt__load_section *s)
{
    if (!crdt__load_open(ld, s))
        return false;
    while (s->made < s->count) {
        if (!crdt__load_read(ld, s))
            return false;
        while (s->linked < s->made)
            if (!crdt__load_link(ld, s, NULL))
                return false;
    }
    return true;
}

static bool link_sections(crdt__loader *ld)
{
    size_t size = ld->section_count * sizeof(crdt__load_section *);
    crdt__load_section **stack = crdt__resize(ld->doc->budget.mem, NULL, 0, size);
    if (!stack)
        return crdt__load_stop(ld, CRDT__LOAD_NO_MEMORY);
    bool ok = true;
    for (size_t i = 0; i < ld->section_count; i++)
        while (ok && ld->sections[i].linked < ld->sections[i].count)
            ok = crdt__load_link(ld, &ld->sections[i], stack);
    crdt__release(ld->doc->budget.mem, stack, size);
    return ok;
}

static bool note_sections(crdt__loader *ld)
{
    size_t count = ld->doc->client_count;
    ld->section_of =
        crdt__resize(ld->doc->budget.mem, NULL, 0, count * sizeof(crdt__load_section *));
    if (!ld->section_of)
        return crdt__load_stop(ld, CRDT__LOAD_NO_MEMORY);
    ld->section_of_count = count;
    for (size_t i = 0; i < count; i++)
        ld->section_of[i] = NULL;
    for (size_t i = 0; i < ld->section_count; i++)
        ld->section_of[ld->sections[i].client] = &ld->sections[i];
    return true;
}

static bool load_structs(crdt__loader *ld)
{
    bool ok = true;
    if (ld->section_count == 1) {
        ok = read_and_link_section(ld, ld->sections);
    } else {
        for (size_t i = 0; i < ld->section_count && ok; i++)
            ok = read_section(ld, &ld->sections[i]);
        ok = ok && note_sections(ld) && link_sections(ld);
    }
    if (!ok)
        return false;
    for (size_t i = 0; i < ld->section_count; i++)
        ld->doc->clients[ld->sections[i].client].state = ld->sections[i].end;
    end_text(ld);
    return true;
}

/* ---- deletes ---- */

/* True if all structs that hold clocks of the range are deleted; none of the section was split. */
static bool is_deleted(const crdt__loader *ld, const crdt__load_section *s, uint64_t clock,
                       uint64_t len)
{
    uint32_t i = crdt__load_number(ld, s, clock);
    do {
        if (!s->items[i].deleted)
            return false;
        i++;
    } while (i < s->count && s->items[i].clock < clock + len);
    return true;
}

/* Reads the delete set. *done is true if it says what the structs say by themselves, as that of a
 * whole state mostly does. */
static bool read_deletes(crdt__loader *ld, bool *done)
{
    *done = ld->doc->txn.candidate_count == 0; /* nothing was split */
    for (uint64_t clients = crdt__read_varuint(&ld->r); clients > 0 && ld->r.ok; clients--) {
        uint32_t client = crdt__doc_find_client(ld->doc, crdt__read_varuint(&ld->r));
        const crdt__load_section *s = client ? crdt__load_section_of(ld, client) : NULL;
        uint64_t state = s ? s->state : 0;
        for (uint64_t ranges = crdt__read_varuint(&ld->r); ranges > 0 && ld->r.ok; ranges--) {
            uint64_t clock = crdt__read_varuint(&ld->r);
            uint64_t len = crdt__read_varuint(&ld->r);
            if (len == 0)
                continue;
            if (clock >= state || len > state - clock)
                return crdt__load_stop(ld, CRDT__LOAD_UNUSUAL); /* it must wait, or is malformed */
            *done = *done && is_deleted(ld, s, clock, len);
        }
    }
    return crdt__reader_at_end(&ld->r) || crdt__load_stop(ld, CRDT__LOAD_MALFORMED);
}

static bool load_deletes(crdt__loader *ld)
{
    const uint8_t *start = ld->r.pos;
    bool done;
    if (!read_deletes(ld, &done))
        return false;
    crdt_bytes ds = {start, (size_t)(ld->r.pos - start)};
    bool waits = false; /* nothing does: all it speaks of is here */
    return done || crdt__delete_encoded(ld->doc, ds, &waits) || crdt__load_out_of_memory(ld);
}

/* ---- tidying ---- */

/* What a transaction does in the end is seldom called for: there is nothing to collect unless
 * something was deleted, and structs of an encoded document were merged there. */
static bool commit(crdt__loader *ld)
{
    crdt_doc *doc = ld->doc;
    if (doc->txn.deleted_count > 0 || doc->txn.candidate_count > 0 || crdt__load_would_merge(ld))
        return crdt__event_commit_remote(doc, CRDT_V1, NULL) || crdt__load_out_of_memory(ld);
    crdt__txn_end(doc);
    return crdt__text_compact(doc) || crdt__load_out_of_memory(ld);
}

/* ---- the call ---- */

/* A text that the application has defined as one would have its formatting marks tidied. */
static bool wants_cleanup(const crdt_doc *doc)
{
    for (size_t i = 0; i < doc->root_count && doc->options.cleanup == CRDT_CLEANUP_ON; i++)
        if (crdt__type_at(&doc->objects, doc->names[doc->roots[i]].root)->is_text)
            return true;
    return false;
}

bool crdt__load(crdt_doc *doc, crdt_bytes update, crdt__trust trust, crdt_err *err)
{
    crdt__doc_mark mark;
    if (update.len < UPDATE_LEN_MIN || update.len > UPDATE_LEN_MAX ||
        !crdt__doc_mark_empty(doc, &mark) || doc->options.changes == CRDT_CHANGES_ON ||
        wants_cleanup(doc))
        return false;
    doc->cursor.type = 0; /* a list without items is all that it can point to */
    alone one;
    crdt__loader ld = {.doc = doc, .update = update, .trust = trust, .r = crdt__reader_of(update)};
    if (begin(&ld, &one) && load_structs(&ld) && load_deletes(&ld) && commit(&ld)) {
        crdt__arena_trim(&doc->objects);
        crdt__arena_trim(&doc->text);
    }
    end(&ld);
    if (ld.end != CRDT__LOAD_FINE)
        crdt__doc_rewind(doc, &mark);
    *err = ld.end == CRDT__LOAD_FINE        ? CRDT_OK
           : ld.end == CRDT__LOAD_MALFORMED ? CRDT_MALFORMED
                                            : CRDT_NO_MEMORY;
    return ld.end != CRDT__LOAD_UNUSUAL;
}
