/* Large documents of every awkward shape. None of these tests looks at a clock. With WEFT_SLOW=1
 * the sizes are such that work which grows with the square of them, where it need not, would
 * outlast the patience of whoever runs the tests; without, they are a few times smaller. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"

static const wm_item one_x = {.kind = WM_STRING, .root = "t", .text = "x"};

static uint64_t sized(uint64_t size)
{
    const char *slow = getenv("WEFT_SLOW");
    return slow && strcmp(slow, "1") == 0 ? size : size / 8;
}

/* Applies without walking the document each time. */
static void take(fixture *f, crdt_bytes update)
{
    assert_int_equal(crdt_doc_apply(f->doc, CRDT_V1, update, NULL), CRDT_OK);
}

static void expect_sound(fixture *f)
{
    const char *broken = crdt_doc_check(f->doc);
    if (broken)
        fail_msg("%s", broken);
}

/* Its state makes an equal document. */
static void expect_reloads(fixture *f)
{
    crdt_buf now = fixture_state(f);
    fixture g;
    fixture_open(&g, (crdt_doc_options){0});
    fixture_apply(&g, wm_bytes(&now));
    crdt_buf sv[2] = {{0}, {0}};
    assert_int_equal(crdt_doc_encode_state_vector(f->doc, &sv[0]), CRDT_OK);
    assert_int_equal(crdt_doc_encode_state_vector(g.doc, &sv[1]), CRDT_OK);
    assert_int_equal(sv[0].len, sv[1].len);
    assert_memory_equal(sv[0].data, sv[1].data, sv[0].len);
    crdt_buf_free(&sv[0]);
    crdt_buf_free(&sv[1]);
    crdt_buf_free(&now);
    fixture_close(&g);
}

/* Numbers 0 to count-1 in a random order. Owned (free). */
static uint64_t *shuffled(uint64_t count)
{
    rng r = {count};
    uint64_t *list = malloc(count * sizeof *list);
    assert_non_null(list);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t j = rng_below(&r, i + 1);
        list[i] = list[j];
        list[j] = i;
    }
    return list;
}

/* The one shape that Yjs' rules make quadratic: whoever inserts walks over those who inserted at
 * the same spot. */
static void many_clients_insert_at_one_spot(void **state)
{
    (void)state;
    const uint64_t clients = sized(5000);
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    fixture_put(&f, (wm_id){0, 0}, (wm_item){.kind = WM_STRING, .root = "t", .text = "ab"});
    const wm_id a = {0, 0};
    const wm_id b = {0, 1};
    const wm_item between = {.kind = WM_STRING, .origin = &a, .right = &b, .text = "x"};
    uint64_t *order = shuffled(clients);
    for (uint64_t i = 0; i < clients; i++)
        take(&f, wm_one(&f.update, (wm_id){1 + order[i], 0}, &between));
    free(order);
    expect_sound(&f);
    fixture_expect_structs(&f, clients + 2);
    expect_reloads(&f);
    fixture_close(&f);
}

/* Each character before the one typed last: structs that never merge, all of one client. */
static void prepend(fixture *f, uint64_t count)
{
    wm_begin(&f->update, 1);
    wm_section(&f->update, count, 1, 0);
    for (uint64_t i = 0; i < count; i++) {
        const wm_id last = {1, i - 1};
        wm_item item = one_x;
        item.right = i ? &last : NULL;
        wm_struct(&f->update, &item);
    }
    wm_begin_deletes(&f->update, 0);
    take(f, wm_bytes(&f->update));
}

static void one_client_with_very_many_structs(void **state)
{
    (void)state;
    const uint64_t structs = sized(500000);
    const uint64_t deletes = sized(20000);
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    prepend(&f, structs);
    fixture_expect_structs(&f, structs);
    rng r = {1};
    for (uint64_t i = 0; i < deletes; i++)
        take(&f, wm_delete(&f.update, (wm_id){1, rng_below(&r, structs)}, 1 + rng_below(&r, 3)));
    expect_sound(&f);
    expect_reloads(&f);
    fixture_close(&f);
}

