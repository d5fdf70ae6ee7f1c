/* What Yjs reads of a document, and what weft reads, made comparable.
 *
 * A case tells values that JSON lacks by tags, {"$bigint":"1"}; weft prints them by rules of its
 * own (crdt.h, reading). Deltas are compared after joining neighbours with equal attributes, texts
 * with halves of surrogate pairs as U+FFFD; of the past, with whole pairs so, too: a case tells
 * what was read then, and a pair that was cut since reads as two halves at every moment.
 */
#ifndef TESTS_GOLDEN_READING_H
#define TESTS_GOLDEN_READING_H

#include "vector.h"

/* Compares every reading that the case tells at `path` (its members json, text, delta, xml and
 * attributes, per root) with the document's, as of `at` (NULL: now). */
void reading_check(const vector *v, const char *path, crdt_doc *doc, const crdt_snapshot *at);

#endif
