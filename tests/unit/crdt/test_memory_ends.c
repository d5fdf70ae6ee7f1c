/* Every call of crdt.h, with its first, second, ... allocation failing, once or for good, until it
 * succeeds. Whoever runs out says so and writes nothing; a document is unharmed, or failed and good
 * for nothing but to be freed; and what is asked again with memory comes out as if nothing had
 * been.
 *
 * The few calls that take no memory table use realloc, which is wrapped: it counts as well.
 */
#include "memory_scene.h"

#include <stdlib.h>
#include <string.h>

/* ---- running out ---- */

static failmem *armed; /* NULL: the C library's memory does not end */

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_realloc(void *old, size_t size)
{
    if (armed && failmem_hit(armed))
        return NULL;
    return __real_realloc(old, size);
}

/* ---- the calls ---- each as often as it has different ways to go */

typedef crdt_err (*call)(scene *s);

static crdt_err apply_v1(scene *s)
{
    return crdt_doc_apply(s->doc, CRDT_V1, bytes_of(&given.first), NULL);
}

static crdt_err apply_v2(scene *s)
{
    return crdt_doc_apply(s->doc, CRDT_V2, bytes_of(&given.state_v2), NULL);
}

static crdt_err apply_too_early(scene *s)
{
    return crdt_doc_apply(s->doc, CRDT_V2, bytes_of(&given.second_v2), NULL);
}

/* Some of what it says, in a document that lacks the rest. */
static crdt_err apply_what_others_waited_for(scene *s)
{
    return crdt_doc_apply(s->doc, CRDT_V1, bytes_of(&given.waiting), NULL);
}

static crdt_err apply_and_tell(scene *s)
{
    return crdt_doc_apply_event(s->doc, CRDT_V1, bytes_of(&given.first), NULL, &s->out);
}

static crdt_err apply_and_tell_in_v2(scene *s)
{
    return crdt_doc_apply_event(s->doc, CRDT_V2, bytes_of(&given.second_v2), NULL, &s->out);
}

static crdt_err encode_v1(scene *s)
{
    return crdt_doc_encode_state(s->doc, CRDT_V1, (crdt_bytes){0}, &s->out);
}

static crdt_err encode_v2(scene *s)
{
    return crdt_doc_encode_state(s->doc, CRDT_V2, bytes_of(&given.sv), &s->out);
}

static crdt_err encode_state_vector(scene *s)
{
    return crdt_doc_encode_state_vector(s->doc, &s->out);
}

static crdt_err make_root(scene *s)
{
    crdt_type root;
    return crdt_doc_root(s->doc, crdt_bytes_of("a root that is new"), CRDT_TEXT, &root);
}

static crdt_err set_client(scene *s)
{
    return crdt_doc_set_client(s->doc, 1234567);
}

/* An edit within a transaction, which is left open when memory ends. */
static crdt_err edited(scene *s, crdt_err (*edit)(scene *s))
{
    crdt_err err = edit(s);
    return err == CRDT_OK ? crdt_doc_commit(s->doc, CRDT_V1, &s->out) : err;
}

static crdt_err insert_text(scene *s)
{
    return crdt_text_insert(s->doc, s->text, 4, crdt_bytes_of("new \xc3\xa9"), NULL);
}

static crdt_err insert_formatted(scene *s)
{
    const crdt_value formats = crdt_json("{\"b\":null,\"i\":{\"x\":[1]},\"c\":\"red\"}");
    return crdt_text_insert(s->doc, s->text, 3, crdt_bytes_of("new"), &formats);
}

static crdt_err insert_embed(scene *s)
{
    const crdt_value value = {.kind = CRDT_VALUE_TYPE, .type = CRDT_TEXT};
    const crdt_value formats = crdt_json("{\"i\":true}");
    return crdt_text_insert_embed(s->doc, s->text, 3, &value, &formats);
}

static crdt_err delete_text(scene *s)
{
    return crdt_text_delete(s->doc, s->text, 2, 5);
}

static crdt_err format_text(scene *s)
{
    const crdt_value formats = crdt_json("{\"b\":null,\"i\":1}");
    return crdt_text_format(s->doc, s->text, 2, 30, &formats);
}

