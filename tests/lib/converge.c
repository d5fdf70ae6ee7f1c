#include "converge.h"

#include <stdlib.h>
#include <string.h>

#include "base/deep.h"
#include "base/json.h"
#include "editor.h"

enum { REPLICAS_MAX = 4, LOG_MAX = 160, MOMENTS_MAX = 4, POSITIONS_MAX = 8 };

/* A moment of a replica that keeps what it deletes, and what it read then. */
typedef struct moment {
    crdt_buf snapshot;
    crdt_buf readings[EDITOR_ROOTS];
} moment;

typedef struct replica {
    uint64_t client;
    crdt_doc_options options;
    crdt_doc *doc;
    bool received[LOG_MAX];
    moment moments[MOMENTS_MAX];
    size_t moment_count;
} replica;

typedef struct run {
    program p;
    editor_types types;
    replica replicas[REPLICAS_MAX];
    size_t replica_count;
    crdt_buf log[LOG_MAX]; /* what replicas have sent, in format v1 */
    size_t log_count;
    crdt_buf positions[POSITIONS_MAX];
    size_t position_count;
} run;

static crdt_bytes bytes_of(const crdt_buf *buf)
{
    return (crdt_bytes){buf->data, buf->len};
}

static void expect_ok(run *r, crdt_err err, const char *otherwise)
{
    program_expect(&r->p, err == CRDT_OK, otherwise);
}

static replica *choose_replica(run *r)
{
    return &r->replicas[program_below(&r->p, r->replica_count)];
}

static crdt_encoding choose_encoding(run *r)
{
    return program_below(&r->p, 2) ? CRDT_V2 : CRDT_V1;
}

/* Appends an update in another format. */
static void convert(run *r, crdt_encoding from, crdt_bytes update, crdt_encoding to, crdt_buf *out)
{
    expect_ok(r, crdt_update_convert(from, update, to, out), "a good update cannot be converted");
}

/* The document is sound, and tells what its last transaction changed. */
static void check_replica(run *r, const replica *at)
{
    crdt_buf changes = {0};
    const char *broken = crdt_doc_check(at->doc);
    program_expect(&r->p, !broken, broken);
    expect_ok(r, crdt_doc_changes(at->doc, &changes), "nothing is told of what changed");
    program_expect(&r->p, crdt__json_check(bytes_of(&changes)) != CRDT__JSON_INVALID,
                   "what changed is not told in JSON");
    crdt_buf_free(&changes);
}

/* ---- sending ---- */

static void add_to_log(run *r, replica *from, crdt_encoding encoding, crdt_bytes update)
{
    if (update.len == 0)
        return;
    convert(r, encoding, update, CRDT_V1, &r->log[r->log_count]);
    from->received[r->log_count++] = true;
}

static void edit(run *r, replica *at)
{
    if (r->log_count == LOG_MAX)
        return;
    crdt_buf update = {0};
    const crdt_encoding encoding = choose_encoding(r);
    expect_ok(r, crdt_doc_begin(at->doc), "no transaction");
    for (size_t edits = 1 + program_below(&r->p, 3); edits > 0; edits--)
        editor_edit(&r->p, at->doc, &r->types);
    expect_ok(r, crdt_doc_commit(at->doc, encoding, &update), "no commit");
    add_to_log(r, at, encoding, bytes_of(&update));
    crdt_buf_free(&update);
    check_replica(r, at);
}

/* ---- hearing ---- */

/* Applies an update in a format of the program's choice. What it came to is sent on, now and then.
 */
