/* What callers hand to local edits, from anybody: deltas, attributes, values, keys. The first byte
 * says which, the second the document's shape and the format of the update; the rest is it.
 *
 * An edit that is refused changes nothing. One that is taken comes to an update that makes the same
 * of a peer's document.
 */
#include "base.h"

enum { SHAPE_V2 = 8 };

typedef struct bench {
    crdt_doc *doc;
    crdt_type text;
    crdt_type list;
    crdt_type map;
} bench;

static void root(const bench *b, const char *name, crdt_type *out)
{
    fuzz_expect(crdt_doc_find_root(b->doc, crdt_bytes_of(name), out), "a root is missing");
}

static void open(bench *b, uint8_t shape)
{
    b->doc = fuzz_base_doc(shape);
    root(b, "t", &b->text);
    root(b, "a", &b->list);
    root(b, "m", &b->map);
}

static crdt_err act(const bench *b, uint8_t what, crdt_bytes given)
{
    crdt_doc *doc = b->doc;
    const crdt_value bold = crdt_json("{\"bold\":true}");
    const crdt_value json = {.kind = CRDT_VALUE_JSON, .bytes = given};
    const crdt_value any = {.kind = CRDT_VALUE_ANY, .bytes = given};
    const crdt_value both[] = {bold, {.kind = CRDT_VALUE_STRING, .bytes = given}};
    const crdt_value subdoc = {
        .kind = CRDT_VALUE_DOC, .bytes = crdt_bytes_of("guid"), .options = given};
    const crdt_value element = {.kind = CRDT_VALUE_TYPE, .type = CRDT_XML_ELEMENT, .bytes = given};
    switch (what % 14) {
    case 0:
        return crdt_text_apply_delta(doc, b->text, given, CRDT_DELTA_AS_IS);
    case 1:
        return crdt_text_apply_delta(doc, b->text, given, CRDT_DELTA_DROP_LAST_NEWLINE);
    case 2:
        return crdt_text_insert(doc, b->text, 2, given, &bold);
    case 3:
        return crdt_text_insert(doc, b->text, 1, crdt_bytes_of("x"), &json);
    case 4:
        return crdt_text_format(doc, b->text, 0, 3, &any);
    case 5:
        return crdt_text_insert_embed(doc, b->text, 0, &json, &bold);
    case 6:
        return crdt_text_insert_embed(doc, b->text, 4, &any, NULL);
    case 7:
        return crdt_list_push(doc, b->list, &json, 1);
    case 8:
        return crdt_list_insert(doc, b->list, 0, &any, 1);
    case 9:
        return crdt_list_insert(doc, b->list, 1, both, 2);
    case 10:
        return crdt_list_insert_after(doc, b->list, NULL, &subdoc, 1);
    case 11:
        return crdt_list_push(doc, b->list, &element, 1);
    case 12:
        return crdt_map_set(doc, b->map, given, &bold);
    default:
        return crdt_map_set(doc, b->map, crdt_bytes_of("k"), &any);
    }
}

/* A retain that ends within a pair makes two U+FFFD of it, here alone: nothing tells peers of it,
 * as in Yjs. */
static bool has_replacement(const crdt_buf *text)
{
    for (size_t i = 0; i + 3 <= text->len; i++)
        if (memcmp(text->data + i, "\xef\xbf\xbd", 3) == 0)
            return true;
    return false;
}

static void expect_same_reading(crdt_doc *mine, crdt_doc *theirs)
{
    crdt_type type;
    crdt_type other;
    crdt_bytes name;
    for (size_t cursor = 0; crdt_doc_next_root(mine, &cursor, &type, &name);) {
        crdt_buf a = {0};
        crdt_buf b = {0};
        fuzz_expect(crdt_doc_find_root(theirs, name, &other) &&
                        crdt_read_json(mine, type, NULL, &a) == CRDT_OK &&
                        crdt_read_json(theirs, other, NULL, &b) == CRDT_OK &&
                        (fuzz_same(&a, &b) || has_replacement(&a)),
                    "a peer's document reads otherwise");
        crdt_buf_free(&a);
        crdt_buf_free(&b);
    }
}

static void tell_peer(crdt_doc *doc, crdt_encoding encoding, const crdt_buf *update, uint8_t shape)
{
    crdt_doc *peer = fuzz_base_doc(shape);
    crdt_applied applied;
    fuzz_expect(crdt_doc_apply(peer, encoding, fuzz_bytes(update), &applied) == CRDT_OK &&
                    !applied.pending,
                "the update of an edit is refused, or waits");
    fuzz_check(peer);
    expect_same_reading(doc, peer);
    crdt_doc_free(peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const uint8_t shape = data[1] & 1;
    const crdt_encoding encoding = data[1] & SHAPE_V2 ? CRDT_V2 : CRDT_V1;
    bench b;
    open(&b, shape);
    crdt_buf before = fuzz_state(b.doc);
    fuzz_expect(crdt_doc_set_client(b.doc, 7) == CRDT_OK && crdt_doc_begin(b.doc) == CRDT_OK,
                "no transaction");
    const crdt_err err = act(&b, data[0], (crdt_bytes){data + 2, size - 2});
    crdt_buf update = {0};
    fuzz_expect(crdt_doc_commit(b.doc, encoding, &update) == CRDT_OK, "no commit");
    fuzz_check(b.doc);
    crdt_buf after = fuzz_state(b.doc);
    if (err != CRDT_OK)
        fuzz_expect(update.len == 0 && fuzz_same(&before, &after), "refused, and changed");
    if (update.len > 0)
        tell_peer(b.doc, encoding, &update, shape);
    crdt_buf_free(&before);
    crdt_buf_free(&after);
    crdt_buf_free(&update);
    crdt_doc_free(b.doc);
    return 0;
}