static crdt_err apply_delta(scene *s)
{
    return crdt_text_apply_delta(
        s->doc, s->text,
        crdt_bytes_of("[{\"retain\":2,\"attributes\":{\"i\":1}},{\"delete\":2},"
                      "{\"insert\":\"new\",\"attributes\":{\"b\":1}},{\"insert\":{\"e\":[{}]}}]"),
        CRDT_DELTA_AS_IS);
}

static crdt_err insert_elements(scene *s)
{
    const crdt_value values[] = {crdt_json("1"),
                                 crdt_json("{\"k\":[null]}"),
                                 {.kind = CRDT_VALUE_BINARY, .bytes = crdt_bytes_of("bytes")},
                                 {.kind = CRDT_VALUE_TYPE, .type = CRDT_ARRAY},
                                 {.kind = CRDT_VALUE_DOC, .bytes = crdt_bytes_of("another")}};
    return crdt_list_insert(s->doc, s->list, 80, values, sizeof values / sizeof values[0]);
}

static crdt_err push_element(scene *s)
{
    const crdt_value value = crdt_json("\"last\"");
    return crdt_list_push(s->doc, s->list, &value, 1);
}

static crdt_err insert_after(scene *s)
{
    const crdt_value value = {.kind = CRDT_VALUE_TYPE, .type = CRDT_XML_TEXT};
    return crdt_list_insert_after(s->doc, s->xml, NULL, &value, 1);
}

static crdt_err delete_elements(scene *s)
{
    return crdt_list_delete(s->doc, s->list, 1, 60);
}

static crdt_err set_entry(scene *s)
{
    const crdt_value value = crdt_json("{\"k\":1.5}");
    return crdt_map_set(s->doc, s->map, crdt_bytes_of("a new key"), &value);
}

static crdt_err delete_entry(scene *s)
{
    return crdt_map_delete(s->doc, s->map, crdt_bytes_of("list"));
}

static crdt_err clear_map(scene *s)
{
    return crdt_map_clear(s->doc, s->map);
}

/* Back to what the update makes of nothing. */
static crdt_err go_back_to(scene *s, crdt_bytes update)
{
    crdt_doc *past = crdt_doc_new(NULL);
    crdt_err err = past ? crdt_doc_apply(past, CRDT_V1, update, NULL) : CRDT_NO_MEMORY;
    if (err == CRDT_OK)
        err = crdt_doc_restore(s->doc, past);
    crdt_doc_free(past);
    return err;
}

static crdt_err restore_nothing(scene *s)
{
    static const uint8_t nothing[] = {0, 0};
    return go_back_to(s, (crdt_bytes){nothing, sizeof nothing});
}

static crdt_err restore_what_is_gone(scene *s)
{
    crdt_type_info list;
    crdt_err err = crdt_type_describe(s->doc, s->list, &list);
    if (err == CRDT_OK)
        err = crdt_map_clear(s->doc, s->map);
    if (err == CRDT_OK)
        err = crdt_list_delete(s->doc, s->list, 0, list.length);
    if (err == CRDT_OK)
        err = crdt_text_delete(s->doc, s->text, 1, 3);
    return err == CRDT_OK ? go_back_to(s, bytes_of(&given.state)) : err;
}

/* Something of everything, told in format v2. */
static crdt_err commit_much(scene *s)
{
    crdt_err err = insert_formatted(s);
    if (err == CRDT_OK)
        err = delete_elements(s);
    if (err == CRDT_OK)
        err = set_entry(s);
    return err == CRDT_OK ? crdt_doc_commit(s->doc, CRDT_V2, &s->out) : err;
}

static crdt_err get_values(scene *s)
{
    crdt_value value;
    crdt_err err = crdt_list_get(s->doc, s->list, 90, &value);
    return err == CRDT_OK ? crdt_map_get(s->doc, s->map, crdt_bytes_of("one"), &value) : err;
}

static crdt_err walk_map(scene *s)
{
    crdt_bytes key;
    crdt_value value;
    bool found = true;
    crdt_err err = CRDT_OK;
    for (size_t cursor = 0; err == CRDT_OK && found;)
        err = crdt_map_next(s->doc, s->map, &cursor, &found, &key, &value);
    return err;
}

