/* Writes that are edits made in the room: events like any other, all or nothing. */
#include <crdt.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

/* What an edit does, in this order; `thread` says where. */
typedef struct edited {
    written w; /* first: see write_wait */
    const char *text;
    err failed;
    bool fails_at_once;
    uv_thread_t thread;
} edited;

static err type_text(room_write *w, crdt_doc *doc)
{
    edited *e = (edited *)(void *)((char *)w - offsetof(edited, w.w));
    e->thread = uv_thread_self();
    if (e->fails_at_once)
        return e->failed;
    crdt_type root;
    crdt_type_info info;
    assert_int_equal(crdt_doc_root(doc, crdt_bytes_of("t"), CRDT_TEXT, &root), CRDT_OK);
    assert_int_equal(crdt_type_describe(doc, root, &info), CRDT_OK);
    if (e->text != NULL)
        assert_int_equal(crdt_text_insert(doc, root, info.length, crdt_bytes_of(e->text), NULL),
                         CRDT_OK);
    return e->failed;
}

static void edit_start(fixture *f, edited *e, const char *doc, const char *text, err failed)
{
    e->text = text;
    e->failed = failed;
    e->w.w.edit = type_text;
    write_start(f, &e->w, doc, ROOM_EDIT, NULL);
}

static void edit_end(fixture *f, edited *e, err wanted)
{
    write_wait(f, &e->w);
    assert_int_equal(e->w.result, wanted);
    written_free(&e->w);
}

static void edit_ok(fixture *f, const char *doc, const char *text)
{
    edited e = {0};
    edit_start(f, &e, doc, text, ERR_OK);
    edit_end(f, &e, ERR_OK);
    assert_int_equal(e.w.w.changed, text != NULL);
}

static crdt_doc *loaded(const frame *state)
{
    crdt_doc *doc = crdt_doc_new(NULL);
    crdt_bytes bytes = {(const uint8_t *)state->data, state->len};
    assert_int_equal(crdt_doc_apply(doc, CRDT_V1, bytes, NULL), CRDT_OK);
    return doc;
}

static void expect_text(fixture *f, const char *name, const char *wanted)
{
    frame *state = state_of(f, name);
    crdt_doc *doc = loaded(state);
    crdt_type root;
    crdt_buf text = {0};
    if (crdt_doc_find_root(doc, crdt_bytes_of("t"), &root))
        assert_int_equal(crdt_read_text(doc, root, NULL, &text), CRDT_OK);
    assert_int_equal(text.len, strlen(wanted));
    assert_memory_equal(text.data == NULL ? (void *)"" : text.data, wanted, text.len);
    crdt_buf_free(&text);
    crdt_doc_free(doc);
    frame_unref(state);
}

/* What is in memory is what the events say, to the byte. */
static void expect_same_after_restart(fixture *f, const char *name)
{
    frame *before = state_of(f, name);
    fixture_restart(f);
    frame *after = state_of(f, name);
    assert_true(slice_equal(frame_slice(before), frame_slice(after)));
    frame_unref(before);
    frame_unref(after);
}

