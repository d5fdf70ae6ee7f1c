/* A struct of the document, told as the wire would tell it. */
#ifndef CRDT_WIRE_SHOW_H
#define CRDT_WIRE_SHOW_H

#include "core/doc.h"
#include "wire/encoder.h"

/* Fills in *ws from an item or GC struct; its bytes are the document's, good until it changes. */
void crdt__show(const crdt_doc *doc, const crdt__item *it, crdt__wstruct *ws);

/* The delete set of a document, gathered client by client, the highest first: as format v1 has it,
 * in which it takes least room. */
typedef struct crdt__gathered {
    crdt_buf
        bytes; /* the clients with their ranges; what stands before, their number, is not in it */
    crdt__writer w;
    uint64_t clients;
    uint64_t ranges; /* of the client that is gathered */
    uint64_t start;  /* the run of deleted structs that the walk is in, or was in last */
    uint64_t end;
} crdt__gathered;

/* Begins with nothing. Failure shows in w.ok, and as false in the end. */
void crdt__gather_init(crdt__gathered *g, const crdt_mem *mem);
void crdt__gather_deinit(crdt__gathered *g);
/* Gathers from one client: every maximal run of deleted structs (yjs:
 * createDeleteSetFromStructStore). */
void crdt__gather_client(crdt__gathered *g, const crdt_doc *doc, uint32_t index);
/* Adds what was gathered to a set, which is still to be normalized; it takes nothing more. False
 * when out of memory. */
CRDT_MUST_CHECK bool crdt__gather_into(crdt__gathered *g, crdt__idset *set);
/* Writes the delete set; it takes nothing more. */
void crdt__gather_write(crdt__gathered *g, crdt__encoder *enc);

/* Writes a client's structs from the clock `from` on, below its state, as a section of an update;
 * one that began before is told from an offset on. Gathers from the whole client, unless `deletes`
 * is NULL. Failure shows in enc->out.ok. */
void crdt__show_section(const crdt_doc *doc, uint32_t index, uint64_t from, crdt__encoder *enc,
                        crdt__gathered *deletes);

#endif