static crdt_err describe(scene *s)
{
    crdt_type_info info;
    return crdt_type_describe(s->doc, s->xml, &info);
}

static crdt_err read_text(scene *s)
{
    return crdt_read_text(s->doc, s->text, NULL, &s->out);
}

static crdt_err read_delta(scene *s)
{
    return crdt_read_delta(s->doc, s->text, NULL, &s->out);
}

static crdt_err read_delta_then(scene *s)
{
    return crdt_read_delta(s->doc, s->text, s->at, &s->out);
}

static crdt_err read_array(scene *s)
{
    return crdt_read_array(s->doc, s->list, NULL, &s->out);
}

static crdt_err read_map_then(scene *s)
{
    return crdt_read_map(s->doc, s->map, s->at, &s->out);
}

static crdt_err read_json(scene *s)
{
    return crdt_read_json(s->doc, s->xml, NULL, &s->out);
}

static crdt_err read_xml(scene *s)
{
    return crdt_read_xml(s->doc, s->xml, CRDT_XML_WELL_FORMED, NULL, &s->out);
}

static crdt_err read_changes(scene *s)
{
    return crdt_doc_changes(s->doc, &s->out);
}

static crdt_err splits_pair(scene *s)
{
    (void)crdt_text_splits_pair(s->doc, s->text, 9);
    return CRDT_OK;
}

static crdt_err take_snapshot(scene *s)
{
    return crdt_doc_snapshot(s->doc, CRDT_V2, &s->out);
}

static crdt_err decode_snapshot(scene *s)
{
    crdt_snapshot *at = NULL;
    crdt_err err = crdt_snapshot_new(CRDT_V1, bytes_of(&given.snapshot), &s->memory.mem, &at);
    crdt_snapshot_free(at);
    return err;
}

static crdt_err encode_snapshot(scene *s)
{
    return crdt_snapshot_encode(s->at, CRDT_V2, &s->out);
}

static crdt_err restore(scene *s)
{
    return crdt_doc_encode_snapshot_state(s->doc, s->at, CRDT_V2, &s->out);
}

static crdt_err snapshot_contains(scene *s)
{
    bool contained;
    return crdt_snapshot_contains(s->at, CRDT_V2, bytes_of(&given.second_v2), &contained);
}

static crdt_err encode_position(scene *s)
{
    return crdt_relpos_encode(s->doc, s->list, 77, -1, &s->out);
}

static crdt_err resolve_position(scene *s)
{
    bool found;
    crdt_place place;
    return crdt_relpos_resolve(s->doc, bytes_of(&given.position), &found, &place);
}

static crdt_err validate(scene *s)
{
    (void)s;
    return crdt_update_validate(CRDT_V2, bytes_of(&given.state_v2));
}

static crdt_err merge_v1(scene *s)
{
    const crdt_bytes both[] = {bytes_of(&given.second), bytes_of(&given.state)};
    return crdt_update_merge(CRDT_V1, both, 2, &s->out);
}

static crdt_err merge_v2(scene *s)
{
    const crdt_bytes both[] = {bytes_of(&given.second_v2), bytes_of(&given.state_v2)};
    return crdt_update_merge(CRDT_V2, both, 2, &s->out);
}

static crdt_err cut_v1(scene *s)
{
    return crdt_update_diff(CRDT_V1, bytes_of(&given.state), (crdt_bytes){(uint8_t[]){1, 7, 9}, 3},
                            &s->out);
}

static crdt_err cut_v2(scene *s)
{
    return crdt_update_diff(CRDT_V2, bytes_of(&given.state_v2),
                            (crdt_bytes){(uint8_t[]){1, 7, 9}, 3}, &s->out);
}

static crdt_err state_vector_of_update(scene *s)
{
    return crdt_update_state_vector(CRDT_V2, bytes_of(&given.state_v2), &s->out);
}

static crdt_err convert_to_v1(scene *s)
{
    return crdt_update_convert(CRDT_V2, bytes_of(&given.state_v2), CRDT_V1, &s->out);
}

