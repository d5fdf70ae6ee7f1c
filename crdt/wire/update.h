/* Update format v1 on the wire: one struct at a time, read and written.
 *
 * A `crdt__wstruct` is one struct as the wire tells it: its byte fields borrow from the update.
 * Readers of whole updates validate first (crdt__v1_validate, everything checked) and then walk
 * again with CRDT__TRUSTED.
 *
 *     update:  varuint sections, then per section
 *                  varuint structs, varuint client, varuint clock of the first, the structs
 *              delete set: varuint clients, then per client
 *                  varuint client, varuint ranges, per range varuint clock, varuint len
 *
 * Source: yjs/src/utils/UpdateDecoder.js, structs/Item.js (readItemContent), utils/updates.js.
 */
#ifndef CRDT_WIRE_UPDATE_H
#define CRDT_WIRE_UPDATE_H

#include "base/bytes.h"
#include "base/id.h"

/* Struct and content references (info byte, bits 0-4). */
typedef enum crdt__kind {
    CRDT__GC = 0,
    CRDT__DELETED = 1,
    CRDT__JSON = 2,
    CRDT__BINARY = 3,
    CRDT__STRING = 4,
    CRDT__EMBED = 5,
    CRDT__FORMAT = 6,
    CRDT__TYPE = 7,
    CRDT__ANY = 8,
    CRDT__DOC = 9,
    CRDT__SKIP = 10
} crdt__kind;

/* Type references of CRDT__TYPE. */
typedef enum crdt__type_ref {
    CRDT__TYPE_ARRAY = 0,
    CRDT__TYPE_MAP = 1,
    CRDT__TYPE_TEXT = 2,
    CRDT__TYPE_XML_ELEMENT = 3,
    CRDT__TYPE_XML_FRAGMENT = 4,
    CRDT__TYPE_XML_HOOK = 5,
    CRDT__TYPE_XML_TEXT = 6
} crdt__type_ref;

#define CRDT__INFO_KIND_MASK 0x1f
#define CRDT__INFO_SUB       0x20
#define CRDT__INFO_RIGHT     0x40
#define CRDT__INFO_ORIGIN    0x80

typedef struct crdt__wstruct {
    crdt_id id;
    uint64_t len; /* units; above 0 but for a Skip */
    uint8_t kind; /* crdt__kind */
    bool has_origin;
    bool has_right;
    bool has_sub;    /* bit 5: map entry; `sub` itself is only there when `has_parent` */
    bool has_parent; /* neither origin nor right origin: the parent is told */
    bool parent_is_root;
    bool canonical;   /* the content's bytes are what Yjs would write */
    bool cut;         /* STRING: U+FFFD stands before `content`, where a pair was cut */
    bool low;         /* STRING: of the first character of `content`, one of two units, the low half
                         alone counts */
    bool halves;      /* STRING: there may be unpaired surrogates in `content` */
    uint8_t type_ref; /* CRDT__TYPE: crdt__type_ref */
    crdt_id origin;
    crdt_id right;
    crdt_id parent_id;      /* has_parent && !parent_is_root */
    crdt_bytes parent_root; /* has_parent && parent_is_root: its name */
    crdt_bytes sub;         /* has_parent && has_sub: the key */
    /* The content, without lengths and counts:
     *   STRING text, WTF-8 (base/utf16.h); ANY the values; JSON the varstrings, with their lengths;
     * BINARY the bytes; EMBED JSON text or a kept value (base/value.h); FORMAT the key, and the
     * same in `content2`; TYPE the name (element and hook); DOC the guid, and in `content2` the
     * options (one Any). GC, DELETED, SKIP: nothing. */
    crdt_bytes content;
    crdt_bytes content2;
} crdt__wstruct;

typedef enum crdt__trust { CRDT__UNTRUSTED, CRDT__TRUSTED } crdt__trust;

/* What a valid update is made of. */
typedef struct crdt__v1_shape {
    uint64_t sections;
    uint64_t structs;   /* Skips included */
    uint64_t skips;     /* among them */
    bool clients_twice; /* a client has more than one section */
    bool
        descending; /* the sections come as Yjs writes them: the highest client first, none twice */
    uint64_t ds_clients;
    uint64_t ds_ranges;
    crdt_bytes ds; /* the encoded delete set */
} crdt__v1_shape;

