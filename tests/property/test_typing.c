/* Local edits made in place, against the same edits made the long way; and places found by cursor
 * and index, against walking. Random scripts: typing, erasing, jumping, several edits in a
 * transaction, with updates of another editor in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/doc.h"
#include "rng.h"
#include "types/handle.h"
#include "types/position.h"

enum { RUNS = 100, STEPS = 900 };

typedef struct script {
    rng random;
    crdt_doc *quick; /* edits in place where it can */
    crdt_doc *plain; /* never does */
    crdt_doc *other; /* another editor */
    crdt_doc *copy;  /* has the updates alone */
    crdt_type text;  /* of quick, plain and copy; `other` names its roots by the same numbers */
    uint64_t caret;
    crdt_encoding encoding;
    bool formats;
    bool pairs;      /* surrogate pairs in texts */
    size_t in_place; /* transactions that were */
} script;

static void must(crdt_err err)
{
    assert_int_equal(err, CRDT_OK);
}

static uint64_t length_of(crdt_doc *doc, crdt_type text)
{
    return crdt__type_at(&doc->objects, crdt__handle_find(doc, text))->length;
}

/* ---- one edit ---- */

typedef enum edit_kind { INSERT, DELETE, FORMAT, PUSH_MAP } edit_kind;

typedef struct edit {
    edit_kind kind;
    uint64_t index;
    uint64_t length;
    crdt_bytes string;
} edit;

/* A pair that is cut becomes two U+FFFD. Where that is all that is left of an edit (a format that
 * was there, something inserted and deleted), others do not hear of it: such scripts have no pairs.
 */
static crdt_bytes random_string(rng *r, bool pairs)
{
    static const char *const strings[] = {
        "a", "b", "c", "xy", "\n", " ", "\xc3\xa9", "\xe2\x82\xac", "words", "\xf0\x9f\x98\x80"};
    const size_t count = sizeof strings / sizeof strings[0] - (pairs ? 0 : 1);
    return crdt_bytes_of(strings[rng_chance(r, 70) ? rng_below(r, 3) : rng_below(r, count)]);
}

/* Mostly where the caret is: typing and erasing to the left and to the right. */
static edit random_edit(script *s, uint64_t length)
{
    rng *r = &s->random;
    if (rng_chance(r, 6) || s->caret > length)
        s->caret = rng_below(r, length + 1);
    edit e = {.index = s->caret};
    if (s->formats && length > 0 && rng_chance(r, 5)) {
        e.kind = FORMAT;
        e.length = 1 + rng_below(r, 5);
    } else if (rng_chance(r, 1)) {
        e.kind = PUSH_MAP;
    } else if (length > 0 && rng_chance(r, 40)) {
        e.kind = DELETE;
        e.length = rng_chance(r, 85) ? 1 : 1 + rng_below(r, 12);
        if (rng_chance(r, 60) && s->caret > 0)
            e.index = s->caret = s->caret > e.length ? s->caret - e.length : 0;
    } else {
        e.kind = INSERT;
        e.string = random_string(r, s->pairs);
        s->caret++;
    }
    return e;
}

static void do_edit(crdt_doc *doc, crdt_type text, const edit *e)
{
    const crdt_value bold = crdt_json("{\"b\":true}");
    const crdt_value one = crdt_json("1");
    switch (e->kind) {
    case INSERT:
        must(crdt_text_insert(doc, text, e->index, e->string, NULL));
        break;
    case DELETE:
        must(crdt_text_delete(doc, text, e->index, e->length));
        break;
    case FORMAT:
        must(crdt_text_format(doc, text, e->index, e->length, &bold));
        break;
    case PUSH_MAP:
        must(crdt_map_set(doc, text, crdt_bytes_of("k"), &one));
        break;
    }
}

/* ---- a transaction ---- */

static void commit_both(script *s)
{
    crdt_buf a = {0};
    crdt_buf b = {0};
    s->in_place += s->quick->local.done.len > 0;
    must(crdt_doc_commit(s->quick, s->encoding, &a));
    must(crdt_doc_commit(s->plain, s->encoding, &b));
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    if (a.len > 0) {
        must(crdt_doc_apply(s->other, s->encoding, (crdt_bytes){a.data, a.len}, NULL));
        must(crdt_doc_apply(s->copy, s->encoding, (crdt_bytes){a.data, a.len}, NULL));
    }
    crdt_buf_free(&a);
    crdt_buf_free(&b);
}

static void edit_both(script *s)
{
    must(crdt_doc_begin(s->quick));
    must(crdt_doc_begin(s->plain));
    s->plain->local.mixed = true; /* as if something else had been done before */
    for (size_t i = rng_chance(&s->random, 85) ? 1 : 1 + rng_below(&s->random, 4); i > 0; i--) {
        const edit e = random_edit(s, length_of(s->quick, s->text));
        do_edit(s->quick, s->text, &e);
        do_edit(s->plain, s->text, &e);
    }
    commit_both(s);
}

static void edit_other(script *s)
{
    uint64_t caret = s->caret;
    crdt_buf update = {0};
    must(crdt_doc_begin(s->other));
    s->caret = rng_below(&s->random, length_of(s->other, s->text) + 1);
    const edit e = random_edit(s, length_of(s->other, s->text));
    do_edit(s->other, s->text, &e);
    must(crdt_doc_commit(s->other, CRDT_V1, &update));
    s->caret = caret;
    if (update.len > 0) {
        must(crdt_doc_apply(s->quick, CRDT_V1, (crdt_bytes){update.data, update.len}, NULL));
        must(crdt_doc_apply(s->plain, CRDT_V1, (crdt_bytes){update.data, update.len}, NULL));
        must(crdt_doc_apply(s->copy, CRDT_V1, (crdt_bytes){update.data, update.len}, NULL));
    }
    crdt_buf_free(&update);
}

