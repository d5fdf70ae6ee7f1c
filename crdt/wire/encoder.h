/* Writes one update, in either format (yjs/src/utils/UpdateEncoder.js).
 *
 * A struct and an idset are told the same way whatever the format; the encoder knows where their
 * fields go. In v1 everything goes into one stream. In v2 fields go into columns, and what is left,
 * section headers and the delete set among it, into the rest, which stands last.
 */
#ifndef CRDT_WIRE_ENCODER_H
#define CRDT_WIRE_ENCODER_H

#include "base/idset.h"
#include "wire/update.h"

/* Extended v1 (wire/update.h), beside the formats of crdt.h: for updates that stay inside.
 *
 * Yjs keeps what waits in format v2, and merges that with what it encodes. So what is written in
 * extended v1 is what would come back from v2: of embeds and formats the values that Any can tell,
 * and of unpaired surrogates those that stand next to their other half in the row of all strings;
 * the others become U+FFFD.
 */
#define CRDT__EXTENDED ((crdt_encoding)101) /* a number that nobody passes by mistake */

struct crdt__columns; /* wire/update_v2.h */

typedef struct crdt__encoder {
    crdt_encoding encoding;
    const crdt_mem *mem;
    crdt__writer out;              /* v1: everything; v2: the rest */
    struct crdt__columns *columns; /* v2 */
    crdt_buf body;                 /* what `out` writes into until the end, where it does not write
                                      into `target` */
    crdt_buf *target;
    size_t high_end; /* extended v1: where the last string ended, if with a high half */
} crdt__encoder;

/* Begins an update that will be appended to `target`. Must not be moved. Failure shows in out.ok.
 */
void crdt__encoder_init(crdt__encoder *enc, crdt_encoding encoding, crdt_buf *target);

/* Makes room for about so many structs, with so many bytes of text, so that buffers do not grow
 * time and again. Failure shows in the end. */
void crdt__encoder_reserve(crdt__encoder *enc, size_t structs, size_t text_len);

/* The number of sections or of anything else that stands bare in the rest. */
static inline void crdt__encode_count(crdt__encoder *enc, uint64_t count)
{
    crdt__write_varuint(&enc->out, count);
}

/* The header of a section of `structs` structs, the first of which begins at `first`. */
void crdt__encode_section(crdt__encoder *enc, uint64_t structs, crdt_id first);

/* A struct from its unit `offset` on, as crdt__v1_write_struct does for v1. */
void crdt__encode_struct(crdt__encoder *enc, const crdt__wstruct *s, uint64_t offset);

/* The delete set, which ends every update; `deletes` is normalized, or grouped: format v2, which
 * can tell only ranges in ascending order, then has it normalized. */
void crdt__encode_deletes(crdt__encoder *enc, const crdt__idset *deletes);

/* The same for whoever writes the clients behind it, so many, in the form of the encoding. */
void crdt__encode_deletes_start(crdt__encoder *enc, uint64_t clients);

/* Puts the update together behind what `target` held, and releases everything else; on failure
 * `target` is as it was. CRDT_NO_MEMORY or CRDT_OK. */
CRDT_MUST_CHECK crdt_err crdt__encoder_finish(crdt__encoder *enc);

/* ---- sections whose structs are counted afterwards ---- for wire/lazy.c */

/* As crdt__encoder_init, but `out` writes into `body` in every format. */
void crdt__encoder_init_apart(crdt__encoder *enc, crdt_encoding encoding, crdt_buf *target);

/* The header without the number of structs. */
void crdt__encode_section_start(crdt__encoder *enc, crdt_id first);

/* Puts down what stands before the body. */
void crdt__encoder_put_head(crdt__encoder *enc, crdt__writer *w);

/* Releases what an encoder holds that is not brought to its end by crdt__encoder_finish. */
void crdt__encoder_deinit(crdt__encoder *enc);

#endif
