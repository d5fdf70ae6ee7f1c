/* Whether two documents are the same state. */
#ifndef WEFT_COMMAND_SAME_H
#define WEFT_COMMAND_SAME_H

#include <crdt.h>
#include <stdbool.h>

#include "base/err.h"

/* The same structs, deletions and waiting updates, and so the same content, however each came to
 * it. Neither changes. ERR_NO_MEMORY. Cost: encoding both; much more only where the bytes differ.
 */
ERR_MUST_CHECK err same_state(crdt_doc *a, crdt_doc *b, bool *same);

#endif
