/* A whole state into an empty document: decoded, checked and put in in one go, where applying it
 * would validate first and then look up each struct's neighbours in the index.
 *
 * Neither the result nor the judgement differs from what applying the update comes to. What is out
 * of the ordinary (structs or deletes that must wait, Skips, sections that are not in Yjs' order,
 * ...) is left to it.
 */
#ifndef CRDT_WIRE_LOAD_H
#define CRDT_WIRE_LOAD_H

#include "core/doc.h"

/* Loads `update`; CRDT__TRUSTED: it came through the door (wire/open.h), and is extended v1. False
 * if that is not for here, or turned out not to be: the document is as it was, and the update must
 * be applied. Otherwise *err is CRDT_OK, CRDT_MALFORMED or CRDT_NO_MEMORY, and the document as it
 * was unless the update is in it. */
bool crdt__load(crdt_doc *doc, crdt_bytes update, crdt__trust trust, crdt_err *err);

#endif
