/* Transactions of local edits: what they come to, and who may begin and end them when. That their
 * bytes are those of Yjs is for tests/golden and tests/interop. */
#include "scene.h"

#include <string.h>

static crdt_bytes str(const char *text)
{
    return crdt_bytes_of(text);
}

/* ---- transactions ---- */

static void edits_need_a_client_and_a_transaction(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    assert_int_equal(crdt_text_insert(s.doc, s.text, 0, str("x"), NULL), CRDT_INVALID);
    assert_int_equal(crdt_doc_commit(s.doc, CRDT_V1, NULL), CRDT_INVALID);
    scene_begin(&s);
    assert_int_equal(crdt_doc_begin(s.doc), CRDT_INVALID);
    assert_int_equal(crdt_doc_set_client(s.doc, 8), CRDT_INVALID);
    crdt_buf update = scene_commit(&s);
    crdt_buf_free(&update);
    assert_int_equal(crdt_doc_set_client(s.doc, CRDT_CLOCK_MAX + 1), CRDT_INVALID);
    scene_close(&s);

    crdt_doc *doc = crdt_doc_new(NULL);
    assert_int_equal(crdt_doc_begin(doc), CRDT_INVALID);
    crdt_doc_free(doc);
}

static void nothing_done_is_nothing_told(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    expect_ok(crdt_text_insert(s.doc, s.text, 0, str(""), NULL));
    expect_ok(crdt_text_delete(s.doc, s.text, 0, 5));
    expect_ok(crdt_map_delete(s.doc, s.map, str("k")));
    expect_ok(crdt_map_clear(s.doc, s.map));
    expect_ok(crdt_list_insert(s.doc, s.list, 0, NULL, 0));
    crdt_buf update = scene_commit(&s);
    assert_int_equal(update.len, 0);
    scene_close(&s);
}

static void updates_of_others_wait_for_the_end_of_a_transaction(void **state)
{
    (void)state;
    static const uint8_t empty[] = {0, 0};
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    assert_int_equal(crdt_doc_apply(s.doc, CRDT_V1, (crdt_bytes){empty, 2}, NULL), CRDT_INVALID);
    crdt_buf update = scene_commit(&s);
    expect_ok(crdt_doc_apply(s.doc, CRDT_V1, (crdt_bytes){empty, 2}, NULL));
    crdt_buf_free(&update);
    scene_close(&s);
}

/* The update tells all that the transaction did, and no more than that. */
static void the_update_makes_the_same_document(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    crdt_doc *peer = crdt_doc_new(NULL);
    static const char *const words[] = {"one ", "two ", "three ", "four "};
    for (size_t i = 0; i < 4; i++) {
        scene_begin(&s);
        expect_ok(crdt_text_insert(s.doc, s.text, i, str(words[i]), NULL));
        expect_ok(crdt_text_delete(s.doc, s.text, 0, 1));
        crdt_value value = crdt_json("{\"b\":[1,2],\"a\":null}");
        expect_ok(crdt_list_push(s.doc, s.list, &value, 1));
        expect_ok(crdt_map_set(s.doc, s.map, str("k"), &value));
        crdt_buf update = scene_commit(&s);
        crdt_applied applied;
        expect_ok(crdt_doc_apply(peer, CRDT_V1, (crdt_bytes){update.data, update.len}, &applied));
        assert_true(applied.integrated && !applied.pending);
        crdt_buf_free(&update);
    }
    crdt_buf mine = scene_state(&s);
    crdt_buf theirs = {0};
    expect_ok(crdt_doc_encode_state(peer, CRDT_V1, (crdt_bytes){0}, &theirs));
    expect_same(&mine, &theirs);
    crdt_buf_free(&mine);
    crdt_buf_free(&theirs);
    crdt_doc_free(peer);
    scene_close(&s);
}

static void an_update_that_finds_no_room_can_be_asked_for_again(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    failmem full;
    failmem_init(&full);
    full.fail_at = 0;
    scene_begin(&s);
    expect_ok(crdt_text_insert(s.doc, s.text, 0, str("kept"), NULL));
    crdt_buf update = {.mem = &full.mem};
    assert_int_equal(crdt_doc_commit(s.doc, CRDT_V1, &update), CRDT_NO_MEMORY);
    assert_int_equal(update.len, 0);
    assert_false(crdt_doc_failed(s.doc));
    expect_ok(crdt_text_insert(s.doc, s.text, 4, str(" and more"), NULL));
    update = scene_commit(&s);
    crdt_buf whole = scene_state(&s);
    expect_same(&update, &whole);
    crdt_buf_free(&update);
    crdt_buf_free(&whole);
    scene_close(&s);
}