static crdt_err convert_to_v2(scene *s)
{
    return crdt_update_convert(CRDT_V1, bytes_of(&given.state), CRDT_V2, &s->out);
}

static crdt_err tell_clients(scene *s)
{
    (void)s;
    crdt_update_client *clients;
    size_t count;
    crdt_err err = crdt_update_clients(CRDT_V1, bytes_of(&given.second), &clients, &count);
    if (err == CRDT_OK)
        crdt_update_clients_free(clients, count);
    return err;
}

static crdt_err pack(scene *s)
{
    const crdt_bytes both[] = {bytes_of(&given.first), bytes_of(&given.second)};
    return crdt_updates_pack(both, 2, &s->out);
}

static crdt_err unpack(scene *s)
{
    size_t lens[2];
    return crdt_updates_unpack(bytes_of(&given.piece), 2, &s->out, lens);
}

static crdt_err rewind_vector(scene *s)
{
    const crdt_bytes update = bytes_of(&given.second);
    return crdt_state_vector_rewind(CRDT_V1, bytes_of(&given.sv), &update, 1, &s->out);
}

static crdt_err ask(scene *s)
{
    return crdt_sync_write_step1(s->doc, &s->out);
}

static crdt_err answer(scene *s)
{
    const uint8_t step1[] = {CRDT_SYNC_STEP1, 1, 0};
    return crdt_sync_receive(s->doc, (crdt_bytes){step1, sizeof step1}, &s->out, NULL, NULL);
}

static crdt_err receive(scene *s)
{
    uint8_t message[1024] = {CRDT_SYNC_UPDATE};
    const size_t len = given.first.len; /* short enough for a length of one byte */
    assert_true(len < 0x80);
    message[1] = (uint8_t)len;
    memcpy(message + 2, given.first.data, len);
    return crdt_sync_receive(s->doc, (crdt_bytes){message, 2 + len}, NULL, NULL, &s->out);
}

static crdt_err write_message(scene *s)
{
    crdt_err err = crdt_sync_write(CRDT_SYNC_STEP2, bytes_of(&given.state), &s->out);
    return err;
}

static crdt_err write_frame(scene *s)
{
    return crdt_frame_write(CRDT_FRAME_AWARENESS, bytes_of(&given.presence), &s->out);
}

static crdt_err hear_presence(scene *s)
{
    return crdt_awareness_apply(s->presence, bytes_of(&given.presence), 5, &s->out);
}

static crdt_err tell_presence(scene *s)
{
    return crdt_awareness_encode(s->presence, &s->out);
}

static crdt_err tell_of_some(scene *s)
{
    const uint64_t clients[] = {OTHER_CLIENT + 1, CLIENT};
    return crdt_awareness_encode_clients(s->presence, clients, 2, &s->out);
}

static crdt_err set_presence(scene *s)
{
    return crdt_awareness_set_local(s->presence, crdt_bytes_of("{\"a\":[1]}"), 1, &s->out);
}

static crdt_err set_presence_field(scene *s)
{
    return crdt_awareness_set_local_field(s->presence, crdt_bytes_of("k"), crdt_bytes_of("[1]"), 1,
                                          &s->out);
}

static crdt_err renew_presence(scene *s)
{
    return crdt_awareness_renew(s->presence, CRDT_AWARENESS_RENEWAL_MS, &s->out);
}

static crdt_err remove_presence(scene *s)
{
    return crdt_awareness_remove(s->presence, CLIENT, 1, &s->out);
}

static crdt_err expire_presence(scene *s)
{
    return crdt_awareness_expire(s->presence, 1, 1, &s->out);
}

/* ---- running every call ---- */

static void expect_same(const crdt_buf *a, const crdt_buf *b, const char *what)
{
    if (a->len != b->len || (a->len > 0 && memcmp(a->data, b->data, a->len) != 0))
        fail_msg("%s: %zu and %zu bytes", what, a->len, b->len);
}

/* What the call comes to with all the memory it asks for. */
typedef struct outcome {
    crdt_buf before;
    crdt_buf out;
    crdt_buf after;
} outcome;

