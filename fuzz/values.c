/* Any and JSON values: whatever is taken comes out in its canonical form, and that form comes out
 * as it went in; and so with the form that values of embeds and formats are kept in. The first byte
 * chooses where the value stands. */
#include "fuzz.h"

#include "base/any.h"
#include "base/json.h"
#include "base/utf16.h"
#include "base/value.h"
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

/* ---- as they are kept ---- */

typedef void (*conversion)(crdt_bytes from, crdt__writer *w, const crdt_mem *mem);

static void from_any(crdt_bytes any, crdt__writer *w, const crdt_mem *mem)
{
    crdt__reader r = crdt__reader_of(any);
    crdt__value_from_any(&r, w, mem);
    fuzz_expect(crdt__reader_at_end(&r), "valid Any is refused");
}

static crdt_buf converted(conversion convert, crdt_bytes from)
{
    crdt_buf out = {0};
    crdt__writer w = crdt__writer_on(&out);
    convert(from, &w, NULL);
    fuzz_expect(crdt__writer_finish(&w) == CRDT_OK, "memory ended");
    return out;
}

/* Sent as Any, a value stays what it was kept as there; told as JSON, it is what JSON tells of it.
 */
static void check_kept(crdt_bytes kept)
{
    crdt_buf any = converted(crdt__value_to_any, kept);
    crdt_buf received = converted(from_any, fuzz_bytes(&any));
    crdt_buf again = converted(crdt__value_to_any, fuzz_bytes(&received));
    crdt_buf last = converted(from_any, fuzz_bytes(&again));
    fuzz_expect(fuzz_same(&received, &last), "a value does not stay put");
    crdt_buf json = converted(crdt__value_to_json, fuzz_bytes(&received));
    crdt_buf read = converted(crdt__value_from_json, fuzz_bytes(&json));
    fuzz_expect(crdt__value_is_any(fuzz_bytes(&received)) ||
                    (fuzz_same(&json, &received) && fuzz_same(&json, &read)),
                "what is kept as JSON is printed as something else");
    fuzz_expect(!crdt__value_identical(kept, kept) || crdt__value_equal(kept, kept),
                "identical, and not equal");
    fuzz_expect(crdt__value_equal(kept, fuzz_bytes(&received)) ==
                    crdt__value_equal(fuzz_bytes(&received), kept),
                "equal one way only");
    crdt_buf_free(&any);
    crdt_buf_free(&received);
    crdt_buf_free(&again);
    crdt_buf_free(&last);
    crdt_buf_free(&json);
    crdt_buf_free(&read);
}

static void check_as_kept(crdt_bytes value)
{
    crdt__reader r = crdt__reader_of(value);
    crdt__any_skip(&r, NULL);
    if (crdt__reader_at_end(&r)) {
        crdt_buf kept = converted(from_any, value);
        check_kept(fuzz_bytes(&kept));
        crdt_buf_free(&kept);
    }
    if (crdt__utf8_valid(value, NULL) && crdt__json_check(value) != CRDT__JSON_INVALID) {
        crdt_buf kept = converted(crdt__value_from_json, value);
        check_kept(fuzz_bytes(&kept));
        crdt_buf_free(&kept);
    }
}

/* ---- as they stand in an update ---- */

static void check_in_place(size_t place, crdt_bytes value)
{
    crdt_buf update = {0};
    wm_begin(&update, 1);
    wm_section(&update, 1, 1, 0);
    put_all(&update, places[place].head, places[place].head_len);
    if (places[place].is_json)
        wm_varuint(&update, value.len);
    put_all(&update, value.data, value.len);
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
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    crdt_bytes value = {data + 1, size - 1};
    check_in_place(data[0] % (sizeof places / sizeof places[0]), value);
    check_as_kept(value);
    return 0;
}