/* ---- somebody else with the same number ---- */

static crdt_buf text_of_client(uint64_t client, const char *text)
{
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    expect_ok(crdt_doc_set_client(s.doc, client));
    scene_begin(&s);
    expect_ok(crdt_text_insert(s.doc, s.text, 0, str(text), NULL));
    crdt_buf update = scene_commit(&s);
    scene_close(&s);
    return update;
}

static void a_client_that_somebody_else_uses_is_given_up(void **state)
{
    (void)state;
    crdt_buf other = text_of_client(8, "other");
    crdt_buf taken = text_of_client(7, "taken");
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    crdt_applied applied;
    expect_ok(crdt_doc_apply(s.doc, CRDT_V1, (crdt_bytes){other.data, other.len}, &applied));
    assert_false(applied.client_taken);
    expect_ok(crdt_doc_apply(s.doc, CRDT_V1, (crdt_bytes){taken.data, taken.len}, &applied));
    assert_true(applied.client_taken);
    assert_int_equal(crdt_doc_begin(s.doc), CRDT_INVALID);
    expect_ok(crdt_doc_apply(s.doc, CRDT_V1, (crdt_bytes){taken.data, taken.len}, &applied));
    assert_false(applied.client_taken);
    expect_ok(crdt_doc_set_client(s.doc, 9));
    scene_begin(&s);
    expect_ok(crdt_text_delete(s.doc, s.text, 0, 10));
    crdt_buf update = scene_commit(&s);
    crdt_buf_free(&update);
    scene_expect_text(&s, "");
    crdt_buf_free(&other);
    crdt_buf_free(&taken);
    scene_close(&s);
}

/* ---- what an update came to ---- */

static void an_event_tells_what_was_new(void **state)
{
    (void)state;
    crdt_buf update = text_of_client(8, "new");
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    crdt_buf event = {0};
    crdt_applied applied;
    expect_ok(crdt_doc_apply_event(s.doc, CRDT_V1, (crdt_bytes){update.data, update.len}, &applied,
                                   &event));
    expect_same(&event, &update);
    event.len = 0;
    expect_ok(crdt_doc_apply_event(s.doc, CRDT_V1, (crdt_bytes){update.data, update.len}, &applied,
                                   &event));
    assert_int_equal(event.len, 0);
    crdt_buf_free(&event);
    crdt_buf_free(&update);
    scene_close(&s);
}

/* Typing goes a short way, and is told all the same. */
static void an_event_tells_of_typing(void **state)
{
    (void)state;
    scene typist;
    scene reader;
    scene_open(&typist, (crdt_doc_options){0});
    scene_open(&reader, (crdt_doc_options){0});
    expect_ok(crdt_doc_set_client(reader.doc, 9));
    for (uint64_t i = 0; i < 12; i++) {
        scene_begin(&typist);
        if (i < 8)
            expect_ok(crdt_text_insert(typist.doc, typist.text, i, str("x"), NULL));
        else
            expect_ok(crdt_text_delete(typist.doc, typist.text, 15 - i, 1));
        crdt_buf update = scene_commit(&typist);
        crdt_buf event = {0};
        expect_ok(crdt_doc_apply_event(reader.doc, CRDT_V1, (crdt_bytes){update.data, update.len},
                                       NULL, &event));
        expect_same(&event, &update);
        crdt_buf_free(&event);
        crdt_buf_free(&update);
    }
    scene_expect_text(&reader, "xxxx");
    scene_close(&typist);
    scene_close(&reader);
}

/* What waited is told when it comes in, and with what it waited for. */
static void an_event_tells_of_what_had_waited(void **state)
{
    (void)state;
    scene writer;
    scene reader;
    scene_open(&writer, (crdt_doc_options){0});
    scene_open(&reader, (crdt_doc_options){0});
    expect_ok(crdt_doc_set_client(reader.doc, 9));
    crdt_buf updates[2];
    for (uint64_t i = 0; i < 2; i++) {
        scene_begin(&writer);
        expect_ok(crdt_text_insert(writer.doc, writer.text, i, str(i ? "b" : "a"), NULL));
        updates[i] = scene_commit(&writer);
    }
    crdt_buf whole = scene_state(&writer);
    crdt_buf event = {0};
    for (size_t i = 2; i-- > 0;) {
        assert_int_equal(event.len, 0);
        expect_ok(crdt_doc_apply_event(
            reader.doc, CRDT_V1, (crdt_bytes){updates[i].data, updates[i].len}, NULL, &event));
        crdt_buf_free(&updates[i]);
    }
    expect_same(&event, &whole);
    crdt_buf_free(&event);
    crdt_buf_free(&whole);
    scene_close(&writer);
    scene_close(&reader);
}