static crdt_err make_call(scene *s, scene_kind kind, call make)
{
    armed = &s->memory;
    crdt_err err = kind == EDITING && make != commit_much ? edited(s, make) : make(s);
    armed = NULL;
    return err;
}

static outcome expected_outcome(scene_kind kind, call make)
{
    scene s;
    outcome o = {0};
    open_scene(&s, kind);
    o.before = everything(&s);
    expect_ok(make_call(&s, kind, make));
    o.out = s.out;
    o.out.mem = NULL;
    o.out.data = malloc(s.out.len + 1);
    assert_non_null(o.out.data);
    if (s.out.len > 0)
        memcpy(o.out.data, s.out.data, s.out.len);
    o.out.cap = s.out.len + 1;
    o.after = everything(&s);
    close_scene(&s);
    return o;
}

static void expect_refusing(scene *s)
{
    crdt_buf out = {0};
    assert_int_equal(crdt_doc_apply(s->doc, CRDT_V1, bytes_of(&given.first), NULL), CRDT_FAILED);
    assert_int_equal(crdt_doc_encode_state(s->doc, CRDT_V1, (crdt_bytes){0}, &out), CRDT_FAILED);
    assert_int_equal(crdt_doc_begin(s->doc), CRDT_FAILED);
    assert_int_equal(crdt_read_json(s->doc, s->list, NULL, &out), CRDT_FAILED);
    assert_int_equal(crdt_doc_snapshot(s->doc, CRDT_V1, &out), CRDT_FAILED);
    assert_int_equal(crdt_sync_write_step1(s->doc, &out), CRDT_FAILED);
    assert_int_equal(out.len, 0);
    crdt_buf_free(&out);
}

/* The call ran out of memory: nothing came of it, and with memory it comes to what it should. What
 * was done within a transaction before it ran out stands. */
static void expect_unharmed(scene *s, scene_kind kind, call make, const outcome *o)
{
    assert_int_equal(s->out.len, 0);
    if (crdt_doc_failed(s->doc)) {
        expect_refusing(s);
        return;
    }
    const char *broken = crdt_doc_check(s->doc);
    if (broken)
        fail_msg("%s", broken);
    if (kind == EDITING)
        return;
    crdt_buf now = everything(s);
    expect_same(&now, &o->before, "changed though memory ran out");
    crdt_buf_free(&now);
    expect_ok(make_call(s, kind, make));
    now = everything(s);
    expect_same(&now, &o->after, "another outcome after memory ran out");
    expect_same(&s->out, &o->out, "something else is written after memory ran out");
    crdt_buf_free(&now);
}

static size_t runs_short;  /* runs in which memory ended */
static size_t runs_failed; /* of these, those that left a failed document */

/* One run, with the memory ending at its n-th request. False once it asks for no more. */
static bool run_once(scene_kind kind, call make, const outcome *o, uint64_t n, bool once)
{
    scene s;
    open_scene(&s, kind);
    failmem_after(&s.memory, n);
    s.memory.fail_once = once;
    s.memory.failed = false;
    const crdt_err err = make_call(&s, kind, make);
    const bool reached = s.memory.failed;
    s.memory.fail_at = FAILMEM_NEVER;
    if (err == CRDT_OK) { /* all it asked for was there, or it could do without */
        crdt_buf now = everything(&s);
        expect_same(&now, &o->after, "another outcome");
        expect_same(&s.out, &o->out, "something else is written");
        crdt_buf_free(&now);
    } else {
        assert_int_equal(err, CRDT_NO_MEMORY);
        assert_true(reached);
        expect_unharmed(&s, kind, make, o);
    }
    runs_short += reached;
    runs_failed += crdt_doc_failed(s.doc);
    close_scene(&s);
    return reached;
}

static void run_call(scene_kind kind, call make)
{
    outcome o = expected_outcome(kind, make);
    for (int once = 0; once < 2; once++)
        for (uint64_t n = 0; run_once(kind, make, &o, n, once != 0); n++)
            ;
    crdt_buf_free(&o.before);
    crdt_buf_free(&o.out);
    crdt_buf_free(&o.after);
}

