/* Traps in updates without a document: merged, cut down, described, converted, packed. */
#include "traps.h"

#include <stdlib.h>

enum { BASE = 2, FIRST = 10 };

/* Many updates, in one buffer. */
typedef struct batch {
    crdt_buf all;
    size_t *starts;
    crdt_bytes *updates;
    size_t count;
} batch;

static void batch_open(batch *b, size_t max)
{
    *b = (batch){.starts = malloc((max + 1) * sizeof *b->starts),
                 .updates = malloc(max * sizeof *b->updates)};
    assert_true(b->starts && b->updates);
    b->starts[0] = 0;
}

static void batch_add(batch *b, crdt_bytes update)
{
    for (size_t i = 0; i < update.len; i++)
        wm_byte(&b->all, update.data[i]);
    b->starts[++b->count] = b->all.len;
}

static void batch_seal(batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        b->updates[i] = (crdt_bytes){b->all.data + b->starts[i], b->starts[i + 1] - b->starts[i]};
}

static void batch_close(batch *b)
{
    crdt_buf_free(&b->all);
    free(b->starts);
    free(b->updates);
}

/* Keystrokes: of one client, or each of another one (BODY_ITEMS). */
static void type_all(const trap *t, batch *b, uint64_t size)
{
    crdt_buf update = {0};
    batch_open(b, size);
    for (uint64_t i = 0; i < size; i++) {
        uint64_t number = trap_number(t->order, size, i);
        const wm_id id = t->body == BODY_ITEMS ? (wm_id){FIRST + number, 0} : (wm_id){BASE, number};
        const wm_id before = {id.client, id.clock - 1};
        const wm_item item = {
            .kind = WM_STRING, .root = "t", .origin = id.clock > 0 ? &before : NULL, .text = "x"};
        batch_add(b, wm_one(&update, id, &item));
    }
    crdt_buf_free(&update);
    batch_seal(b);
}

/* What a merged update is good for: cut down, described, converted there and back. */
static void use(crdt_bytes update)
{
    crdt_buf sv = {0};
    crdt_buf rest = {0};
    crdt_buf v2 = {0};
    crdt_buf v1 = {0};
    crdt_update_client *clients;
    size_t count;
    trap_ok(crdt_update_state_vector(CRDT_V1, update, &sv));
    trap_ok(crdt_update_diff(CRDT_V1, update, wm_bytes(&sv), &rest));
    trap_ok(crdt_update_clients(CRDT_V1, update, &clients, &count));
    crdt_update_clients_free(clients, count);
    trap_ok(crdt_update_convert(CRDT_V1, update, CRDT_V2, &v2));
    trap_ok(crdt_update_convert(CRDT_V2, wm_bytes(&v2), CRDT_V1, &v1));
    crdt_buf_free(&sv);
    crdt_buf_free(&rest);
    crdt_buf_free(&v2);
    crdt_buf_free(&v1);
}

static void merging(const trap *t, uint64_t size)
{
    batch b;
    crdt_buf merged = {0};
    type_all(t, &b, size);
    trap_ok(crdt_update_merge(CRDT_V1, b.updates, b.count, &merged));
    use(wm_bytes(&merged));
    crdt_buf_free(&merged);
    batch_close(&b);
}

/* The same updates in format v2. */
static void in_v2(batch *b)
{
    batch v2;
    crdt_buf update = {0};
    batch_open(&v2, b->count);
    for (size_t i = 0; i < b->count; i++) {
        update.len = 0;
        trap_ok(crdt_update_convert(CRDT_V1, b->updates[i], CRDT_V2, &update));
        batch_add(&v2, wm_bytes(&update));
    }
    crdt_buf_free(&update);
    batch_seal(&v2);
    batch_close(b);
    *b = v2;
}

static void merging_in_v2(const trap *t, uint64_t size)
{
    batch b;
    crdt_buf merged = {0};
    crdt_buf v1 = {0};
    crdt_buf sv = {0};
    crdt_buf rest = {0};
    type_all(t, &b, size);
    in_v2(&b);
    trap_ok(crdt_update_merge(CRDT_V2, b.updates, b.count, &merged));
    trap_ok(crdt_update_state_vector(CRDT_V2, b.updates[size / 2], &sv));
    trap_ok(crdt_update_diff(CRDT_V2, wm_bytes(&merged), wm_bytes(&sv), &rest));
    trap_ok(crdt_update_convert(CRDT_V2, wm_bytes(&merged), CRDT_V1, &v1));
    use(wm_bytes(&v1));
    crdt_buf_free(&merged);
    crdt_buf_free(&v1);
    crdt_buf_free(&sv);
    crdt_buf_free(&rest);
    batch_close(&b);
}

/* What a server tells of its log: the vector before all of them. */
static void rewinding(const trap *t, uint64_t size)
{
    batch b;
    crdt_buf merged = {0};
    crdt_buf sv = {0};
    crdt_buf before = {0};
    type_all(t, &b, size);
    trap_ok(crdt_update_merge(CRDT_V1, b.updates, b.count, &merged));
    trap_ok(crdt_update_state_vector(CRDT_V1, wm_bytes(&merged), &sv));
    trap_ok(crdt_state_vector_rewind(CRDT_V1, wm_bytes(&sv), b.updates, b.count, &before));
    crdt_buf_free(&merged);
    crdt_buf_free(&sv);
    crdt_buf_free(&before);
    batch_close(&b);
}