static void apply(run *r, replica *at, crdt_encoding encoding, crdt_bytes update, bool is_known)
{
    crdt_buf other = {0};
    crdt_buf event = {0};
    crdt_applied applied = {0};
    const crdt_encoding wanted = choose_encoding(r);
    const bool sends_on = program_below(&r->p, 8) == 0 && r->log_count < LOG_MAX;
    convert(r, encoding, update, wanted, &other);
    expect_ok(r, crdt_doc_apply_event(at->doc, wanted, bytes_of(&other), &applied, &event),
              "a good update is refused");
    program_expect(&r->p, applied.pending == crdt_doc_pending(at->doc),
                   "apply is wrong about what waits");
    program_expect(&r->p, applied.integrated == (event.len > 0),
                   "apply is wrong about what is integrated");
    program_expect(&r->p, !is_known || !applied.changed, "a known update changes something");
    if (sends_on)
        add_to_log(r, at, wanted, bytes_of(&event));
    crdt_buf_free(&other);
    crdt_buf_free(&event);
    check_replica(r, at);
}

static void deliver(run *r, replica *to, size_t i)
{
    const bool is_known = to->received[i];
    to->received[i] = true;
    apply(r, to, CRDT_V1, bytes_of(&r->log[i]), is_known);
}

/* A few updates as one. */
static void deliver_merged(run *r, replica *to)
{
    enum { GROUP_MAX = 5 };
    crdt_bytes group[GROUP_MAX];
    crdt_buf converted[GROUP_MAX] = {{0}};
    crdt_buf merged = {0};
    const crdt_encoding encoding = choose_encoding(r);
    const size_t count = 1 + program_below(&r->p, GROUP_MAX);
    for (size_t k = 0; k < count; k++) {
        const size_t i = program_below(&r->p, r->log_count);
        convert(r, CRDT_V1, bytes_of(&r->log[i]), encoding, &converted[k]);
        group[k] = bytes_of(&converted[k]);
        to->received[i] = true;
    }
    expect_ok(r, crdt_update_merge(encoding, group, count, &merged), "good updates do not merge");
    apply(r, to, encoding, bytes_of(&merged), false);
    for (size_t k = 0; k < count; k++)
        crdt_buf_free(&converted[k]);
    crdt_buf_free(&merged);
}

/* Of one update, what the replica lacks. */
static void deliver_cut(run *r, replica *to)
{
    crdt_buf sv = {0};
    crdt_buf cut = {0};
    const size_t i = program_below(&r->p, r->log_count);
    expect_ok(r, crdt_doc_encode_state_vector(to->doc, &sv), "no state vector");
    expect_ok(r, crdt_update_diff(CRDT_V1, bytes_of(&r->log[i]), bytes_of(&sv), &cut),
              "a good update cannot be cut");
    to->received[i] = true;
    apply(r, to, CRDT_V1, bytes_of(&cut), false);
    crdt_buf_free(&sv);
    crdt_buf_free(&cut);
}

static void heard_from(run *r, replica *to, const replica *from)
{
    for (size_t i = 0; i < r->log_count; i++)
        to->received[i] = to->received[i] || from->received[i];
}

/* What `from` has and `to` lacks, what waits there included. */
static void deliver_difference(run *r, replica *to, const replica *from)
{
    crdt_buf sv = {0};
    crdt_buf update = {0};
    const crdt_encoding encoding = choose_encoding(r);
    expect_ok(r, crdt_doc_encode_state_vector(to->doc, &sv), "no state vector");
    expect_ok(r, crdt_doc_encode_state(from->doc, encoding, bytes_of(&sv), &update),
              "no difference");
    heard_from(r, to, from);
    apply(r, to, encoding, bytes_of(&update), false);
    crdt_buf_free(&sv);
    crdt_buf_free(&update);
}

/* The same by messages. */
static void synchronise(run *r, replica *to, const replica *from)
{
    crdt_buf ask = {0};
    crdt_buf answer = {0};
    expect_ok(r, crdt_sync_write_step1(to->doc, &ask), "no question");
    expect_ok(r, crdt_sync_receive(from->doc, bytes_of(&ask), &answer, NULL, NULL), "no answer");
    heard_from(r, to, from);
    expect_ok(r, crdt_sync_receive(to->doc, bytes_of(&answer), NULL, NULL, NULL),
              "the answer is refused");
    check_replica(r, to);
    crdt_buf_free(&ask);
    crdt_buf_free(&answer);
}

