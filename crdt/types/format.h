/* Text with formats: the steps that Yjs' text edits are made of (yjs/src/types/YText.js).
 *
 * A format begins at a mark (an item of kind FORMAT) and ends at the next mark of the same key,
 * `null` for none:
 *
 *     "Hello "  [bold: true]  "World"  [bold: null]  "!"
 *
 * So whoever inserts or formats at a place must know what marks lie before it, and leaves behind
 * marks that bring back what was there.
 */
#ifndef CRDT_TYPES_FORMAT_H
#define CRDT_TYPES_FORMAT_H

#include "types/attrs.h"
#include "types/edit.h"

/* A place in a text that moves from left to right, and the formats there (yjs:
 * ItemTextListPosition). */
typedef struct crdt__text_place {
    crdt_doc *doc;
    crdt__ref text;
    crdt__position at;
    crdt__attrs attrs;
} crdt__text_place;

/* The start of a text. Must not be moved; needs crdt__text_place_deinit. */
void crdt__text_place_init(crdt__text_place *place, crdt_doc *doc, crdt__ref text);
void crdt__text_place_deinit(crdt__text_place *place);

/* Each of these returns false when out of memory. */

/* Goes from the start to the unit `index` of a text that is at least so long; before what is
 * deleted and the marks there. Cost: linear in the items before it once the text has marks (their
 * formats must be known). */
bool crdt__text_place_find(crdt__text_place *place, uint64_t index);

/* Inserts content with exactly these formats, and goes behind it. `attributes` are made complete:
 * what else is set here is null in them. */
bool crdt__format_insert(crdt__text_place *place, const crdt__wstruct *content,
                         crdt__attrs *attributes);

/* Sets formats on `length` units, and goes behind them. Where the text ends before, as many
 * newlines are added. */
bool crdt__format_range(crdt__text_place *place, uint64_t length, const crdt__attrs *attributes);

/* Deletes `length` units, as far as there are so many, and the marks around that mean nothing any
 * more. */
bool crdt__format_delete(crdt__text_place *place, uint64_t length);

#endif
