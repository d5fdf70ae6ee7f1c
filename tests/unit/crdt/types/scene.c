#include "scene.h"

#include <string.h>

void expect_ok(crdt_err err)
{
    if (err != CRDT_OK)
        fail_msg("%s", crdt_strerror(err));
}

void expect_same(const crdt_buf *a, const crdt_buf *b)
{
    assert_int_equal(a->len, b->len);
    if (a->len > 0)
        assert_memory_equal(a->data, b->data, a->len);
}

void scene_open(scene *s, crdt_doc_options options)
{
    failmem_init(&s->memory);
    options.mem = &s->memory.mem;
    s->doc = crdt_doc_new(&options);
    assert_non_null(s->doc);
    expect_ok(crdt_doc_root(s->doc, crdt_bytes_of("text"), CRDT_TEXT, &s->text));
    expect_ok(crdt_doc_root(s->doc, crdt_bytes_of("list"), CRDT_ARRAY, &s->list));
    expect_ok(crdt_doc_root(s->doc, crdt_bytes_of("map"), CRDT_MAP, &s->map));
    expect_ok(crdt_doc_set_client(s->doc, 7));
}

void scene_close(scene *s)
{
    crdt_doc_free(s->doc);
    assert_int_equal(s->memory.held_bytes, 0);
    assert_false(s->memory.size_mismatch);
}

static void check(const scene *s)
{
    const char *broken = crdt_doc_check(s->doc);
    if (broken)
        fail_msg("%s", broken);
}

void scene_begin(scene *s)
{
    expect_ok(crdt_doc_begin(s->doc));
}

crdt_buf scene_commit(scene *s)
{
    check(s);
    crdt_buf update = {0};
    expect_ok(crdt_doc_commit(s->doc, CRDT_V1, &update));
    check(s);
    return update;
}

crdt_buf scene_state(scene *s)
{
    crdt_buf state = {0};
    expect_ok(crdt_doc_encode_state(s->doc, CRDT_V1, (crdt_bytes){0}, &state));
    return state;
}

static void expect_bytes(crdt_buf *got, const char *expected)
{
    char text[4096];
    assert_true(got->len < sizeof text);
    if (got->len > 0)
        memcpy(text, got->data, got->len);
    text[got->len] = '\0';
    assert_string_equal(text, expected);
    crdt_buf_free(got);
}

void scene_expect(scene *s, crdt_type type, scene_reader read, const crdt_snapshot *at,
                  const char *expected)
{
    crdt_buf out = {0};
    expect_ok(read(s->doc, type, at, &out));
    expect_bytes(&out, expected);
}

void scene_expect_text(scene *s, const char *expected)
{
    scene_expect(s, s->text, crdt_read_text, NULL, expected);
}

void scene_expect_delta(scene *s, const char *expected)
{
    scene_expect(s, s->text, crdt_read_delta, NULL, expected);
}

void scene_expect_list(scene *s, const char *expected)
{
    scene_expect(s, s->list, crdt_read_array, NULL, expected);
}

void scene_expect_map(scene *s, const char *expected)
{
    scene_expect(s, s->map, crdt_read_map, NULL, expected);
}
