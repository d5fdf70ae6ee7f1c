/* Back to what was: how little is done for it, and what is hard. That it always comes out right is
 * for tests/property. */
#include "scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "types/common.h"

static crdt_bytes str(const char *text)
{
    return crdt_bytes_of(text);
}

static crdt_bytes bytes_of(const crdt_buf *buf)
{
    return (crdt_bytes){buf->data, buf->len};
}

static void drop(crdt_buf buf)
{
    crdt_buf_free(&buf);
}

/* The scene's document as it is now, in another one. */
static crdt_doc *moment(scene *s)
{
    crdt_buf state = scene_state(s);
    crdt_doc *past = crdt_doc_new(NULL);
    expect_ok(crdt_doc_apply(past, CRDT_V1, bytes_of(&state), NULL));
    crdt_buf_free(&state);
    return past;
}

/* Restores in a transaction of its own; frees `past`. Returns how many units were made. */
static uint64_t restore(scene *s, crdt_doc *past)
{
    crdt_update_client *clients;
    size_t count;
    uint64_t made = 0;
    scene_begin(s);
    expect_ok(crdt_doc_restore(s->doc, past));
    crdt_buf update = scene_commit(s);
    if (update.len > 0) {
        expect_ok(crdt_update_clients(CRDT_V1, bytes_of(&update), &clients, &count));
        for (size_t i = 0; i < count; i++)
            made += clients[i].to - clients[i].from;
        crdt_update_clients_free(clients, count);
    }
    assert_null(crdt_doc_check(s->doc));
    crdt_buf_free(&update);
    crdt_doc_free(past);
    return made;
}

static void edit_text(scene *s, const char *delta)
{
    scene_begin(s);
    expect_ok(crdt_text_apply_delta(s->doc, s->text, str(delta), CRDT_DELTA_AS_IS));
    drop(scene_commit(s));
}

static void it_needs_a_transaction(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    crdt_doc *past = crdt_doc_new(NULL);
    assert_int_equal(crdt_doc_restore(s.doc, past), CRDT_INVALID);
    scene_begin(&s);
    expect_ok(crdt_doc_restore(s.doc, s.doc));
    expect_ok(crdt_doc_restore(s.doc, past));
    crdt_buf update = scene_commit(&s);
    assert_int_equal(update.len, 0);
    crdt_doc_free(past);
    scene_close(&s);
}

static void of_a_text_only_what_was_deleted_is_made_anew(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    edit_text(&s, "[{\"insert\":\"one two three four\"}]");
    crdt_doc *past = moment(&s);
    edit_text(&s,
              "[{\"retain\":4},{\"delete\":4},{\"insert\":\"2 \"},{\"retain\":6},{\"delete\":4}]");
    scene_expect_text(&s, "one 2 three ");
    assert_int_equal(restore(&s, past), 3 + 4); /* a space does for the other */
    scene_expect_text(&s, "one two three four");
    scene_close(&s);
}

static void formats_come_back_by_marks_alone(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    edit_text(&s, "[{\"insert\":\"one \"},{\"insert\":\"two\",\"attributes\":{\"b\":1,\"i\":2}},"
                  "{\"insert\":\" three\"}]");
    crdt_doc *past = moment(&s);
    crdt_doc *again = moment(&s);
    edit_text(&s, "[{\"retain\":2,\"attributes\":{\"u\":true}},{\"retain\":3},"
                  "{\"retain\":9,\"attributes\":{\"b\":null,\"i\":3}}]");
    assert_true(restore(&s, past) <= 4);
    scene_expect_delta(
        &s, "[{\"insert\":\"one \"},{\"insert\":\"two\",\"attributes\":{\"b\":1,\"i\":2}},"
            "{\"insert\":\" three\"}]");
    assert_int_equal(restore(&s, again), 0);
    scene_close(&s);
}

/* Two people have set the same format at the same time: there are twice as many marks. */
static void marks_that_say_nothing_are_no_difference(void **state)
{
    (void)state;
    static const char *const bold = "[{\"retain\":1},{\"retain\":1,\"attributes\":{\"b\":1}}]";
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    edit_text(&s, "[{\"insert\":\"abc\"}]");
    crdt_doc *other = moment(&s);
    crdt_type text;
    crdt_buf update = {0};
    expect_ok(crdt_doc_set_client(other, 9));
    expect_ok(crdt_doc_root(other, str("text"), CRDT_TEXT, &text));
    expect_ok(crdt_doc_begin(other));
    expect_ok(crdt_text_apply_delta(other, text, str(bold), CRDT_DELTA_AS_IS));
    expect_ok(crdt_doc_commit(other, CRDT_V1, &update));
    edit_text(&s, bold);
    crdt_doc *past = moment(&s);
    expect_ok(crdt_doc_apply(s.doc, CRDT_V1, bytes_of(&update), NULL));
    scene_begin(&s);
    expect_ok(crdt_doc_restore(s.doc, past));
    crdt_buf nothing = scene_commit(&s);
    assert_int_equal(nothing.len, 0);
    crdt_buf_free(&update);
    crdt_doc_free(other);
    crdt_doc_free(past);
    scene_close(&s);
}

