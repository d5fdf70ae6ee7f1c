/* A whole state into an empty document: the same as applying it, whatever it is made of; when it is
 * bad, or memory ends, the document is empty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "failmem.h"
#include "loading.h"
#include "rng.h"
#include "wiremake.h"

enum { LOGS = 50, LOG_LEN = 60 };

/* Broken at so many places that it takes long: with WEFT_SLOW=1 of whole logs. */
static size_t broken_log_len(void)
{
    const char *slow = getenv("WEFT_SLOW");
    return slow && strcmp(slow, "1") == 0 ? LOG_LEN : LOG_LEN / 3;
}

static const crdt_doc_options all_options[] = {
    {.gc = CRDT_GC_ON},
    {.gc = CRDT_GC_OFF},
    {.cleanup = CRDT_CLEANUP_ON},
};

static crdt_buf state_of_log(const loading_log *log, crdt_doc_options options)
{
    crdt_buf state = {0};
    crdt_doc *doc = crdt_doc_new(&options);
    assert_non_null(doc);
    for (size_t i = 0; i < log->count; i++)
        assert_int_equal(crdt_doc_apply(doc, CRDT_V1, wm_bytes(&log->updates[i]), NULL), CRDT_OK);
    assert_int_equal(crdt_doc_encode_state(doc, CRDT_V1, (crdt_bytes){0}, &state), CRDT_OK);
    crdt_doc_free(doc);
    return state;
}

static crdt_buf merged_log(const loading_log *log, size_t skip)
{
    crdt_bytes *updates = calloc(log->count, sizeof *updates);
    crdt_buf merged = {0};
    assert_non_null(updates);
    for (size_t i = skip; i < log->count; i++)
        updates[i - skip] = wm_bytes(&log->updates[i]);
    assert_int_equal(crdt_update_merge(CRDT_V1, updates, log->count - skip, &merged), CRDT_OK);
    free(updates);
    return merged;
}

static crdt_buf in_v2(crdt_bytes update)
{
    crdt_buf converted = {0};
    if (update.len > 0)
        assert_int_equal(crdt_update_convert(CRDT_V1, update, CRDT_V2, &converted), CRDT_OK);
    return converted;
}

static void expect_alike(uint64_t seed, const crdt_buf *update, crdt_bytes more)
{
    crdt_buf v2[2] = {in_v2(wm_bytes(update)), in_v2(more)};
    for (size_t i = 0; i < sizeof all_options / sizeof all_options[0]; i++) {
        const char *wrong = loading_differs(CRDT_V1, wm_bytes(update), more, all_options[i]);
        if (!wrong)
            wrong = loading_differs(CRDT_V2, wm_bytes(&v2[0]), wm_bytes(&v2[1]), all_options[i]);
        if (wrong)
            fail_msg("seed %u, options %zu: %s", (unsigned)seed, i, wrong);
    }
    crdt_buf_free(&v2[0]);
    crdt_buf_free(&v2[1]);
}

static void a_state_is_loaded_as_it_is_applied(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= LOGS; seed++) {
        loading_log log = loading_make_log(seed, LOG_LEN);
        for (size_t i = 0; i < 2; i++) {
            crdt_buf encoded = state_of_log(&log, all_options[i]);
            expect_alike(seed, &encoded, wm_bytes(&log.updates[LOG_LEN - 1]));
            crdt_buf_free(&encoded);
        }
        loading_free_log(&log);
    }
}

/* Nothing in it is split, deleted or merged yet. */
static void merged_updates_are_loaded_as_they_are_applied(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= LOGS; seed++) {
        loading_log log = loading_make_log(seed, LOG_LEN);
        crdt_buf merged = merged_log(&log, 0);
        expect_alike(seed, &merged, (crdt_bytes){0});
        crdt_buf_free(&merged);
        loading_free_log(&log);
    }
}

