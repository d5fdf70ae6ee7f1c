#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "past/kept.h"
#include "past/replay.h"
#include "room/codec.h"
#include "wiremake.h"

static store_batch *begin(fixture *f)
{
    store_batch *batch;
    assert_int_equal(store_batch_begin(f->store, &batch), STORE_OK);
    return batch;
}

int fixture_setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    strcpy(f->dir, "/tmp/weft-past-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    store_options options = {.codec = &room_codec};
    char detail[256];
    assert_int_equal(store_open(f->dir, &options, &f->store, detail, sizeof(detail)), STORE_OK);
    store_batch *batch = begin(f);
    store_doc doc;
    assert_int_equal(store_batch_create(batch, (store_bytes){"d", 1}, 7, 1, &doc), STORE_OK);
    assert_int_equal(store_batch_commit(batch), STORE_OK);
    f->number = doc.number;
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    fixture *f = *state;
    store_close(f->store);
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

crdt_bytes typed(crdt_buf *out, uint64_t clock, const char *text)
{
    wm_id before = {1, clock - 1};
    wm_item item = {.kind = WM_STRING, .text = text};
    if (clock > 0)
        item.origin = &before;
    else
        item.root = "t";
    return wm_one(out, (wm_id){1, clock}, &item);
}

static void stage(fixture *f, store_batch *batch, crdt_bytes update)
{
    uint64_t seq;
    store_event event = {.time_ms = 1, .update = {update.data, update.len}};
    assert_int_equal(store_batch_append(batch, f->number, &event, &seq), STORE_OK);
}

void append(fixture *f, crdt_bytes update)
{
    store_batch *batch = begin(f);
    stage(f, batch, update);
    assert_int_equal(store_batch_commit(batch), STORE_OK);
}

void append_letters(fixture *f, uint64_t clock, size_t count)
{
    store_batch *batch = begin(f);
    crdt_buf u = {0};
    for (size_t i = 0; i < count; i++)
        stage(f, batch, typed(&u, clock + i, "x"));
    crdt_buf_free(&u);
    assert_int_equal(store_batch_commit(batch), STORE_OK);
}

void keep(fixture *f, uint64_t seq, crdt_bytes value)
{
    store_batch *batch = begin(f);
    store_bytes bytes = {value.data, value.len};
    assert_int_equal(store_batch_checkpoint(batch, f->number, seq, bytes), STORE_OK);
    assert_int_equal(store_batch_commit(batch), STORE_OK);
}

void keep_state(fixture *f, uint64_t seq)
{
    crdt_doc *doc;
    kept last;
    crdt_buf state = {0}, value = {0};
    assert_int_equal(replay_doc(f->store, f->number, seq, 0, &doc, NULL), ERR_OK);
    assert_int_equal(crdt_doc_encode_state(doc, CRDT_V2, (crdt_bytes){0}, &state), CRDT_OK);
    assert_int_equal(kept_find(f->store, f->number, seq - 1, &last), ERR_OK);
    checkpoint_base base = kept_base(&last);
    assert_int_equal(checkpoint_encode(wm_bytes(&state), &base, &value), ERR_OK);
    keep(f, seq, wm_bytes(&value));
    kept_free(&last);
    crdt_buf_free(&state);
    crdt_buf_free(&value);
    crdt_doc_free(doc);
}

void delete_document(fixture *f)
{
    store_batch *batch = begin(f);
    assert_int_equal(store_batch_delete(batch, f->number, 2), STORE_OK);
    assert_int_equal(store_batch_commit(batch), STORE_OK);
}

/* A state vector of one client: 1, the client, its clock. */
uint64_t typed_in(crdt_doc *doc)
{
    crdt_buf sv = {0};
    uint64_t clock = 0;
    assert_int_equal(crdt_doc_encode_state_vector(doc, &sv), CRDT_OK);
    for (size_t i = sv.len; i-- > 2;)
        clock = clock << 7 | (sv.data[i] & 0x7f);
    crdt_buf_free(&sv);
    return clock;
}
