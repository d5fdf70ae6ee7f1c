/* What items hold besides text and types: blobs of canonical bytes.
 *
 *     ANY      the values, one behind the other
 *     JSON     the varstrings, with their lengths
 *     BINARY   the bytes
 *     EMBED    a kept value (base/value.h)
 *     FORMAT   the key's name number (4 bytes, the machine's order), then a kept value
 *     DOC      varstring guid, then the options: one Any
 *
 * A blob has room behind its bytes, doubled when it runs out, so that arrays which grow value by
 * value do so in place. Bytes in front may be given up: what is cut off there is little.
 *
 * A mark that brings a format back shares the blob of the mark that set it: in Yjs both have one
 * JavaScript object, and Yjs tells by `===` whether they say the same.
 */
#ifndef CRDT_CORE_CONTENT_H
#define CRDT_CORE_CONTENT_H

#include "core/item.h"

typedef struct crdt__blob {
    uint32_t len : 31;   /* bytes in use, those given up in front among them */
    uint32_t cut : 1;    /* some are given up: the first of them tell how many */
    uint32_t units : 27; /* of the allocation, this header included */
    uint32_t shares : 5; /* items that have it, but for one */
    uint8_t data[];
} crdt__blob;

#define CRDT__BLOB_LEN_MAX    (UINT32_C(1) << 30)
#define CRDT__BLOB_LEN_BITS   ((UINT32_C(1) << 31) - 1)
#define CRDT__BLOB_UNITS_MAX  ((UINT32_C(1) << 27) - 1)
#define CRDT__BLOB_SHARES_MAX 31u

static inline crdt__blob *crdt__blob_at(const crdt__arena *objects, crdt__ref ref)
{
    return crdt__arena_at(objects, ref);
}

/* Bytes given up in front. */
static inline uint32_t crdt__blob_given_up(const crdt__blob *blob)
{
    uint32_t count = blob->cut ? blob->data[0] : 0;
    if (count == UINT8_MAX)
        memcpy(&count, blob->data + 1, sizeof(count));
    return count;
}

static inline crdt_bytes crdt__blob_bytes(const crdt__blob *blob)
{
    uint32_t from = crdt__blob_given_up(blob);
    return (crdt_bytes){blob->data + from, blob->len - from};
}

/* Gives up the first bytes, not all of them. */
void crdt__blob_cut_front(crdt__blob *blob, uint32_t bytes);
/* Keeps the first bytes only. */
void crdt__blob_keep_front(crdt__blob *blob, uint32_t bytes);
/* True if most of it is not in use. */
bool crdt__blob_is_idle(const crdt__blob *blob);

/* A blob with a copy of `bytes`; 0 when out of memory. */
crdt__ref crdt__blob_new(crdt__arena *objects, crdt_bytes bytes);
void crdt__blob_free(crdt__arena *objects, crdt__ref ref);
/* Adds bytes behind; returns the blob's new place, or 0 when out of memory (the old one stays). */
crdt__ref crdt__blob_append(crdt__arena *objects, crdt__ref ref, crdt_bytes bytes);
/* The same in front, where room is kept from then on. */
crdt__ref crdt__blob_prepend(crdt__arena *objects, crdt__ref ref, crdt_bytes bytes);

/* The content of a wire struct becomes that of a new item: text is copied, values are made
 * canonical. False when out of memory. `it` has kind and length already; a TYPE's crdt__type is
 * made with `it`'s handle as its owner. */
bool crdt__content_take(crdt_doc *doc, const crdt__wstruct *ws, crdt__ref ref, crdt__item *it);

/* Fills in the content fields of a wire struct that tells of this item; borrows from the document.
 */
void crdt__content_show(const crdt_doc *doc, const crdt__item *it, crdt__wstruct *out);

/* The key and the kept value of a FORMAT; lent. */
void crdt__content_mark(const crdt_doc *doc, const crdt__item *it, uint32_t *name,
                        crdt_bytes *value);

/* Gives the FORMAT `it`, that says the same as one whose blob is `blob`, that blob instead of its
 * own. Where too many have it, nothing happens. */
void crdt__content_share(crdt_doc *doc, crdt__item *it, crdt__ref blob);

/* Cuts the content of `it` at unit `offset`: `it` keeps the left part, `right` gets the rest.
 * Lengths of both are set. False when out of memory. */
bool crdt__content_split(crdt_doc *doc, crdt__item *it, crdt__item *right, uint64_t offset);

/* True if this kind of content ever merges. */
bool crdt__content_joins(const crdt__item *it);
/* Appends right's content to left's, of the same kind, one that merges; lengths included. False
 * when out of memory. */
bool crdt__content_join(crdt_doc *doc, crdt__item *left, crdt__item *right);

/* Gives the content back and leaves DELETED, the length kept. What hangs below a type is not
 * touched. */
void crdt__content_drop(crdt_doc *doc, crdt__item *it);

/* The place of a copy of `bytes`, text of a new STRING; 0 when out of memory. */
crdt__ref crdt__text_new(crdt_doc *doc, crdt_bytes bytes);

/* Appends valid UTF-8 to the text of a STRING, in place where its client has room behind it. False
 * when out of memory. */
bool crdt__text_append(crdt_doc *doc, crdt__item *it, crdt_bytes bytes, uint32_t units);

/* Copies the live text together if more is dead than is worth keeping. False when out of memory:
 * unharmed. */
bool crdt__text_compact(crdt_doc *doc);

static inline crdt_bytes crdt__text_of(const crdt__arena *text, const crdt__item *it)
{
    return (crdt_bytes){crdt__arena_at(text, it->content), it->text.bytes};
}

#endif
