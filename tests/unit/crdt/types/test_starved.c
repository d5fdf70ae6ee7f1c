/* Memory that runs out in the middle of any edit: it did nothing, or the document has failed; the
 * sum is sound, and nothing leaks. */
#include "scene.h"

#include "rng.h"

enum { STEPS = 50, CALLS_OF_A_STEP_MAX = 200, ERRORS_ENOUGH = 5 };

static crdt_bytes str(const char *text)
{
    return crdt_bytes_of(text);
}

static uint64_t length_of(const scene *s, crdt_type type)
{
    crdt_type_info info;
    expect_ok(crdt_type_describe(s->doc, type, &info));
    return info.length;
}

static crdt_value any_attributes(rng *random)
{
    static const char *const texts[] = {
        "{\"bold\":true}", "{\"bold\":null,\"i\":1}", "{\"link\":{\"href\":\"u\"},\"2\":1}",
        "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"0\":10}"};
    return crdt_json(texts[rng_below(random, 4)]);
}

static crdt_err edit_text(scene *s, rng *random)
{
    const crdt_value attributes = any_attributes(random);
    const crdt_value embed = crdt_json("{\"embed\":[1]}");
    uint64_t len = length_of(s, s->text);
    uint64_t index = rng_below(random, len + 1);
    uint64_t units = rng_below(random, 5);
    switch (rng_below(random, 6)) {
    case 0:
        return crdt_text_insert(s->doc, s->text, index, str("te\xf0\x9f\x98\x80xt"), NULL);
    case 1:
        return crdt_text_insert(s->doc, s->text, index, str("formatted"), &attributes);
    case 2:
        return crdt_text_insert_embed(s->doc, s->text, index, &embed, &attributes);
    case 3:
        return crdt_text_delete(s->doc, s->text, index, units);
    case 4:
        return crdt_text_format(s->doc, s->text, index, units, &attributes);
    default:
        return crdt_text_apply_delta(s->doc, s->text,
                                     str("[{\"retain\":2,\"attributes\":{\"i\":true}},"
                                         "{\"insert\":{\"e\":1}},{\"delete\":1},"
                                         "{\"insert\":\"d\",\"attributes\":{\"bold\":{}}}]"),
                                     CRDT_DELTA_AS_IS);
    }
}

static crdt_err edit_list(scene *s, rng *random)
{
    const crdt_value values[] = {
        crdt_json("{\"z\":1,\"1\":[2]}"),
        crdt_json("\"text\""),
        {.kind = CRDT_VALUE_TYPE, .type = CRDT_XML_ELEMENT, .bytes = str("p")},
        {.kind = CRDT_VALUE_BINARY, .bytes = str("bin")},
        {.kind = CRDT_VALUE_DOC, .bytes = str("guid")}};
    uint64_t len = length_of(s, s->list);
    uint64_t index = rng_below(random, len + 1);
    switch (rng_below(random, 4)) {
    case 0:
        return crdt_list_insert(s->doc, s->list, index, values, 5);
    case 1:
        return crdt_list_push(s->doc, s->list, values, 2);
    case 2:
        return crdt_list_insert_after(s->doc, s->list, NULL, &values[1], 1);
    default:
        return crdt_list_delete(s->doc, s->list, index, rng_below(random, len - index + 1));
    }
}

static crdt_err edit_map(scene *s, rng *random)
{
    static const char *const keys[] = {"k", "l", "m"};
    const crdt_value value = crdt_json("[{}]");
    crdt_bytes key = str(keys[rng_below(random, 3)]);
    if (rng_chance(random, 60))
        return crdt_map_set(s->doc, s->map, key, &value);
    if (rng_chance(random, 80))
        return crdt_map_delete(s->doc, s->map, key);
    return crdt_map_clear(s->doc, s->map);
}

static crdt_err edit(scene *s, rng *random)
{
    switch (rng_below(random, 4)) {
    case 0:
        return edit_list(s, random);
    case 1:
        return edit_map(s, random);
    default:
        return edit_text(s, random);
    }
}