/* Each update tells all that the one before told, and one more. */
static void merging_what_overlaps(const trap *t, uint64_t size)
{
    (void)t;
    enum { UPDATES = 50 };
    batch b;
    crdt_buf update = {0};
    crdt_buf merged = {0};
    batch_open(&b, UPDATES);
    for (uint64_t i = 0; i < UPDATES; i++)
        batch_add(&b, wm_one(&update, (wm_id){BASE, i},
                             &(wm_item){.kind = t->body == BODY_ANY ? WM_ANY : WM_GC,
                                        .root = "t",
                                        .len = size + i % 3 * 10}));
    batch_seal(&b);
    trap_ok(crdt_update_merge(CRDT_V1, b.updates, b.count, &merged));
    crdt_buf_free(&update);
    crdt_buf_free(&merged);
    batch_close(&b);
}

/* Every other unit deleted, each in an update of its own. */
static void merging_deletes(const trap *t, uint64_t size)
{
    batch b;
    crdt_buf update = {0};
    crdt_buf merged = {0};
    batch_open(&b, size);
    for (uint64_t i = 0; i < size; i++)
        batch_add(&b, wm_delete(&update, (wm_id){BASE, 2 * trap_number(t->order, size, i)}, 1));
    batch_seal(&b);
    trap_ok(crdt_update_merge(CRDT_V1, b.updates, b.count, &merged));
    use(wm_bytes(&merged));
    crdt_buf_free(&update);
    crdt_buf_free(&merged);
    batch_close(&b);
}

/* A log is merged as it grows, in pieces that grow with it, as a compaction does. */
static void merging_by_halves(const trap *t, uint64_t size)
{
    batch b;
    type_all(t, &b, size);
    crdt_buf *parts = calloc(size, sizeof *parts);
    assert_non_null(parts);
    for (size_t step = 1; step < size; step *= 2)
        for (size_t i = 0; i + step < size; i += 2 * step) {
            crdt_buf merged = {0};
            trap_ok(crdt_update_merge(CRDT_V1, (crdt_bytes[]){b.updates[i], b.updates[i + step]}, 2,
                                      &merged));
            crdt_buf_free(&parts[i]);
            parts[i] = merged;
            b.updates[i] = wm_bytes(&merged);
        }
    for (size_t i = 0; i < size; i++)
        crdt_buf_free(&parts[i]);
    free(parts);
    batch_close(&b);
}

static void packing(const trap *t, uint64_t size)
{
    batch b;
    crdt_buf piece = {0};
    crdt_buf out = {0};
    type_all(t, &b, size);
    size_t *lens = malloc(size * sizeof *lens);
    assert_non_null(lens);
    trap_ok(crdt_updates_pack(b.updates, b.count, &piece));
    trap_ok(crdt_updates_unpack(wm_bytes(&piece), b.count, &out, lens));
    assert_int_equal(out.len, b.all.len);
    free(lens);
    crdt_buf_free(&piece);
    crdt_buf_free(&out);
    batch_close(&b);
}

/* Sections of many clients, in no order. */
static void sections(const trap *t, uint64_t size)
{
    crdt_buf update = {0};
    crdt_buf merged = {0};
    wm_begin(&update, size);
    for (uint64_t i = 0; i < size; i++) {
        wm_section(&update, 1, FIRST + trap_number(t->order, size, i), 0);
        wm_struct(&update, &(wm_item){.kind = WM_STRING, .root = "t", .text = "x"});
    }
    wm_begin_deletes(&update, 0);
    const crdt_bytes twice[] = {wm_bytes(&update), wm_bytes(&update)};
    trap_ok(crdt_update_merge(CRDT_V1, twice, 2, &merged));
    use(wm_bytes(&update));
    crdt_buf_free(&update);
    crdt_buf_free(&merged);
}

#define MERGE(text, function, what, which, most)                                                   \
    {                                                                                              \
        .name = text, .run = (function), .size = 2500, .each_max = (most), .order = (which),       \
        .body = (what)                                                                             \
    }

static const trap traps[] = {
    MERGE("merging keystrokes", merging, BODY_ASCII, ORDER_UP, 3300),
    MERGE("merging keystrokes, backwards", merging, BODY_ASCII, ORDER_DOWN, 3300),
    MERGE("merging keystrokes, mixed", merging, BODY_ASCII, ORDER_MIXED, 3300),
    MERGE("merging clients", merging, BODY_ITEMS, ORDER_UP, 4800),
    MERGE("merging clients, mixed", merging, BODY_ITEMS, ORDER_MIXED, 4800),
    MERGE("merging in v2", merging_in_v2, BODY_ASCII, ORDER_UP, 6500),
    MERGE("merging clients in v2, mixed", merging_in_v2, BODY_ITEMS, ORDER_MIXED, 8500),
    MERGE("rewinding", rewinding, BODY_ASCII, ORDER_MIXED, 2400),
    MERGE("rewinding clients", rewinding, BODY_ITEMS, ORDER_MIXED, 2700),
    MERGE("merging holes that overlap", merging_what_overlaps, BODY_ASCII, ORDER_UP, 20),
    MERGE("merging values that overlap", merging_what_overlaps, BODY_ANY, ORDER_UP, 7600),
    MERGE("merging deletes", merging_deletes, BODY_ASCII, ORDER_UP, 1000),
    MERGE("merging deletes, mixed", merging_deletes, BODY_ASCII, ORDER_MIXED, 1600),
    MERGE("merging by halves", merging_by_halves, BODY_ASCII, ORDER_UP, 7400),
    MERGE("packing", packing, BODY_ASCII, ORDER_UP, 1600),
    MERGE("packing clients", packing, BODY_ITEMS, ORDER_MIXED, 1800),
    MERGE("sections", sections, BODY_ASCII, ORDER_DOWN, 4800),
    MERGE("sections, mixed", sections, BODY_ASCII, ORDER_MIXED, 11000),
};

int main(void)
{
    return traps_run(traps, sizeof traps / sizeof *traps);
}
