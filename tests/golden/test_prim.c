/* lib0's codecs, both ways: the bytes are read as the values, and the values written as the bytes.
 */
#include "vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "b64.h"
#include "base/any.h"
#include "base/columns.h"

/* ---- values ---- */

static double number_of(const json_t *value)
{
    const json_t *tagged = json_object_get(value, "$num");
    return tagged ? strtod(json_string_value(tagged), NULL) : json_number_value(value);
}

static bool same_number(double a, double b)
{
    return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b));
}

/* Halves of pairs have become U+FFFD on the way here: vector_soften. */
static bool is_softened(const json_t *value)
{
    return strstr(json_string_value(value), "\xef\xbf\xbd") != NULL;
}

static bool same_text(const json_t *value, crdt_bytes text)
{
    return is_softened(value) ||
           (json_string_length(value) == text.len &&
            (text.len == 0 || memcmp(json_string_value(value), text.data, text.len) == 0));
}

static const char *tag_of(const json_t *value)
{
    static const char *const tags[] = {"$undefined", "$num", "$bigint", "$bin"};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        if (json_object_get(value, tags[i]))
            return tags[i];
    return "";
}

static bool same_tagged(const json_t *value, crdt__token t, const char *tag)
{
    const char *text = json_string_value(json_object_get(value, tag));
    if (strcmp(tag, "$undefined") == 0)
        return t.kind == CRDT__TOKEN_UNDEFINED;
    if (strcmp(tag, "$num") == 0)
        return t.kind == CRDT__TOKEN_NUMBER && same_number(t.number, number_of(value));
    if (strcmp(tag, "$bigint") == 0)
        return t.kind == CRDT__TOKEN_BIGINT && (int64_t)t.bits == strtoll(text, NULL, 10);
    crdt_buf bin = {0};
    assert_true(b64_decode(text, strlen(text), &bin));
    bool same = t.kind == CRDT__TOKEN_BYTES && crdt__bytes_equal(t.text, bytes_of(&bin));
    crdt_buf_free(&bin);
    return same;
}

static bool same_value(const json_t *value, crdt__any_parser *p);

static bool same_members(const json_t *object, crdt__any_parser *p)
{
    for (;;) {
        crdt__token key = crdt__any_next(p);
        if (key.kind == CRDT__TOKEN_CLOSE)
            return true;
        const json_t *member = json_object_getn(object, (const char *)key.text.data, key.text.len);
        if (!member || !same_value(member, p))
            return false;
    }
}

static bool same_elements(const json_t *array, crdt__any_parser *p)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (!same_value(json_array_get(array, i), p))
            return false;
    return crdt__any_next(p).kind == CRDT__TOKEN_CLOSE;
}

static bool same_value(const json_t *value, crdt__any_parser *p)
{
    crdt__token t = crdt__any_next(p);
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        if (*tag_of(value))
            return same_tagged(value, t, tag_of(value));
        return t.kind == CRDT__TOKEN_OBJECT && t.bits == json_object_size(value) &&
               same_members(value, p);
    case JSON_ARRAY:
        return t.kind == CRDT__TOKEN_ARRAY && same_elements(value, p);
    case JSON_STRING:
        return t.kind == CRDT__TOKEN_STRING && same_text(value, t.text);
    case JSON_INTEGER:
    case JSON_REAL:
        return t.kind == CRDT__TOKEN_NUMBER && same_number(t.number, json_number_value(value));
    case JSON_TRUE:
        return t.kind == CRDT__TOKEN_TRUE;
    case JSON_FALSE:
        return t.kind == CRDT__TOKEN_FALSE;
    case JSON_NULL:
        return t.kind == CRDT__TOKEN_NULL;
    }
    return false;
}

/* ---- codecs ---- each reads all values, writes them again, and tells of what is wrong */

typedef struct trial {
    const vector *v;
    json_t *values;
    size_t count;
    crdt_bytes bytes;
    crdt_buf out;
} trial;

static const json_t *value_at(const trial *t, size_t i)
{
    return json_array_get(t->values, i);
}

