/* Updates merged, cut down and measured. What comes out is what yjs 13.6.33 makes of the same
 * bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "failmem.h"
#include "../hex.h"
#include "base/bytes.h"

#define PARTS_MAX 8

typedef struct merge_case {
    const char *what;
    const char *parts[PARTS_MAX]; /* up to the first NULL */
    const char *merged;
} merge_case;

static const merge_case merges[] = {
    {"nothing", {NULL}, "00 00"},
    {"one, as it is", {"81 00 01 01 00 0a 02 00"}, "81 00 01 01 00 0a 02 00"},
    {"two empty ones", {"00 00", "00 00"}, "00 00"},
    {"one continues the other",
     {"01 01 01 00 04 01 01 74 02 61 62 00", "01 01 01 02 84 01 01 02 63 64 00"},
     "01 02 01 00 04 01 01 74 02 61 62 84 01 01 02 63 64 00"},
    {"the later one comes first",
     {"01 01 01 02 84 01 01 02 63 64 00", "01 01 01 00 04 01 01 74 02 61 62 00"},
     "01 02 01 00 04 01 01 74 02 61 62 84 01 01 02 63 64 00"},
    {"a gap becomes a Skip",
     {"01 01 01 00 04 01 01 74 02 61 62 00", "01 01 01 05 84 01 04 01 66 00"},
     "01 03 01 00 04 01 01 74 02 61 62 0a 03 84 01 04 01 66 00"},
    {"an overlap is sliced",
     {"01 01 01 00 04 01 01 74 03 61 62 63 00", "01 01 01 01 84 01 00 04 62 63 64 65 00"},
     "01 02 01 00 04 01 01 74 03 61 62 63 84 01 02 02 64 65 00"},
    {"a slice cuts a pair",
     {"01 01 01 00 04 01 01 74 02 61 62 00", "01 01 01 00 04 01 01 74 05 61 f0 9f 98 80 00"},
     "01 02 01 00 04 01 01 74 02 61 62 84 01 01 03 ef bf bd 00"},
    {"values are sliced, and their key is marked",
     {"01 01 01 03 28 01 01 6d 01 6b 02 7d 01 7d 02 00",
      "01 01 01 02 28 01 01 6d 01 6b 02 7f 7e 00"},
     "01 02 01 02 28 01 01 6d 01 6b 02 7f 7e a8 01 03 01 7d 02 00"},
    {"GC joins GC", {"01 01 01 00 00 02 00", "01 01 01 02 00 03 00"}, "01 01 01 00 00 05 00"},
    {"an item and a GC struct: the second wins",
     {"01 01 01 00 00 02 00", "01 01 01 00 04 01 01 74 02 61 62 00"},
     "01 01 01 00 04 01 01 74 02 61 62 00"},
    {"a GC struct and an item: the second wins",
     {"01 01 01 00 04 01 01 74 02 61 62 00", "01 01 01 00 00 02 00"},
     "01 01 01 00 00 02 00"},
    {"three of them",
     {"01 01 01 00 04 01 01 74 02 61 62 00", "01 01 01 00 00 02 00",
      "01 01 01 00 04 01 01 74 02 61 62 00"},
     "01 01 01 00 04 01 01 74 02 61 62 00"},
    {"clients descend",
     {"01 01 01 00 04 01 01 74 01 61 00", "01 01 09 00 04 01 01 74 01 62 00"},
     "02 01 09 00 04 01 01 74 01 62 01 01 00 04 01 01 74 01 61 00"},
    {"deletes are sorted and joined",
     {"00 01 01 02 00 02 05 01", "00 02 01 01 02 02 02 01 00 01"},
     "00 02 02 01 00 01 01 02 00 04 05 01"},
    {"Skips are read over",
     {"01 02 01 00 0a 02 04 01 01 74 01 61 00", "00 00"},
     "01 01 01 02 04 01 01 74 01 61 00"},
    {"contents become canonical, and a key not told is not marked",
     {"01 01 01 03 a8 01 02 01 7b 3f f0 00 00 00 00 00 00 00", "00 00"},
     "01 01 01 03 88 01 02 01 7d 01 00"},
    {"concurrent edits of three clients",
     {"01 01 0a 04 c4 0a 00 b8 17 00 05 5c 66 6f 6f 0a 00",
      "01 01 b8 17 03 c4 b8 17 01 b8 17 02 12 f0 9f 91 a9 e2 80 8d f0 9f 91 a9 e2 80 8d f0 9f 91 "
      "a7 00",
      "01 01 c8 01 08 44 c8 01 02 09 62 f0 9d 92 b3 79 65 cc 81 00"},
     "03 01 b8 17 03 c4 b8 17 01 b8 17 02 12 f0 9f 91 a9 e2 80 8d f0 9f 91 a9 e2 80 8d f0 9f 91 a7 "
     "01 c8 01 08 44 c8 01 02 09 62 f0 9d 92 b3 79 65 cc 81 01 0a 04 c4 0a 00 b8 17 00 05 5c 66 6f "
     "6f 0a 00"},
};

