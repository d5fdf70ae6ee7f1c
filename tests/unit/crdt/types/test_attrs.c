/* Sets of formats against a plain list, and what callers' attributes are read into. */
#include "scene.h"

#include <stdio.h>

#include "rng.h"
#include "types/attrs.h"

enum { NAMES = 40 };

/* The same as a list of names; the value of each is one byte. */
typedef struct twin {
    uint32_t names[NAMES];
    uint8_t values[NAMES];
    size_t count;
} twin;

static size_t twin_find(const twin *t, uint32_t name)
{
    size_t i = 0;
    while (i < t->count && t->names[i] != name)
        i++;
    return i;
}

static void twin_set(twin *t, uint32_t name, uint8_t value)
{
    size_t i = twin_find(t, name);
    if (i == t->count)
        t->names[t->count++] = name;
    t->values[i] = value;
}

static void twin_remove(twin *t, uint32_t name)
{
    size_t i = twin_find(t, name);
    if (i == t->count)
        return;
    t->count--;
    for (; i < t->count; i++) {
        t->names[i] = t->names[i + 1];
        t->values[i] = t->values[i + 1];
    }
}

static void compare(const crdt__attrs *attrs, const twin *t)
{
    assert_int_equal(attrs->count, t->count);
    size_t at = 0;
    const crdt__attr *attr;
    for (size_t i = 0; (attr = crdt__attrs_next(attrs, &at)); i++) {
        assert_int_equal(attr->name, t->names[i]);
        assert_int_equal(attr->value.data[0], t->values[i]);
        assert_ptr_equal(crdt__attrs_find(attrs, attr->name), attr);
    }
}

static void a_set_keeps_the_order_of_setting(void **state)
{
    (void)state;
    uint8_t values[256];
    for (size_t i = 0; i < 256; i++)
        values[i] = (uint8_t)i;
    crdt_doc *doc = crdt_doc_new(NULL);
    for (uint64_t seed = 1; seed <= 60; seed++) {
        rng random = {seed};
        twin t = {.count = 0};
        crdt__attrs attrs;
        crdt__attrs_init(&attrs, doc);
        uint32_t names = 1 + (uint32_t)rng_below(&random, NAMES);
        for (size_t i = 0; i < 400; i++) {
            uint32_t name = 1 + (uint32_t)rng_below(&random, names);
            uint8_t value = (uint8_t)rng_below(&random, 256);
            if (rng_chance(&random, 60)) {
                twin_set(&t, name, value);
                assert_true(crdt__attrs_set(
                    &attrs, (crdt__attr){.name = name, .value = {&values[value], 1}}));
            } else {
                twin_remove(&t, name);
                crdt__attrs_remove(&attrs, name);
                assert_null(crdt__attrs_find(&attrs, name));
            }
            compare(&attrs, &t);
        }
        crdt__attrs copy;
        crdt__attrs_init(&copy, doc);
        assert_true(crdt__attrs_copy(&copy, &attrs));
        compare(&copy, &t);
        crdt__attrs_deinit(&copy);
        crdt__attrs_deinit(&attrs);
    }
    crdt_doc_free(doc);
}

/* Reads attributes and writes them down again: keys and kept values. */
static void expect_attributes(crdt_value given, const char *expected)
{
    crdt_doc *doc = crdt_doc_new(NULL);
    crdt_buf encoded = {0};
    expect_ok(crdt__attrs_read(&given, NULL, &encoded));
    crdt__attrs attrs;
    crdt__attrs_init(&attrs, doc);
    assert_true(crdt__attrs_load(doc, (crdt_bytes){encoded.data, encoded.len}, &attrs));
    crdt_buf told = {0};
    crdt__writer w = crdt__writer_on(&told);
    const crdt__attr *attr;
    for (size_t i = 0; (attr = crdt__attrs_next(&attrs, &i));) {
        crdt_bytes name = crdt__doc_name_bytes(doc, attr->name);
        crdt__write_bytes(&w, name.data, name.len);
        crdt__write_u8(&w, '=');
        crdt__write_bytes(&w, attr->value.data, attr->value.len);
        crdt__write_u8(&w, ';');
    }
    crdt__write_u8(&w, 0);
    expect_ok(crdt__writer_finish(&w));
    assert_string_equal((const char *)told.data, expected);
    crdt_buf_free(&told);
    crdt_buf_free(&encoded);
    crdt__attrs_deinit(&attrs);
    crdt_doc_free(doc);
}

