/* Joining: what a reader must be told before it follows.
 *
 * The happy path. room_join notes where the reader stands. `room_join_step` finds out what that is
 * good for (`resolve`): nothing, everything, everything after an event, the difference to a state
 * vector; an epoch that is not today's is looked up in the pool. Then it sends the reset, if there
 * is one to tell, and the sync, and the reader follows.
 *
 * Failure. A position is never refused: what is of no use gets the whole state. What cannot be read
 * ends the reader.
 *
 * Close. A reader may go at any time (`room_join_forget`): what is out for it comes back to its
 * `joining`, which is freed then.
 *
 *     BEGIN --resolve--> LATER --room_place--> BEGIN
 *     BEGIN --resolve--> WHOLE, SINCE, LATEST --send_sync--> (following)
 *        \---resolve--> ASKING --after_lookup--> WHOLE
 *                             \--diff_done--> ANSWERED --send_sync--> (following)
 */
#include <stdlib.h>

#include "base/must.h"
#include "room/inside.h"

static const char nothing_new[] = {0, 0};

typedef enum join_stage {
    JOIN_BEGIN,   /* nothing is known yet */
    JOIN_LATER,   /* not even where the reader stands: room_place follows */
    JOIN_ASKING,  /* something is out: the pool, or a read */
    JOIN_WHOLE,   /* everything is to be sent */
    JOIN_SINCE,   /* everything after `id` */
    JOIN_LATEST,  /* nothing */
    JOIN_ANSWERED /* `answer` */
} join_stage;

/* What a reader must find out before its first event. */
typedef struct joining {
    room *room;
    sink *sink; /* NULL: it has gone, and who comes back frees this */
    join_stage stage;
    room_from from;
    event_id id;
    const char *reset; /* the reason to be told, or NULL */
    uv_work_t lookup;
    bool known;
    store_end end;
    store_err failed;
    room_read read;
    frame *answer;
    uint64_t answer_until;
    char sv[];
} joining;

void room_join_forget(sink *s)
{
    joining *j = s->joining;
    if (j == NULL)
        return;
    s->joining = NULL;
    if (j->stage == JOIN_ASKING) {
        j->sink = NULL;
        return;
    }
    frame_unref(j->answer);
    free(j);
}

bool room_join_wants_since(const sink *s, uint64_t *after)
{
    const joining *j = s->joining;
    if (j == NULL || j->stage != JOIN_SINCE)
        return false;
    *after = j->id.seq;
    return true;
}

bool room_join_wants_whole(const sink *s)
{
    const joining *j = s->joining;
    return j != NULL && j->stage == JOIN_WHOLE;
}

/* Whether the sink is still there; else frees what was for it. */
static bool join_goes_on(joining *j)
{
    j->room->errands--;
    room_mark(j->room);
    if (j->sink != NULL)
        return true;
    frame_unref(j->answer);
    free(j);
    return false;
}

static void do_lookup(uv_work_t *work)
{
    joining *j = container_of(work, joining, lookup);
    slice name = room_name(j->room);
    j->failed = store_epoch_end(j->room->registry->store, (store_bytes){name.data, name.len},
                                j->id.epoch, &j->known, &j->end);
}

static const char *reason_of(const joining *j)
{
    if (j->failed == STORE_OK && j->known && j->end == STORE_END_DELETED)
        return "deleted";
    if (j->failed == STORE_OK && j->known && j->end == STORE_END_RESTORED)
        return "restored";
    return "unknown";
}

static void after_lookup(uv_work_t *work, int status)
{
    must(status == 0);
    joining *j = container_of(work, joining, lookup);
    j->reset = reason_of(j);
    j->stage = JOIN_WHOLE;
    join_goes_on(j);
}

static void diff_done(room_read *read, err result)
{
    joining *j = container_of(read, joining, read);
    room *r = j->room;
    if (result == ERR_OK) {
        j->answer = read->bytes;
        j->answer_until = read->facts.head.seq;
    }
    j->stage = JOIN_ANSWERED;
    if (!join_goes_on(j))
        return;
    if (result != ERR_OK)
        room_reader_end(r, j->sink);
}

static void ask_lookup(room *r, joining *j)
{
    j->stage = JOIN_ASKING;
    r->errands++;
    must(uv_queue_work(loop_uv(r->registry->loop), &j->lookup, do_lookup, after_lookup) == 0);
}

/* Many who come back together have the same state vector. */
static bool is_answered(const room *r, slice sv)
{
    return r->answered.update != NULL && r->answered.until == r->facts.head.seq &&
           slice_equal(frame_slice(r->answered_sv), sv);
}

static void ask_diff(room *r, joining *j, size_t sv_len)
{
    slice sv = {j->sv, sv_len};
    j->read = (room_read){.kind = ROOM_READ_STATE, .sv = sv, .done = diff_done};
    if (is_answered(r, sv)) {
        j->answer = frame_ref(r->answered.update);
        j->answer_until = r->answered.until;
        j->stage = JOIN_ANSWERED;
        return;
    }
    if (room_read_start(r, &j->read) != ERR_OK)
        return; /* too many wait: the next turn tries again */
    j->stage = JOIN_ASKING;
    r->errands++;
}

