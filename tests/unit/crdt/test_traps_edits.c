/* Traps in local edits, and in asking a document. */
#include "traps.h"

#include <stdio.h>

#include "rng.h"

enum { BASE = 2, OWN = 7, EDITS = 100 };

typedef struct scene {
    fixture f;
    crdt_type root; /* `t`, a text or a list as one likes */
    crdt_type map;
} scene;

static void open(scene *s, crdt_doc_options options)
{
    fixture_open(&s->f, options);
    trap_ok(crdt_doc_root(s->f.doc, crdt_bytes_of("t"), CRDT_TEXT, &s->root));
    trap_ok(crdt_doc_root(s->f.doc, crdt_bytes_of("m"), CRDT_MAP, &s->map));
    trap_ok(crdt_doc_set_client(s->f.doc, OWN));
}

static void begin(scene *s)
{
    trap_ok(crdt_doc_begin(s->f.doc));
}

static void commit(scene *s)
{
    s->f.update.len = 0;
    trap_ok(crdt_doc_commit(s->f.doc, CRDT_V1, &s->f.update));
}

/* One edit: a transaction of its own, but in those that do all at once. */

static void before_edit(const trap *t, scene *s)
{
    if (t->delivery == ONE_BY_ONE)
        begin(s);
}

static void after_edit(const trap *t, scene *s)
{
    if (t->delivery == ONE_BY_ONE)
        commit(s);
}

static void before_edits(const trap *t, scene *s)
{
    if (t->delivery == AT_ONCE)
        begin(s);
}

static void after_edits(const trap *t, scene *s)
{
    if (t->delivery == AT_ONCE)
        commit(s);
    trap_close(&s->f);
}

/* The place of one among `count`: at the start, at the end, anywhere. */
static uint64_t index_of(const trap *t, rng *random, uint64_t count)
{
    if (t->order == ORDER_DOWN)
        return 0;
    return t->order == ORDER_UP ? count - 1 : rng_below(random, count);
}

/* ---- growing, shrinking ---- */

static void typing(const trap *t, uint64_t size)
{
    scene s;
    rng random = {1};
    open(&s, (crdt_doc_options){0});
    before_edits(t, &s);
    for (uint64_t i = 0; i < size; i++) {
        before_edit(t, &s);
        uint64_t index = index_of(t, &random, i + 1);
        trap_ok(crdt_text_insert(s.f.doc, s.root, index, crdt_bytes_of("x"), NULL));
        after_edit(t, &s);
    }
    after_edits(t, &s);
}

static void pushing(const trap *t, uint64_t size)
{
    scene s;
    rng random = {1};
    const crdt_value one = crdt_json("1");
    open(&s, (crdt_doc_options){0});
    before_edits(t, &s);
    for (uint64_t i = 0; i < size; i++) {
        before_edit(t, &s);
        trap_ok(crdt_list_insert(s.f.doc, s.root, index_of(t, &random, i + 1), &one, 1));
        after_edit(t, &s);
    }
    after_edits(t, &s);
}

static void pop(scene *s, trap_body body, uint64_t index)
{
    bool list = body == BODY_ANY || body == BODY_JSON;
    trap_ok(list ? crdt_list_delete(s->f.doc, s->root, index, 1)
                 : crdt_text_delete(s->f.doc, s->root, index, 1));
}

static void pop_all(const trap *t, uint64_t size, crdt_gc gc)
{
    scene s;
    rng random = {1};
    open(&s, (crdt_doc_options){.gc = gc});
    trap_fill(&s.f, t->body, BASE, size);
    before_edits(t, &s);
    for (uint64_t left = size; left > 0; left--) {
        before_edit(t, &s);
        pop(&s, t->body, index_of(t, &random, left));
        after_edit(t, &s);
    }
    after_edits(t, &s);
}

static void popping(const trap *t, uint64_t size)
{
    pop_all(t, size, CRDT_GC_ON);
}

static void popping_what_stays(const trap *t, uint64_t size)
{
    pop_all(t, size, CRDT_GC_OFF);
}

/* A queue: in at one end, out at the other. */
static void queueing(const trap *t, uint64_t size)
{
    scene s;
    const crdt_value one = crdt_json("1");
    open(&s, (crdt_doc_options){0});
    trap_fill(&s.f, t->body, BASE, size);
    for (uint64_t i = 0; i < size; i++) {
        begin(&s);
        trap_ok(crdt_list_push(s.f.doc, s.root, &one, 1));
        trap_ok(crdt_list_delete(s.f.doc, s.root, 0, 1));
        commit(&s);
    }
    trap_close(&s.f);
}

