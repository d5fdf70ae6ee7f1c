#include "fixture.h"

#include <string.h>

void fixture_open(fixture *f, crdt_doc_options options)
{
    *f = (fixture){0};
    failmem_init(&f->memory);
    options.mem = &f->memory.mem;
    f->doc = crdt_doc_new(&options);
    assert_non_null(f->doc);
}

void fixture_close(fixture *f)
{
    crdt_buf_free(&f->update);
    crdt_doc_free(f->doc);
    assert_int_equal(f->memory.held_bytes, 0);
    assert_false(f->memory.size_mismatch);
}

crdt_applied fixture_apply(fixture *f, crdt_bytes update)
{
    crdt_applied applied = {0};
    assert_int_equal(crdt_doc_apply(f->doc, CRDT_V1, update, &applied), CRDT_OK);
    const char *broken = crdt_doc_check(f->doc);
    if (broken)
        fail_msg("%s", broken);
    return applied;
}

crdt_applied fixture_put(fixture *f, wm_id id, wm_item item)
{
    return fixture_apply(f, wm_one(&f->update, id, &item));
}

crdt_applied fixture_delete(fixture *f, wm_id id, uint64_t len)
{
    return fixture_apply(f, wm_delete(&f->update, id, len));
}

crdt_buf fixture_state(fixture *f)
{
    crdt_buf state = {0};
    assert_int_equal(crdt_doc_encode_state(f->doc, CRDT_V1, (crdt_bytes){0}, &state), CRDT_OK);
    return state;
}

void fixture_expect_state(fixture *f, crdt_bytes expected)
{
    crdt_buf state = fixture_state(f);
    assert_int_equal(state.len, expected.len);
    assert_memory_equal(state.data, expected.data, expected.len);
    crdt_buf_free(&state);
}

void fixture_expect_structs(const fixture *f, size_t count)
{
    assert_int_equal(crdt_doc_struct_count(f->doc), count);
}