/* ---- comparing ---- */

static void expect_same_state(crdt_doc *a, crdt_doc *b)
{
    crdt_buf x = {0};
    crdt_buf y = {0};
    must(crdt_doc_encode_state(a, CRDT_V1, (crdt_bytes){0}, &x));
    must(crdt_doc_encode_state(b, CRDT_V1, (crdt_bytes){0}, &y));
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.data, y.data, x.len);
    crdt_buf_free(&x);
    crdt_buf_free(&y);
}

static void expect_whole(crdt_doc *doc)
{
    const char *wrong = crdt_doc_check(doc);
    if (wrong)
        fail_msg("%s", wrong);
}

static crdt__ref walk_to(const crdt_doc *doc, crdt__ref type, uint64_t index, uint64_t *offset)
{
    crdt__ref ref = crdt__type_at(&doc->objects, type)->start;
    while (index >= crdt__item_visible(crdt__item_at(doc, ref))) {
        index -= crdt__item_visible(crdt__item_at(doc, ref));
        ref = crdt__item_at(doc, ref)->right;
    }
    *offset = index;
    return ref;
}

/* Asks both ways, which also makes the cursor lie anywhere when the next edit comes. */
static void expect_places(script *s)
{
    crdt_doc *doc = s->quick;
    crdt__ref type = crdt__handle_find(doc, s->text);
    for (uint64_t length = length_of(doc, s->text), i = 0; i < 4 && length > 0; i++) {
        uint64_t index = rng_below(&s->random, length);
        uint64_t offset;
        uint64_t expected_offset;
        crdt__ref expected = walk_to(doc, type, index, &expected_offset);
        assert_int_equal(crdt__position_item(doc, type, index, &offset), expected);
        assert_int_equal(offset, expected_offset);
        assert_int_equal(crdt__position_index(doc, expected), index - offset);
    }
}

/* ---- scripts ---- */

static crdt_doc *open_doc(uint64_t client, crdt_gc gc)
{
    const crdt_doc_options options = {.gc = gc};
    crdt_doc *doc = crdt_doc_new(&options);
    assert_non_null(doc);
    must(crdt_doc_set_client(doc, client));
    return doc;
}

/* The text is a root, or one in an array that all have. */
static void find_text(script *s, bool nested)
{
    crdt_doc *const docs[] = {s->quick, s->plain, s->other, s->copy};
    for (size_t i = 0; i < 4; i++)
        must(crdt_doc_root(docs[i], crdt_bytes_of("t"), CRDT_TEXT, &s->text));
    if (!nested)
        return;
    const crdt_value value = {.kind = CRDT_VALUE_TYPE, .type = CRDT_TEXT};
    crdt_buf update = {0};
    must(crdt_doc_begin(s->other));
    must(crdt_list_insert(s->other, s->text, 0, &value, 1));
    must(crdt_doc_commit(s->other, CRDT_V1, &update));
    for (size_t i = 0; i < 4; i++)
        must(crdt_doc_apply(docs[i], CRDT_V1, (crdt_bytes){update.data, update.len}, NULL));
    crdt_buf_free(&update);
    crdt_value text;
    must(crdt_list_get(s->other, s->text, 0, &text));
    s->text = text.handle;
}

static void run(uint64_t seed)
{
    script s = {.random = {seed}, .encoding = seed % 5 ? CRDT_V1 : CRDT_V2};
    s.formats = seed % 7 == 0;
    const crdt_gc gc = seed % 11 == 0 ? CRDT_GC_OFF : CRDT_GC_ON;
    s.pairs = gc == CRDT_GC_ON && !s.formats;
    s.quick = open_doc(7, gc);
    s.plain = open_doc(7, gc);
    s.other = open_doc(seed % 2 ? 3 : 9, gc);
    s.copy = open_doc(1, gc);
    find_text(&s, seed % 3 == 0);
    const unsigned others = seed % 4 == 0 ? 20 : 1;
    for (size_t step = 0; step < STEPS; step++) {
        if (rng_chance(&s.random, others))
            edit_other(&s);
        else
            edit_both(&s);
        if (rng_chance(&s.random, 5))
            expect_places(&s);
        if (rng_chance(&s.random, 3)) {
            expect_whole(s.quick);
            expect_same_state(s.quick, s.plain);
        }
    }
    expect_whole(s.quick);
    expect_same_state(s.quick, s.plain);
    expect_same_state(s.quick, s.copy);
    expect_same_state(s.quick, s.other);
    assert_true(s.in_place > 0 || s.formats);
    crdt_doc_free(s.quick);
    crdt_doc_free(s.plain);
    crdt_doc_free(s.other);
    crdt_doc_free(s.copy);
}

static uint64_t running; /* the seed */

static void edits_in_place_are_the_same_edits(void **state)
{
    (void)state;
    const char *only = getenv("SEED");
    uint64_t first = only ? strtoull(only, NULL, 10) : 1;
    for (running = first; running < first + (only ? 1 : RUNS); running++)
        run(running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_in_place_are_the_same_edits),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed)
        fprintf(stderr, "again with SEED=%llu\n", (unsigned long long)running);
    return failed;
}
