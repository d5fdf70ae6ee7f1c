/* A struct of the document, told as the wire would tell it. */
#ifndef CRDT_WIRE_SHOW_H
#define CRDT_WIRE_SHOW_H

#include "core/doc.h"
#include "wire/encoder.h"

/* Fills in *ws from an item or GC struct; its bytes are the document's, good until it changes. */
void crdt__show(const crdt_doc *doc, const crdt__item *it, crdt__wstruct *ws);

/* Writes a client's structs from the clock `from` on, below its state, as a section of an update;
 * one that began before is told from an offset on. Failure shows in enc->out.ok. */
void crdt__show_section(const crdt_doc *doc, uint32_t index, uint64_t from, crdt__encoder *enc);

#endif