/* Checks every byte of an update, to the end of the input, by crdt.h's and the format's rules: no
 * struct of length 0 but a Skip, no number above 2^53-1, references to the own client lie before
 * the struct. Sections may come in any order. One client may have several: whoever applies the
 * update takes the last of them alone, as if the others were not there, even if it holds no structs
 * (yjs/src/utils/encoding.js, readClientsStructRefs: a map from client to structs); the utilities
 * on updates read them all. CRDT_MALFORMED, CRDT_NO_MEMORY or CRDT_OK. Cost: linear; no allocation
 * unless the clients are neither ascending nor descending. */
CRDT_MUST_CHECK crdt_err crdt__v1_validate(crdt_bytes update, const crdt_mem *mem,
                                           crdt__v1_shape *out);

/* Whether the clients of an update's sections show by their order that none comes twice. {0} before
 * the first. */
typedef struct crdt__client_order {
    uint64_t last;
    bool begun;
    bool not_ascending;
    bool not_descending;
} crdt__client_order;

void crdt__client_order_note(crdt__client_order *order, uint64_t client);
/* Fills in what a shape says of the clients; looks through the valid `update` only where their
 * order does not show it. CRDT_NO_MEMORY or CRDT_OK. */
CRDT_MUST_CHECK crdt_err crdt__client_order_judge(const crdt__client_order *order,
                                                  crdt_bytes update, const crdt_mem *mem,
                                                  crdt__v1_shape *shape);

/* What a valid update is made of, its extended form included. CRDT_NO_MEMORY or CRDT_OK. */
CRDT_MUST_CHECK crdt_err crdt__v1_survey(crdt_bytes update, const crdt_mem *mem,
                                         crdt__v1_shape *out);

/* Reads one struct that begins at `id`. Failure shows in r->ok. */
void crdt__v1_read_struct(crdt__reader *r, crdt_id id, crdt__trust trust, crdt__wstruct *out);

/* Format v1 as peers read it; or extended, as updates are handed on inside: there embeds and
 * formats have kept values, and texts unpaired surrogates. */
typedef enum crdt__v1_form { CRDT__V1_PLAIN, CRDT__V1_EXTENDED } crdt__v1_form;

/* Writes a struct from its unit `offset` on (0 <= offset < len, or 0), as Yjs' Item.write(encoder,
 * offset) does: canonical contents, an origin made from the offset, bit 5 as `has_sub` says, in
 * plain v1 an unpaired surrogate as U+FFFD. Failure shows in w->ok. */
void crdt__v1_write_struct(crdt__writer *w, const crdt__wstruct *s, uint64_t offset,
                           crdt__v1_form form, const crdt_mem *mem);

/* The info byte that a struct has when it is written from unit `offset` on. */
static inline uint8_t crdt__wstruct_info(const crdt__wstruct *s, uint64_t offset)
{
    if (s->kind == CRDT__GC || s->kind == CRDT__SKIP)
        return s->kind;
    return (uint8_t)(s->kind | (s->has_origin || offset > 0 ? CRDT__INFO_ORIGIN : 0) |
                     (s->has_right ? CRDT__INFO_RIGHT : 0) | (s->has_sub ? CRDT__INFO_SUB : 0));
}

/* Whether the struct, written from unit `offset` on, has strings before its text, or without one.
 */
static inline bool crdt__wstruct_says_names(const crdt__wstruct *s, uint64_t offset)
{
    if (offset == 0 && s->has_parent && s->parent_root.len + s->sub.len > 0)
        return true;
    return s->kind == CRDT__JSON ||
           ((s->kind == CRDT__FORMAT || s->kind == CRDT__TYPE || s->kind == CRDT__DOC) &&
            s->content.len > 0);
}

/* Makes *s its own right part from unit `offset` on, as Yjs' sliceStruct does (origin from the
 * offset; parent, key and right origin kept). A cut pair shows as `cut`. `offset` < len. */
void crdt__wstruct_slice(crdt__wstruct *s, uint64_t offset);
/* The same where the content is the right part's already. */
void crdt__wstruct_pass(crdt__wstruct *s, uint64_t offset);

/* ---- walking a validated update ---- */

/* One section, read struct by struct. `left` structs remain; the next begins at `next`. */
typedef struct crdt__section {
    crdt__reader r; /* stands at the next struct; its end is the update's */
    crdt_id next;
    uint64_t left;
} crdt__section;

/* Reads the next section header at `r`, which must stand at one, of a validated update. `r` is not
 * moved past the structs: whoever walks the section to its end continues from section.r. */
crdt__section crdt__section_open(const crdt__reader *r);
/* Goes on to the section behind one that was read to its end. */
void crdt__section_follow(crdt__section *section);
/* Reads the next struct; section->left must be above 0. */
void crdt__section_next(crdt__section *section, crdt__wstruct *out);

#endif