static void prepending_key_by_key(void **state)
{
    (void)state;
    const uint64_t keys = sized(100000);
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    for (uint64_t i = 0; i < keys; i++) {
        const wm_id last = {1, i - 1};
        wm_item item = one_x;
        item.right = i ? &last : NULL;
        take(&f, wm_one(&f.update, (wm_id){1, i}, &item));
    }
    expect_sound(&f);
    fixture_expect_structs(&f, keys);
    fixture_close(&f);
}

static char *long_text(size_t len)
{
    char *text = malloc(len + 1);
    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + i % 26);
    text[len] = 0;
    return text;
}

/* Every other unit of [0, len), from the first or from the last. */
static void delete_alternating(fixture *f, uint64_t len, bool backwards)
{
    wm_begin(&f->update, 0);
    wm_begin_deletes(&f->update, 1);
    wm_deletes_of(&f->update, 1, len / 2);
    for (uint64_t i = 0; i < len / 2; i++)
        wm_range(&f->update, backwards ? len - 2 - 2 * i : 2 * i, 1);
    take(f, wm_bytes(&f->update));
}

static void a_delete_set_of_every_other_character(void **state)
{
    (void)state;
    const uint64_t text_len = sized(200000);
    char *text = long_text(text_len);
    for (int backwards = 0; backwards < 2; backwards++) {
        fixture f;
        fixture_open(&f, (crdt_doc_options){0});
        fixture_put(&f, (wm_id){1, 0}, (wm_item){.kind = WM_STRING, .root = "t", .text = text});
        delete_alternating(&f, text_len, backwards);
        expect_sound(&f);
        fixture_expect_structs(&f, text_len);
        fixture_delete(&f, (wm_id){1, 0}, text_len);
        fixture_expect_structs(&f, 1);
        fixture_close(&f);
    }
    free(text);
}

static void every_other_character_deleted_one_by_one(void **state)
{
    (void)state;
    const uint64_t text_len = sized(100000);
    char *text = long_text(text_len);
    uint64_t *order = shuffled(text_len / 2);
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    fixture_put(&f, (wm_id){1, 0}, (wm_item){.kind = WM_STRING, .root = "t", .text = text});
    for (size_t i = 0; i < text_len / 2; i++)
        take(&f, wm_delete(&f.update, (wm_id){1, 2 * order[i]}, 1));
    expect_sound(&f);
    fixture_expect_structs(&f, text_len);
    fixture_close(&f);
    free(order);
    free(text);
}

static void types_nested_deeply_are_deleted(void **state)
{
    (void)state;
    enum { DEPTH = 30000 };
    for (int gc_off = 0; gc_off < 2; gc_off++) {
        fixture f;
        fixture_open(&f, (crdt_doc_options){.gc = gc_off ? CRDT_GC_OFF : CRDT_GC_ON});
        wm_begin(&f.update, 1);
        wm_section(&f.update, DEPTH, 1, 0);
        for (uint64_t i = 0; i < DEPTH; i++) {
            const wm_id parent = {1, i - 1};
            wm_struct(&f.update, &(wm_item){.kind = WM_TYPE,
                                            .root = i ? NULL : "a",
                                            .parent = &parent,
                                            .sub = i % 2 ? "k" : NULL});
        }
        wm_begin_deletes(&f.update, 0);
        take(&f, wm_bytes(&f.update));
        fixture_delete(&f, (wm_id){1, 0}, 1);
        fixture_expect_structs(&f, gc_off ? DEPTH : 2);
        expect_reloads(&f);
        fixture_close(&f);
    }
}

