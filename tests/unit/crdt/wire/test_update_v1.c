/* Update v1 struct by struct: what is accepted, what is read, what is written again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "failmem.h"
#include "../hex.h"
#include "wire/update.h"

/* One of everything: two clients, all contents, references, a Skip, a delete set. */
static const char everything[] =
    "02"
    " 0f 05 00"
    " 04 01 01 74 05 61 f0 9f 98 80"                            /* text, 3 units */
    " 84 05 01 01 78"                                           /* origin */
    " c4 05 00 05 01 01 79"                                     /* both */
    " 28 01 01 6d 01 6b 02 7d 01 76 01 01 61 7e"                /* any, in a map */
    " a8 05 05 01 77 01 7a"                                     /* key told by the origin */
    " 21 01 01 6d 01 6c 02"                                     /* deleted */
    " 02 01 01 61 02 09 75 6e 64 65 66 69 6e 65 64 03 22 78 22" /* JSON */
    " 03 01 01 61 03 00 ff 01"                                  /* binary */
    " 05 01 01 61 07 7b 22 78 22 3a 31 7d"                      /* embed */
    " 06 01 01 61 04 62 6f 6c 64 04 74 72 75 65"                /* format */
    " 07 01 01 61 03 01 70"                                     /* element */
    " 07 00 05 0e 02"                                           /* text within it */
    " 09 01 01 61 02 67 31 76 01 02 67 63 79"                   /* document */
    " 00 03"                                                    /* GC */
    " 0a 02"                                                    /* Skip */
    " 01 02 07 44 05 02 01 71"                                  /* right origin of another client */
    " 02 05 01 00 01 02 02 00 01 05 02";

typedef struct invalid_case {
    const char *what;
    const char *hex;
} invalid_case;

static const invalid_case invalid[] = {
    {"nothing", ""},
    {"bytes behind the end", "00 00 00"},
    {"a huge number of sections", "ff ff ff ff 0f 01 01 00 00"},
    {"a huge number of structs", "01 ff ff ff ff 0f 01 00 00 01 00"},
    {"a client above 2^53-1", "01 01 ff ff ff ff ff ff ff 3f 00 00 01 00"},
    {"an empty text", "01 01 02 00 04 01 01 74 00 00"},
    {"no values", "01 01 02 00 08 01 01 74 00 00"},
    {"no JSON values", "01 01 02 00 02 01 01 74 00 00"},
    {"an empty GC", "01 01 02 00 00 00 00"},
    {"an empty deletion", "01 01 02 00 01 01 01 74 00 00"},
    {"a clock above 2^53-1", "01 01 02 fe ff ff ff ff ff ff 0f 00 05 00"},
    {"content 11", "01 01 02 00 0b 01 01 74 01 78 00"},
    {"content 31", "01 01 02 00 1f 01 01 74 01 78 00"},
    {"type 7", "01 01 02 00 07 01 01 74 07 00"},
    {"no UTF-8 in the text", "01 01 02 00 04 01 01 74 02 c3 28 00"},
    {"no UTF-8 in the key", "01 01 02 00 28 01 01 6d 01 ff 01 7d 01 00"},
    {"no UTF-8 in the root", "01 01 02 00 04 01 01 ff 01 78 00"},
    {"bad JSON", "01 01 02 00 05 01 01 74 02 7b 7d 00 00"},
    {"an embed of undefined", "01 01 02 00 05 01 01 74 09 75 6e 64 65 66 69 6e 65 64 00"},
    {"an origin that is the struct", "01 01 02 00 84 02 00 01 78 00"},
    {"an origin still to come", "01 01 02 00 84 02 07 01 78 00"},
    {"a right origin still to come", "01 01 02 00 44 02 09 01 79 00"},
    {"a parent that is the struct", "01 01 02 00 07 00 02 00 00 00"},
    {"options that are null", "01 01 02 00 09 01 01 74 01 67 7e 00"},
    {"a deleted range above 2^53-1", "00 01 01 01 fe ff ff ff ff ff ff 0f 02"},
    {"a huge number of ranges", "00 01 01 80 d0 ac f3 0e"},
};

