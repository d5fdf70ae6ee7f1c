/* What a reader lacks: found in memory, or asked for.
 *
 * The happy path. `room_want_span` looks where it is quick: the stretches that were put together
 * before (caught.h), then the ring. What neither has is read from the log (catchup.c), which ends
 * in `room_catchup_done`. `room_want_whole` gives the whole state to who has nothing, and reads it
 * (read.c) if the room does not hold it. Either way the readers that waited are brought forward.
 *
 * Failure. What cannot be put together (memory, storage) ends those readers that wait for it: they
 * come back.
 *
 * Close. What was asked for always comes back; the room is there until then (`errands`).
 */
#include "room/inside.h"

/* Several spans of the ring as one, kept for the next; NULL if that is too much for the loop. */
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
    frame *update = room_frame_of(&merged);
    if (update == NULL)
        return NULL;
    r->registry->stats.catchups++;
    uint64_t until = ring_at(&r->ring, first + count - 1)->until;
    return caught_add(&r->caught, span_of(seq, until, update));
}

/* What a reader at `seq` lacks, or the first part of it; NULL if it must be fetched first. */
static span *find_span(room *r, uint64_t seq)
{
    size_t first;
    size_t count = ring_since(&r->ring, seq, &first);
    if (count == 1)
        return ring_at(&r->ring, first);
    span *before = caught_find(&r->caught, seq, r->facts.head.seq);
    r->warm = r->warm || before != NULL;
    if (before != NULL && before->until == r->facts.head.seq)
        return before;
    span *merged = count > 1 ? merge_ring(r, seq, first, count) : NULL;
    return merged != NULL ? merged : before;
}

/* Where a reader stands that lacks something; false: it waits for something else. */
static bool stands_at(const sink *s, uint64_t *seq)
{
    if (s->joining != NULL)
        return room_join_wants_since(s, seq);
    *seq = s->seq;
    return true;
}

/* The earliest event at which a reader stands who may share what one at `seq` lacks. */
static uint64_t earliest(const room *r, uint64_t seq)
{
    uint64_t limit = caught_earliest(seq, r->facts.head.seq);
    uint64_t found = seq;
    for (list_node *n = list_first(&r->behind); n != NULL; n = list_next(&r->behind, n)) {
        uint64_t other;
        if (stands_at(container_of(n, sink, link), &other) && other >= limit && other < found)
            found = other;
    }
    return found;
}

/* The same, and asks for it if need be. */
span *room_want_span(room *r, uint64_t seq)
{
    span *found = find_span(r, seq);
    if (found == NULL && r->catchup == NULL)
        room_catchup_start(r, earliest(r, seq));
    return found;
}

void room_catchup_done(room *r, uint64_t after, uint64_t until, frame *update)
{
    if (update != NULL) {
        caught_add(&r->caught, span_of(after, until, update));
        r->warm = true;
        room_catch_up(r);
        return;
    }
    for (list_node *n = list_first(&r->behind), *next; n != NULL; n = next) {
        next = list_next(&r->behind, n);
        sink *s = container_of(n, sink, link);
        uint64_t seq;
        if (stands_at(s, &seq) && seq == after)
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
