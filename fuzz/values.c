/* Any and JSON values: whatever is taken comes out in its canonical form, and that form comes out
 * as it went in. The first byte chooses where the value stands. */
#include "fuzz.h"

#include "wiremake.h"

/* The places where values stand, each as a struct up to the value. */
static const struct {
    uint8_t head[16];
    uint8_t head_len;
    bool is_json; /* the value is a varstring of JSON text, not an Any */
} places[] = {
    {{0x08, 1, 1, 'a', 1}, 5, false},         /* an array's element */
    {{0x28, 1, 1, 'm', 1, 'k', 1}, 7, false}, /* a map's entry */
    {{0x09, 1, 1, 'a', 1, 'g'}, 6, false},    /* a sub-document's options */
    {{0x05, 1, 1, 't'}, 4, true},             /* an embed */
    {{0x06, 1, 1, 't', 1, 'b'}, 6, true},     /* a mark's value */
    {{0x02, 1, 1, 'a', 1}, 5, true},          /* an element of an old array */
};

static void put_all(crdt_buf *u, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        wm_byte(u, bytes[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t place = data[0] % (sizeof places / sizeof places[0]);
    crdt_buf update = {0};
    wm_begin(&update, 1);
    wm_section(&update, 1, 1, 0);
    put_all(&update, places[place].head, places[place].head_len);
    if (places[place].is_json)
        wm_varuint(&update, size - 1);
    put_all(&update, data + 1, size - 1);
    wm_begin_deletes(&update, 0);

    crdt_doc *doc = crdt_doc_new(NULL);
    crdt_doc *again = crdt_doc_new(NULL);
    if (crdt_doc_apply(doc, CRDT_V1, fuzz_bytes(&update), NULL) == CRDT_OK) {
        fuzz_check(doc);
        crdt_buf first = fuzz_state(doc);
        fuzz_expect(crdt_doc_apply(again, CRDT_V1, fuzz_bytes(&first), NULL) == CRDT_OK,
                    "the canonical form is refused");
        crdt_buf second = fuzz_state(again);
        fuzz_expect(fuzz_same(&first, &second), "the canonical form is not the last word");
        crdt_buf_free(&first);
        crdt_buf_free(&second);
    }
    crdt_doc_free(doc);
    crdt_doc_free(again);
    crdt_buf_free(&update);
    return 0;
}
