/* A document's events and checkpoints, looked at: what is told, and of which event. */
#include "command/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../past/fixture.h"
#include "past/checkpoint.h"
#include "wiremake.h"

typedef struct notes {
    check check;
    char text[512]; /* what was found: "7: sentence; ..." */
    uint64_t events;
    uint64_t bytes;
} notes;

static void note(check *c, uint64_t seq, const char *what)
{
    notes *n = (notes *)c;
    size_t len = strlen(n->text);
    snprintf(n->text + len, sizeof(n->text) - len, "%llu: %s; ", (unsigned long long)seq, what);
}

static void count(check *c, uint64_t bytes)
{
    notes *n = (notes *)c;
    n->events++;
    n->bytes += bytes;
}

static notes looked_at(fixture *f)
{
    notes n = {.check = {.found = note, .step = count}};
    store_doc doc;
    assert_int_equal(store_find(f->store, (store_bytes){"d", 1}, &doc), STORE_OK);
    assert_int_equal(check_document(f->store, &doc, &n.check), ERR_OK);
    assert_int_equal(n.events, doc.head);
    assert_int_equal(n.bytes, doc.log_bytes);
    return n;
}

/* The checkpoint that belongs behind event `seq`, kept behind another one. */
static void keep_state_of(fixture *f, uint64_t seq, const char *text)
{
    crdt_doc *doc = crdt_doc_new(NULL);
    crdt_buf u = {0}, state = {0}, value = {0};
    assert_int_equal(crdt_doc_apply(doc, CRDT_V1, typed(&u, 0, text), NULL), CRDT_OK);
    assert_int_equal(crdt_doc_encode_state(doc, CRDT_V2, (crdt_bytes){0}, &state), CRDT_OK);
    assert_int_equal(checkpoint_encode(wm_bytes(&state), &(checkpoint_base){0}, &value), ERR_OK);
    keep(f, seq, wm_bytes(&value));
    crdt_buf_free(&u);
    crdt_buf_free(&state);
    crdt_buf_free(&value);
    crdt_doc_free(doc);
}

static void of_a_good_document_nothing_is_told(void **state)
{
    fixture *f = *state;
    assert_string_equal(looked_at(f).text, "");
    append_letters(f, 0, 100);
    assert_string_equal(looked_at(f).text, "");
    keep_state(f, 1);
    keep_state(f, 40);
    keep_state(f, 100);
    assert_string_equal(looked_at(f).text, "");
    append_letters(f, 100, 1);
    assert_string_equal(looked_at(f).text, "");
}

static void what_waits_for_others_is_well(void **state)
{
    fixture *f = *state;
    append_letters(f, 5, 3);
    keep_state(f, 2);
    append_letters(f, 0, 5);
    keep_state(f, 8);
    assert_string_equal(looked_at(f).text, "");
}

static void a_checkpoint_of_another_moment_is_told(void **state)
{
    fixture *f = *state;
    append_letters(f, 0, 10);
    keep_state(f, 3);
    keep_state_of(f, 5, "xxxxxx");
    keep_state_of(f, 7, "xxxxxxx");
    keep_state_of(f, 9, "yyyyyyyyy");
    assert_string_equal(looked_at(f).text, "5: the checkpoint is not what the events come to; "
                                           "9: the checkpoint is not what the events come to; ");
}

static void a_checkpoint_that_is_none_is_told(void **state)
{
    fixture *f = *state;
    append_letters(f, 0, 10);
    keep(f, 4, (crdt_bytes){(const uint8_t *)"\2what", 5});
    keep(f, 6, (crdt_bytes){(const uint8_t *)"\7what", 5});
    keep_state_of(f, 8, "yyyyyyyy");
    assert_string_equal(looked_at(f).text, "4: the checkpoint cannot be read; "
                                           "6: the checkpoint cannot be read; "
                                           "8: the checkpoint is not what the events come to; ");
}

/* What comes behind it may be told of no more, since it is not known what it should be. */
static void an_update_that_is_none_is_told(void **state)
{
    fixture *f = *state;
    append_letters(f, 0, 2);
    append(f, (crdt_bytes){(const uint8_t *)"no", 2});
    append_letters(f, 2, 2);
    keep_state_of(f, 5, "zzzz");
    append(f, (crdt_bytes){NULL, 0});
    assert_string_equal(looked_at(f).text, "3: the update is not one that Yjs can read; "
                                           "6: the update is not one that Yjs can read; ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(of_a_good_document_nothing_is_told),     TEST(what_waits_for_others_is_well),
        TEST(a_checkpoint_of_another_moment_is_told), TEST(a_checkpoint_that_is_none_is_told),
        TEST(an_update_that_is_none_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