static size_t read_parts(const merge_case *c, hex_bytes *hex, crdt_bytes *parts)
{
    size_t count = 0;
    for (; count < PARTS_MAX && c->parts[count] != NULL; count++)
        parts[count] = hex_read(c->parts[count], &hex[count]);
    return count;
}

static void assert_buf(const crdt_buf *buf, const char *wanted_hex)
{
    hex_bytes hex;
    crdt_bytes wanted = hex_read(wanted_hex, &hex);
    assert_int_equal(buf->len, wanted.len);
    assert_memory_equal(buf->data, wanted.data, wanted.len);
}

static void updates_merge_as_in_yjs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof merges / sizeof merges[0]; i++) {
        hex_bytes hex[PARTS_MAX];
        crdt_bytes parts[PARTS_MAX];
        size_t count = read_parts(&merges[i], hex, parts);
        crdt_buf out = {0};
        assert_int_equal(crdt_update_merge(CRDT_V1, parts, count, &out), CRDT_OK);
        print_message("%s\n", merges[i].what);
        assert_buf(&out, merges[i].merged);
        crdt_buf_free(&out);
    }
}

static void one_malformed_update_spoils_the_merge(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "00", "01 01 01 00 00 00 00", "00 00 00"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        hex_bytes hex[2];
        crdt_bytes parts[2] = {hex_read("01 01 01 00 00 02 00", &hex[0]),
                               hex_read(bad[i], &hex[1])};
        crdt_buf out = {0};
        assert_int_equal(crdt_update_merge(CRDT_V1, parts, 2, &out), CRDT_MALFORMED);
        assert_int_equal(crdt_update_merge(CRDT_V1, parts + 1, 1, &out), CRDT_MALFORMED);
        assert_int_equal(out.len, 0);
        crdt_buf_free(&out);
    }
}

/* Ends what was written and copies it to `at`: how much it is. */
static size_t put_down(crdt__writer *w, uint8_t *at)
{
    crdt_buf *buf = w->buf;
    assert_int_equal(crdt__writer_finish(w), CRDT_OK);
    memcpy(at, buf->data, buf->len);
    size_t size = buf->len;
    crdt_buf_free(buf);
    return size;
}

static void write_letters(crdt__writer *w, size_t len)
{
    crdt__write_bytes(w, "\x84\x02\0", 3);
    crdt__write_varbytes(w, (crdt_bytes){(const uint8_t *)"abcdefgh", len});
}

/* An update of one struct: `len` letters of client 1 from `clock` on. */
static size_t put_letters(uint8_t *at, uint64_t clock, uint8_t len)
{
    crdt_buf buf = {0};
    crdt__writer w = crdt__writer_on(&buf);
    crdt__write_bytes(&w, "\1\1\1", 3);
    crdt__write_varuint(&w, clock);
    write_letters(&w, len);
    crdt__write_u8(&w, 0);
    return put_down(&w, at);
}

/* One of two clients: of each a letter at `clock`, and one behind a gap. */
static size_t put_pairs(uint8_t *at, uint64_t clock, uint8_t gap)
{
    crdt_buf buf = {0};
    crdt__writer w = crdt__writer_on(&buf);
    crdt__write_u8(&w, 2);
    for (uint8_t client = 4; client > 2; client--) {
        crdt__write_u8(&w, 3);
        crdt__write_u8(&w, client);
        crdt__write_varuint(&w, clock);
        write_letters(&w, 1);
        crdt__write_u8(&w, 10); /* a Skip */
        crdt__write_u8(&w, gap);
        write_letters(&w, 1);
    }
    crdt__write_u8(&w, 0);
    return put_down(&w, at);
}

