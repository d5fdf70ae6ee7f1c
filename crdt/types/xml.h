/* The characters of XML: as they are (Yjs' toString), or so that the result is well-formed XML 1.0
 * (fifth edition): what must be is escaped, characters that XML lacks are U+FFFD, and those that a
 * name may not have are `_`. A colon is one of these: it would make a prefix that nobody declared.
 */
#ifndef CRDT_TYPES_XML_H
#define CRDT_TYPES_XML_H

#include "types/out.h"

typedef enum crdt__xml_place { CRDT__XML_CONTENT, CRDT__XML_ATTRIBUTE } crdt__xml_place;

/* Text between tags, or between the quotes of an attribute. */
void crdt__xml_text(crdt__out *out, crdt_xml_style style, crdt__xml_place place, crdt_bytes text);

/* The name of an element or an attribute. */
void crdt__xml_name(crdt__out *out, crdt_xml_style style, crdt_bytes name);

/* Orders names as they would be written, 0 where they are written the same: Yjs' style by UTF-16
 * units, as it sorts them; well-formed ones by characters. */
int crdt__xml_name_compare(crdt_xml_style style, crdt_bytes a, crdt_bytes b);

#endif
