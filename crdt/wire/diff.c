/* A document, or what somebody lacks of it, into an update (yjs/src/utils/encoding.js,
 * encodeStateAsUpdate). */
#include "wire/diff.h"

#include "wire/merge.h"
#include "wire/show.h"
#include "wire/waiting.h"

bool crdt__collect_deletes(const crdt_doc *doc, const uint32_t *clients, crdt__idset *out)
{
    crdt__gathered deletes;
    crdt__gather_init(&deletes, doc->budget.mem);
    for (size_t i = 0; i + 1 < doc->client_count; i++)
        crdt__gather_client(&deletes, doc, clients[i]);
    bool ok = crdt__gather_into(&deletes, out);
    crdt__gather_deinit(&deletes);
    return ok;
}

/* The clock from which `client` is to be written, or false if the target has all of it. */
static bool wanted_from(const crdt__client *client, const crdt__statevec *target, uint64_t *from)
{
    *from = crdt__statevec_get(target, client->id);
    return client->state > *from;
}

/* Writes the number of sections. */
static void write_count(const crdt_doc *doc, const crdt__statevec *target, crdt__encoder *enc)
{
    uint64_t sections = 0;
    double units = 0;
    double units_wanted = 0;
    for (size_t i = 1; i < doc->client_count; i++) {
        uint64_t from;
        units += (double)doc->clients[i].state;
        if (!wanted_from(&doc->clients[i], target, &from))
            continue;
        sections++;
        units_wanted += (double)(doc->clients[i].state - from);
    }
    if (sections > 0) {
        double share = units_wanted / units;
        crdt__encoder_reserve(enc, (size_t)(share * (double)doc->struct_count),
                              (size_t)(share * (double)doc->text_live));
    }
    crdt__encode_count(enc, sections);
}

static void write_structs_and_deletes(const crdt_doc *doc, const uint32_t *clients,
                                      const crdt__statevec *target, crdt__encoder *enc)
{
    crdt__gathered deletes;
    crdt__gather_init(&deletes, doc->budget.mem);
    write_count(doc, target, enc);
    for (size_t i = 0; i + 1 < doc->client_count; i++) {
        uint64_t from;
        if (wanted_from(&doc->clients[clients[i]], target, &from))
            crdt__show_section(doc, clients[i], from, enc, &deletes);
        else
            crdt__gather_client(&deletes, doc, clients[i]);
    }
    crdt__gather_write(&deletes, enc);
    crdt__gather_deinit(&deletes);
}

/* What is integrated, without what waits. */
static crdt_err encode_integrated(crdt_doc *doc, crdt_encoding encoding,
                                  const crdt__statevec *target, crdt_buf *out)
{
    uint32_t *clients = NULL;
    if (!crdt__doc_clients_descending(doc, &clients))
        return CRDT_NO_MEMORY;
    crdt__encoder enc;
    crdt__encoder_init(&enc, encoding, out);
    write_structs_and_deletes(doc, clients, target, &enc);
    crdt__budget_release(&doc->budget, clients, (doc->client_count - 1) * sizeof(*clients));
    return crdt__encoder_finish(&enc);
}

/* The structs that wait, as far as they are lacked. */
static crdt_err encode_waiting(crdt_doc *doc, crdt_encoding encoding, const crdt__statevec *target,
                               crdt_buf *out)
{
    crdt_buf all = {.mem = doc->budget.mem};
    crdt_err err = crdt__waiting_encode(doc, &all);
    if (err == CRDT_OK)
        err = crdt__diff(CRDT__EXTENDED, (crdt_bytes){all.data, all.len}, target, encoding, out);
    crdt_buf_free(&all);
    return err;
}

/* What is integrated and what waits, merged: Yjs merges the two encodings, so the result is made
 * the same way. */
static crdt_err encode_with_pending(crdt_doc *doc, crdt_encoding encoding,
                                    const crdt__statevec *target, crdt_buf *out)
{
    crdt_buf parts[3] = {
        {.mem = doc->budget.mem}, {.mem = doc->budget.mem}, {.mem = doc->budget.mem}};
    crdt_bytes updates[3];
    size_t count = 1;
    crdt_encoding inner = encoding == CRDT_V1 ? CRDT_V1 : CRDT__EXTENDED;
    crdt_err err = encode_integrated(doc, inner, target, &parts[0]);
    if (err == CRDT_OK && doc->pending.ranges)
        err = crdt__waiting_encode_deletes(doc, inner, &parts[count++]);
    if (err == CRDT_OK && doc->pending.stretches)
        err = encode_waiting(doc, inner, target, &parts[count++]);
    if (err == CRDT_OK) {
        for (size_t i = 0; i < count; i++)
            updates[i] = (crdt_bytes){parts[i].data, parts[i].len};
        err = crdt__merge(CRDT__EXTENDED, updates, count, encoding, out);
    }
    for (size_t i = 0; i < 3; i++)
        crdt_buf_free(&parts[i]);
    return err;
}

crdt_err crdt_doc_encode_state(crdt_doc *doc, crdt_encoding encoding, crdt_bytes sv, crdt_buf *out)
{
    static const uint8_t nothing[] = {0};
    if (doc->failed)
        return CRDT_FAILED;
    if (sv.len == 0)
        sv = (crdt_bytes){nothing, sizeof(nothing)};
    crdt__statevec target = {0};
    crdt_err err = crdt__statevec_read(sv, doc->budget.mem, &target);
    if (err != CRDT_OK)
        return err;
    if (crdt__pending_any(&doc->pending))
        err = encode_with_pending(doc, encoding, &target, out);
    else
        err = encode_integrated(doc, encoding, &target, out);
    crdt__statevec_deinit(&target);
    return err;
}

crdt_err crdt_doc_encode_state_vector(crdt_doc *doc, crdt_buf *out)
{
    if (doc->failed)
        return CRDT_FAILED;
    uint32_t *clients = NULL;
    if (!crdt__doc_clients_descending(doc, &clients))
        return doc->budget.err;
    size_t count = doc->client_count - 1;
    size_t known = 0;
    for (size_t i = 0; i < count; i++)
        known += doc->clients[clients[i]].state > 0;
    crdt__writer w = crdt__writer_on(out);
    crdt__write_varuint(&w, known);
    for (size_t i = 0; i < count; i++) {
        const crdt__client *client = &doc->clients[clients[i]];
        if (client->state == 0)
            continue;
        crdt__write_varuint(&w, client->id);
        crdt__write_varuint(&w, client->state);
    }
    crdt__budget_release(&doc->budget, clients, count * sizeof(*clients));
    return crdt__writer_finish(&w);
}