static void everything_valid_is_accepted_and_counted(void **state)
{
    (void)state;
    hex_bytes hex;
    crdt_bytes update = hex_read(everything, &hex);
    crdt__v1_shape shape;
    assert_int_equal(crdt__v1_validate(update, NULL, &shape), CRDT_OK);
    assert_int_equal(shape.sections, 2);
    assert_int_equal(shape.structs, 16);
    assert_int_equal(shape.skips, 1);
    assert_int_equal(shape.ds_clients, 2);
    assert_int_equal(shape.ds_ranges, 3);
    assert_int_equal(shape.ds.len, 11);
    assert_false(shape.clients_twice);
}

static void malformed_updates_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        hex_bytes hex;
        crdt_err err = crdt_update_validate(CRDT_V1, hex_read(invalid[i].hex, &hex));
        if (err != CRDT_MALFORMED)
            fail_msg("accepted: %s", invalid[i].what);
    }
}

static void odd_but_harmless_updates_are_accepted(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "00 00",
        "80 00 80 00",                            /* overlong zeros */
        "01 00 01 00 00",                         /* a section without structs */
        "01 01 02 00 0a 00 00",                   /* an empty Skip */
        "01 01 02 00 e0 02 00",                   /* a GC with origin bits */
        "01 01 02 00 2a 02 00",                   /* a Skip with a high bit */
        "01 01 02 00 04 02 01 00 01 78 00",       /* parent info 2: an ID */
        "01 01 02 00 09 01 01 74 01 67 7d 05 00", /* options that are a number */
        "00 01 01 01 00 00",                      /* a deleted range of length 0 */
        "02 01 01 00 00 01 01 02 00 00 01 00",    /* clients ascending */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hex_bytes hex;
        assert_int_equal(crdt_update_validate(CRDT_V1, hex_read(cases[i], &hex)), CRDT_OK);
    }
}

static void a_client_named_twice_is_noticed_in_any_order(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bool twice;
    } cases[] = {
        {"02 01 01 00 00 01 01 01 00 00 01 00", true},
        {"03 01 01 00 00 01 01 02 00 00 01 01 01 05 00 01 00", true},
        {"03 01 02 00 00 01 01 03 00 00 01 01 01 05 00 01 00", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hex_bytes hex;
        crdt__v1_shape shape;
        assert_int_equal(crdt__v1_validate(hex_read(cases[i].hex, &hex), NULL, &shape), CRDT_OK);
        assert_int_equal(shape.clients_twice, cases[i].twice);
    }
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    hex_bytes hex;
    crdt_bytes update = hex_read(everything, &hex);
    for (size_t len = 0; len < update.len; len++) {
        uint8_t *exact = malloc(len + 1); /* so that a byte too far shows under ASan */
        memcpy(exact, update.data, len);
        uint8_t *cut = len > 0 ? realloc(exact, len) : exact;
        assert_int_equal(crdt_update_validate(CRDT_V1, (crdt_bytes){cut, len}), CRDT_MALFORMED);
        free(cut);
    }
}

/* Writes every struct of an update again. */
static void rewrite(crdt_bytes update, crdt_buf *out)
{
    crdt__writer w = crdt__writer_on(out);
    crdt__reader r = crdt__reader_of(update);
    uint64_t sections = crdt__read_varuint(&r);
    crdt__write_varuint(&w, sections);
    for (; sections > 0; sections--) {
        crdt__section section = crdt__section_open(&r);
        crdt__write_varuint(&w, section.left);
        crdt__write_varuint(&w, section.next.client);
        crdt__write_varuint(&w, section.next.clock);
        while (section.left > 0) {
            crdt__wstruct s;
            crdt__section_next(&section, &s);
            crdt__v1_write_struct(&w, &s, 0, CRDT__V1_PLAIN, out->mem);
        }
        r = section.r;
    }
    crdt__write_bytes(&w, r.pos, crdt__reader_left(&r));
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
}

