/* The driver's snapshots, positions and sync messages.
 *
 *     snapshot DOC [v2]                         readings `as of` one: see `read`
 *     snapshotstate DOC SNAPSHOT v1|v2          SNAPSHOT is in format v1
 *     snapshotsame SNAPSHOT SNAPSHOT            whether
 *     snapshotholds SNAPSHOT UPDATE v1|v2       whether
 *     position DOC TYPE INDEX ASSOC             the encoded position
 *     place DOC POSITION                        `none`, or root's name or `@CLIENT.CLOCK`, index,
 * assoc step1 DOC                                 the message receive DOC MESSAGE the reply,
 * integrated, the update that came of it
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "driver.h"

static void do_snapshot(void)
{
    crdt_buf out = {0};
    crdt_err err = crdt_doc_snapshot(doc_at(1), encoding_at(2), &out);
    answer_bytes(err, &out);
}

static crdt_err snapshot_at(size_t i, crdt_snapshot **out)
{
    return crdt_snapshot_new(CRDT_V1, bytes(i), NULL, out);
}

static void do_snapshotstate(void)
{
    crdt_snapshot *at = NULL;
    crdt_buf out = {0};
    crdt_err err = snapshot_at(2, &at);
    if (err == CRDT_OK)
        err = crdt_doc_encode_snapshot_state(doc_at(1), at, encoding_at(3), &out);
    crdt_snapshot_free(at);
    answer_bytes(err, &out);
}

static void do_snapshotsame(void)
{
    crdt_snapshot *a = NULL;
    crdt_snapshot *b = NULL;
    crdt_err err = snapshot_at(1, &a);
    if (err == CRDT_OK)
        err = snapshot_at(2, &b);
    if (err == CRDT_OK)
        printf("ok %d\n", crdt_snapshot_equal(a, b));
    else
        answer(err);
    crdt_snapshot_free(a);
    crdt_snapshot_free(b);
}

static void do_snapshotholds(void)
{
    crdt_snapshot *at = NULL;
    bool holds = false;
    crdt_err err = snapshot_at(1, &at);
    if (err == CRDT_OK)
        err = crdt_snapshot_contains(at, encoding_at(3), bytes(2), &holds);
    if (err == CRDT_OK)
        printf("ok %d\n", holds);
    else
        answer(err);
    crdt_snapshot_free(at);
}

static void do_position(void)
{
    crdt_buf out = {0};
    int64_t assoc = strtoll(word(4), NULL, 10);
    crdt_err err = crdt_relpos_encode(doc_at(1), type_at(2), number(3), assoc, &out);
    answer_bytes(err, &out);
}

/* A root by its name, another type by its item. */
static void print_type(const crdt_doc *doc, crdt_type type)
{
    if (type.root == 0) {
        printf(" @%" PRIu64 ".%" PRIu64, type.item.client, type.item.clock);
        return;
    }
    crdt_type_info info;
    if (crdt_type_describe(doc, type, &info) != CRDT_OK)
        die("no such type");
    print_bytes(info.name);
}

static void do_place(void)
{
    bool found = false;
    crdt_place place;
    crdt_err err = crdt_relpos_resolve(doc_at(1), bytes(2), &found, &place);
    if (err != CRDT_OK) {
        answer(err);
    } else if (!found) {
        puts("ok none");
    } else {
        printf("ok");
        print_type(doc_at(1), place.type);
        printf(" %" PRIu64 " %" PRId64 "\n", place.index, place.assoc);
    }
}

static void do_step1(void)
{
    crdt_buf out = {0};
    crdt_err err = crdt_sync_write_step1(doc_at(1), &out);
    answer_bytes(err, &out);
}

static void do_receive(void)
{
    crdt_buf reply = {0};
    crdt_buf event = {0};
    crdt_applied applied = {0};
    crdt_err err = crdt_sync_receive(doc_at(1), bytes(2), &reply, &applied, &event);
    if (err == CRDT_OK) {
        printf("ok");
        print_bytes((crdt_bytes){reply.data, reply.len});
        printf(" %d", applied.integrated);
        print_bytes((crdt_bytes){event.data, event.len});
        puts("");
    } else {
        answer(err);
    }
    crdt_buf_free(&reply);
    crdt_buf_free(&event);
}

const request moment_requests[] = {
    {"snapshot", do_snapshot},
    {"snapshotstate", do_snapshotstate},
    {"snapshotsame", do_snapshotsame},
    {"snapshotholds", do_snapshotholds},
    {"position", do_position},
    {"place", do_place},
    {"step1", do_step1},
    {"receive", do_receive},
    {0},
};
