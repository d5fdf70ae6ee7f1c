/* Update format v2 on the wire. Read, every byte of it is checked, and it is told again in extended
 * v1, which is what the engine walks (wire/update.h). Written, it is gathered in its columns.
 *
 *     update:  varuint 0, then nine columns, each behind its length in bytes, then the rest
 *
 *     keyClock    IntDiffOptRle   numbers of format keys and node names; each is followed by a
 *                                 string, unless the number was there before
 *     client      UintOptRle      of sections, origins, right origins, parents
 *     leftClock   IntDiffOptRle   of origins and parents
 *     rightClock  IntDiffOptRle   of right origins
 *     info        Rle             info bytes
 *     string      strings         root names, map keys, texts, JSON texts, guids, keys and names
 *     parentInfo  Rle             1: the parent is a root
 *     typeRef     UintOptRle
 *     len         UintOptRle      of GC, Deleted, JSON, Any
 *     rest                        the numbers of sections and structs, first clocks, lengths of
 *                                 Skips, binary, Any, the delete set
 *
 * Runs let a few bytes claim very much. What an update may come to is bounded by its length: its
 * structs as crdt.h says, and the bytes in v1 by the limits below, which ordinary updates stay far
 * away from (they come to two or three bytes for each).
 *
 * Source: yjs/src/utils/UpdateDecoder.js and UpdateEncoder.js.
 */
#ifndef CRDT_WIRE_UPDATE_V2_H
#define CRDT_WIRE_UPDATE_V2_H

#include "wire/update.h"

/* Bytes of v1 that an update may come to: so many in any case, and so many for each of its own. */
#define CRDT__V2_BYTES_FREE     (UINT64_C(1) << 20)
#define CRDT__V2_BYTES_PER_BYTE 256

/* Checks an update whole, to the end of every column, as crdt__v1_validate does one of v1, and
 * appends it to `out` in extended v1. `shape` tells of that; its `ds` lies in `out`. Unpaired
 * halves of surrogate pairs are kept in texts, and become U+FFFD in keys and names. CRDT_MALFORMED,
 * CRDT_NO_MEMORY or CRDT_OK. Cost: linear in what comes out. */
CRDT_MUST_CHECK crdt_err crdt__v2_read(crdt_bytes update, crdt_buf *out, crdt__v1_shape *shape);

/* ---- writing ---- all of it but the rest, which is the encoder's (wire/encoder.h) */

typedef struct crdt__columns crdt__columns;

/* Keeps `mem`. NULL when out of memory. */
crdt__columns *crdt__columns_new(const crdt_mem *mem);
void crdt__columns_free(crdt__columns *columns);

/* The client of a section. */
void crdt__columns_write_client(crdt__columns *columns, uint64_t client);

/* Writes a struct from its unit `offset` on, into the columns and the rest. */
void crdt__v2_write_struct(crdt__columns *columns, crdt__writer *rest, const crdt__wstruct *s,
                           uint64_t offset);

/* A text or something deleted with an origin or a right origin, as most structs of a document are;
 * fields that `info` does not speak of may hold anything. */
typedef struct crdt__common {
    uint8_t info;
    crdt_id origin;
    crdt_id right;
    uint64_t len;
    crdt_bytes text; /* without unpaired surrogates */
} crdt__common;

/* Writes such a struct whole. */
void crdt__columns_write_common(crdt__columns *columns, const crdt__common *s);

/* Makes room for about so many bytes of text; what else there is takes little, depending on what
 * runs there are. Failure shows in the end. */
void crdt__columns_reserve(crdt__columns *columns, size_t text_len);

/* Ends the columns and writes the update up to the rest, for which it makes room as well. Failure,
 * of memory at any time before included, shows in w->ok. */
void crdt__columns_put(crdt__columns *columns, size_t rest_len, crdt__writer *w);

#endif
