/* Sync messages and frames, made and taken apart; what is none is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../hex.h"
#include "wiremake.h"

static crdt_bytes bytes_of(const crdt_buf *buf)
{
    return (crdt_bytes){buf->data, buf->len};
}

static void expect_bytes(crdt_bytes got, const char *hex)
{
    hex_bytes wanted;
    hex_read(hex, &wanted);
    assert_int_equal(got.len, wanted.len);
    if (wanted.len > 0)
        assert_memory_equal(got.data, wanted.data, wanted.len);
}

/* Client 5 typed "hello" into the text "t". */
static const char hello[] = "01 01 05 00 04 01 01 74 05 68 65 6c 6c 6f 00";

static crdt_doc *doc_with_hello(void)
{
    hex_bytes hex;
    crdt_doc *doc = crdt_doc_new(NULL);
    assert_non_null(doc);
    assert_int_equal(crdt_doc_apply(doc, CRDT_V1, hex_read(hello, &hex), NULL), CRDT_OK);
    return doc;
}

static void two_documents_come_together_in_four_messages(void **state)
{
    (void)state;
    crdt_doc *server = doc_with_hello();
    crdt_doc *client = crdt_doc_new(NULL);
    crdt_buf ask = {0};
    crdt_buf answer = {0};
    crdt_applied applied;
    assert_int_equal(crdt_sync_write_step1(client, &ask), CRDT_OK);
    expect_bytes(bytes_of(&ask), "00 01 00");
    assert_int_equal(crdt_sync_receive(server, bytes_of(&ask), &answer, &applied, NULL), CRDT_OK);
    assert_false(applied.changed);
    assert_int_equal(crdt_sync_receive(client, bytes_of(&answer), NULL, &applied, NULL), CRDT_OK);
    assert_true(applied.integrated);
    /* Now nobody lacks anything: an empty update says so. */
    ask.len = answer.len = 0;
    assert_int_equal(crdt_sync_write_step1(client, &ask), CRDT_OK);
    expect_bytes(bytes_of(&ask), "00 03 01 05 05");
    assert_int_equal(crdt_sync_receive(server, bytes_of(&ask), &answer, NULL, NULL), CRDT_OK);
    expect_bytes(bytes_of(&answer), "01 02 00 00");
    crdt_buf_free(&ask);
    crdt_buf_free(&answer);
    crdt_doc_free(server);
    crdt_doc_free(client);
}

/* The length stands in front of a payload that is written first: at each width of it. */
static void answers_of_every_length_are_whole(void **state)
{
    (void)state;
    static const size_t lens[] = {1, 90, 110, 120, 130, 16300, 16370, 16390, 70000};
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        crdt_buf message = {0};
        char *text = malloc(lens[i] + 1);
        assert_non_null(text);
        memset(text, 'x', lens[i]);
        text[lens[i]] = '\0';
        crdt_doc *doc = crdt_doc_new(NULL);
        crdt_buf update = {0};
        wm_item item = {.kind = WM_STRING, .root = "t", .text = text};
        assert_int_equal(crdt_doc_apply(doc, CRDT_V1, wm_one(&update, (wm_id){5, 0}, &item), NULL),
                         CRDT_OK);
        crdt_buf state_bytes = {0};
        assert_int_equal(crdt_doc_encode_state(doc, CRDT_V1, (crdt_bytes){0}, &state_bytes),
                         CRDT_OK);
        const uint8_t ask[] = {0, 1, 0};
        assert_int_equal(
            crdt_sync_receive(doc, (crdt_bytes){ask, sizeof ask}, &message, NULL, NULL), CRDT_OK);
        crdt_sync_kind kind;
        crdt_bytes payload;
        assert_int_equal(crdt_sync_parse(bytes_of(&message), &kind, &payload), CRDT_OK);
        assert_int_equal(kind, CRDT_SYNC_STEP2);
        assert_int_equal(payload.len, state_bytes.len);
        assert_memory_equal(payload.data, state_bytes.data, payload.len);
        crdt_buf_free(&state_bytes);
        crdt_buf_free(&message);
        crdt_buf_free(&update);
        free(text);
        crdt_doc_free(doc);
    }
}

static void what_is_no_message_changes_nothing(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",            /* no kind */
        "00",          /* no payload */
        "03 00",       /* no such kind */
        "02 05 00 00", /* cut short */
        "00 00",       /* an empty state vector, which none is */
        "00 01 01",    /* a bad one */
        "02 00",       /* an empty update, which none is */
        "01 02 01 01", /* a bad one */
        "80 80 80 80 80 80 80 80 80 80 00 00",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hex_bytes hex;
        crdt_doc *doc = doc_with_hello();
        crdt_buf reply = {0};
        crdt_buf event = {0};
        crdt_applied applied;
        assert_int_equal(crdt_sync_receive(doc, hex_read(cases[i], &hex), &reply, &applied, &event),
                         CRDT_MALFORMED);
        assert_int_equal(reply.len + event.len, 0);
        crdt_buf_free(&reply);
        crdt_buf_free(&event);
        crdt_doc_free(doc);
    }
}

static void frames_tell_how_much_of_them_was_used(void **state)
{
    (void)state;
    static const struct {
        const char *frame;
        crdt_frame_kind kind;
        const char *body;
        size_t used;
    } cases[] = {
        {"00 02 02 00 00 ff ff", CRDT_FRAME_SYNC, "02 02 00 00", 5},
        {"01 02 aa bb cc", CRDT_FRAME_AWARENESS, "aa bb", 4},
        {"02 00 01 61", CRDT_FRAME_AUTH, "00 01 61", 4},
        {"02", CRDT_FRAME_AUTH, "", 1},
        {"03 aa", CRDT_FRAME_QUERY_AWARENESS, "", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hex_bytes hex;
        crdt_frame_kind kind;
        crdt_bytes body;
        size_t used;
        assert_int_equal(crdt_frame_parse(hex_read(cases[i].frame, &hex), &kind, &body, &used),
                         CRDT_OK);
        assert_int_equal(kind, cases[i].kind);
        assert_int_equal(used, cases[i].used);
        expect_bytes(body, cases[i].body);
    }
}

static void what_is_no_frame_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"",   "00",       "00 02", "00 02 05 00", "00 03 00",
                                        "01", "01 02 00", "04",    "80"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hex_bytes hex;
        crdt_frame_kind kind;
        crdt_bytes body;
        assert_int_equal(crdt_frame_parse(hex_read(cases[i], &hex), &kind, &body, NULL),
                         CRDT_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_documents_come_together_in_four_messages),
        cmocka_unit_test(answers_of_every_length_are_whole),
        cmocka_unit_test(what_is_no_message_changes_nothing),
        cmocka_unit_test(frames_tell_how_much_of_them_was_used),
        cmocka_unit_test(what_is_no_frame_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
