/* The encoded states are compared first, which nearly always settles it. They may differ where the
 * documents do not: in how structs are cut, and in how what waits was put together. So next each
 * encoding is loaded into a fresh document, which meets both in the same order; and last, neither
 * may hold anything that is new to the other, and all roots must read alike. */
#include "command/same.h"

#include <string.h>

#include "past/errs.h"

/* A state: the document, and what it encodes to. */
typedef struct side {
    crdt_doc *doc;
    crdt_buf bytes;
} side;

static crdt_bytes bytes_of(const crdt_buf *b)
{
    return (crdt_bytes){b->data, b->len};
}

static bool equal(const crdt_buf *a, const crdt_buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void side_deinit(side *s)
{
    crdt_doc_free(s->doc);
    crdt_buf_free(&s->bytes);
}

static err encode(crdt_doc *doc, crdt_buf *out)
{
    return err_of_crdt(crdt_doc_encode_state(doc, CRDT_V1, (crdt_bytes){NULL, 0}, out));
}

static err load(const crdt_buf *state, side *out)
{
    out->doc = crdt_doc_new(NULL);
    if (out->doc == NULL)
        return ERR_NO_MEMORY;
    err failed = err_of_crdt(crdt_doc_apply(out->doc, CRDT_V1, bytes_of(state), NULL));
    return failed == ERR_OK ? encode(out->doc, &out->bytes) : failed;
}

/* ---- contents ---- */

typedef crdt_err (*reader)(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out);

static err reads_alike(reader read, const side *a, crdt_type root_a, const side *b,
                       crdt_type root_b, bool *alike)
{
    crdt_buf text_a = {0};
    crdt_buf text_b = {0};
    err failed = err_of_crdt(read(a->doc, root_a, NULL, &text_a));
    if (failed == ERR_OK)
        failed = err_of_crdt(read(b->doc, root_b, NULL, &text_b));
    *alike = failed == ERR_OK && equal(&text_a, &text_b);
    crdt_buf_free(&text_a);
    crdt_buf_free(&text_b);
    return failed;
}

/* Every root of `a`, beside that of `b`: its list and its keys. */
static err roots_alike(const side *a, const side *b, bool *alike)
{
    size_t cursor = 0;
    crdt_type mine;
    crdt_type theirs;
    crdt_bytes name;
    err failed = ERR_OK;
    *alike = true;
    while (failed == ERR_OK && *alike && crdt_doc_next_root(a->doc, &cursor, &mine, &name)) {
        *alike = crdt_doc_find_root(b->doc, name, &theirs);
        if (*alike)
            failed = reads_alike(crdt_read_delta, a, mine, b, theirs, alike);
        if (failed == ERR_OK && *alike)
            failed = reads_alike(crdt_read_map, a, mine, b, theirs, alike);
    }
    return failed;
}

/* Changes `to`. */
static err brings_nothing(const side *from, side *to, bool *nothing)
{
    crdt_applied applied = {0};
    err failed = err_of_crdt(crdt_doc_apply(to->doc, CRDT_V1, bytes_of(&from->bytes), &applied));
    *nothing = failed == ERR_OK && !applied.changed;
    return failed;
}

static err compare_contents(side *a, side *b, bool *same)
{
    err failed = roots_alike(a, b, same);
    if (failed == ERR_OK && *same)
        failed = roots_alike(b, a, same);
    if (failed == ERR_OK && *same)
        failed = brings_nothing(a, b, same);
    if (failed == ERR_OK && *same)
        failed = brings_nothing(b, a, same);
    return failed;
}

/* ---- all of it ---- */

static err compare_afresh(const crdt_buf *bytes_a, const crdt_buf *bytes_b, bool *same)
{
    side a = {0};
    side b = {0};
    err failed = load(bytes_a, &a);
    if (failed == ERR_OK)
        failed = load(bytes_b, &b);
    if (failed == ERR_OK && equal(&a.bytes, &b.bytes))
        *same = true;
    else if (failed == ERR_OK)
        failed = compare_contents(&a, &b, same);
    side_deinit(&a);
    side_deinit(&b);
    return failed;
}

err same_state(crdt_doc *a, crdt_doc *b, bool *same)
{
    crdt_buf bytes_a = {0};
    crdt_buf bytes_b = {0};
    err failed = encode(a, &bytes_a);
    if (failed == ERR_OK)
        failed = encode(b, &bytes_b);
    *same = failed == ERR_OK && equal(&bytes_a, &bytes_b);
    if (failed == ERR_OK && !*same)
        failed = compare_afresh(&bytes_a, &bytes_b, same);
    crdt_buf_free(&bytes_a);
    crdt_buf_free(&bytes_b);
    return failed;
}