/* Decides what the position that came is good for. */
static void resolve_id(room *r, joining *j)
{
    const event_id head = r->facts.head;
    j->stage = JOIN_WHOLE;
    if (j->id.seq == 0 && !j->id.has_epoch)
        return;
    if (r->facts.life != ROOM_ALIVE)
        j->reset = "unknown";
    else if (j->id.has_epoch && j->id.epoch != head.epoch)
        ask_lookup(r, j);
    else if (j->id.seq > head.seq)
        j->reset = "unknown";
    else if (j->id.seq > 0)
        j->stage = JOIN_SINCE;
}

static void resolve(room *r, joining *j)
{
    switch (j->from) {
    case ROOM_FROM_NOTHING:
        j->stage = JOIN_WHOLE;
        break;
    case ROOM_FROM_LATEST:
        j->stage = JOIN_LATEST;
        break;
    case ROOM_FROM_ID:
        resolve_id(r, j);
        break;
    case ROOM_FROM_STATE_VECTOR:
        ask_diff(r, j, j->read.sv.len);
        break;
    case ROOM_FROM_LATER:
        j->stage = JOIN_LATER;
        break;
    }
}

/* Ends the joining: from here on the reader follows. */
static void joined(sink *s, uint64_t seq)
{
    room_join_forget(s);
    s->seq = seq;
    s->state = READER_FOLLOWING;
}

static bool send_nothing_new(room *r, sink *s)
{
    sink_event event = {
        .kind = SINK_SYNC, .id = r->facts.head, .data = {nothing_new, sizeof(nothing_new)}};
    joined(s, event.id.seq);
    return room_reader_send(r, s, &event);
}

/* Keeps the answer for who has the same state vector; those who asked together were given the same
 * frame (read.c). */
static bool keep_answer(room *r, const joining *j)
{
    r->warm = true;
    if (r->answered.update == j->answer)
        return true;
    frame *sv = frame_copy(j->read.sv);
    if (sv == NULL)
        return false;
    frame_unref(r->answered_sv);
    r->answered_sv = sv;
    span_clear(&r->answered);
    r->answered = span_of(0, j->answer_until, frame_ref(j->answer));
    return true;
}

static bool send_answer(room *r, sink *s)
{
    const joining *j = s->joining;
    uint64_t until = j->answer_until;
    if (!keep_answer(r, j)) {
        room_reader_end(r, s);
        return false;
    }
    joined(s, until);
    return room_reader_send_span(r, s, &r->answered, SINK_SYNC);
}

/* Sends the sync if it is at hand. */
static bool send_sync(room *r, sink *s)
{
    joining *j = s->joining;
    uint64_t head = r->facts.head.seq;
    if (j->stage == JOIN_ANSWERED)
        return send_answer(r, s);
    bool lacks_nothing =
        j->stage == JOIN_LATEST || head == 0 || (j->stage == JOIN_SINCE && j->id.seq == head);
    if (lacks_nothing)
        return send_nothing_new(r, s);
    span *found = j->stage == JOIN_WHOLE ? room_want_whole(r) : room_want_span(r, j->id.seq);
    if (found == NULL)
        return false;
    joined(s, found->until);
    return room_reader_send_span(r, s, found, SINK_SYNC);
}

bool room_join_step(room *r, sink *s)
{
    joining *j = s->joining;
    if (j->stage == JOIN_BEGIN)
        resolve(r, j);
    if (j->stage == JOIN_BEGIN || j->stage == JOIN_LATER || j->stage == JOIN_ASKING)
        return false;
    if (j->reset != NULL) {
        sink_event event = {.kind = SINK_RESET, .data = slice_of(j->reset)};
        j->reset = NULL;
        if (!room_reader_send(r, s, &event))
            return false;
    }
    return send_sync(r, s);
}

static void begin_joining(room *r, sink *s, const room_position *position)
{
    joining *j = calloc(1, sizeof(*j) + position->sv.len);
    must(j != NULL);
    j->room = r;
    j->sink = s;
    j->from = position->from;
    j->id = position->id;
    if (position->sv.len > 0)
        memcpy(j->sv, position->sv.data, position->sv.len);
    j->read.sv.len = position->sv.len;
    s->joining = j;
    room_mark(r);
}

void room_join(room *r, sink *s, const room_position *position)
{
    begin_joining(r, s, position);
    s->feed = &r->feed;
    s->state = READER_JOINING;
    s->seq = 0;
    s->presence = 0;
    list_push(&r->behind, &s->link);
    r->reader_count++;
    r->registry->stats.readers++;
    if (s->client != SINK_NO_CLIENT)
        presence_enter(room_presence(r), s->client);
}

void room_place(room *r, sink *s, const room_position *position)
{
    const joining *j = s->joining;
    must(j != NULL && j->from == ROOM_FROM_LATER);
    room_join_forget(s);
    begin_joining(r, s, position);
}
