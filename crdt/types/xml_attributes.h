/* The value of a format as the attributes of its tag. */
#ifndef CRDT_TYPES_XML_ATTRIBUTES_H
#define CRDT_TYPES_XML_ATTRIBUTES_H

#include "types/xml.h"

/* Writes each as ` key="value"`, sorted: the members of an object, the elements of an array and the
 * units of a string by their indices; other values have none. False when out of memory.
 * (yjs/src/types/YXmlText.js, toString) */
bool crdt__xml_attributes(crdt__out *out, crdt_xml_style style, crdt_bytes value);

#endif