static void what_is_read_is_written_as_it_was(void **state)
{
    (void)state;
    hex_bytes hex;
    crdt_bytes update = hex_read(everything, &hex);
    crdt_buf out = {0};
    rewrite(update, &out);
    assert_int_equal(out.len, update.len);
    assert_memory_equal(out.data, update.data, update.len);
    crdt_buf_free(&out);
}

/* Whatever one changed byte makes of an update, it is refused, or can be read and written again as
 * a valid update. */
static void every_corrupted_byte_is_survived(void **state)
{
    (void)state;
    hex_bytes hex;
    crdt_bytes update = hex_read(everything, &hex);
    for (size_t at = 0; at < update.len; at++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t *copy = malloc(update.len);
            memcpy(copy, update.data, update.len);
            copy[at] = (uint8_t)value;
            crdt_bytes changed = {copy, update.len};
            if (crdt_update_validate(CRDT_V1, changed) == CRDT_OK) {
                crdt_buf out = {0};
                rewrite(changed, &out);
                assert_int_equal(crdt_update_validate(CRDT_V1, (crdt_bytes){out.data, out.len}),
                                 CRDT_OK);
                crdt_buf_free(&out);
            }
            free(copy);
        }
    }
}

static crdt__wstruct read_struct(const char *text, uint64_t clock, hex_bytes *hex)
{
    crdt__wstruct s;
    crdt__reader r = crdt__reader_of(hex_read(text, hex));
    crdt__v1_read_struct(&r, (crdt_id){5, clock}, CRDT__UNTRUSTED, &s);
    assert_true(crdt__reader_at_end(&r));
    return s;
}

static void the_fields_of_a_struct_are_told(void **state)
{
    (void)state;
    hex_bytes hex;
    crdt__wstruct s = read_struct("28 01 01 6d 01 6b 02 7d 01 76 00", 9, &hex);
    assert_int_equal(s.kind, CRDT__ANY);
    assert_int_equal(s.len, 2);
    assert_true(s.has_parent && s.parent_is_root && s.has_sub && s.canonical);
    assert_false(s.has_origin || s.has_right);
    assert_memory_equal(s.parent_root.data, "m", s.parent_root.len);
    assert_memory_equal(s.sub.data, "k", s.sub.len);
    assert_int_equal(s.content.len, 4);

    s = read_struct("e6 07 02 06 01 04 62 6f 6c 64 04 74 72 75 65", 9, &hex);
    assert_int_equal(s.kind, CRDT__FORMAT);
    assert_int_equal(s.len, 1);
    assert_true(s.has_origin && s.has_right && s.has_sub && !s.has_parent);
    assert_true(crdt__id_equal(s.origin, (crdt_id){7, 2}));
    assert_true(crdt__id_equal(s.right, (crdt_id){6, 1}));
    assert_memory_equal(s.content.data, "bold", s.content.len);
    assert_memory_equal(s.content2.data, "true", s.content2.len);
}

typedef struct write_case {
    const char *in;
    uint64_t offset;
    const char *out;
} write_case;

static const write_case writes[] = {
    /* contents that are not as Yjs would write them */
    {"05 01 01 61 06 7b 20 7d 20 20 20", 0, "05 01 01 61 02 7b 7d"},
    {"06 01 01 61 01 6b 03 31 2e 30", 0, "06 01 01 61 01 6b 01 31"},
    {"08 01 01 61 02 7d 81 00 7f", 0, "08 01 01 61 02 7d 01 7f"},
    {"02 01 01 61 02 02 20 31 01 32", 0, "02 01 01 61 02 01 31 01 32"},
    {"02 01 01 61 01 81 00 31", 0, "02 01 01 61 01 01 31"},
    {"09 01 01 61 01 67 76 01 01 78 7f", 0, "09 01 01 61 01 67 76 00"},
    {"84 81 00 80 00 01 78", 0, "84 01 00 01 78"},
    {"e0 04", 0, "00 04"},
    {"2a 04", 0, "0a 04"},
    /* from an offset on: an origin of their own client, no parent */
    {"04 01 01 74 03 61 62 63", 1, "84 05 09 02 62 63"},
    {"04 01 01 74 05 61 f0 9f 98 80", 1, "84 05 09 04 f0 9f 98 80"},
    {"04 01 01 74 05 61 f0 9f 98 80", 2, "84 05 0a 03 ef bf bd"},
    {"c4 07 00 06 01 03 61 62 63", 2, "c4 05 0a 06 01 01 63"},
    {"28 01 01 6d 01 6b 03 7d 01 77 01 78 7e", 2, "a8 05 0a 01 7e"},
    {"28 01 01 6d 01 6b 03 7d 01 77 81 00 78 7b 3f f0 00 00 00 00 00 00", 1,
     "a8 05 09 02 77 01 78 7d 01"},
    {"02 01 01 61 03 01 31 02 20 32 01 33", 1, "82 05 09 02 01 32 01 33"},
    {"21 01 01 6d 01 6b 05", 2, "a1 05 0a 03"},
    {"00 05", 2, "00 03"},
    {"0a 05", 2, "0a 03"},
};