/* ---- edits ---- */

static void texts_take_on_the_formats_around(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    const crdt_value bold = crdt_json("{\"bold\":true}");
    const crdt_value none = crdt_json("{}");
    const crdt_value image = crdt_json("{\"image\":\"i.png\"}");
    scene_begin(&s);
    expect_ok(crdt_text_insert(s.doc, s.text, 0, str("bold"), &bold));
    expect_ok(crdt_text_insert(s.doc, s.text, 2, str("--"), NULL));
    expect_ok(crdt_text_insert(s.doc, s.text, 3, str("plain"), &none));
    expect_ok(crdt_text_insert_embed(s.doc, s.text, 0, &image, NULL));
    crdt_buf update = scene_commit(&s);
    crdt_buf_free(&update);
    scene_expect_delta(&s, "[{\"insert\":{\"image\":\"i.png\"}},"
                           "{\"insert\":\"bo-\",\"attributes\":{\"bold\":true}},"
                           "{\"insert\":\"plain\"},"
                           "{\"insert\":\"-ld\",\"attributes\":{\"bold\":true}}]");
    scene_close(&s);
}

static void a_delta_is_applied_in_one_walk(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    expect_ok(crdt_text_apply_delta(s.doc, s.text,
                                    str(" [ {\"insert\" : \"one\\u0020two\\ud83d\\ude00\"} , "
                                        "{\"insert\":\"end\\n\",\"attributes\":null} ] "),
                                    CRDT_DELTA_DROP_LAST_NEWLINE));
    expect_ok(crdt_text_apply_delta(s.doc, s.text,
                                    str("[{\"retain\":3,\"attributes\":{\"b\":1}},{\"delete\":1},"
                                        "{\"retain\":3e0},{\"insert\":\"!\"}]"),
                                    CRDT_DELTA_AS_IS));
    crdt_buf update = scene_commit(&s);
    crdt_buf_free(&update);
    scene_expect_delta(&s, "[{\"insert\":\"one\",\"attributes\":{\"b\":1}},"
                           "{\"insert\":\"two!\xf0\x9f\x98\x80"
                           "end\"}]");
    scene_close(&s);
}

/* JSON can hold halves of pairs; two that meet are a pair. */
static void halves_of_pairs_are_taken_from_deltas(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    expect_ok(crdt_text_apply_delta(s.doc, s.text,
                                    str("[{\"insert\":\"a\\ud83d\"},{\"insert\":\"\\ude00\"},"
                                        "{\"insert\":\"\\ude00z\"}]"),
                                    CRDT_DELTA_AS_IS));
    crdt_buf update = scene_commit(&s);
    crdt_buf_free(&update);
    scene_expect_text(&s, "a\xf0\x9f\x98\x80\xef\xbf\xbdz");
    scene_close(&s);
}

static void a_pair_is_known_before_it_is_cut(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    expect_ok(crdt_text_insert(s.doc, s.text, 0, str("a\xf0\x9f\x98\x80z"), NULL));
    for (uint64_t i = 0; i < 6; i++)
        assert_int_equal(crdt_text_splits_pair(s.doc, s.text, i), i == 2);
    expect_ok(crdt_text_insert(s.doc, s.text, 2, str("|"), NULL));
    crdt_buf update = scene_commit(&s);
    crdt_buf_free(&update);
    scene_expect_text(&s, "a\xef\xbf\xbd|\xef\xbf\xbdz");
    scene_close(&s);
}

/* A text and a list may have the same name: what is between the formats then is no text. */
static void deleting_text_leaves_what_is_no_text(void **state)
{
    (void)state;
    const crdt_value bold = crdt_json("{\"bold\":true}");
    const crdt_value italic = crdt_json("{\"italic\":true}");
    const crdt_value none = crdt_json("{}");
    const crdt_value number = crdt_json("1");
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    expect_ok(crdt_text_insert(s.doc, s.list, 0, str("a"), &bold));
    expect_ok(crdt_text_insert(s.doc, s.list, 1, str("-"), &none));
    expect_ok(crdt_text_insert(s.doc, s.list, 2, str("b"), &italic));
    expect_ok(crdt_list_insert(s.doc, s.list, 2, &number, 1));
    expect_ok(crdt_text_delete(s.doc, s.list, 0, 4));
    crdt_buf update = scene_commit(&s);
    crdt_buf_free(&update);
    scene_expect_list(&s, "[1]");
    scene_close(&s);
}

