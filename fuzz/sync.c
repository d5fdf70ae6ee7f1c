/* Frames from anybody, to a server's document. The input is the document's shape and some frames,
 * each behind its length (two bytes). Somebody else hears only what the server tells: they must end
 * with the same. */
#include "base.h"

typedef struct server {
    crdt_doc *doc;
    crdt_doc *listener; /* of the events */
} server;

static crdt_buf canonical_state(crdt_doc *doc)
{
    crdt_buf state = fuzz_state(doc);
    crdt_doc *fresh = crdt_doc_new(NULL);
    fuzz_expect(crdt_doc_apply(fresh, CRDT_V1, fuzz_bytes(&state), NULL) == CRDT_OK,
                "a state is refused");
    crdt_buf canonical = fuzz_state(fresh);
    crdt_buf_free(&state);
    crdt_doc_free(fresh);
    return canonical;
}

static void check_reply(crdt_doc *doc, const crdt_buf *reply)
{
    crdt_sync_kind kind;
    crdt_bytes update;
    fuzz_expect(crdt_sync_parse(fuzz_bytes(reply), &kind, &update) == CRDT_OK &&
                    kind == CRDT_SYNC_STEP2,
                "the answer is none");
    fuzz_expect(crdt_update_validate(CRDT_V1, update) == CRDT_OK, "the answer is not valid");
    if (crdt_doc_pending(doc)) /* in the answer what waits may lie beside what it waits for */
        return;
    crdt_applied applied;
    fuzz_expect(crdt_doc_apply(doc, CRDT_V1, update, &applied) == CRDT_OK && !applied.integrated,
                "the answer says more than the document knew");
}

static void receive(server *s, crdt_bytes message)
{
    crdt_buf before = fuzz_state(s->doc);
    crdt_buf reply = {0};
    crdt_buf event = {0};
    crdt_applied applied = {0};
    const crdt_err err = crdt_sync_receive(s->doc, message, &reply, &applied, &event);
    fuzz_check(s->doc);
    if (err == CRDT_OK) {
        fuzz_expect(applied.integrated == (event.len > 0), "an event without a cause, or none");
        if (reply.len > 0)
            check_reply(s->doc, &reply);
        if (event.len > 0)
            fuzz_expect(crdt_doc_apply(s->listener, CRDT_V1, fuzz_bytes(&event), NULL) == CRDT_OK,
                        "an event is refused");
        fuzz_expect(!crdt_doc_pending(s->listener), "an event lacks something");
    } else {
        crdt_buf after = fuzz_state(s->doc);
        fuzz_expect(fuzz_same(&before, &after) && reply.len == 0 && event.len == 0,
                    "a refused message changed something");
        crdt_buf_free(&after);
    }
    crdt_buf_free(&before);
    crdt_buf_free(&reply);
    crdt_buf_free(&event);
}

/* A frame that is one comes out as it went in, but for what follows it and overlong numbers. */
static void check_frame(crdt_frame_kind kind, crdt_bytes body, size_t used, size_t len)
{
    crdt_buf again = {0};
    crdt_frame_kind kind_again;
    crdt_bytes body_again;
    size_t used_again;
    fuzz_expect(used <= len, "a frame used more than there is");
    fuzz_expect(crdt_frame_write(kind, body, &again) == CRDT_OK, "no frame");
    fuzz_expect(crdt_frame_parse(fuzz_bytes(&again), &kind_again, &body_again, &used_again) ==
                        CRDT_OK &&
                    kind_again == kind && used_again == again.len && body_again.len == body.len &&
                    (body.len == 0 || memcmp(body_again.data, body.data, body.len) == 0),
                "a frame written again is another");
    crdt_buf_free(&again);
}

static void take_frame(server *s, crdt_bytes frame)
{
    crdt_frame_kind kind;
    crdt_bytes body;
    size_t used;
    if (crdt_frame_parse(frame, &kind, &body, &used) != CRDT_OK)
        return;
    check_frame(kind, body, used, frame.len);
    if (kind == CRDT_FRAME_SYNC)
        receive(s, body);
}

/* Where Yjs cuts a surrogate pair for the origin of a struct that it knows already, it tells
 * nobody, and so it is here: whoever hears only the events keeps the character. */
static bool has_cut_character(const crdt_buf *state)
{
    static const uint8_t replacement[] = {0xef, 0xbf, 0xbd}; /* U+FFFD */
    for (size_t i = 0; i + sizeof replacement <= state->len; i++)
        if (memcmp(state->data + i, replacement, sizeof replacement) == 0)
            return true;
    return false;
}

static void compare(server *s)
{
    if (crdt_doc_pending(s->doc)) /* what waits is told to nobody */
        return;
    crdt_buf mine = canonical_state(s->doc);
    crdt_buf heard = canonical_state(s->listener);
    fuzz_expect(fuzz_same(&mine, &heard) || has_cut_character(&mine),
                "who hears the events has something else");
    crdt_buf_free(&mine);
    crdt_buf_free(&heard);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    server s = {.doc = fuzz_base_doc(data[0]), .listener = fuzz_base_doc(data[0] & 1)};
    crdt_bytes left = {data + 1, size - 1};
    while (left.len >= 2) {
        size_t len = (size_t)left.data[0] | (size_t)left.data[1] << 8;
        left.data += 2;
        left.len -= 2;
        len = len < left.len ? len : left.len;
        take_frame(&s, (crdt_bytes){left.data, len});
        left.data += len;
        left.len -= len;
    }
    compare(&s);
    crdt_doc_free(s.doc);
    crdt_doc_free(s.listener);
    return 0;
}