/* ---- maps ---- */

static void setting_one_key(const trap *t, uint64_t size)
{
    scene s;
    const crdt_value one = crdt_json("1");
    open(&s, (crdt_doc_options){0});
    before_edits(t, &s);
    for (uint64_t i = 0; i < size; i++) {
        before_edit(t, &s);
        trap_ok(crdt_map_set(s.f.doc, s.map, crdt_bytes_of("k"), &one));
        after_edit(t, &s);
    }
    after_edits(t, &s);
}

static void setting_many_keys(const trap *t, uint64_t size)
{
    scene s;
    const crdt_value one = crdt_json("1");
    open(&s, (crdt_doc_options){0});
    before_edits(t, &s);
    for (uint64_t i = 0; i < 2 * size; i++) {
        char key[32];
        snprintf(key, sizeof key, "key %u", (unsigned)(i % size));
        before_edit(t, &s);
        trap_ok(crdt_map_set(s.f.doc, s.map, crdt_bytes_of(key), &one));
        after_edit(t, &s);
    }
    after_edits(t, &s);
}

/* ---- formats ---- */

/* A mark before each letter, on and off in turn. */
static void fill_marked(scene *s, uint64_t size)
{
    wm_begin(&s->f.update, 1);
    wm_section(&s->f.update, 2 * size, BASE, 0);
    for (uint64_t i = 0; i < 2 * size; i++) {
        const wm_id last = {BASE, i - 1};
        wm_struct(&s->f.update, &(wm_item){.kind = i % 2 ? WM_STRING : WM_FORMAT,
                                           .root = "t",
                                           .origin = i > 0 ? &last : NULL,
                                           .text = i % 2 ? "x" : "b",
                                           .value = i % 4 ? "null" : "true"});
    }
    wm_begin_deletes(&s->f.update, 0);
    trap_apply(&s->f, wm_bytes(&s->f.update));
}

static void reading_marks(const trap *t, uint64_t size)
{
    (void)t;
    scene s;
    crdt_buf delta = {0};
    open(&s, (crdt_doc_options){0});
    fill_marked(&s, size);
    trap_ok(crdt_read_delta(s.f.doc, s.root, NULL, &delta));
    crdt_buf_free(&delta);
    trap_close(&s.f);
}

/* Each edit walks over the marks before it, as in Yjs, and over nothing more often. */
static void editing_among_marks(const trap *t, uint64_t size)
{
    scene s;
    const crdt_value bold = crdt_json("{\"b\":true}");
    rng random = {1};
    open(&s, (crdt_doc_options){0});
    fill_marked(&s, size);
    before_edits(t, &s);
    for (int i = 0; i < EDITS; i++) {
        uint64_t index = rng_below(&random, size - 4 * EDITS);
        before_edit(t, &s);
        trap_ok(crdt_text_insert(s.f.doc, s.root, index, crdt_bytes_of("y"), NULL));
        trap_ok(crdt_text_format(s.f.doc, s.root, index, 5, &bold));
        trap_ok(crdt_text_delete(s.f.doc, s.root, index, 3));
        after_edit(t, &s);
    }
    after_edits(t, &s);
}

static void deleting_marked_text(const trap *t, uint64_t size)
{
    (void)t;
    scene s;
    open(&s, (crdt_doc_options){0});
    fill_marked(&s, size);
    begin(&s);
    trap_ok(crdt_text_delete(s.f.doc, s.root, 0, size));
    commit(&s);
    trap_close(&s.f);
}

/* The clean-up finds one long gap, and each deleted letter in it. */
static void cleaning_up(const trap *t, uint64_t size)
{
    scene s;
    open(&s, (crdt_doc_options){.cleanup = CRDT_CLEANUP_ON});
    fill_marked(&s, size);
    trap_delete_alternating(&s.f, t, BASE, 1, 2 * size);
    fixture_expect_structs(&s.f, 3); /* all but one mark has gone with the letters */
    trap_close(&s.f);
}

/* ---- asking ---- */

static void getting_each(const trap *t, uint64_t size)
{
    scene s;
    rng random = {1};
    open(&s, (crdt_doc_options){0});
    trap_fill(&s.f, t->body, BASE, size);
    for (uint64_t i = 0; i < size; i++) {
        crdt_value value;
        uint64_t index = t->order == ORDER_UP ? i : index_of(t, &random, size);
        trap_ok(crdt_list_get(s.f.doc, s.root, index, &value));
        assert_int_not_equal(value.kind, CRDT_VALUE_NONE);
    }
    trap_close(&s.f);
}