/* ---- storing ---- */

static crdt_doc *open_doc(run *r, const replica *at)
{
    crdt_doc *doc = crdt_doc_new(&at->options);
    if (!doc)
        abort();
    for (size_t i = 0; i < EDITOR_ROOTS; i++)
        (void)editor_root(&r->p, doc, i);
    return doc;
}

static void reload(run *r, replica *at)
{
    crdt_buf state = {0};
    const crdt_encoding encoding = choose_encoding(r);
    const bool waited = crdt_doc_pending(at->doc);
    expect_ok(r, crdt_doc_encode_state(at->doc, encoding, (crdt_bytes){0}, &state), "no state");
    crdt_doc_free(at->doc);
    at->doc = open_doc(r, at);
    expect_ok(r, crdt_doc_apply(at->doc, encoding, bytes_of(&state), NULL), "a state is refused");
    expect_ok(r, crdt_doc_set_client(at->doc, at->client), "no client");
    /* What waited for something that came by another way may go now. */
    program_expect(&r->p, waited || !crdt_doc_pending(at->doc), "a whole state waits");
    crdt_buf_free(&state);
    check_replica(r, at);
}

/* ---- remembering ---- */

static void read_roots(run *r, crdt_doc *doc, const crdt_snapshot *at,
                       crdt_buf readings[EDITOR_ROOTS])
{
    for (size_t i = 0; i < EDITOR_ROOTS; i++) {
        const crdt_type root = editor_root(&r->p, doc, i);
        expect_ok(r,
                  editor_root_kinds[i] == CRDT_TEXT ? crdt_read_delta(doc, root, at, &readings[i])
                                                    : crdt_read_json(doc, root, at, &readings[i]),
                  "a root cannot be read");
    }
}

static void compare_readings(run *r, const crdt_buf a[EDITOR_ROOTS], const crdt_buf b[EDITOR_ROOTS],
                             const char *otherwise)
{
    for (size_t i = 0; i < EDITOR_ROOTS && !r->p.wrong; i++)
        program_expect(&r->p, crdt__json_equal(bytes_of(&a[i]), bytes_of(&b[i]), NULL), otherwise);
}

static void free_readings(crdt_buf readings[EDITOR_ROOTS])
{
    for (size_t i = 0; i < EDITOR_ROOTS; i++)
        crdt_buf_free(&readings[i]);
}

static void remember_moment(run *r, replica *at)
{
    if (at->moment_count == MOMENTS_MAX || at->options.gc == CRDT_GC_ON)
        return;
    moment *m = &at->moments[at->moment_count++];
    expect_ok(r, crdt_doc_snapshot(at->doc, CRDT_V2, &m->snapshot), "no snapshot");
    read_roots(r, at->doc, NULL, m->readings);
}

/* At a unit of a root, which is never collected, or at its end. */
static void remember_position(run *r, replica *at)
{
    if (r->position_count == POSITIONS_MAX)
        return;
    const crdt_type root = editor_root(&r->p, at->doc, program_below(&r->p, 2));
    const int64_t assoc = program_below(&r->p, 2) ? -1 : 0;
    crdt_type_info info;
    expect_ok(r, crdt_type_describe(at->doc, root, &info), "no root");
    const uint64_t index = program_below(&r->p, (size_t)info.length + 1);
    crdt_buf *position = &r->positions[r->position_count++];
    expect_ok(r, crdt_relpos_encode(at->doc, root, index, assoc, position), "no position");
    crdt_place place = {0};
    bool found = false;
    expect_ok(r, crdt_relpos_resolve(at->doc, bytes_of(position), &found, &place),
              "a position is refused");
    program_expect(&r->p,
                   found && place.type.root == root.root && place.index == index &&
                       place.assoc == assoc,
                   "a position lies elsewhere at once");
}

/* ---- the program ---- */