static char *long_text(size_t len)
{
    char *text = test_malloc(len + 1);
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

static void an_edit_is_an_event(void **state)
{
    fixture *f = *state;
    reader r = {0};
    edit_ok(f, "d", "ab");
    reader_join(f, &r, "d", (room_position){.from = ROOM_FROM_NOTHING});
    reader_expect(&r, "sync:1");
    edit_ok(f, "d", "cd");
    reader_expect(&r, "sync:1 update:2");
    write_ok(f, "d", ROOM_UPDATE, typed(1, 0, "x"));
    reader_expect(&r, "sync:1 update:2 update:3");
    reader_leave(&r);
    assert_int_equal(facts_of(f, "d").events, 3);
    expect_same_after_restart(f, "d");
}

static void an_edit_without_effect_is_no_event(void **state)
{
    fixture *f = *state;
    edit_ok(f, "d", NULL);
    assert_int_equal(facts_of(f, "d").life, ROOM_NONE);
    edit_ok(f, "d", "a");
    edit_ok(f, "d", NULL);
    assert_int_equal(facts_of(f, "d").head.seq, 1);
}

static void an_empty_document_does_not_end_with_an_edit_that_fails(void **state)
{
    fixture *f = *state;
    written put = {0};
    edited bad = {0};
    write_start(f, &put, "d", ROOM_CREATE, NULL);
    edit_start(f, &bad, "d", "x", ERR_NO_MEMORY);
    write_wait(f, &put);
    edit_end(f, &bad, ERR_NO_MEMORY);
    written_free(&put);
    assert_int_equal(put.result, ERR_OK);
    assert_int_equal(facts_of(f, "d").life, ROOM_ALIVE);
    expect_text(f, "d", "");
}

static void a_document_does_not_begin_with_an_edit_that_fails(void **state)
{
    fixture *f = *state;
    edited bad = {0};
    edit_start(f, &bad, "d", "x", ERR_NO_MEMORY);
    edit_end(f, &bad, ERR_NO_MEMORY);
    assert_int_equal(facts_of(f, "d").life, ROOM_NONE);
    bad.fails_at_once = true;
    edit_start(f, &bad, "d", "x", ERR_NO_MEMORY);
    edit_end(f, &bad, ERR_NO_MEMORY);
    assert_int_equal(facts_of(f, "d").life, ROOM_NONE);
    edit_ok(f, "d", "a");
    expect_text(f, "d", "a");
}

static void an_edit_that_fails_at_once_fails_alone(void **state)
{
    fixture *f = *state;
    edited e[3] = {[1] = {.fails_at_once = true}};
    edit_start(f, &e[0], "d", "a", ERR_OK);
    edit_start(f, &e[1], "d", "b", ERR_NO_MEMORY);
    edit_start(f, &e[2], "d", "c", ERR_OK);
    uint64_t loads = registry_get_stats(f->rooms).loads;
    edit_end(f, &e[0], ERR_OK);
    edit_end(f, &e[1], ERR_NO_MEMORY);
    edit_end(f, &e[2], ERR_OK);
    expect_text(f, "d", "ac");
    assert_int_equal(registry_get_stats(f->rooms).loads, loads + 1);
}

static void an_edit_that_fails_half_way_leaves_nothing(void **state)
{
    fixture *f = *state;
    reader r = {0};
    edited e[3] = {0};
    written w[2] = {0};
    edit_ok(f, "d", "0");
    reader_join(f, &r, "d", (room_position){.from = ROOM_FROM_NOTHING});
    reader_expect(&r, "sync:1");
    edit_start(f, &e[0], "d", "1", ERR_OK);
    write_start(f, &w[0], "d", ROOM_UPDATE, typed(1, 0, "2"));
    edit_start(f, &e[1], "d", "bad", ERR_NO_MEMORY);
    edit_start(f, &e[2], "d", "3", ERR_OK);
    write_start(f, &w[1], "d", ROOM_UPDATE, typed(1, 1, "4"));
    edit_end(f, &e[0], ERR_OK);
    edit_end(f, &e[1], ERR_NO_MEMORY);
    edit_end(f, &e[2], ERR_OK);
    for (size_t i = 0; i < 2; i++) {
        write_wait(f, &w[i]);
        assert_int_equal(w[i].result, ERR_OK);
        written_free(&w[i]);
    }
    assert_int_equal(facts_of(f, "d").head.seq, 5);
    reader_expect(&r, "sync:1 update:3 update:5");
    reader_leave(&r);
    expect_same_after_restart(f, "d");
    frame *whole = state_of(f, "d");
    assert_null(memmem(whole->data, whole->len, "bad", 3));
    frame_unref(whole);
}

static void one_that_fails_half_way_alone_leaves_nothing(void **state)
{
    fixture *f = *state;
    edited bad = {0};
    edit_ok(f, "d", "a");
    edit_start(f, &bad, "d", "bad", ERR_NO_MEMORY);
    edit_end(f, &bad, ERR_NO_MEMORY);
    expect_text(f, "d", "a");
    edit_ok(f, "d", "b");
    expect_text(f, "d", "ab");
    assert_int_equal(facts_of(f, "d").head.seq, 2);
}

static void edits_of_large_documents_are_made_in_the_pool(void **state)
{
    fixture *f = *state;
    uv_thread_t here = uv_thread_self();
    edited e[3] = {0};
    written w[2] = {0};
    char *text = long_text((size_t)1 << 20);
    edit_start(f, &e[0], "d", text, ERR_OK);
    edit_end(f, &e[0], ERR_OK);
    assert_true(uv_thread_equal(&e[0].thread, &here));
    write_start(f, &w[0], "d", ROOM_UPDATE, typed(1, 0, "a"));
    edit_start(f, &e[0], "d", "1", ERR_OK);
    edit_start(f, &e[1], "d", "bad", ERR_NO_MEMORY);
    edit_start(f, &e[2], "d", "2", ERR_OK);
    write_start(f, &w[1], "d", ROOM_UPDATE, typed(1, 1, "b"));
    frame *whole = state_of(f, "d"); /* asked for while they are made */
    frame_unref(whole);
    edit_end(f, &e[0], ERR_OK);
    edit_end(f, &e[1], ERR_NO_MEMORY);
    edit_end(f, &e[2], ERR_OK);
    for (size_t i = 0; i < 2; i++) {
        write_wait(f, &w[i]);
        assert_int_equal(w[i].result, ERR_OK);
        written_free(&w[i]);
    }
    assert_false(uv_thread_equal(&e[0].thread, &here));
    assert_false(uv_thread_equal(&e[2].thread, &here));
    assert_int_equal(facts_of(f, "d").head.seq, 5);
    expect_same_after_restart(f, "d");
    test_free(text);
}

static void a_heavy_edit_begins_a_document_in_the_pool(void **state)
{
    fixture *f = *state;
    uv_thread_t here = uv_thread_self();
    edited e[2] = {{.w.w.weight = (size_t)1 << 20}, {.w.w.weight = (size_t)1 << 20}};
    edit_start(f, &e[0], "d", "bad", ERR_NO_MEMORY);
    edit_start(f, &e[1], "d", "a", ERR_OK);
    edit_end(f, &e[0], ERR_NO_MEMORY);
    edit_end(f, &e[1], ERR_OK);
    assert_false(uv_thread_equal(&e[1].thread, &here));
    assert_int_equal(facts_of(f, "d").head.seq, 1);
    expect_text(f, "d", "a");
}

static void an_edit_for_another_epoch_is_refused(void **state)
{
    fixture *f = *state;
    edited e = {.w.w.if_epoch = true, .w.w.epoch = 1};
    edit_start(f, &e, "d", "a", ERR_OK);
    edit_end(f, &e, ERR_EPOCH_CHANGED);
    assert_int_equal(facts_of(f, "d").life, ROOM_NONE);
    edit_ok(f, "d", "a");
    e.w.w.epoch = facts_of(f, "d").head.epoch;
    edit_start(f, &e, "d", "b", ERR_OK);
    edit_end(f, &e, ERR_OK);
    e.w.w.epoch++;
    edit_start(f, &e, "d", "b", ERR_OK);
    edit_end(f, &e, ERR_EPOCH_CHANGED);
    expect_text(f, "d", "ab");
    write_ok(f, "d", ROOM_DELETE, NULL);
    edited late = {0};
    edit_start(f, &late, "d", "a", ERR_OK);
    edit_end(f, &late, ERR_DELETED);
}

static size_t clients_of(fixture *f, const char *name)
{
    frame *state = state_of(f, name);
    crdt_update_client *clients;
    size_t count;
    crdt_bytes bytes = {(const uint8_t *)state->data, state->len};
    assert_int_equal(crdt_update_clients(CRDT_V1, bytes, &clients, &count), CRDT_OK);
    crdt_update_clients_free(clients, count);
    frame_unref(state);
    return count;
}

static void a_document_gets_a_client_when_it_was_loaded_not_with_each_edit(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < 20; i++)
        edit_ok(f, "d", "a");
    assert_int_equal(clients_of(f, "d"), 1);
    fixture_restart(f);
    edit_ok(f, "d", "b");
    assert_int_equal(clients_of(f, "d"), 2);
    expect_text(f, "d", "aaaaaaaaaaaaaaaaaaaab");
}

