/* Whether text could stand between the tags of an XML document: tags that match, names that are
 * names, no attribute twice, nothing unescaped. Not a parser: no comments, no declarations. */
#ifndef TESTS_LIB_XMLCHECK_H
#define TESTS_LIB_XMLCHECK_H

#include "crdt.h"

/* NULL, or what is wrong. */
const char *xmlcheck(crdt_bytes xml);

#endif