static void step(run *r)
{
    replica *at = choose_replica(r);
    const size_t what = program_below(&r->p, 20);
    if (what < 9)
        edit(r, at);
    else if (what == 9)
        reload(r, at);
    else if (what == 10)
        remember_moment(r, at);
    else if (what == 11)
        remember_position(r, at);
    else if (r->log_count == 0)
        return;
    else if (what < 15)
        deliver(r, at, program_below(&r->p, r->log_count));
    else if (what == 15)
        deliver_merged(r, at);
    else if (what == 16)
        deliver_cut(r, at);
    else if (what == 17)
        synchronise(r, at, choose_replica(r));
    else
        deliver_difference(r, at, choose_replica(r));
}

/* Everybody hears everything, each in another order; then all ask each other, twice around. That
 * brings the deletions of those who tidy marks. It also frees what waits for something it does not
 * need: structs that met a gap of another client in the same update are taken to wait for the end
 * of the gap, in Yjs, too, and what fills the gap may in turn wait for them. */
static void settle(run *r)
{
    for (size_t k = 0; k < r->replica_count && !r->p.wrong; k++)
        for (size_t i = 0; i < r->log_count && !r->p.wrong; i++) {
            const size_t at = k % 2 ? r->log_count - 1 - i : i;
            if (!r->replicas[k].received[at])
                deliver(r, &r->replicas[k], at);
        }
    for (size_t k = 1; k < 2 * r->replica_count && !r->p.wrong; k++)
        synchronise(r, &r->replicas[k % r->replica_count],
                    &r->replicas[(k - 1) % r->replica_count]);
    for (size_t k = 0; k < r->replica_count; k++)
        program_expect(&r->p, !crdt_doc_pending(r->replicas[k].doc), "something waits for ever");
}

/* ---- in the end ---- */

/* The state of a new document that collects garbage: how it was split, and what was kept of what is
 * deleted, no longer tells. */
static void canonical_state(run *r, const replica *at, crdt_encoding encoding, crdt_buf *out)
{
    crdt_buf state = {0};
    crdt_doc *doc = crdt_doc_new(NULL);
    if (!doc)
        abort();
    expect_ok(r, crdt_doc_encode_state(at->doc, encoding, (crdt_bytes){0}, &state), "no state");
    expect_ok(r, crdt_doc_apply(doc, encoding, bytes_of(&state), NULL), "a state is refused");
    expect_ok(r, crdt_doc_encode_state(doc, CRDT_V1, (crdt_bytes){0}, out), "no state");
    const char *broken = crdt_doc_check(doc);
    program_expect(&r->p, !broken, broken);
    crdt_doc_free(doc);
    crdt_buf_free(&state);
}

static void check_states_alike(run *r)
{
    crdt_buf first = {0};
    canonical_state(r, &r->replicas[0], CRDT_V1, &first);
    for (size_t k = 0; k < r->replica_count && !r->p.wrong; k++) {
        crdt_buf other = {0};
        canonical_state(r, &r->replicas[k], k % 2 ? CRDT_V2 : CRDT_V1, &other);
        program_expect(&r->p,
                       first.len == other.len && memcmp(first.data, other.data, first.len) == 0,
                       "two replicas have different states in the end");
        crdt_buf_free(&other);
    }
    crdt_buf_free(&first);
}

static void check_readings_alike(run *r)
{
    crdt_buf first[EDITOR_ROOTS] = {{0}};
    read_roots(r, r->replicas[0].doc, NULL, first);
    for (size_t k = 1; k < r->replica_count && !r->p.wrong; k++) {
        crdt_buf other[EDITOR_ROOTS] = {{0}};
        read_roots(r, r->replicas[k].doc, NULL, other);
        compare_readings(r, first, other, "two replicas read differently in the end");
        free_readings(other);
    }
    free_readings(first);
}