/* At the end and at the start in turn, so that no walk from the place asked last is short. */
static void getting_at_both_ends(const trap *t, uint64_t size)
{
    scene s;
    open(&s, (crdt_doc_options){0});
    trap_fill(&s.f, t->body, BASE, size);
    for (uint64_t i = 0; i < size; i++) {
        crdt_value value;
        trap_ok(crdt_list_get(s.f.doc, s.root, i % 2 ? i % 10 : size - 1 - i % 10, &value));
    }
    trap_close(&s.f);
}

static void relative_positions(const trap *t, uint64_t size)
{
    scene s;
    rng random = {1};
    crdt_buf position = {0};
    open(&s, (crdt_doc_options){0});
    trap_fill(&s.f, t->body, BASE, size);
    for (uint64_t i = 0; i < size; i++) {
        uint64_t index = index_of(t, &random, size);
        crdt_place place;
        bool found;
        position.len = 0;
        trap_ok(crdt_relpos_encode(s.f.doc, s.root, index, 0, &position));
        trap_ok(crdt_relpos_resolve(s.f.doc, wm_bytes(&position), &found, &place));
        assert_true(found && place.index == index);
    }
    crdt_buf_free(&position);
    trap_close(&s.f);
}

static void snapshots(const trap *t, uint64_t size)
{
    scene s;
    crdt_buf bytes = {0};
    crdt_buf out = {0};
    crdt_snapshot *at;
    bool contains;
    open(&s, (crdt_doc_options){.gc = CRDT_GC_OFF});
    trap_fill(&s.f, t->body, BASE, size);
    trap_delete_alternating(&s.f, t, BASE, 1, size);
    trap_ok(crdt_doc_snapshot(s.f.doc, CRDT_V1, &bytes));
    trap_ok(crdt_snapshot_new(CRDT_V1, wm_bytes(&bytes), NULL, &at));
    trap_apply(&s.f, wm_delete(&s.f.update, (wm_id){BASE, 0}, size));
    trap_ok(crdt_read_delta(s.f.doc, s.root, at, &out));
    trap_ok(crdt_read_array(s.f.doc, s.root, at, &out));
    bytes.len = 0;
    trap_ok(crdt_doc_encode_snapshot_state(s.f.doc, at, CRDT_V1, &bytes));
    trap_ok(crdt_snapshot_contains(at, CRDT_V1, wm_bytes(&bytes), &contains));
    crdt_snapshot_free(at);
    crdt_buf_free(&bytes);
    crdt_buf_free(&out);
    trap_close(&s.f);
}

/* A transaction that changes much: told in one walk. */
static void changes_of_much(const trap *t, uint64_t size)
{
    scene s;
    crdt_buf changes = {0};
    open(&s, (crdt_doc_options){.changes = CRDT_CHANGES_ON});
    trap_fill(&s.f, t->body, BASE, size);
    trap_delete_alternating(&s.f, t, BASE, 1, size);
    trap_ok(crdt_doc_changes(s.f.doc, &changes));
    crdt_buf_free(&changes);
    trap_close(&s.f);
}

#define EDIT(text, function, what, where, how, most)                                               \
    {                                                                                              \
        .name = text, .run = (function), .size = 2500, .each_max = (most), .order = (where),       \
        .delivery = (how), .body = (what)                                                          \
    }