/* What comes of all at once is what comes of them one by one, in that order or the other. */
static void check_merge_of_many(const crdt_bytes *parts, size_t count, bool backwards)
{
    crdt_buf all = {0};
    assert_int_equal(crdt_update_merge(CRDT_V1, parts, count, &all), CRDT_OK);
    crdt_buf one_by_one = {0};
    assert_int_equal(crdt_update_merge(CRDT_V1, NULL, 0, &one_by_one), CRDT_OK);
    for (size_t i = 0; i < count; i++) {
        crdt_bytes pair[2] = {parts[backwards ? count - 1 - i : i],
                              {one_by_one.data, one_by_one.len}};
        crdt_buf next = {0};
        assert_int_equal(crdt_update_merge(CRDT_V1, pair, 2, &next), CRDT_OK);
        crdt_buf_free(&one_by_one);
        one_by_one = next;
    }
    assert_int_equal(all.len, one_by_one.len);
    assert_memory_equal(all.data, one_by_one.data, all.len);
    crdt_buf_free(&one_by_one);
    crdt_buf_free(&all);
}

/* More readers than are kept in an array, in an order that is the reverse of what is needed. */
static void many_updates_merge_as_few_do(void **state)
{
    (void)state;
    enum { COUNT = 500, SIZE = 24 };
    uint8_t *bytes = malloc(COUNT * SIZE);
    crdt_bytes *parts = malloc(COUNT * sizeof *parts);
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t *at = bytes + i * SIZE;
        parts[i] = (crdt_bytes){at, put_letters(at, (COUNT - 1 - i) * 3, 3 + (i % 3 == 0 ? 2 : 0))};
    }
    check_merge_of_many(parts, COUNT, true);
    free(parts);
    free(bytes);
}

/* The first structs are in order, but behind a gap each has some that come after those of others.
 */
static void many_updates_in_order_merge_as_few_do(void **state)
{
    (void)state;
    enum { COUNT = 300, SIZE = 64, APART = 100, GAP = 120 };
    uint8_t *bytes = malloc(COUNT * SIZE);
    crdt_bytes *parts = malloc(COUNT * sizeof *parts);
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t *at = bytes + i * SIZE;
        parts[i] = (crdt_bytes){at, put_pairs(at, i * APART, (uint8_t)(GAP - i % 7 * 17))};
    }
    check_merge_of_many(parts, COUNT, false);
    free(parts);
    free(bytes);
}

static void a_client_with_clocks_that_go_back_gives_a_valid_update(void **state)
{
    (void)state;
    hex_bytes hex[2];
    crdt_bytes parts[2] = {
        hex_read("02 01 01 05 00 02 01 01 02 84 02 00 08 61 62 63 64 65 66 67 68 00", &hex[0]),
        hex_read("02 01 01 09 00 02 01 01 00 00 0c 00", &hex[1])};
    crdt_buf out = {0};
    assert_int_equal(crdt_update_merge(CRDT_V1, parts, 2, &out), CRDT_OK);
    assert_int_equal(crdt_update_validate(CRDT_V1, (crdt_bytes){out.data, out.len}), CRDT_OK);
    crdt_buf_free(&out);
    assert_int_equal(
        crdt_update_diff(CRDT_V1, parts[0], (crdt_bytes){(const uint8_t *)"\0", 1}, &out), CRDT_OK);
    assert_int_equal(crdt_update_validate(CRDT_V1, (crdt_bytes){out.data, out.len}), CRDT_OK);
    crdt_buf_free(&out);
}

typedef struct diff_case {
    const char *update;
    const char *sv;
    const char *diff;
} diff_case;

static const diff_case diffs[] = {
    {"01 02 01 00 04 01 01 74 02 61 62 84 01 01 02 63 64 01 01 01 00 01", "01 01 01",
     "01 02 01 01 84 01 00 01 62 84 01 01 02 63 64 01 01 01 00 01"},
    {"01 02 01 00 04 01 01 74 02 61 62 84 01 01 02 63 64 01 01 01 00 01", "01 01 02",
     "01 01 01 02 84 01 01 02 63 64 01 01 01 00 01"},
    {"01 02 01 00 04 01 01 74 02 61 62 84 01 01 02 63 64 00", "01 01 04", "00 00"},
    {"01 01 01 00 04 01 01 74 05 61 f0 9f 98 80 00", "01 01 02",
     "01 01 01 02 84 01 01 03 ef bf bd 00"},
    {"01 03 01 00 04 01 01 74 01 61 0a 02 84 01 02 01 62 00", "01 01 01",
     "01 01 01 03 84 01 02 01 62 00"},
    {"01 03 01 00 04 01 01 74 01 61 0a 02 84 01 02 01 62 00", "00",
     "01 03 01 00 04 01 01 74 01 61 0a 02 84 01 02 01 62 00"},
    /* deletes stay as they are, but for the order of the clients */
    {"00 02 01 02 05 01 00 01 02 01 00 01", "00", "00 02 02 01 00 01 01 02 05 01 00 01"},
    /* of a client named twice the last clock counts */
    {"01 01 01 00 00 04 00", "02 01 00 01 03", "01 01 01 03 00 01 00"},
};