static void assert_written(const crdt__wstruct *s, uint64_t offset, const char *wanted_hex)
{
    hex_bytes hex;
    crdt_bytes wanted = hex_read(wanted_hex, &hex);
    crdt_buf out = {0};
    crdt__writer w = crdt__writer_on(&out);
    crdt__v1_write_struct(&w, s, offset, CRDT__V1_PLAIN, NULL);
    assert_int_equal(crdt__writer_finish(&w), CRDT_OK);
    assert_int_equal(out.len, wanted.len);
    assert_memory_equal(out.data, wanted.data, wanted.len);
    crdt_buf_free(&out);
}

static void structs_are_written_canonically_and_from_an_offset(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        hex_bytes hex;
        crdt__wstruct s = read_struct(writes[i].in, 9, &hex);
        assert_written(&s, writes[i].offset, writes[i].out);
        if (writes[i].offset > 0) {
            crdt__wstruct_slice(&s, writes[i].offset);
            assert_int_equal(s.id.clock, 9 + writes[i].offset);
            assert_written(&s, 0, writes[i].out);
        }
    }
}

static void a_text_cut_inside_a_pair_can_be_cut_again(void **state)
{
    (void)state;
    hex_bytes hex;
    crdt__wstruct s = read_struct("04 01 01 74 09 f0 9f 98 80 61 f0 9f 98 80", 9, &hex);
    crdt__wstruct_slice(&s, 1);
    assert_true(s.cut);
    assert_int_equal(s.len, 4);
    assert_written(&s, 0, "84 05 09 08 ef bf bd 61 f0 9f 98 80");
    assert_written(&s, 1, "84 05 0a 05 61 f0 9f 98 80");
    assert_written(&s, 3, "84 05 0c 03 ef bf bd");
    crdt__wstruct_slice(&s, 1);
    assert_false(s.cut);
    assert_written(&s, 0, "84 05 0a 05 61 f0 9f 98 80");
}

static void checking_survives_every_failing_allocation(void **state)
{
    (void)state;
    hex_bytes hex;
    crdt_bytes update =
        hex_read("04 01 02 00 00 01 01 03 00 00 01 01 01 05 00 01 01 02 05 00 01 00", &hex);
    for (size_t n = 0;; n++) {
        failmem fault;
        failmem_init(&fault);
        crdt__v1_shape shape;
        crdt_err err = crdt__v1_validate(update, failmem_after(&fault, n), &shape);
        assert_int_equal(err, fault.failed ? CRDT_NO_MEMORY : CRDT_OK);
        assert_int_equal(fault.held_bytes, 0);
        if (!fault.failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_valid_is_accepted_and_counted),
        cmocka_unit_test(malformed_updates_are_refused),
        cmocka_unit_test(odd_but_harmless_updates_are_accepted),
        cmocka_unit_test(a_client_named_twice_is_noticed_in_any_order),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(what_is_read_is_written_as_it_was),
        cmocka_unit_test(every_corrupted_byte_is_survived),
        cmocka_unit_test(the_fields_of_a_struct_are_told),
        cmocka_unit_test(structs_are_written_canonically_and_from_an_offset),
        cmocka_unit_test(a_text_cut_inside_a_pair_can_be_cut_again),
        cmocka_unit_test(checking_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
