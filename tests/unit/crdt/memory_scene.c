#include "memory_scene.h"

enum { LIST_ITEMS = 150 };

struct memory_given given;

void expect_ok(crdt_err err)
{
    if (err != CRDT_OK)
        fail_msg("%s", crdt_strerror(err));
}

/* ---- what is given ---- */

static crdt_type root_of(crdt_doc *doc, const char *name, crdt_type_kind kind)
{
    crdt_type root;
    expect_ok(crdt_doc_root(doc, crdt_bytes_of(name), kind, &root));
    return root;
}

static void edit_text(crdt_doc *doc)
{
    const crdt_type text = root_of(doc, "t", CRDT_TEXT);
    const crdt_value bold = crdt_json("{\"b\":true}");
    const crdt_value plain = crdt_json("{\"b\":null}");
    const crdt_value embed = crdt_json("{\"e\":[1,2]}");
    expect_ok(crdt_text_insert(doc, text, 0, crdt_bytes_of("some \xf0\x9f\x99\x82 text"), NULL));
    expect_ok(crdt_text_insert(doc, text, 2, crdt_bytes_of("bold"), &bold));
    expect_ok(crdt_text_format(doc, text, 3, 2, &plain));
    expect_ok(crdt_text_insert_embed(doc, text, 1, &embed, &bold));
    expect_ok(crdt_text_delete(doc, text, 4, 3));
}

/* So many items that the list has an index. */
static void edit_list(crdt_doc *doc)
{
    const crdt_type list = root_of(doc, "l", CRDT_ARRAY);
    const crdt_value number = crdt_json("1");
    const crdt_value nested[] = {{.kind = CRDT_VALUE_TYPE, .type = CRDT_MAP},
                                 {.kind = CRDT_VALUE_DOC, .bytes = crdt_bytes_of("guid")}};
    for (uint64_t i = 0; i < LIST_ITEMS; i++)
        expect_ok(crdt_list_insert(doc, list, i / 2, &number, 1));
    expect_ok(crdt_list_insert(doc, list, 3, nested, 2));
    for (uint64_t i = 10; i < 40; i += 3)
        expect_ok(crdt_list_delete(doc, list, i, 1));
}

static void edit_rest(crdt_doc *doc)
{
    const crdt_type map = root_of(doc, "m", CRDT_MAP);
    const crdt_type xml = root_of(doc, "x", CRDT_XML_FRAGMENT);
    const crdt_value one = crdt_json("{\"a\":1}");
    const crdt_value list = {.kind = CRDT_VALUE_TYPE, .type = CRDT_ARRAY};
    const crdt_value element = {
        .kind = CRDT_VALUE_TYPE, .type = CRDT_XML_ELEMENT, .bytes = crdt_bytes_of("p")};
    const crdt_value inner = {.kind = CRDT_VALUE_TYPE, .type = CRDT_XML_TEXT};
    crdt_value made;
    expect_ok(crdt_map_set(doc, map, crdt_bytes_of("one"), &one));
    expect_ok(crdt_map_set(doc, map, crdt_bytes_of("list"), &list));
    expect_ok(crdt_list_insert(doc, xml, 0, &element, 1));
    expect_ok(crdt_list_get(doc, xml, 0, &made));
    expect_ok(crdt_map_set(doc, made.handle, crdt_bytes_of("id"), &one));
    expect_ok(crdt_list_insert(doc, made.handle, 0, &inner, 1));
    expect_ok(crdt_list_get(doc, made.handle, 0, &made));
    expect_ok(crdt_text_insert(doc, made.handle, 0, crdt_bytes_of("in XML"), NULL));
}

static void give_state(crdt_doc *doc)
{
    expect_ok(crdt_doc_set_client(doc, CLIENT));
    expect_ok(crdt_doc_begin(doc));
    edit_text(doc);
    edit_list(doc);
    edit_rest(doc);
    expect_ok(crdt_doc_commit(doc, CRDT_V1, NULL));
    expect_ok(crdt_doc_encode_state(doc, CRDT_V1, (crdt_bytes){0}, &given.state));
    expect_ok(crdt_doc_encode_state(doc, CRDT_V2, (crdt_bytes){0}, &given.state_v2));
    expect_ok(crdt_doc_encode_state_vector(doc, &given.sv));
    expect_ok(crdt_doc_snapshot(doc, CRDT_V1, &given.snapshot));
    expect_ok(crdt_relpos_encode(doc, root_of(doc, "l", CRDT_ARRAY), 100, 0, &given.position));
}

static void give_edits(crdt_doc *doc)
{
    const crdt_type text = root_of(doc, "t", CRDT_TEXT);
    const crdt_value embed = crdt_json("{\"e\":1}");
    expect_ok(crdt_doc_set_client(doc, OTHER_CLIENT));
    expect_ok(crdt_doc_begin(doc));
    expect_ok(crdt_text_insert(doc, text, 3, crdt_bytes_of("more"), NULL));
    expect_ok(crdt_doc_commit(doc, CRDT_V1, &given.first));
    expect_ok(crdt_doc_begin(doc));
    expect_ok(crdt_text_insert(doc, text, 5, crdt_bytes_of("and \xf0\x9f\x99\x82"), NULL));
    expect_ok(crdt_text_insert_embed(doc, text, 2, &embed, NULL));
    expect_ok(crdt_list_delete(doc, root_of(doc, "l", CRDT_ARRAY), 2, 4));
    edit_rest(doc);
    expect_ok(crdt_doc_commit(doc, CRDT_V1, &given.second));
    expect_ok(crdt_update_convert(CRDT_V1, bytes_of(&given.second), CRDT_V2, &given.second_v2));
}

