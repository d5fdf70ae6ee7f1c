/* The sync protocol in the frames of y-websocket: what a server of the reference replies, what it
 * tells the others, what its document holds afterwards; and what the frames say.
 */
#include "vector.h"

#include <stdio.h>
#include <string.h>

/* ---- sync ---- */

/* What one frame came to. */
typedef struct outcome {
    crdt_err err;
    crdt_buf reply; /* a frame, or empty */
    crdt_buf event; /* an update, or empty */
} outcome;

/* Does what a server does: answers sync messages, and ignores other frames. */
static outcome take_frame(crdt_doc *doc, crdt_bytes frame)
{
    outcome out = {0};
    crdt_frame_kind kind;
    crdt_bytes body;
    crdt_buf message = {0};
    out.err = crdt_frame_parse(frame, &kind, &body, NULL);
    if (out.err == CRDT_OK && kind == CRDT_FRAME_SYNC)
        out.err = crdt_sync_receive(doc, body, &message, NULL, &out.event);
    if (message.len > 0)
        assert_int_equal(crdt_frame_write(CRDT_FRAME_SYNC, bytes_of(&message), &out.reply),
                         CRDT_OK);
    crdt_buf_free(&message);
    return out;
}

static void check_broadcast(const vector *step, const crdt_buf *event)
{
    if (vector_count(step, "broadcast") != (event->len > 0))
        vector_fail(step, "%zu updates are told to the others", vector_count(step, "broadcast"));
    if (event->len == 0 || vector_count(step, "broadcast") == 0)
        return;
    crdt_buf message = {0};
    crdt_buf frame = {0};
    assert_int_equal(crdt_sync_write(CRDT_SYNC_UPDATE, bytes_of(event), &message), CRDT_OK);
    assert_int_equal(crdt_frame_write(CRDT_FRAME_SYNC, bytes_of(&message), &frame), CRDT_OK);
    vector_same(step, "broadcast", bytes_of(&frame), vector_bytes_i(step, "broadcast", 0));
    crdt_buf_free(&message);
    crdt_buf_free(&frame);
}

static void check_step(const vector *step, crdt_doc *doc)
{
    outcome out = take_frame(doc, vector_bytes(step, "frame"));
    const bool refused = json_is_true(vector_at(step, "error"));
    /* A frame of another kind is malformed here; a server of the reference ignores it. */
    const bool ignored = strcmp(step->name, "sync/unknown-frame-type") == 0;
    vector_err(step, "frame", out.err, refused || ignored ? CRDT_MALFORMED : CRDT_OK);
    crdt_bytes reply = {0};
    if (json_is_string(vector_at(step, "reply")))
        reply = vector_bytes(step, "reply");
    vector_same(step, "reply", bytes_of(&out.reply), reply);
    check_broadcast(step, &out.event);
    crdt_buf after = {0};
    vector_err(step, "state", crdt_doc_encode_state(doc, CRDT_V1, (crdt_bytes){0}, &after),
               CRDT_OK);
    vector_same(step, "after", bytes_of(&after), vector_bytes(step, "after"));
    crdt_buf_free(&after);
    crdt_buf_free(&out.reply);
    crdt_buf_free(&out.event);
}

static void use_sync(const vector *v)
{
    if (!vector_is(v, "sync"))
        return;
    crdt_doc *doc = crdt_doc_new(&(crdt_doc_options){.cleanup = CRDT_CLEANUP_ON});
    assert_non_null(doc);
    for (size_t i = 0; i < vector_count(v, "base"); i++)
        vector_err(v, "base", crdt_doc_apply(doc, CRDT_V1, vector_bytes_i(v, "base", i), NULL),
                   CRDT_OK);
    for (size_t i = 0; i < vector_count(v, "steps"); i++) {
        const vector step = {json_array_get(vector_at(v, "steps"), i), v->name, v->kind};
        check_step(&step, doc);
    }
    crdt_doc_free(doc);
}

/* ---- frames ---- */

static void check_sync_message(const vector *v, crdt_bytes body)
{
    crdt_sync_kind kind;
    crdt_bytes payload;
    crdt_buf again = {0};
    vector_err(v, "message", crdt_sync_parse(body, &kind, &payload), CRDT_OK);
    if ((double)kind != json_number_value(vector_at(v, "meaning.sync")))
        vector_fail(v, "kind %d", (int)kind);
    const bool is_vector = kind == CRDT_SYNC_STEP1;
    vector_same(v, "payload", payload,
                vector_bytes(v, is_vector ? "meaning.stateVector" : "meaning.update"));
    vector_err(v, "write", crdt_sync_write(kind, payload, &again), CRDT_OK);
    vector_same(v, "message written again", bytes_of(&again), body);
    crdt_buf_free(&again);
}

/* varuint 0, varstring reason: permission denied. */
static void check_auth(const vector *v, crdt_bytes body)
{
    const char *reason = json_string_value(vector_at(v, "meaning.reason"));
    const size_t len = strlen(reason);
    if (body.len != 2 + len || body.data[0] != 0 || body.data[1] != len ||
        memcmp(body.data + 2, reason, len) != 0)
        vector_fail(v, "another reason");
}

static void use_frame(const vector *v)
{
    if (!vector_is(v, "frame"))
        return;
    crdt_bytes bytes = vector_bytes(v, "bytes");
    crdt_frame_kind kind;
    crdt_bytes body;
    size_t used;
    crdt_buf again = {0};
    vector_err(v, "parse", crdt_frame_parse(bytes, &kind, &body, &used), CRDT_OK);
    if ((double)kind != json_number_value(vector_at(v, "meaning.type")) || used != bytes.len)
        vector_fail(v, "kind %d, %zu bytes", (int)kind, used);
    if (kind == CRDT_FRAME_SYNC)
        check_sync_message(v, body);
    else if (kind == CRDT_FRAME_AUTH)
        check_auth(v, body);
    else if (kind == CRDT_FRAME_AWARENESS && (body.len == 0 || body.data[0] != 2))
        vector_fail(v, "not the two entries");
    vector_err(v, "write", crdt_frame_write(kind, body, &again), CRDT_OK);
    vector_same(v, "written again", bytes_of(&again), bytes);
    crdt_buf_free(&again);
}

static void messages_are_answered_as_the_reference_answers(void **state)
{
    (void)state;
    vectors_each(use_sync);
    vectors_assert_none_failed();
}

static void frames_mean_what_they_mean_to_the_reference(void **state)
{
    (void)state;
    vectors_each(use_frame);
    vectors_assert_none_failed();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_answered_as_the_reference_answers),
        cmocka_unit_test(frames_mean_what_they_mean_to_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
