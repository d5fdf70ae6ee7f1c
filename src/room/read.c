/* Reading the document as it stands on disk.
 *
 * The happy path. A read waits in `reads` until the room is ROOM_DURABLE. Small documents are
 * encoded at once; a large one is lent to the pool (`lend`), which serves everything that waited,
 * and `returned` answers. Whoever wants the whole state shares one frame, kept in `whole` until the
 * document changes or nobody has asked for a second.
 *
 * Failure. Each read fails alone. If the engine failed half way, the room drops the document.
 *
 * Close. A loan always comes back; the room is there until then (`errands`).
 *
 *     DURABLE --lend--> LENT --returned--> DURABLE
 */
#include <stdlib.h>

#include "base/must.h"
#include "past/errs.h"
#include "room/inside.h"

/* What an empty document's state and state vector are. */
static const uint8_t empty_update[] = {0, 0};
static const uint8_t empty_update_v2[] = {0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
static const uint8_t empty_state_vector[] = {0};

typedef struct loan {
    uv_work_t work;
    room *room;
    crdt_doc *doc;
    list reads;
    frame *whole; /* the whole state, once somebody has asked for it */
} loan;

frame *room_frame_of(crdt_buf *buf)
{
    frame *f = frame_copy((slice){(const char *)buf->data, buf->len});
    crdt_buf_free(buf);
    return f;
}

static crdt_bytes bytes_of(slice s)
{
    return (crdt_bytes){(const uint8_t *)s.data, s.len};
}

static crdt_bytes bytes_of_buf(const crdt_buf *buf)
{
    return (crdt_bytes){buf->data, buf->len};
}

/* ---- with the document in hand: on the loop or in the pool ---- */

static crdt_err encode_catchup(crdt_doc *doc, const frame *since, crdt_buf *out)
{
    crdt_bytes update = bytes_of(frame_slice(since));
    crdt_buf sv = {0}, before = {0};
    crdt_err failed = crdt_doc_encode_state_vector(doc, &sv);
    if (failed == CRDT_OK)
        failed = crdt_state_vector_rewind(CRDT_V1, bytes_of_buf(&sv), &update, 1, &before);
    if (failed == CRDT_OK)
        failed = crdt_doc_encode_state(doc, CRDT_V1, bytes_of_buf(&before), out);
    crdt_buf_free(&sv);
    crdt_buf_free(&before);
    return failed;
}

static crdt_err encode(crdt_doc *doc, const room_read *read, crdt_buf *out)
{
    switch (read->kind) {
    case ROOM_READ_STATE:
        return crdt_doc_encode_state(doc, read->encoding == ROOM_V2 ? CRDT_V2 : CRDT_V1,
                                     bytes_of(read->sv), out);
    case ROOM_READ_STATE_VECTOR:
        return crdt_doc_encode_state_vector(doc, out);
    case ROOM_READ_CATCHUP:
        return encode_catchup(doc, read->since, out);
    case ROOM_READ_CONTENT:
    case ROOM_READ_FACTS:
        break;
    }
    return CRDT_OK;
}

/* In format v1, as most do. */
static bool wants_whole(const room_read *read)
{
    return read->kind == ROOM_READ_STATE && read->encoding == ROOM_V1 && read->sv.len == 0;
}

static void run_read(crdt_doc *doc, room_read *read, frame **whole)
{
    if (wants_whole(read) && *whole != NULL) {
        read->bytes = frame_ref(*whole);
        return;
    }
    if (read->kind == ROOM_READ_CONTENT) {
        read->result = content_read(doc, read->root, read->as, &read->bytes);
        return;
    }
    crdt_buf out = {0};
    read->result = err_of_crdt(encode(doc, read, &out));
    if (read->result == ERR_MALFORMED_UPDATE)
        read->result = ERR_MALFORMED_STATE_VECTOR;
    if (read->kind == ROOM_READ_CATCHUP && out.len >= read->since->len)
        crdt_buf_free(&out); /* `since` will do */
    else if (read->result == ERR_OK && (read->bytes = room_frame_of(&out)) == NULL)
        read->result = ERR_NO_MEMORY;
    crdt_buf_free(&out);
    if (wants_whole(read) && read->result == ERR_OK)
        *whole = frame_ref(read->bytes);
}

/* Many who come back together have the same state vector: they get the same frame. */
static bool answer_alike(room_read *read, const room_read *before)
{
    bool alike = before != NULL && before->kind == ROOM_READ_STATE &&
                 read->kind == ROOM_READ_STATE && before->result == ERR_OK &&
                 before->encoding == read->encoding && slice_equal(before->sv, read->sv);
    if (alike)
        read->bytes = frame_ref(before->bytes);
    return alike;
}

static void run_reads(crdt_doc *doc, list *reads, frame **whole)
{
    room_read *before = NULL;
    for (list_node *n = list_first(reads); n != NULL; n = list_next(reads, n)) {
        room_read *read = container_of(n, room_read, link);
        if (!answer_alike(read, before))
            run_read(doc, read, whole);
        before = read;
    }
}

/* ---- on the loop ---- */

static void answer(room *r, room_read *read)
{
    read->facts = r->facts;
    read->facts.readers = r->reader_count;
    read->done(read, read->result);
}

static void answer_all(room *r, list *reads)
{
    while (!list_is_empty(reads))
        answer(r, container_of(list_pop(reads), room_read, link));
}

static void refuse(room *r, list *reads, err cause)
{
    while (!list_is_empty(reads)) {
        room_read *read = container_of(list_pop(reads), room_read, link);
        if (cause != ERR_OK)
            read->result = cause;
        answer(r, read);
    }
}

err room_read_start(room *r, room_read *read)
{
    read->bytes = NULL;
    read->result = ERR_OK;
    room_mark(r);
    if (read->kind == ROOM_READ_FACTS) {
        list_push(&r->asks, &read->link);
        return ERR_OK;
    }
    if (r->read_count == ROOM_READS_MAX)
        return ERR_OVERLOADED;
    r->read_count++;
    list_push(&r->reads, &read->link);
    return ERR_OK;
}

void room_answer_asks(room *r, err result)
{
    refuse(r, &r->asks, result);
}

void room_refuse_reads(room *r, err cause)
{
    r->read_count = 0;
    refuse(r, &r->reads, cause);
}

/* What a document says that has never been written to. */
static void run_without_document(const room *r, room_read *read)
{
    slice nothing = {(const char *)empty_update, sizeof(empty_update)};
    if (read->kind == ROOM_READ_STATE_VECTOR)
        nothing = (slice){(const char *)empty_state_vector, sizeof(empty_state_vector)};
    else if (read->encoding == ROOM_V2)
        nothing = (slice){(const char *)empty_update_v2, sizeof(empty_update_v2)};
    if (r->facts.life == ROOM_DELETED)
        read->result = ERR_DELETED;
    else if (read->kind == ROOM_READ_CONTENT)
        read->result = content_read(NULL, read->root, read->as, &read->bytes);
    else if ((read->bytes = frame_copy(nothing)) == NULL)
        read->result = ERR_NO_MEMORY;
}

static void answer_without_document(room *r, list *reads)
{
    for (list_node *n = list_first(reads); n != NULL; n = list_next(reads, n))
        run_without_document(r, container_of(n, room_read, link));
    answer_all(r, reads);
}

/* Keeps the whole state (taken, may be NULL) for who asks next. */
static void keep_whole(room *r, frame *whole)
{
    if (whole != NULL && r->whole.update == NULL) {
        r->whole = span_of(0, r->facts.head.seq, whole);
        r->warm = true;
    } else {
        frame_unref(whole);
    }
}

static void do_loan(uv_work_t *work)
{
    loan *l = container_of(work, loan, work);
    run_reads(l->doc, &l->reads, &l->whole);
}

static void returned(uv_work_t *work, int status)
{
    must(status == 0);
    loan *l = container_of(work, loan, work);
    room *r = l->room;
    r->errands--;
    room_set_state(r, ROOM_DURABLE);
    keep_whole(r, l->whole);
    answer_all(r, &l->reads);
    free(l);
    if (crdt_doc_failed(r->doc))
        room_fail(r, ERR_NO_MEMORY);
    room_mark(r);
}

static void lend(room *r)
{
    loan *l = calloc(1, sizeof(*l));
    must(l != NULL);
    l->room = r;
    l->doc = r->doc;
    list_init(&l->reads);
    list_append(&l->reads, &r->reads);
    room_set_state(r, ROOM_LENT);
    r->errands++;
    must(uv_queue_work(loop_uv(r->registry->loop), &l->work, do_loan, returned) == 0);
}

/* Answers from `whole` whoever it will do for. */
static void serve_whole(room *r)
{
    list rest;
    list_init(&rest);
    while (r->whole.update != NULL && !list_is_empty(&r->reads)) {
        room_read *read = container_of(list_pop(&r->reads), room_read, link);
        if (wants_whole(read)) {
            read->bytes = frame_ref(r->whole.update);
            r->warm = true;
            answer(r, read);
        } else {
            list_push(&rest, &read->link);
        }
    }
    list_append(&r->reads, &rest);
}

static void serve_here(room *r)
{
    list reads;
    list_init(&reads);
    list_append(&reads, &r->reads);
    if (r->doc == NULL) {
        answer_without_document(r, &reads);
        return;
    }
    frame *whole = NULL;
    run_reads(r->doc, &reads, &whole);
    keep_whole(r, whole);
    answer_all(r, &reads);
    if (crdt_doc_failed(r->doc))
        room_fail(r, ERR_NO_MEMORY);
}

/* Reading content may take far longer than encoding what it is read from. */
static size_t inline_bytes_max(const room *r)
{
    size_t max = ROOM_INLINE_BYTES_MAX;
    for (list_node *n = list_first(&r->reads); n != NULL; n = list_next(&r->reads, n))
        if (container_of(n, room_read, link)->kind == ROOM_READ_CONTENT)
            max = ROOM_INLINE_CONTENT_BYTES_MAX;
    return max;
}

void room_serve_reads(room *r)
{
    r->read_count = 0;
    serve_whole(r);
    if (list_is_empty(&r->reads))
        return;
    if (r->doc == NULL || r->doc_bytes <= inline_bytes_max(r))
        serve_here(r);
    else
        lend(r);
}
