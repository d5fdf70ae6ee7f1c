/* Updates whose sections are in another order than Yjs': merging must lose nothing of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wiremake.h"

static const uint64_t clients[] = {3, 9, 1, 7};
enum { CLIENTS = sizeof clients / sizeof clients[0] };

/* One letter by each client, in the order of `clients`; `twice` begins with a section of client 9
 * that a later one replaces. */
static crdt_bytes unsorted(crdt_buf *u, bool twice)
{
    wm_begin(u, CLIENTS + (twice ? 1 : 0));
    if (twice) {
        wm_section(u, 1, 9, 0);
        wm_struct(u, &(wm_item){.kind = WM_STRING, .root = "t", .text = "replaced"});
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        wm_section(u, 1, clients[i], 0);
        wm_struct(u, &(wm_item){.kind = WM_STRING, .root = "t", .text = "x"});
    }
    wm_begin_deletes(u, 1);
    wm_deletes_of(u, 3, 1);
    wm_range(u, 0, 1);
    return wm_bytes(u);
}

static crdt_buf state_of(crdt_bytes update)
{
    crdt_buf state = {0};
    crdt_doc *doc = crdt_doc_new(NULL);
    assert_non_null(doc);
    assert_int_equal(crdt_doc_apply(doc, CRDT_V1, update, NULL), CRDT_OK);
    assert_int_equal(crdt_doc_encode_state(doc, CRDT_V1, (crdt_bytes){0}, &state), CRDT_OK);
    crdt_doc_free(doc);
    return state;
}

static void merging_keeps_every_section(void **state)
{
    (void)state;
    static const uint8_t empty[] = {0, 0};
    for (int twice = 0; twice < 2; twice++) {
        crdt_buf update = {0};
        crdt_buf merged = {0};
        const crdt_bytes pair[] = {unsorted(&update, twice), {empty, sizeof empty}};
        assert_int_equal(crdt_update_merge(CRDT_V1, pair, 2, &merged), CRDT_OK);
        crdt_buf alone = state_of(pair[0]);
        crdt_buf together = state_of(wm_bytes(&merged));
        assert_int_equal(together.len, alone.len);
        assert_memory_equal(together.data, alone.data, alone.len);
        crdt_buf_free(&update);
        crdt_buf_free(&merged);
        crdt_buf_free(&alone);
        crdt_buf_free(&together);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(merging_keeps_every_section)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
