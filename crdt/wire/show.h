/* A struct of the document, told as the wire would tell it. */
#ifndef CRDT_WIRE_SHOW_H
#define CRDT_WIRE_SHOW_H

#include "core/doc.h"

/* Fills in *ws from an item or GC struct; its bytes are the document's, good until it changes. */
void crdt__show(const crdt_doc *doc, const crdt__item *it, crdt__wstruct *ws);

#endif
