#include "base.h"

/* A text "t" by client 1 ("abc", marked, with an embed), an array below it, a map "m" whose key "k"
 * was set twice, an array "a" with a deleted map in it, by client 2. */
static const uint8_t content[] = {
    2,                                                      /* sections */
    5,    2, 0,                                             /* client 2 */
    0x27, 1, 1, 'm', 1,    'j',  0,                         /* m.j = Array */
    0x08, 0, 2, 0,   3,    125,  1,    119,  1,   'x', 126, /* in it 1, "x", null */
    0x07, 1, 1, 'a', 1,                                     /* a[0] = Map */
    0x28, 0, 2, 4,   1,    'q',  1,    120,                 /* in it q = true */
    0x88, 2, 4, 1,   125,  5,                               /* a[1] = 5 */
    6,    1, 0,                                             /* client 1 */
    0x04, 1, 1, 't', 3,    'a',  'b',  'c',                 /* t = "abc" */
    0xc6, 1, 0, 1,   1,    4,    'b',  'o',  'l', 'd', 4,   't', 'r', 'u', 'e', /* a<bold>bc */
    0x85, 1, 2, 7,   '{',  '"',  'i',  '"',  ':', '1', '}',                     /* an embed */
    0x28, 1, 1, 'm', 1,    'k',  1,    125,  1,                                 /* m.k = 1 */
    0xa8, 1, 5, 1,   125,  2,                                                   /* m.k = 2 */
    0x84, 1, 4, 4,   0xf0, 0x9f, 0x99, 0x82, /* a character of two units */
    1,    2, 1, 4,   1,                      /* a[0] is deleted */
};

crdt_doc *fuzz_base_doc(uint8_t shape)
{
    crdt_doc_options options = {
        .gc = shape & FUZZ_BASE_NO_GC ? CRDT_GC_OFF : CRDT_GC_ON,
        .cleanup = shape & FUZZ_BASE_CLEANUP ? CRDT_CLEANUP_ON : CRDT_CLEANUP_OFF,
        .pending_bytes_max = shape & FUZZ_BASE_LITTLE ? 64 : 0,
        .changes = shape & FUZZ_BASE_CHANGES ? CRDT_CHANGES_ON : CRDT_CHANGES_OFF,
    };
    crdt_doc *doc = crdt_doc_new(&options);
    fuzz_expect(doc && crdt_doc_apply(doc, CRDT_V1, (crdt_bytes){content, sizeof content}, NULL) ==
                           CRDT_OK,
                "the base is refused");
    return doc;
}