static void pairs_are_not_cut(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    edit_text(&s, "[{\"insert\":\"a\xf0\x9f\x98\x80z\"}]");
    crdt_doc *past = moment(&s);
    edit_text(&s, "[{\"retain\":1},{\"delete\":2},{\"insert\":\"\xf0\x9f\x98\x81\"}]");
    restore(&s, past);
    scene_expect_text(&s, "a\xf0\x9f\x98\x80z");
    past = moment(&s);
    scene_begin(&s);
    expect_ok(crdt_text_delete(s.doc, s.text, 2, 1)); /* a half */
    drop(scene_commit(&s));
    assert_int_equal(restore(&s, past), 2);
    scene_expect_text(&s, "a\xf0\x9f\x98\x80z");
    scene_close(&s);
}

/* Appends <p>line</p> for each line to the root "x". */
static void add_lines(scene *s, crdt_type root, const char *const *lines, size_t count)
{
    scene_begin(s);
    for (size_t i = 0; i < count; i++) {
        crdt_value p = {.kind = CRDT_VALUE_TYPE, .type = CRDT_XML_ELEMENT, .bytes = str("p")};
        crdt_value text = {.kind = CRDT_VALUE_TYPE, .type = CRDT_XML_TEXT};
        crdt_value at;
        expect_ok(crdt_list_insert(s->doc, root, i, &p, 1));
        expect_ok(crdt_list_get(s->doc, root, i, &at));
        expect_ok(crdt_list_insert(s->doc, at.handle, 0, &text, 1));
        expect_ok(crdt_list_get(s->doc, at.handle, 0, &at));
        expect_ok(crdt_text_insert(s->doc, at.handle, 0, str(lines[i]), NULL));
    }
    drop(scene_commit(s));
}

/* After everything was made anew no id is what it was: paragraphs are told by what they hold. */
static void what_was_made_anew_is_known_again(void **state)
{
    (void)state;
    static const char *const lines[] = {"first", "second", "third", "fourth"};
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    crdt_type root;
    crdt_value at;
    expect_ok(crdt_doc_root(s.doc, str("x"), CRDT_XML_FRAGMENT, &root));
    add_lines(&s, root, lines, 4);
    crdt_doc *first = moment(&s);
    crdt_doc *second = moment(&s);
    crdt_doc *third = moment(&s);
    assert_int_equal(restore(&s, crdt_doc_new(NULL)), 0);
    assert_int_equal(restore(&s, first), 8 + 5 + 6 + 5 + 6);
    assert_int_equal(restore(&s, second), 0);
    scene_begin(&s); /* the first goes, the third is another */
    expect_ok(crdt_list_delete(s.doc, root, 0, 1));
    expect_ok(crdt_list_get(s.doc, root, 1, &at));
    expect_ok(crdt_list_get(s.doc, at.handle, 0, &at));
    expect_ok(crdt_text_insert(s.doc, at.handle, 2, str("!!"), NULL));
    expect_ok(crdt_text_delete(s.doc, at.handle, 0, 1));
    drop(scene_commit(&s));
    assert_int_equal(restore(&s, third), 2 + 5 + 1);
    scene_expect(&s, root, crdt_read_json, NULL,
                 "\"<p>first</p><p>second</p><p>third</p><p>fourth</p>\"");
    scene_close(&s);
}

static void any_other_document_will_do(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    crdt_value values[] = {crdt_json("1"), crdt_json("\"x\""), crdt_json("[true]")};
    expect_ok(crdt_list_insert(s.doc, s.list, 0, values, 3));
    expect_ok(crdt_map_set(s.doc, s.map, str("k"), &values[0]));
    expect_ok(crdt_map_set(s.doc, s.map, str("gone"), &values[0]));
    drop(scene_commit(&s));
    scene other; /* with the same client */
    scene_open(&other, (crdt_doc_options){0});
    scene_begin(&other);
    expect_ok(crdt_list_insert(other.doc, other.list, 0, &values[1], 2));
    expect_ok(crdt_list_insert(other.doc, other.list, 0, &values[2], 1));
    expect_ok(crdt_map_set(other.doc, other.map, str("k"), &values[1]));
    drop(scene_commit(&other));
    restore(&s, moment(&other));
    scene_expect_list(&s, "[[true],\"x\",[true]]");
    scene_expect_map(&s, "{\"k\":\"x\"}");
    scene_close(&other);
    scene_close(&s);
}

enum { DEPTH = 30000 };

