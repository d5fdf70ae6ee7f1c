/* Checkpoints as bytes: what goes in comes out, what older versions wrote is read, nothing else is.
 */
#include "past/checkpoint.h"

#include <string.h>

#include "fixture.h"
#include "wiremake.h"

/* The state in format v2 of a document with a text, and with something that waits. */
static crdt_bytes some_state(crdt_buf *out)
{
    crdt_buf u = {0};
    crdt_doc *doc = crdt_doc_new(NULL);
    assert_int_equal(crdt_doc_apply(doc, CRDT_V1, typed(&u, 0, "some text"), NULL), CRDT_OK);
    assert_int_equal(crdt_doc_apply(doc, CRDT_V1, typed(&u, 100, "later"), NULL), CRDT_OK);
    assert_true(crdt_doc_pending(doc));
    assert_int_equal(crdt_doc_encode_state(doc, CRDT_V2, (crdt_bytes){0}, out), CRDT_OK);
    crdt_doc_free(doc);
    crdt_buf_free(&u);
    return wm_bytes(out);
}

static void a_state_comes_back_as_it_was(void **state)
{
    (void)state;
    crdt_buf before = {0}, value = {0}, after = {0};
    crdt_bytes plain = some_state(&before);
    assert_int_equal(checkpoint_encode(plain, &value), ERR_OK);
    assert_int_equal(value.data[0], 2);
    crdt_doc *doc = crdt_doc_new(NULL);
    uint64_t len;
    assert_int_equal(checkpoint_apply(doc, wm_bytes(&value), &len), ERR_OK);
    assert_int_equal(len, plain.len);
    assert_true(crdt_doc_pending(doc));
    assert_int_equal(crdt_doc_encode_state(doc, CRDT_V2, (crdt_bytes){0}, &after), CRDT_OK);
    assert_int_equal(after.len, before.len);
    assert_memory_equal(after.data, before.data, before.len);
    crdt_doc_free(doc);
    crdt_buf_free(&before);
    crdt_buf_free(&value);
    crdt_buf_free(&after);
}

static void what_older_versions_wrote_is_read(void **state)
{
    (void)state;
    crdt_buf u = {0}, value = {0};
    crdt_bytes plain = typed(&u, 0, "some text");
    wm_byte(&value, 1);
    for (size_t i = 0; i < plain.len; i++)
        wm_byte(&value, plain.data[i]);
    crdt_doc *doc = crdt_doc_new(NULL);
    uint64_t len;
    assert_int_equal(checkpoint_apply(doc, wm_bytes(&value), &len), ERR_OK);
    assert_int_equal(len, plain.len);
    assert_int_equal(typed_in(doc), strlen("some text"));
    crdt_doc_free(doc);
    crdt_buf_free(&u);
    crdt_buf_free(&value);
}

static void refused(const void *bytes, size_t len)
{
    crdt_doc *doc = crdt_doc_new(NULL);
    uint64_t state_len = 99;
    assert_int_equal(checkpoint_apply(doc, (crdt_bytes){bytes, len}, &state_len), ERR_STORAGE);
    assert_int_equal(state_len, 99);
    assert_int_equal(typed_in(doc), 0);
    crdt_doc_free(doc);
}

static void what_is_no_checkpoint_is_refused(void **state)
{
    (void)state;
    static const uint8_t form_0[] = {0, 0, 0}, form_3[] = {3, 0, 0}, empty_frame[] = {2};
    static const uint8_t no_update[] = {1, 9, 9, 9}, no_frame[] = {2, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    /* A frame that says it holds 2^56 bytes. */
    static const uint8_t huge[] = {2, 0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0,
                                   0, 0,    0,    0,    1,    1,    0, 0};
    refused("", 0);
    refused(form_0, sizeof(form_0));
    refused(form_3, sizeof(form_3));
    refused(empty_frame, sizeof(empty_frame));
    refused(no_update, sizeof(no_update));
    refused(no_frame, sizeof(no_frame));
    refused(huge, sizeof(huge));
}

static void a_checkpoint_cut_short_is_refused(void **state)
{
    (void)state;
    crdt_buf before = {0}, value = {0};
    assert_int_equal(checkpoint_encode(some_state(&before), &value), ERR_OK);
    for (size_t len = 0; len < value.len; len++)
        refused(value.data, len);
    crdt_buf_free(&before);
    crdt_buf_free(&value);
}

static void events_weigh_what_is_new_in_them(void **state)
{
    (void)state;
    assert_int_equal(checkpoint_weight(0), CHECKPOINT_EVENT_WEIGHT);
    assert_int_equal(checkpoint_weight(CHECKPOINT_EVENT_IDS), CHECKPOINT_EVENT_WEIGHT);
    assert_int_equal(checkpoint_weight(CHECKPOINT_EVENT_IDS + 1000),
                     CHECKPOINT_EVENT_WEIGHT + 1000);
}

static void a_checkpoint_is_due_when_events_outweigh_it(void **state)
{
    (void)state;
    const uint64_t min = CHECKPOINT_WEIGHT_MIN;
    assert_false(checkpoint_is_due(0, 0));
    assert_false(checkpoint_is_due(min - 1, 0));
    assert_true(checkpoint_is_due(min, 0));
    assert_true(checkpoint_is_due(min, min * CHECKPOINT_SHRINKS));
    assert_false(checkpoint_is_due(min, min * 3 * CHECKPOINT_SHRINKS));
    assert_true(checkpoint_is_due(min * 3, min * 3 * CHECKPOINT_SHRINKS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_comes_back_as_it_was),
        cmocka_unit_test(what_older_versions_wrote_is_read),
        cmocka_unit_test(what_is_no_checkpoint_is_refused),
        cmocka_unit_test(a_checkpoint_cut_short_is_refused),
        cmocka_unit_test(events_weigh_what_is_new_in_them),
        cmocka_unit_test(a_checkpoint_is_due_when_events_outweigh_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