static void what_must_wait_is_left_to_applying(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= LOGS; seed++) {
        loading_log log = loading_make_log(seed, LOG_LEN);
        crdt_buf rest = merged_log(&log, 2);
        crdt_buf all = merged_log(&log, 0);
        expect_alike(seed, &rest, wm_bytes(&all));
        crdt_buf_free(&rest);
        crdt_buf_free(&all);
        loading_free_log(&log);
    }
}

static void what_is_broken_is_judged_as_applying_judges(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        loading_log log = loading_make_log(seed, broken_log_len());
        crdt_buf encoded = state_of_log(&log, all_options[seed % 2]);
        crdt_buf merged = merged_log(&log, 0);
        const char *wrong = loading_differs_when_broken(CRDT_V1, wm_bytes(&encoded), 2 + seed % 3);
        if (!wrong)
            wrong = loading_differs_when_broken(CRDT_V1, wm_bytes(&merged), 2 + seed % 3);
        if (wrong)
            fail_msg("seed %u: %s", (unsigned)seed, wrong);
        crdt_buf_free(&encoded);
        crdt_buf_free(&merged);
        loading_free_log(&log);
    }
}

/* ---- memory ---- */

static crdt_type root_of(crdt_doc *doc, const char *name)
{
    crdt_type type;
    assert_int_equal(crdt_doc_root(doc, crdt_bytes_of(name), CRDT_ARRAY, &type), CRDT_OK);
    return type;
}

static crdt_buf state_of(crdt_doc *doc)
{
    crdt_buf state = {0};
    assert_int_equal(crdt_doc_encode_state(doc, CRDT_V1, (crdt_bytes){0}, &state), CRDT_OK);
    return state;
}

static void expect_state(crdt_doc *doc, const crdt_buf *expected)
{
    crdt_buf state = state_of(doc);
    assert_int_equal(state.len, expected->len);
    assert_memory_equal(state.data, expected->data, expected->len);
    crdt_buf_free(&state);
}

/* Loads with the call at `at` failing. Then the document is empty, and takes the same update.
 * False: there was no such call. */
static bool load_with_failure(crdt_bytes update, uint64_t at, bool once, const crdt_buf *expected)
{
    failmem memory;
    failmem_init(&memory);
    crdt_doc *doc = crdt_doc_new(&(crdt_doc_options){.mem = &memory.mem});
    crdt_type before = root_of(doc, "second root");
    assert_int_equal(crdt_doc_set_client(doc, 70), CRDT_OK);
    memory.fail_at = memory.calls + at;
    memory.fail_once = once;
    crdt_applied applied = {0};
    crdt_err err = crdt_doc_apply(doc, CRDT_V1, update, &applied);
    bool reached = memory.calls > memory.fail_at;
    memory.fail_at = FAILMEM_NEVER;
    if (err != CRDT_OK) {
        assert_int_equal(err, CRDT_NO_MEMORY);
        assert_false(crdt_doc_failed(doc));
        assert_null(crdt_doc_check(doc));
        assert_int_equal(crdt_doc_struct_count(doc), 0);
        assert_int_equal(root_of(doc, "second root").root, before.root);
        assert_int_equal(crdt_doc_apply(doc, CRDT_V1, update, &applied), CRDT_OK);
    }
    assert_true(applied.client_taken);
    assert_null(crdt_doc_check(doc));
    assert_int_equal(crdt_doc_memory_bytes(doc), memory.held_bytes);
    expect_state(doc, expected);
    crdt_doc_free(doc);
    assert_int_equal(memory.held_bytes, 0);
    assert_false(memory.size_mismatch);
    return reached;
}

static void when_memory_ends_the_document_is_empty(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        loading_log log = loading_make_log(seed, LOG_LEN);
        crdt_buf update = seed % 2 ? state_of_log(&log, all_options[0]) : merged_log(&log, 0);
        crdt_doc *doc = crdt_doc_new(NULL);
        assert_int_equal(crdt_doc_apply(doc, CRDT_V1, wm_bytes(&update), NULL), CRDT_OK);
        crdt_buf expected = state_of(doc);
        uint64_t at = 0;
        while (load_with_failure(wm_bytes(&update), at, seed % 4 < 2, &expected))
            at++;
        assert_true(at > 5);
        crdt_doc_free(doc);
        crdt_buf_free(&update);
        crdt_buf_free(&expected);
        loading_free_log(&log);
    }
}