static void types_may_nest_as_deep_as_they_like(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    crdt_value array = {.kind = CRDT_VALUE_TYPE, .type = CRDT_ARRAY};
    crdt_value at = {.handle = s.list};
    scene_begin(&s);
    for (size_t i = 0; i < DEPTH; i++) {
        crdt_type list = at.handle;
        expect_ok(crdt_list_insert(s.doc, list, 0, &array, 1));
        expect_ok(crdt_list_get(s.doc, list, 0, &at));
    }
    drop(scene_commit(&s));
    crdt_doc *past = moment(&s);
    crdt_doc *again = moment(&s);
    assert_int_equal(restore(&s, crdt_doc_new(NULL)), 0);
    assert_int_equal(restore(&s, past), DEPTH);
    assert_int_equal(restore(&s, again), 0);
    scene_close(&s);
}

/* Each mark of a text opens a format that none closes: what is in force grows all the way, and what
 * is read of it with the square of that (WEFT_SLOW=1: far). */
static void formats_without_number(void **state)
{
    (void)state;
    const size_t keys = getenv("WEFT_SLOW") ? 5000 : 1500;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    crdt_buf delta = {0};
    for (size_t i = 0; i < keys; i++) {
        char attributes[40];
        (void)snprintf(attributes, sizeof attributes, "{\"k%zu\":1}", i);
        crdt_value formats = crdt_json(attributes);
        scene_begin(&s);
        expect_ok(crdt_text_insert(s.doc, s.text, 0, str("x"), &formats));
        drop(scene_commit(&s));
    }
    crdt_doc *past = moment(&s);
    expect_ok(crdt_read_delta(past, (crdt_type){.root = s.text.root}, NULL, &delta));
    drop(delta);
    restore(&s, crdt_doc_new(NULL));
    assert_int_equal(restore(&s, past), (uint64_t)keys * 3 - 1);
    scene_close(&s);
}

/* ---- differences ---- */

enum { SEQUENCE_MAX = 40 };

static size_t longest_common(const uint64_t *a, size_t n, const uint64_t *b, size_t m)
{
    size_t table[SEQUENCE_MAX + 1][SEQUENCE_MAX + 1] = {{0}};
    for (size_t i = n; i-- > 0;)
        for (size_t j = m; j-- > 0;) {
            size_t skipped = table[i + 1][j] > table[i][j + 1] ? table[i + 1][j] : table[i][j + 1];
            table[i][j] = a[i] == b[j] ? table[i + 1][j + 1] + 1 : skipped;
        }
    return table[0][0];
}

static void differences_are_the_smallest(void **state)
{
    (void)state;
    rng r = {5};
    crdt__budget budget = {0};
    for (size_t round = 0; round < 3000; round++) {
        uint64_t a[SEQUENCE_MAX], b[SEQUENCE_MAX];
        size_t n = (size_t)rng_below(&r, SEQUENCE_MAX);
        size_t m = (size_t)rng_below(&r, SEQUENCE_MAX);
        uint64_t letters = 1 + rng_below(&r, 6);
        for (size_t i = 0; i < SEQUENCE_MAX; i++) {
            a[i] = rng_below(&r, letters);
            b[i] = rng_below(&r, letters);
        }
        crdt__matches found = {0};
        assert_true(crdt__common_find(&budget, a, n, b, m, &found));
        uint64_t common = 0, now = 0, then = 0;
        for (size_t i = 0; i < found.count; i++) {
            const crdt__match *match = &found.items[i];
            assert_true(match->now >= now && match->then >= then && match->len > 0);
            now = match->now + match->len;
            then = match->then + match->len;
            assert_true(now <= n && then <= m);
            assert_memory_equal(a + match->now, b + match->then, match->len * sizeof(*a));
            common += match->len;
        }
        assert_int_equal(common, longest_common(a, n, b, m));
        crdt__matches_deinit(&found, &budget);
    }
    assert_int_equal(budget.held, 0);
}

/* Too many edits: what both begin and end with is found all the same. */
static void differences_without_end_are_given_up(void **state)
{
    (void)state;
    enum { LEN = 40000 };
    crdt__budget budget = {0};
    uint64_t *a = calloc(LEN, sizeof(*a));
    uint64_t *b = calloc(LEN, sizeof(*b));
    for (size_t i = 10; i < LEN - 10; i++) {
        a[i] = i;
        b[i] = i + LEN;
    }
    crdt__matches found = {0};
    assert_true(crdt__common_find(&budget, a, LEN, b, LEN, &found));
    assert_int_equal(found.count, 2);
    assert_int_equal(found.items[0].len, 10);
    assert_int_equal(found.items[1].len, 10);
    crdt__matches_deinit(&found, &budget);
    assert_int_equal(budget.held, 0);
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_needs_a_transaction),
        cmocka_unit_test(of_a_text_only_what_was_deleted_is_made_anew),
        cmocka_unit_test(formats_come_back_by_marks_alone),
        cmocka_unit_test(marks_that_say_nothing_are_no_difference),
        cmocka_unit_test(pairs_are_not_cut),
        cmocka_unit_test(what_was_made_anew_is_known_again),
        cmocka_unit_test(any_other_document_will_do),
        cmocka_unit_test(types_may_nest_as_deep_as_they_like),
        cmocka_unit_test(formats_without_number),
        cmocka_unit_test(differences_are_the_smallest),
        cmocka_unit_test(differences_without_end_are_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
