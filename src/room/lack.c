/* What a reader lacks: found in memory, or asked for.
 *
 * The happy path. `room_want_span` looks where it is quick: the stretch that was last put together
 * (`caught`), then the ring. What neither has is read from the log (catchup.c), which ends in
 * `room_catchup_done`. `room_want_whole` gives the whole state to who has nothing, and reads it
 * (read.c) if the room does not hold it. Either way the readers that waited are brought forward.
 *
 * Failure. What cannot be put together (memory, storage) ends those readers that wait for it: they
 * come back.
 *
 * Close. What was asked for always comes back; the room is there until then (`errands`).
 */
#include "room/inside.h"

/* Several spans of the ring as one, kept in `caught`; NULL if that is too much for the loop. */
static span *merge_ring(room *r, uint64_t seq, size_t first, size_t count)
{
    crdt_bytes updates[RING_SPANS_MAX];
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const frame *update = ring_at(&r->ring, first + i)->update;
        updates[i] = (crdt_bytes){(const uint8_t *)update->data, update->len};
        bytes += update->len;
    }
    if (bytes > ROOM_MERGE_BYTES_MAX)
        return NULL;
    crdt_buf merged = {0};
    if (crdt_update_merge(CRDT_V1, updates, count, &merged) != CRDT_OK) {
        crdt_buf_free(&merged);
        return NULL;
    }
    span_clear(&r->caught);
    r->caught = span_of(seq, ring_at(&r->ring, first + count - 1)->until, room_frame_of(&merged));
    r->registry->stats.catchups++;
    return r->caught.update == NULL ? NULL : &r->caught;
}

/* What a reader at `seq` lacks, or the first part of it; NULL if it must be fetched first. */
static span *find_span(room *r, uint64_t seq)
{
    if (r->caught.update != NULL && r->caught.after == seq &&
        r->caught.until == r->facts.head.seq) {
        r->warm = true;
        return &r->caught;
    }
    size_t first;
    size_t count = ring_since(&r->ring, seq, &first);
    if (count == 1)
        return ring_at(&r->ring, first);
    span *merged = count > 1 ? merge_ring(r, seq, first, count) : NULL;
    if (merged != NULL)
        return merged;
    return r->caught.update != NULL && r->caught.after == seq ? &r->caught : NULL;
}

/* The same, and asks for it if need be. */
span *room_want_span(room *r, uint64_t seq)
{
    span *found = find_span(r, seq);
    if (found == NULL && r->catchup == NULL)
        room_catchup_start(r, seq);
    return found;
}

void room_catchup_done(room *r, uint64_t after, uint64_t until, frame *update)
{
    if (update != NULL) {
        span_clear(&r->caught);
        r->caught = span_of(after, until, update);
        r->warm = true;
        room_catch_up(r);
        return;
    }
    for (list_node *n = list_first(&r->behind), *next; n != NULL; n = next) {
        next = list_next(&r->behind, n);
        sink *s = container_of(n, sink, link);
        if (s->joining == NULL ? s->seq == after : room_join_wants_since(s, after))
            room_reader_end(r, s);
    }
}

static void whole_done(room_read *read, err result)
{
    room *r = container_of(read, room, whole_read);
    r->whole_busy = false;
    r->errands--;
    if (result == ERR_OK) {
        frame_unref(read->bytes); /* the room has kept it */
        room_catch_up(r);
        return;
    }
    for (list_node *n = list_first(&r->behind), *next; n != NULL; n = next) {
        next = list_next(&r->behind, n);
        sink *s = container_of(n, sink, link);
        if (room_join_wants_whole(s))
            room_reader_end(r, s);
    }
}

/* The whole state, or NULL if it must be read first. */
span *room_want_whole(room *r)
{
    if (r->whole.update != NULL) {
        r->warm = true;
        return &r->whole;
    }
    if (r->whole_busy)
        return NULL;
    r->whole_read = (room_read){.kind = ROOM_READ_STATE, .done = whole_done};
    if (room_read_start(r, &r->whole_read) == ERR_OK) {
        r->whole_busy = true;
        r->errands++;
    }
    return NULL;
}