static void lists_hold_values_of_every_kind(void **state)
{
    (void)state;
    static const uint8_t undefined_inside[] = {117, 2, 127, 123, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0};
    const crdt_value values[] = {
        crdt_json("1.50"),
        crdt_json("{\"b\":1,\"a\":[]}"),
        {.kind = CRDT_VALUE_ANY, .bytes = {undefined_inside, sizeof undefined_inside}},
        {.kind = CRDT_VALUE_STRING, .bytes = str("text")},
        {.kind = CRDT_VALUE_BINARY, .bytes = str("bin")},
        {.kind = CRDT_VALUE_DOC, .bytes = str("guid")},
        {.kind = CRDT_VALUE_TYPE, .type = CRDT_MAP},
    };
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    expect_ok(crdt_list_insert(s.doc, s.list, 0, values, sizeof values / sizeof *values));
    crdt_value made;
    expect_ok(crdt_list_get(s.doc, s.list, 6, &made));
    expect_ok(crdt_map_set(s.doc, made.handle, str("in"), &values[0]));
    expect_ok(crdt_list_insert_after(s.doc, s.list, &made.handle, values, 1));
    expect_ok(crdt_list_insert_after(s.doc, s.list, NULL, values, 1));
    expect_ok(crdt_list_delete(s.doc, s.list, 1, 1));
    crdt_buf update = scene_commit(&s);
    crdt_buf_free(&update);
    scene_expect_list(&s, "[1.5,{\"b\":1,\"a\":[]},[null,null],\"text\",\"Ymlu\","
                          "{\"guid\":\"guid\"},{\"in\":1.5},1.5]");
    scene_close(&s);
}

static void entries_are_set_and_taken_away(void **state)
{
    (void)state;
    static const uint8_t bigint[] = {122, 0, 0, 0, 0, 0, 0, 0, 5};
    const crdt_value one = crdt_json("1");
    const crdt_value big = {.kind = CRDT_VALUE_ANY, .bytes = {bigint, sizeof bigint}};
    scene s;
    scene_open(&s, (crdt_doc_options){0});
    scene_begin(&s);
    expect_ok(crdt_map_set(s.doc, s.map, str("a"), &one));
    expect_ok(crdt_map_set(s.doc, s.map, str("b"), &one));
    expect_ok(crdt_map_set(s.doc, s.map, str("b"), &big));
    expect_ok(crdt_map_set(s.doc, s.map, str("c"), &one));
    expect_ok(crdt_map_delete(s.doc, s.map, str("a")));
    scene_expect_map(&s, "{\"b\":5,\"c\":1}");
    expect_ok(crdt_map_clear(s.doc, s.map));
    expect_ok(crdt_map_set(s.doc, s.map, str("a"), &big));
    crdt_buf update = scene_commit(&s);
    crdt_buf_free(&update);
    scene_expect_map(&s, "{\"a\":5}");
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_need_a_client_and_a_transaction),
        cmocka_unit_test(nothing_done_is_nothing_told),
        cmocka_unit_test(updates_of_others_wait_for_the_end_of_a_transaction),
        cmocka_unit_test(the_update_makes_the_same_document),
        cmocka_unit_test(an_update_that_finds_no_room_can_be_asked_for_again),
        cmocka_unit_test(a_client_that_somebody_else_uses_is_given_up),
        cmocka_unit_test(an_event_tells_what_was_new),
        cmocka_unit_test(an_event_tells_of_typing),
        cmocka_unit_test(an_event_tells_of_what_had_waited),
        cmocka_unit_test(texts_take_on_the_formats_around),
        cmocka_unit_test(a_delta_is_applied_in_one_walk),
        cmocka_unit_test(halves_of_pairs_are_taken_from_deltas),
        cmocka_unit_test(a_pair_is_known_before_it_is_cut),
        cmocka_unit_test(deleting_text_leaves_what_is_no_text),
        cmocka_unit_test(lists_hold_values_of_every_kind),
        cmocka_unit_test(entries_are_set_and_taken_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