/* Each of these needs the one that comes after it. */
static void everything_arrives_backwards(void **state)
{
    (void)state;
    const uint64_t updates = sized(20000);
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    for (uint64_t i = updates; i-- > 0;) {
        const wm_id before = {1, i - 1};
        wm_item item = one_x;
        item.origin = i ? &before : NULL;
        take(&f, wm_one(&f.update, (wm_id){1, i}, &item));
    }
    assert_false(crdt_doc_pending(f.doc));
    fixture_expect_structs(&f, 1);
    expect_sound(&f);
    fixture_close(&f);
}

/* They wait for ever, each for another client. */
static void many_wait_for_somebody_else(void **state)
{
    (void)state;
    const uint64_t updates = sized(10000);
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    for (uint64_t i = 0; i < updates; i++) {
        const wm_id missing = {updates + i, 3};
        wm_item item = one_x;
        item.origin = &missing;
        take(&f, wm_one(&f.update, (wm_id){i, 0}, &item));
        take(&f, wm_delete(&f.update, (wm_id){updates + i, i}, 1));
    }
    assert_true(crdt_doc_pending(f.doc));
    expect_reloads(&f);
    fixture_close(&f);
}

/* The same in one update. */
static void many_clients_of_one_update_wait(void **state)
{
    (void)state;
    const uint64_t clients = sized(200000);
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    const wm_id missing = {clients + 5, 3};
    wm_item item = one_x;
    item.origin = &missing;
    wm_begin(&f.update, clients);
    for (uint64_t i = 0; i < clients; i++) {
        wm_section(&f.update, 1, i, 0);
        wm_struct(&f.update, &item);
    }
    wm_begin_deletes(&f.update, 0);
    take(&f, wm_bytes(&f.update));
    expect_reloads(&f);
    fixture_close(&f);
}

/* Sections that lean on each other: every struct waits on the stack for the next section. */
static void many_clients_lean_on_each_other(void **state)
{
    (void)state;
    const uint64_t clients = sized(100000);
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    wm_begin(&f.update, clients);
    for (uint64_t i = 0; i < clients; i++) {
        const wm_id before = {i - 1, 0};
        wm_item item = one_x;
        item.origin = i ? &before : NULL;
        wm_section(&f.update, 1, i, 0);
        wm_struct(&f.update, &item);
    }
    wm_begin_deletes(&f.update, 0);
    take(&f, wm_bytes(&f.update));
    expect_sound(&f);
    fixture_expect_structs(&f, clients);
    fixture_close(&f);
}

static void many_roots_keys_and_marks(void **state)
{
    (void)state;
    const uint64_t names = sized(50000);
    fixture f;
    fixture_open(&f, (crdt_doc_options){.cleanup = CRDT_CLEANUP_ON});
    wm_begin(&f.update, 1);
    wm_section(&f.update, 3 * names, 1, 0);
    for (uint64_t i = 0; i < names; i++) {
        char name[32];
        snprintf(name, sizeof name, "name %u", (unsigned)i);
        wm_struct(&f.update, &(wm_item){.kind = WM_ANY, .root = name, .len = 1});
        wm_struct(&f.update, &(wm_item){.kind = WM_ANY, .root = "m", .sub = name, .len = 1});
        wm_struct(&f.update,
                  &(wm_item){.kind = WM_FORMAT, .root = "t", .text = name, .value = "1"});
    }
    wm_begin_deletes(&f.update, 0);
    take(&f, wm_bytes(&f.update));
    expect_sound(&f);
    expect_reloads(&f);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_clients_insert_at_one_spot),
        cmocka_unit_test(one_client_with_very_many_structs),
        cmocka_unit_test(prepending_key_by_key),
        cmocka_unit_test(a_delete_set_of_every_other_character),
        cmocka_unit_test(every_other_character_deleted_one_by_one),
        cmocka_unit_test(types_nested_deeply_are_deleted),
        cmocka_unit_test(everything_arrives_backwards),
        cmocka_unit_test(many_wait_for_somebody_else),
        cmocka_unit_test(many_clients_of_one_update_wait),
        cmocka_unit_test(many_clients_lean_on_each_other),
        cmocka_unit_test(many_roots_keys_and_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