static void attributes_are_read_as_javascript_would(void **state)
{
    (void)state;
    static const uint8_t any[] = {118, 4, 1,   'b', 120, 2,   '1', '0', 125, 5,   1,   '9',
                                  126, 9, '_', '_', 'p', 'r', 'o', 't', 'o', '_', '_', 120};
    static const uint8_t bigint[] = {118, 1, 1, 'n', 122, 0, 0, 0, 0, 0, 0, 0, 1};
    expect_attributes(crdt_json(" { } "), "");
    expect_attributes(crdt_json("{\"b\":true,\"a\":[1, {\"x\":1.0}],\"b\":\"\\u0041\"}"),
                      "b=\"A\";a=[1,{\"x\":1}];");
    expect_attributes(crdt_json("{\"b\":1,\"10\":2,\"9\":3,\"a\":4,\"01\":5}"),
                      "9=3;10=2;b=1;a=4;01=5;");
    expect_attributes(crdt_json("{\"__proto__\":1,\"\\ud800x\":null}"),
                      "__proto__=1;\xef\xbf\xbdx=null;");
    expect_attributes((crdt_value){.kind = CRDT_VALUE_ANY, .bytes = {any, sizeof any}},
                      "9=null;10=5;b=true;");
    expect_attributes((crdt_value){.kind = CRDT_VALUE_ANY, .bytes = {bigint, sizeof bigint}},
                      "n=\xff\x7a");
}

/* More than are kept without a table. */
static void many_attributes_are_put_in_order(void **state)
{
    (void)state;
    crdt_buf json = {0};
    crdt_buf expected = {0};
    crdt__writer w = crdt__writer_on(&json);
    crdt__writer e = crdt__writer_on(&expected);
    char text[32];
    for (int i = 0; i < 50; i++) {
        int len = snprintf(text, sizeof text, "%c\"%d\":%d", i ? ',' : '{', 49 - i, 49 - i);
        crdt__write_bytes(&w, text, (size_t)len);
        len = snprintf(text, sizeof text, "%d=%d;", i, i);
        crdt__write_bytes(&e, text, (size_t)len);
    }
    crdt__write_bytes(&w, ",\"z\":0}", 8);
    crdt__write_bytes(&e, "z=0;", 5);
    expect_ok(crdt__writer_finish(&w));
    expect_ok(crdt__writer_finish(&e));
    expect_attributes(crdt_json((const char *)json.data), (const char *)expected.data);
    crdt_buf_free(&json);
    crdt_buf_free(&expected);
}

static void what_is_not_set_is_null_or_undefined(void **state)
{
    (void)state;
    static const uint8_t undefined[] = {0xff, 127};
    crdt_doc *doc = crdt_doc_new(NULL);
    crdt__attrs attrs;
    crdt__attrs_init(&attrs, doc);
    assert_true(crdt__bytes_equal(crdt__attrs_or_null(&attrs, 3).value, crdt_bytes_of("null")));
    assert_int_equal(crdt__attrs_or_null(&attrs, 3).name, 3);
    assert_true(crdt__attrs_set(&attrs, (crdt__attr){.name = 3, .value = {undefined, 2}}));
    assert_true(crdt__bytes_equal(crdt__attrs_or_null(&attrs, 3).value, crdt_bytes_of("null")));
    assert_true(
        crdt__bytes_equal(crdt__attrs_or_undefined(&attrs, 4).value, (crdt_bytes){undefined, 2}));
    crdt__attrs_deinit(&attrs);
    crdt_doc_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_keeps_the_order_of_setting),
        cmocka_unit_test(attributes_are_read_as_javascript_would),
        cmocka_unit_test(many_attributes_are_put_in_order),
        cmocka_unit_test(what_is_not_set_is_null_or_undefined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