static const trap traps[] = {
    EDIT("typing at the end", typing, BODY_ASCII, ORDER_UP, AT_ONCE, 190),
    EDIT("typing right to left", typing, BODY_ASCII, ORDER_DOWN, ONE_BY_ONE, 390),
    EDIT("typing right to left, at once", typing, BODY_ASCII, ORDER_DOWN, AT_ONCE, 800),
    EDIT("typing anywhere", typing, BODY_ASCII, ORDER_MIXED, ONE_BY_ONE, 780),
    EDIT("typing anywhere, at once", typing, BODY_ASCII, ORDER_MIXED, AT_ONCE, 1200),
    EDIT("pushing", pushing, BODY_ANY, ORDER_UP, ONE_BY_ONE, 2300),
    EDIT("pushing, at once", pushing, BODY_ANY, ORDER_UP, AT_ONCE, 1700),
    EDIT("pushing in front", pushing, BODY_ANY, ORDER_DOWN, ONE_BY_ONE, 2000),
    EDIT("pushing anywhere", pushing, BODY_ANY, ORDER_MIXED, ONE_BY_ONE, 2400),
    EDIT("popping values from the front", popping, BODY_ANY, ORDER_DOWN, ONE_BY_ONE, 1600),
    EDIT("popping values from the end", popping, BODY_ANY, ORDER_UP, ONE_BY_ONE, 3800),
    EDIT("popping values anywhere", popping, BODY_ANY, ORDER_MIXED, ONE_BY_ONE, 2400),
    EDIT("popping values from the front, at once", popping, BODY_ANY, ORDER_DOWN, AT_ONCE, 2700),
    EDIT("popping values from the end, at once", popping, BODY_ANY, ORDER_UP, AT_ONCE, 3300),
    EDIT("popping JSON from the front", popping, BODY_JSON, ORDER_DOWN, ONE_BY_ONE, 1900),
    EDIT("popping JSON from the end", popping, BODY_JSON, ORDER_UP, ONE_BY_ONE, 2900),
    EDIT("popping values that stay, from the front", popping_what_stays, BODY_ANY, ORDER_DOWN,
         ONE_BY_ONE, 1600),
    EDIT("popping values that stay, from the end", popping_what_stays, BODY_ANY, ORDER_UP,
         ONE_BY_ONE, 3800),
    EDIT("erasing accents from the front", popping, BODY_ACCENTS, ORDER_DOWN, ONE_BY_ONE, 410),
    EDIT("erasing accents from the end", popping, BODY_ACCENTS, ORDER_UP, ONE_BY_ONE, 410),
    EDIT("erasing accents anywhere, at once", popping, BODY_ACCENTS, ORDER_MIXED, AT_ONCE, 1600),
    EDIT("erasing halves from the front", popping, BODY_PAIRS, ORDER_DOWN, ONE_BY_ONE, 1200),
    EDIT("erasing halves from the end", popping, BODY_PAIRS, ORDER_UP, ONE_BY_ONE, 1100),
    EDIT("erasing letters that stay, from the end", popping_what_stays, BODY_ASCII, ORDER_UP,
         ONE_BY_ONE, 1400),
    EDIT("a queue", queueing, BODY_ANY, ORDER_UP, ONE_BY_ONE, 3700),
    EDIT("one key set again", setting_one_key, BODY_ANY, ORDER_UP, ONE_BY_ONE, 2800),
    EDIT("one key set again, at once", setting_one_key, BODY_ANY, ORDER_UP, AT_ONCE, 1800),
    EDIT("many keys", setting_many_keys, BODY_ANY, ORDER_UP, ONE_BY_ONE, 5000),
    {.name = "reading marks", .run = reading_marks, .size = 25000, .each_max = 1700},
    EDIT("editing among marks", editing_among_marks, BODY_ASCII, ORDER_MIXED, ONE_BY_ONE, 19000),
    EDIT("deleting marked text", deleting_marked_text, BODY_ASCII, ORDER_UP, AT_ONCE, 3000),
    EDIT("cleaning up", cleaning_up, BODY_ASCII, ORDER_UP, AT_ONCE, 4100),
    EDIT("cleaning up, mixed", cleaning_up, BODY_ASCII, ORDER_MIXED, AT_ONCE, 4300),
    EDIT("getting each value", getting_each, BODY_ANY, ORDER_UP, ONE_BY_ONE, 2500),
    EDIT("getting any value", getting_each, BODY_JSON, ORDER_MIXED, ONE_BY_ONE, 1800),
    EDIT("getting any of many structs", getting_each, BODY_ITEMS, ORDER_MIXED, ONE_BY_ONE, 780),
    EDIT("getting at both ends", getting_at_both_ends, BODY_ITEMS, ORDER_UP, ONE_BY_ONE, 790),
    EDIT("relative positions", relative_positions, BODY_ITEMS, ORDER_MIXED, ONE_BY_ONE, 1100),
    EDIT("snapshots of text", snapshots, BODY_ACCENTS, ORDER_UP, AT_ONCE, 1600),
    EDIT("snapshots of values", snapshots, BODY_ANY, ORDER_UP, AT_ONCE, 1900),
    EDIT("changes of much text", changes_of_much, BODY_ASCII, ORDER_UP, AT_ONCE, 720),
    EDIT("changes of many values", changes_of_much, BODY_ANY, ORDER_UP, AT_ONCE, 760),
};

int main(void)
{
    return traps_run(traps, sizeof traps / sizeof *traps);
}