/* A limit that the document fits in by a hair. */
static void the_memory_limit_is_that_of_applying(void **state)
{
    (void)state;
    loading_log log = loading_make_log(3, LOG_LEN);
    crdt_buf encoded = state_of_log(&log, all_options[0]);
    size_t refused = 0;
    for (size_t max = 2000; max < 60000; max += 500) {
        crdt_doc *doc = crdt_doc_new(&(crdt_doc_options){.memory_max = max});
        if (!doc)
            continue;
        crdt_err err = crdt_doc_apply(doc, CRDT_V1, wm_bytes(&encoded), NULL);
        assert_true(crdt_doc_memory_bytes(doc) <= max);
        if (err != CRDT_OK) {
            assert_int_equal(err, CRDT_LIMIT);
            refused++;
        }
        crdt_doc_free(doc);
    }
    assert_true(refused > 0 && refused < 100);
    loading_free_log(&log);
    crdt_buf_free(&encoded);
}

/* ---- shapes ---- */

/* One struct of nearly all clocks there are, and many of one clock each: what finds structs by
 * clock must not mind. */
static void clocks_may_lie_as_they_like(void **state)
{
    (void)state;
    enum { SMALL = 3000 };
    crdt_buf u = {0};
    wm_id origin = {7, 0};
    wm_begin(&u, 1);
    wm_section(&u, SMALL + 1, 7, 0);
    wm_struct(&u, &(wm_item){.kind = WM_DELETED, .root = "t", .len = UINT64_C(1) << 52});
    for (uint64_t i = 0; i < SMALL; i++) {
        origin.clock = i % 2 ? (UINT64_C(1) << 52) + i / 2 : (UINT64_C(1) << 52) - 1;
        wm_struct(&u, &(wm_item){.kind = WM_STRING, .origin = &origin, .text = "x"});
    }
    wm_begin_deletes(&u, 1);
    wm_deletes_of(&u, 7, 1);
    wm_range(&u, 0, UINT64_C(1) << 52);
    const char *wrong = loading_differs(CRDT_V1, wm_bytes(&u), (crdt_bytes){0}, all_options[0]);
    if (wrong)
        fail_msg("%s", wrong);
    crdt_buf_free(&u);
}

/* Each of many clients has one struct, which hangs on the next one's. */
static void clients_may_wait_for_each_other_in_a_row(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    crdt_buf u = {0};
    wm_begin(&u, COUNT);
    for (uint64_t i = COUNT; i > 0; i--) {
        wm_id origin = {i - 1, 0};
        wm_item item = {.kind = WM_STRING, .root = "t", .text = "x"};
        if (i > 1)
            item.origin = &origin;
        wm_section(&u, 1, i, 0);
        wm_struct(&u, &item);
    }
    wm_begin_deletes(&u, 0);
    const char *wrong = loading_differs(CRDT_V1, wm_bytes(&u), (crdt_bytes){0}, all_options[0]);
    if (wrong)
        fail_msg("%s", wrong);
    crdt_buf_free(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_is_loaded_as_it_is_applied),
        cmocka_unit_test(merged_updates_are_loaded_as_they_are_applied),
        cmocka_unit_test(what_must_wait_is_left_to_applying),
        cmocka_unit_test(what_is_broken_is_judged_as_applying_judges),
        cmocka_unit_test(when_memory_ends_the_document_is_empty),
        cmocka_unit_test(the_memory_limit_is_that_of_applying),
        cmocka_unit_test(clocks_may_lie_as_they_like),
        cmocka_unit_test(clients_may_wait_for_each_other_in_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