static void what_a_state_vector_lacks_is_cut_out_as_in_yjs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof diffs / sizeof diffs[0]; i++) {
        hex_bytes update;
        hex_bytes sv;
        crdt_buf out = {0};
        assert_int_equal(crdt_update_diff(CRDT_V1, hex_read(diffs[i].update, &update),
                                          hex_read(diffs[i].sv, &sv), &out),
                         CRDT_OK);
        assert_buf(&out, diffs[i].diff);
        crdt_buf_free(&out);
    }
}

static void an_update_tells_its_state_vector(void **state)
{
    (void)state;
    static const struct {
        const char *update;
        const char *sv;
    } cases[] = {
        {"00 00", "00"},
        {"02 01 09 00 00 02 01 01 00 00 03 00", "02 09 02 01 03"},
        {"01 03 01 00 00 01 0a 02 00 01 00", "01 01 01"}, /* up to a Skip */
        {"01 01 01 02 00 01 00", "00"},                   /* not from the start */
        {"01 02 01 00 0a 02 00 01 00", "00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hex_bytes update;
        crdt_buf out = {0};
        assert_int_equal(
            crdt_update_state_vector(CRDT_V1, hex_read(cases[i].update, &update), &out), CRDT_OK);
        assert_buf(&out, cases[i].sv);
        crdt_buf_free(&out);
    }
}

static void an_update_that_says_nothing_is_empty(void **state)
{
    (void)state;
    static const struct {
        const char *update;
        bool empty;
    } cases[] = {
        {"00 00", true},
        {"01 01 01 00 0a 05 00", true},
        {"00 01 05 00", true},
        {"01 01 01 00 00 01 00", false},
        {"00 01 01 01 00 01", false},
        {"00", false}, /* malformed */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hex_bytes hex;
        assert_int_equal(crdt_update_is_empty(CRDT_V1, hex_read(cases[i].update, &hex)),
                         cases[i].empty);
    }
}

static void a_state_vector_is_set_back_before_updates(void **state)
{
    (void)state;
    hex_bytes sv;
    hex_bytes hex[3];
    crdt_bytes updates[3] = {hex_read("01 02 03 05 00 02 00 01 00", &hex[0]), /* 3: 5 ... 8 */
                             hex_read("02 02 03 00 0a 04 00 03 01 01 00 00 02 00",
                                      &hex[1]),                       /* 3: from 4 on; 1: from 0 */
                             hex_read("00 01 02 01 00 09", &hex[2])}; /* deletes tell no clocks */
    crdt_buf out = {0};
    crdt_bytes after = hex_read("04 01 02 02 09 03 08 04 01", &sv);
    assert_int_equal(crdt_state_vector_rewind(CRDT_V1, after, updates, 3, &out), CRDT_OK);
    assert_buf(&out, "03 04 01 03 04 02 09");
    crdt_buf_free(&out);
    assert_int_equal(crdt_state_vector_rewind(CRDT_V1, after, NULL, 0, &out), CRDT_OK);
    assert_buf(&out, "04 04 01 03 08 02 09 01 02");
    crdt_buf_free(&out);
    updates[1].len--;
    assert_int_equal(crdt_state_vector_rewind(CRDT_V1, after, updates, 3, &out), CRDT_MALFORMED);
    assert_int_equal(out.len, 0);
}

static void a_state_vector_is_checked_whole(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        crdt_err err;
    } cases[] = {
        {"00", CRDT_OK},
        {"02 01 05 02 00", CRDT_OK},
        {"", CRDT_MALFORMED},
        {"01 01", CRDT_MALFORMED},
        {"00 00", CRDT_MALFORMED},
        {"ff ff ff ff 0f 01 01", CRDT_MALFORMED},
        {"01 01 ff ff ff ff ff ff ff 10", CRDT_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hex_bytes hex;
        hex_bytes update;
        crdt_bytes sv = hex_read(cases[i].hex, &hex);
        crdt_buf out = {0};
        assert_int_equal(crdt_state_vector_validate(sv), cases[i].err);
        assert_int_equal(crdt_update_diff(CRDT_V1, hex_read("00 00", &update), sv, &out),
                         cases[i].err);
        assert_int_equal(crdt_state_vector_rewind(CRDT_V1, sv, NULL, 0, &out), cases[i].err);
        crdt_buf_free(&out);
    }
}

typedef crdt_err (*operation)(crdt_buf *out);

static crdt_err merge_all(crdt_buf *out)
{
    hex_bytes hex[3];
    crdt_bytes parts[3] = {
        hex_read("02 01 01 03 a8 01 02 01 7b 3f f0 00 00 00 00 00 00 01 00 00 00 02 "
                 "01 01 02 00 02 05 01",
                 &hex[0]),
        hex_read("03 01 01 09 00 02 01 02 00 00 01 01 01 00 00 02 02 02 01 00 01 01 01 09 01",
                 &hex[1]),
        hex_read("01 01 07 00 05 01 01 61 06 7b 20 7d 20 20 20 01 07 02 05 01 00 01", &hex[2])};
    return crdt_update_merge(CRDT_V1, parts, 3, out);
}

static crdt_err diff_all(crdt_buf *out)
{
    hex_bytes update;
    hex_bytes sv;
    return crdt_update_diff(
        CRDT_V1,
        hex_read("03 01 01 09 00 02 01 02 00 00 01 01 01 00 00 02 03 02 01 00 01 01 02 09 01 01 01 "
                 "03 00",
                 &update),
        hex_read("03 01 01 02 00 07 07", &sv), out);
}

static crdt_err rewind_all(crdt_buf *out)
{
    hex_bytes hex;
    hex_bytes sv;
    crdt_bytes update =
        hex_read("04 01 01 09 00 02 01 02 00 00 01 01 03 00 00 02 01 01 00 00 02 00", &hex);
    return crdt_state_vector_rewind(CRDT_V1, hex_read("03 01 01 02 03 07 07", &sv), &update, 1,
                                    out);
}

static crdt_err tell_all(crdt_buf *out)
{
    hex_bytes update;
    return crdt_update_state_vector(
        CRDT_V1, hex_read("03 01 02 00 00 02 01 01 00 00 02 01 03 00 00 07 00", &update), out);
}

static void running_out_of_memory_anywhere_changes_nothing(void **state)
{
    (void)state;
    static const operation operations[] = {merge_all, diff_all, rewind_all, tell_all};
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        for (size_t n = 0;; n++) {
            failmem fault;
            failmem_init(&fault);
            crdt_buf out = {.mem = failmem_after(&fault, FAILMEM_NEVER)};
            crdt__writer w = crdt__writer_on(&out);
            crdt__write_u8(&w, 42);
            assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
            failmem_after(&fault, n);
            crdt_err err = operations[i](&out);
            assert_int_equal(err, fault.failed ? CRDT_NO_MEMORY : CRDT_OK);
            assert_int_equal(out.data[0], 42);
            assert_true(fault.failed ? out.len == 1 : out.len > 1);
            crdt_buf_free(&out);
            assert_int_equal(fault.held_bytes, 0);
            if (!fault.failed)
                break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_merge_as_in_yjs),
        cmocka_unit_test(one_malformed_update_spoils_the_merge),
        cmocka_unit_test(many_updates_merge_as_few_do),
        cmocka_unit_test(many_updates_in_order_merge_as_few_do),
        cmocka_unit_test(a_client_with_clocks_that_go_back_gives_a_valid_update),
        cmocka_unit_test(what_a_state_vector_lacks_is_cut_out_as_in_yjs),
        cmocka_unit_test(an_update_tells_its_state_vector),
        cmocka_unit_test(an_update_that_says_nothing_is_empty),
        cmocka_unit_test(a_state_vector_is_set_back_before_updates),
        cmocka_unit_test(a_state_vector_is_checked_whole),
        cmocka_unit_test(running_out_of_memory_anywhere_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
