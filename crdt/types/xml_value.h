/* Values as XML: the strings that JavaScript makes of them. */
#ifndef CRDT_TYPES_XML_VALUE_H
#define CRDT_TYPES_XML_VALUE_H

#include "base/tokens.h"
#include "types/xml.h"

/* Writes JavaScript's String(value): an array is its elements parted by commas, an object
 * `[object Object]`. One Any; one JSON text, or the word undefined; a value as kept. */
void crdt__xml_any(crdt__out *out, crdt_xml_style style, crdt__xml_place place, crdt_bytes any);
void crdt__xml_json(crdt__out *out, crdt_xml_style style, crdt__xml_place place, crdt_bytes text);
void crdt__xml_kept(crdt__out *out, crdt_xml_style style, crdt__xml_place place, crdt_bytes value);
/* A Uint8Array: its numbers, parted by commas. */
void crdt__xml_bytes(crdt__out *out, crdt_bytes bytes);

/* Steps over the rest of a value of which `t` was the first token. */
void crdt__tokens_skip(crdt__tokens *tokens, crdt__token t);

#endif