static void an_edit_that_cannot_be_kept_is_as_if_it_had_not_been(void **state)
{
    fixture *f = *state;
    char *text = long_text((size_t)4 << 20);
    edited e = {0};
    edit_ok(f, "d", "a");
    edit_start(f, &e, "d", text, ERR_OK);
    edit_end(f, &e, ERR_STORAGE_FULL);
    expect_text(f, "d", "a");
    edit_ok(f, "d", "b");
    expect_text(f, "d", "ab");
    test_free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_edit_is_an_event),
        TEST(an_edit_without_effect_is_no_event),
        TEST(an_empty_document_does_not_end_with_an_edit_that_fails),
        TEST(a_document_does_not_begin_with_an_edit_that_fails),
        TEST(an_edit_that_fails_at_once_fails_alone),
        TEST(an_edit_that_fails_half_way_leaves_nothing),
        TEST(one_that_fails_half_way_alone_leaves_nothing),
        TEST(edits_of_large_documents_are_made_in_the_pool),
        TEST(a_heavy_edit_begins_a_document_in_the_pool),
        TEST(an_edit_for_another_epoch_is_refused),
        TEST(a_document_gets_a_client_when_it_was_loaded_not_with_each_edit),
        cmocka_unit_test_setup_teardown(an_edit_that_cannot_be_kept_is_as_if_it_had_not_been,
                                        fixture_setup_small, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
