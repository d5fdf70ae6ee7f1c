/* Edits told as JSON, for writers that speak no Yjs: checked whole, then made one after the other,
 * each seeing the result of those before it. Any thread.
 *
 *     {"edits":[
 *       {"root":"content","as":"text","delta":[{"retain":5},{"insert":"x","attributes":{}},{"delete":2}]},
 *       {"root":"meta","as":"map","set":{"title":"Plan"},"delete":["old"]},
 *       {"root":"todo","as":"array","insert":{"index":0,"values":[1]}},
 *       {"root":"todo","as":"array","delete":{"index":3,"length":1}}]}
 */
#ifndef WEFT_EDIT_EDITS_H
#define WEFT_EDIT_EDITS_H

#include <crdt.h>

#include "base/err.h"
#include "base/slice.h"

#define EDITS_DETAIL_LEN_MAX 200

/* What is wrong with edits: a sentence that names the edit, terminated. */
typedef struct edits_detail {
    char text[EDITS_DETAIL_LEN_MAX];
} edits_detail;

/* Makes the edits in `json` within an open transaction. ERR_NOT_JSON, ERR_INVALID_EDIT: `detail`
 * says why; ERR_NO_MEMORY. Those before one that fails are made: the transaction is not to be kept.
 */
ERR_MUST_CHECK err edits_make(crdt_doc *doc, slice json, edits_detail *detail);

#endif