static void expect(const trial *t, size_t i, bool holds)
{
    if (!holds)
        vector_fail(t->v, "value %zu is read as another", i);
}

static void try_varuint(trial *t)
{
    crdt__reader r = crdt__reader_of(t->bytes);
    crdt__writer w = crdt__writer_on(&t->out);
    for (size_t i = 0; i < t->count; i++) {
        uint64_t value = crdt__read_varuint(&r);
        expect(t, i, (double)value == number_of(value_at(t, i)));
        crdt__write_varuint(&w, value);
    }
    expect(t, t->count, crdt__reader_at_end(&r));
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
}

static void try_varint(trial *t)
{
    crdt__reader r = crdt__reader_of(t->bytes);
    crdt__writer w = crdt__writer_on(&t->out);
    for (size_t i = 0; i < t->count; i++) {
        bool negative;
        uint64_t magnitude = crdt__read_varint(&r, &negative);
        double value = negative ? -(double)magnitude : (double)magnitude;
        expect(t, i, same_number(value, number_of(value_at(t, i))));
        crdt__write_varint(&w, magnitude, negative);
    }
    expect(t, t->count, crdt__reader_at_end(&r));
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
}

static void try_varstring(trial *t)
{
    crdt__reader r = crdt__reader_of(t->bytes);
    crdt__writer w = crdt__writer_on(&t->out);
    for (size_t i = 0; i < t->count; i++) {
        crdt_bytes text = crdt__read_varstring(&r);
        expect(t, i, same_text(value_at(t, i), text));
        crdt__write_varbytes(&w, text);
    }
    expect(t, t->count, crdt__reader_at_end(&r));
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
}

static void try_any(trial *t)
{
    crdt__reader r = crdt__reader_of(t->bytes);
    crdt__writer w = crdt__writer_on(&t->out);
    for (size_t i = 0; i < t->count; i++) {
        const uint8_t *start = r.pos;
        crdt__any_parser p;
        crdt__any_canonicalize(&r, &w, NULL);
        crdt__any_begin(&p, (crdt_bytes){start, (size_t)(r.pos - start)});
        expect(t, i, r.ok && same_value(value_at(t, i), &p));
    }
    expect(t, t->count, crdt__reader_at_end(&r));
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
}

static void keep(trial *t, bool ok, crdt_bytes bytes)
{
    assert_true(ok);
    crdt__writer w = crdt__writer_on(&t->out);
    crdt__write_bytes(&w, bytes.data, bytes.len);
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
}

static void try_uints(trial *t)
{
    crdt__uint_column in = crdt__uint_column_of(t->bytes);
    crdt__uint_out out = {.value = 0};
    crdt_bytes bytes;
    crdt__column_out_init(&out.out, NULL);
    for (size_t i = 0; i < t->count; i++) {
        uint64_t value = crdt__uint_column_read(&in);
        expect(t, i, (double)value == number_of(value_at(t, i)));
        crdt__uint_out_write(&out, value);
    }
    expect(t, t->count, crdt__uint_column_at_end(&in));
    keep(t, crdt__uint_out_finish(&out, &bytes), bytes);
    crdt__column_out_deinit(&out.out);
}

static void try_rising(trial *t)
{
    crdt__uint_column in = crdt__uint_column_of(t->bytes);
    crdt__uint_out out = {.value = 0};
    crdt_bytes bytes;
    crdt__column_out_init(&out.out, NULL);
    for (size_t i = 0; i < t->count; i++) {
        uint64_t value = crdt__rising_column_read(&in);
        expect(t, i, (double)value == number_of(value_at(t, i)));
        crdt__rising_out_write(&out, value);
    }
    expect(t, t->count, crdt__uint_column_at_end(&in));
    keep(t, crdt__uint_out_finish(&out, &bytes), bytes);
    crdt__column_out_deinit(&out.out);
}