static void give_waiting(void)
{
    crdt_doc *doc = crdt_doc_new(NULL);
    expect_ok(crdt_doc_apply(doc, CRDT_V1, bytes_of(&given.second), NULL));
    assert_true(crdt_doc_pending(doc));
    expect_ok(crdt_doc_encode_state(doc, CRDT_V1, (crdt_bytes){0}, &given.waiting));
    crdt_doc_free(doc);
}

static void give_presence(void)
{
    crdt_awareness *somebody = crdt_awareness_new(NULL);
    expect_ok(crdt_awareness_set_client(somebody, OTHER_CLIENT));
    expect_ok(crdt_awareness_set_local(somebody, crdt_bytes_of("{\"name\":\"x\"}"), 0, NULL));
    expect_ok(crdt_awareness_renew(somebody, CRDT_AWARENESS_RENEWAL_MS, &given.presence));
    crdt_awareness_free(somebody);
}

int give(void **state)
{
    (void)state;
    crdt_doc *doc = crdt_doc_new(NULL);
    assert_non_null(doc);
    give_state(doc);
    give_edits(doc);
    give_waiting();
    const crdt_bytes both[] = {bytes_of(&given.first), bytes_of(&given.second)};
    expect_ok(crdt_updates_pack(both, 2, &given.piece));
    give_presence();
    crdt_doc_free(doc);
    return 0;
}

int take_away(void **state)
{
    (void)state;
    crdt_buf *all[] = {&given.state,     &given.state_v2, &given.first,    &given.second,
                       &given.second_v2, &given.waiting,  &given.snapshot, &given.sv,
                       &given.position,  &given.piece,    &given.presence};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        crdt_buf_free(all[i]);
    return 0;
}

/* ---- the scene ---- */

void open_scene(scene *s, scene_kind kind)
{
    *s = (scene){0};
    failmem_init(&s->memory);
    const crdt_doc_options options = {.mem = &s->memory.mem,
                                      .gc = CRDT_GC_OFF,
                                      .changes = CRDT_CHANGES_ON,
                                      .cleanup =
                                          kind == TIDYING ? CRDT_CLEANUP_ON : CRDT_CLEANUP_OFF};
    s->out.mem = &s->memory.mem;
    s->doc = crdt_doc_new(&options);
    s->text = root_of(s->doc, "t", CRDT_TEXT);
    s->list = root_of(s->doc, "l", CRDT_ARRAY);
    s->map = root_of(s->doc, "m", CRDT_MAP);
    s->xml = root_of(s->doc, "x", CRDT_XML_FRAGMENT);
    if (kind != EMPTY)
        expect_ok(crdt_doc_apply(s->doc, CRDT_V1, bytes_of(&given.state), NULL));
    if (kind == BEHIND)
        expect_ok(crdt_doc_apply(s->doc, CRDT_V1, bytes_of(&given.second), NULL));
    if (kind == EDITING) {
        expect_ok(crdt_doc_set_client(s->doc, 11));
        expect_ok(crdt_doc_begin(s->doc));
    }
    expect_ok(crdt_snapshot_new(CRDT_V1, bytes_of(&given.snapshot), &s->memory.mem, &s->at));
    s->presence = crdt_awareness_new(&s->memory.mem);
    expect_ok(crdt_awareness_set_client(s->presence, CLIENT));
    expect_ok(crdt_awareness_set_local(s->presence, crdt_bytes_of("{}"), 0, NULL));
    static const uint8_t somebody[] = {1, OTHER_CLIENT + 1, 1, 2, '{', '}'};
    expect_ok(crdt_awareness_apply(s->presence, (crdt_bytes){somebody, sizeof somebody}, 0, NULL));
}

void close_scene(scene *s)
{
    crdt_buf_free(&s->out);
    crdt_snapshot_free(s->at);
    crdt_awareness_free(s->presence);
    crdt_doc_free(s->doc);
    assert_int_equal(s->memory.held_bytes, 0);
    assert_false(s->memory.size_mismatch);
}

crdt_buf everything(scene *s)
{
    crdt_buf all = {0};
    expect_ok(crdt_doc_encode_state(s->doc, CRDT_V1, (crdt_bytes){0}, &all));
    expect_ok(crdt_read_delta(s->doc, s->text, NULL, &all));
    expect_ok(crdt_read_json(s->doc, s->list, NULL, &all));
    expect_ok(crdt_read_json(s->doc, s->map, NULL, &all));
    expect_ok(crdt_read_json(s->doc, s->xml, NULL, &all));
    expect_ok(crdt_awareness_encode(s->presence, &all));
    return all;
}