/* The state, encoded while memory is there. */
static crdt_buf state_aside(scene *s)
{
    failmem kept = s->memory;
    s->memory.fail_at = FAILMEM_NEVER;
    crdt_buf state = scene_state(s);
    s->memory.fail_at = kept.fail_at;
    s->memory.calls = kept.calls;
    return state;
}

/* Whether memory may run out in the next step. */
static bool is_near(const failmem *m)
{
    return m->calls + CALLS_OF_A_STEP_MAX >= m->fail_at &&
           (!m->fail_once || m->calls <= m->fail_at);
}

static void expect_starved(scene *s, crdt_err err, const crdt_buf *before)
{
    assert_int_equal(err, CRDT_NO_MEMORY);
    if (crdt_doc_failed(s->doc))
        return;
    crdt_buf after = state_aside(s);
    expect_same(&after, before);
    crdt_buf_free(&after);
}

/* One step of the workload: an edit, and now and then a commit. False once the document failed. */
static bool step(scene *s, rng *random, size_t i, size_t *errors)
{
    bool near = is_near(&s->memory);
    crdt_buf before = near ? state_aside(s) : (crdt_buf){0};
    crdt_err err = edit(s, random);
    if (err != CRDT_OK) {
        ++*errors;
        assert_true(near);
        expect_starved(s, err, &before);
    }
    crdt_buf_free(&before);
    if (crdt_doc_failed(s->doc) || i % 5 != 4)
        return !crdt_doc_failed(s->doc);
    crdt_buf update = {.mem = &s->memory.mem};
    while ((err = crdt_doc_commit(s->doc, CRDT_V1, &update)) == CRDT_NO_MEMORY &&
           !crdt_doc_failed(s->doc)) {
        ++*errors;
        assert_int_equal(update.len, 0);
        s->memory.fail_at = FAILMEM_NEVER; /* it never ends else */
    }
    crdt_buf_free(&update);
    *errors += crdt_doc_failed(s->doc);
    if (!crdt_doc_failed(s->doc)) {
        expect_ok(err);
        expect_ok(crdt_doc_begin(s->doc));
    }
    return !crdt_doc_failed(s->doc);
}

/* Runs from `fail_at` calls on out of memory; returns how many calls there were. */
static uint64_t run(uint64_t seed, uint64_t fail_at, bool once, size_t *all_errors)
{
    size_t errors = 0;
    rng random = {seed};
    scene s;
    scene_open(&s, (crdt_doc_options){.gc = seed % 2 ? CRDT_GC_ON : CRDT_GC_OFF});
    expect_ok(crdt_doc_begin(s.doc));
    s.memory.calls = 0;
    s.memory.fail_at = fail_at;
    s.memory.fail_once = once;
    bool alive = true;
    for (size_t i = 0; i < STEPS && alive && errors < ERRORS_ENOUGH; i++)
        alive = step(&s, &random, i, &errors);
    *all_errors += errors;
    const char *broken = alive ? crdt_doc_check(s.doc) : NULL;
    if (broken)
        fail_msg("seed %u, call %u failed: %s", (unsigned)seed, (unsigned)fail_at, broken);
    if (!alive)
        assert_int_equal(crdt_text_insert(s.doc, s.text, 0, str("x"), NULL), CRDT_FAILED);
    uint64_t calls = s.memory.calls;
    scene_close(&s);
    return calls;
}

static void every_allocation_of_an_edit_may_fail(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        size_t errors = 0;
        uint64_t calls = run(seed, FAILMEM_NEVER, false, &errors);
        assert_int_equal(errors, 0);
        assert_true(calls > 150);
        for (uint64_t at = 0; at < calls; at++) {
            run(seed, at, true, &errors);
            run(seed, at, false, &errors);
        }
        assert_true(errors > calls / 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_an_edit_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