static void try_diffs(trial *t)
{
    crdt__diff_column in = crdt__diff_column_of(t->bytes);
    crdt__diff_out out = {.value = 0};
    crdt_bytes bytes;
    crdt__column_out_init(&out.out, NULL);
    for (size_t i = 0; i < t->count; i++) {
        uint64_t value = crdt__diff_column_read(&in);
        expect(t, i, (double)value == number_of(value_at(t, i)));
        crdt__diff_out_write(&out, value);
    }
    expect(t, t->count, crdt__diff_column_at_end(&in));
    keep(t, crdt__diff_out_finish(&out, &bytes), bytes);
    crdt__column_out_deinit(&out.out);
}

static void try_bytes(trial *t)
{
    crdt__byte_column in = crdt__byte_column_of(t->bytes);
    crdt__byte_out out = {.value = 0};
    crdt_bytes bytes;
    crdt__column_out_init(&out.out, NULL);
    for (size_t i = 0; i < t->count; i++) {
        uint8_t value = crdt__byte_column_read(&in);
        expect(t, i, (double)value == number_of(value_at(t, i)));
        crdt__byte_out_write(&out, value);
    }
    expect(t, t->count, crdt__byte_column_at_end(&in));
    keep(t, crdt__byte_out_finish(&out, &bytes), bytes);
    crdt__column_out_deinit(&out.out);
}

static void put_string(crdt__string_out *out, const crdt__slice *s)
{
    bool halves = s->has_low || s->has_high;
    crdt__string_out_put(out, (crdt_bytes){s->low, s->has_low ? sizeof s->low : 0}, halves);
    crdt__string_out_put(out, s->body, halves);
    crdt__string_out_put(out, (crdt_bytes){s->high, s->has_high ? sizeof s->high : 0}, halves);
    crdt__string_out_end(out, s->units);
}

static void keep_strings(trial *t, crdt__string_out *out)
{
    crdt_bytes text;
    crdt_bytes lens;
    assert_true(crdt__string_out_finish(out, &text, &lens));
    crdt__writer w = crdt__writer_on(&t->out);
    crdt__write_varbytes(&w, text);
    crdt__write_bytes(&w, lens.data, lens.len);
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
}

static void try_strings(trial *t)
{
    crdt__string_column in = crdt__string_column_of(t->bytes);
    crdt__string_out out = {.halves = false};
    crdt__column_out_init(&out.out, NULL);
    crdt__column_out_init(&out.lens.out, NULL);
    for (size_t i = 0; i < t->count; i++) {
        crdt__slice s;
        crdt__string_column_read(&in, &s);
        expect(t, i, same_text(value_at(t, i), s.body));
        put_string(&out, &s);
    }
    expect(t, t->count, crdt__string_column_at_end(&in));
    keep_strings(t, &out);
    crdt__column_out_deinit(&out.out);
    crdt__column_out_deinit(&out.lens.out);
}

static const struct {
    const char *name;
    void (*run)(trial *t);
} codecs[] = {
    {"varuint", try_varuint},       {"varint", try_varint},
    {"varstring", try_varstring},   {"any", try_any},
    {"uintoptrle", try_uints},      {"incuintoptrle", try_rising},
    {"intdiffoptrle", try_diffs},   {"rle-uint8", try_bytes},
    {"stringencoder", try_strings},
};

static void use_prim(const vector *v)
{
    if (!vector_is(v, "prim"))
        return;
    const char *codec = json_string_value(vector_at(v, "codec"));
    trial t = {.v = v, .values = vector_at(v, "values"), .bytes = vector_bytes(v, "bytes")};
    t.count = json_array_size(t.values);
    size_t at = 0;
    while (strcmp(codecs[at].name, codec) != 0)
        assert_true(++at < sizeof codecs / sizeof codecs[0]);
    codecs[at].run(&t);
    vector_same(v, "written again", bytes_of(&t.out), t.bytes);
    crdt_buf_free(&t.out);
}

static void codecs_are_lib0s(void **state)
{
    (void)state;
    vectors_each(use_prim);
    vectors_assert_none_failed();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codecs_are_lib0s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
