#include "wire/retell.h"

#include "base/utf16.h"
#include "core/stretch.h"
#include "wire/encoder.h"

/* Bytes that wait, and clients, from which on surrogates are left as they are: an update is not to
 * cost what waits each time. No editor cuts strings within characters to send the halves apart. */
#define WAITING_BYTES_MAX   4096u
#define WAITING_CLIENTS_MAX 4096u

/* ---- an update's rest ---- */

static bool changes_in_v2(const crdt__wstruct *s)
{
    return s->kind == CRDT__EMBED || s->kind == CRDT__FORMAT || s->halves;
}

static bool rest_changes(const crdt__rest *rest)
{
    for (size_t i = 0; i < rest->count; i++) {
        crdt__section section = rest->sections[i];
        crdt__wstruct s;
        while (section.left > 0) {
            crdt__section_next(&section, &s);
            if (changes_in_v2(&s))
                return true;
        }
    }
    return false;
}

static crdt_err encode_rest(const crdt__rest *rest, crdt_buf *out)
{
    const crdt__idset none = {0};
    crdt__encoder enc;
    crdt__encoder_init(&enc, CRDT__EXTENDED, out);
    crdt__encode_count(&enc, rest->count);
    for (size_t i = 0; i < rest->count; i++) {
        crdt__section section = rest->sections[i];
        crdt__encode_section(&enc, section.left, section.next);
        crdt__wstruct s;
        while (section.left > 0) {
            crdt__section_next(&section, &s);
            crdt__encode_struct(&enc, &s, 0);
        }
    }
    crdt__encode_deletes(&enc, &none);
    return crdt__encoder_finish(&enc);
}

static void open_sections(crdt__retold *retold)
{
    crdt__section walk = {.r = crdt__reader_of((crdt_bytes){retold->room.data, retold->room.len})};
    crdt__read_varuint(&walk.r);
    for (size_t i = 0; i < retold->count; i++) {
        crdt__section_follow(&walk);
        retold->owned[i] = walk;
        crdt__wstruct s;
        while (walk.left > 0)
            crdt__section_next(&walk, &s);
    }
    retold->sections = retold->owned;
}

bool crdt__retell(crdt_doc *doc, const crdt__rest *rest, crdt__retold *out)
{
    *out = (crdt__retold){.sections = rest->sections, .count = rest->count};
    if (!rest_changes(rest))
        return true;
    out->room.mem = doc->budget.mem;
    out->owned = crdt__budget_resize(&doc->budget, NULL, 0, rest->count * sizeof(*out->owned));
    if (out->owned && encode_rest(rest, &out->room) == CRDT_OK) {
        open_sections(out);
        return true;
    }
    crdt__retold_release(doc, out);
    return false;
}

void crdt__retold_release(crdt_doc *doc, crdt__retold *retold)
{
    crdt__budget_release(&doc->budget, retold->owned, retold->count * sizeof(*retold->owned));
    crdt_buf_free(&retold->room);
}

/* ---- all that waits ---- */

/* The row of strings, walked: where the last one ended, if with a high half. */
typedef struct row {
    uint8_t *high;
} row;

static void settle_high(row *r)
{
    if (r->high)
        memcpy(r->high - CRDT__HALF_LEN, crdt__replacement, CRDT__HALF_LEN);
    r->high = NULL;
}

static void settle_text(row *r, uint8_t *text, size_t len)
{
    if (r->high && crdt__wtf8_begins_low((crdt_bytes){text, len})) {
        text += CRDT__HALF_LEN;
        len -= CRDT__HALF_LEN;
        r->high = NULL;
    }
    settle_high(r);
    bool high = crdt__wtf8_ends_high((crdt_bytes){text, len});
    crdt__wtf8_to_utf8(text, len - (high ? CRDT__HALF_LEN : 0));
    r->high = high ? text + len : NULL;
}

static void settle_run(row *r, crdt__run *run, crdt_id first)
{
    crdt__run_walk walk = crdt__run_begin(run, first);
    crdt__wstruct s;
    while (crdt__run_next(&walk, &s)) {
        if (crdt__wstruct_says_names(&s, 0))
            settle_high(r);
        if (s.kind == CRDT__STRING)
            settle_text(r, run->bytes + (s.content.data - run->bytes), s.content.len);
    }
}

static void settle_client(crdt_doc *doc, row *r, uint32_t client)
{
    const crdt__queue *queue = crdt__pending_queue(doc, client);
    crdt__ref ref = queue ? crdt__tree_first(&doc->pending.forest, queue->stretches) : 0;
    while (ref) {
        const crdt__stretch *stretch = crdt__stretch_at(doc, ref);
        crdt_id first = {doc->clients[client].id, stretch->node.key};
        for (crdt__ref run = stretch->first; run; run = crdt__run_at(doc, run)->next) {
            settle_run(r, crdt__run_at(doc, run), first);
            first.clock = crdt__run_at(doc, run)->end;
        }
        ref = crdt__tree_above(&doc->pending.forest, queue->stretches, stretch->node.key);
    }
}

static bool is_worth_it(const crdt_doc *doc)
{
    const crdt__pending *p = &doc->pending;
    return p->halves && p->stretches > 0 && p->bytes <= WAITING_BYTES_MAX &&
           doc->client_count <= WAITING_CLIENTS_MAX;
}

void crdt__retell_waiting(crdt_doc *doc)
{
    uint32_t *clients;
    size_t count = doc->client_count - 1;
    if (!is_worth_it(doc) || !crdt__doc_clients_descending(doc, &clients))
        return; /* where memory is short they stay as they are */
    row r = {NULL};
    for (size_t i = 0; i < count; i++)
        settle_client(doc, &r, clients[i]);
    settle_high(&r);
    crdt__budget_release(&doc->budget, clients, count * sizeof(*clients));
}