static void run_calls(scene_kind kind, const call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        run_call(kind, calls[i]);
}

static const call askings[] = {encode_v1,       encode_v2,       encode_state_vector, get_values,
                               walk_map,        describe,        read_text,           read_delta,
                               read_delta_then, read_array,      read_map_then,       read_json,
                               read_xml,        read_changes,    splits_pair,         take_snapshot,
                               restore,         encode_position, resolve_position,    ask,
                               answer};
static const call applyings[] = {apply_v1, apply_v2,       apply_too_early,
                                 receive,  apply_and_tell, apply_and_tell_in_v2};
static const call edits[] = {insert_text,  insert_formatted, insert_embed,    delete_text,
                             format_text,  apply_delta,      insert_elements, push_element,
                             insert_after, delete_elements,  set_entry,       delete_entry,
                             clear_map,    commit_much,      restore_nothing, restore_what_is_gone};
static const call others[] = {make_root,
                              set_client,
                              decode_snapshot,
                              encode_snapshot,
                              snapshot_contains,
                              validate,
                              merge_v1,
                              merge_v2,
                              cut_v1,
                              cut_v2,
                              state_vector_of_update,
                              convert_to_v1,
                              convert_to_v2,
                              tell_clients,
                              pack,
                              unpack,
                              rewind_vector,
                              write_message,
                              write_frame,
                              hear_presence,
                              tell_presence,
                              tell_of_some,
                              set_presence,
                              set_presence_field,
                              renew_presence,
                              remove_presence,
                              expire_presence};

#define COUNT(calls) (sizeof(calls) / sizeof(calls)[0])

static void asking_a_document(void **state)
{
    (void)state;
    run_calls(FULL, askings, COUNT(askings));
}

static void asking_a_document_in_which_something_waits(void **state)
{
    (void)state;
    run_calls(BEHIND, askings, COUNT(askings));
}

static void applying_updates(void **state)
{
    (void)state;
    static const call first[] = {apply_v1, apply_v2, apply_too_early};
    run_calls(EMPTY, first, COUNT(first));
    run_calls(FULL, applyings, COUNT(applyings));
}

static void applying_updates_where_marks_are_tidied(void **state)
{
    (void)state;
    run_calls(TIDYING, applyings, COUNT(applyings));
}

static void applying_what_others_wait_for(void **state)
{
    (void)state;
    static const call coming[] = {apply_v1, apply_what_others_waited_for, apply_and_tell, receive};
    run_calls(BEHIND, coming, COUNT(coming));
}

static void editing(void **state)
{
    (void)state;
    run_calls(EDITING, edits, COUNT(edits));
}

static void everything_else(void **state)
{
    (void)state;
    run_calls(FULL, others, COUNT(others));
}

static void making_things(void **state)
{
    (void)state;
    crdt_doc *doc = NULL;
    crdt_awareness *presence = NULL;
    for (uint64_t n = 0; !doc || !presence; n++) {
        failmem memory;
        failmem_init(&memory);
        const crdt_doc_options options = {.mem = failmem_after(&memory, n)};
        doc = crdt_doc_new(&options);
        presence = crdt_awareness_new(&memory.mem);
        crdt_doc_free(doc);
        crdt_awareness_free(presence);
        assert_int_equal(memory.held_bytes, 0);
        assert_false(memory.size_mismatch);
    }
}

/* That the above does what it says. */
static void memory_did_end(void **state)
{
    (void)state;
    print_message("%zu runs, %zu documents failed\n", runs_short, runs_failed);
    assert_true(runs_short > 1500 && runs_failed > 0 && runs_failed < runs_short / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asking_a_document),
        cmocka_unit_test(asking_a_document_in_which_something_waits),
        cmocka_unit_test(applying_updates),
        cmocka_unit_test(applying_updates_where_marks_are_tidied),
        cmocka_unit_test(applying_what_others_wait_for),
        cmocka_unit_test(editing),
        cmocka_unit_test(everything_else),
        cmocka_unit_test(making_things),
        cmocka_unit_test(memory_did_end),
    };
    return cmocka_run_group_tests(tests, give, take_away);
}