static void check_positions_alike(run *r)
{
    for (size_t i = 0; i < r->position_count; i++) {
        crdt_place first = {0};
        for (size_t k = 0; k < r->replica_count && !r->p.wrong; k++) {
            crdt_place place = {0};
            bool found = false;
            expect_ok(
                r,
                crdt_relpos_resolve(r->replicas[k].doc, bytes_of(&r->positions[i]), &found, &place),
                "a position is refused");
            program_expect(&r->p, found, "a position of a root is lost");
            if (k == 0)
                first = place;
            program_expect(&r->p, place.index == first.index && place.assoc == first.assoc,
                           "two replicas have a position at different places");
        }
    }
}

/* The moment read in its document, and read in a document made of it. */
static void check_moment(run *r, const replica *at, const moment *m)
{
    crdt_snapshot *snapshot = NULL;
    crdt_buf now[EDITOR_ROOTS] = {{0}};
    crdt_buf restored[EDITOR_ROOTS] = {{0}};
    crdt_buf update = {0};
    if (crdt_snapshot_new(CRDT_V2, bytes_of(&m->snapshot), NULL, &snapshot) != CRDT_OK) {
        r->p.wrong = "a snapshot is refused";
        return;
    }
    crdt_doc *doc = crdt_doc_new(NULL);
    if (!doc)
        abort();
    read_roots(r, at->doc, snapshot, now);
    compare_readings(r, m->readings, now, "a moment reads differently later");
    expect_ok(r, crdt_doc_encode_snapshot_state(at->doc, snapshot, CRDT_V1, &update),
              "a moment cannot be restored");
    expect_ok(r, crdt_doc_apply(doc, CRDT_V1, bytes_of(&update), NULL), "a moment is refused");
    read_roots(r, doc, NULL, restored);
    compare_readings(r, m->readings, restored, "a moment is restored differently");
    free_readings(now);
    free_readings(restored);
    crdt_buf_free(&update);
    crdt_doc_free(doc);
    crdt_snapshot_free(snapshot);
}

static void check_end(run *r)
{
    check_readings_alike(r);
    check_states_alike(r);
    check_positions_alike(r);
    for (size_t k = 0; k < r->replica_count; k++)
        for (size_t i = 0; i < r->replicas[k].moment_count && !r->p.wrong; i++)
            check_moment(r, &r->replicas[k], &r->replicas[k].moments[i]);
}

static void close_run(run *r)
{
    for (size_t k = 0; k < r->replica_count; k++) {
        replica *at = &r->replicas[k];
        crdt_doc_free(at->doc);
        for (size_t i = 0; i < at->moment_count; i++) {
            crdt_buf_free(&at->moments[i].snapshot);
            free_readings(at->moments[i].readings);
        }
    }
    for (size_t i = 0; i < r->log_count; i++)
        crdt_buf_free(&r->log[i]);
    for (size_t i = 0; i < r->position_count; i++)
        crdt_buf_free(&r->positions[i]);
    free(r);
}

const char *converge_run(crdt_bytes bytes)
{
    static const uint64_t clients[REPLICAS_MAX] = {7, 3, UINT64_C(4294967301), 200};
    run *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    r->p.left = bytes;
    r->replica_count = 2 + program_below(&r->p, REPLICAS_MAX - 1);
    const uint8_t collecting = program_byte(&r->p);
    const bool cleans_up = program_below(&r->p, 4) == 0;
    for (size_t k = 0; k < r->replica_count; k++) {
        replica *at = &r->replicas[k];
        at->client = clients[k];
        at->options.gc = collecting >> k & 1 ? CRDT_GC_ON : CRDT_GC_OFF;
        at->options.changes = CRDT_CHANGES_ON;
        at->options.cleanup = cleans_up ? CRDT_CLEANUP_ON : CRDT_CLEANUP_OFF;
        at->doc = open_doc(r, at);
        expect_ok(r, crdt_doc_set_client(at->doc, at->client), "no client");
    }
    while (r->p.left.len > 0 && !r->p.wrong)
        step(r);
    if (!r->p.wrong)
        settle(r);
    if (!r->p.wrong)
        check_end(r);
    const char *wrong = r->p.wrong;
    close_run(r);
    return wrong;
}
