/* Documents are the same state however they came to it, and another one if anything differs. */
#include "command/same.h"

#include "wiremake.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Updates of clients 1 and 2 into the root "t". */
typedef enum piece {
    END,
    ABC,           /* 1 types abc */
    ABD,           /* 1 types abd: what another 1 cannot have typed */
    DEF,           /* 1 types def behind it */
    OTHER,         /* 2 types x at the start */
    LATE,          /* 2 types late, as clock 9: what comes before is missing */
    LATER,         /* and later behind it */
    LATE_AND_MORE, /* both as one struct */
    WITHOUT_B,     /* b is deleted */
    WITHOUT_BC,
    NO_CLIENT_9 /* something of 9 is deleted, who has written nothing yet */
} piece;

static crdt_bytes string(crdt_buf *u, uint64_t client, uint64_t clock, const char *text)
{
    wm_id before = {client, clock - 1};
    wm_item item = {.kind = WM_STRING, .text = text};
    if (clock > 0)
        item.origin = &before;
    else
        item.root = "t";
    return wm_one(u, (wm_id){client, clock}, &item);
}

static crdt_bytes make(crdt_buf *u, piece what)
{
    switch (what) {
    case ABC:
        return string(u, 1, 0, "abc");
    case ABD:
        return string(u, 1, 0, "abd");
    case DEF:
        return string(u, 1, 3, "def");
    case OTHER:
        return string(u, 2, 0, "x");
    case LATE:
        return string(u, 2, 9, "late");
    case LATER:
        return string(u, 2, 13, "r");
    case LATE_AND_MORE:
        return string(u, 2, 9, "later");
    case WITHOUT_B:
        return wm_delete(u, (wm_id){1, 1}, 1);
    case WITHOUT_BC:
        return wm_delete(u, (wm_id){1, 1}, 2);
    case NO_CLIENT_9:
        return wm_delete(u, (wm_id){9, 0}, 1);
    case END:
        break;
    }
    fail();
    return (crdt_bytes){0};
}

static crdt_doc *made_of(const piece *pieces)
{
    crdt_doc *doc = crdt_doc_new(NULL);
    crdt_buf u = {0};
    assert_non_null(doc);
    for (; *pieces != END; pieces++)
        assert_int_equal(crdt_doc_apply(doc, CRDT_V1, make(&u, *pieces), NULL), CRDT_OK);
    crdt_buf_free(&u);
    return doc;
}

typedef struct couple {
    piece a[5];
    piece b[5];
} couple;

static void check_couple(const couple *c, bool wanted, size_t at)
{
    crdt_doc *a = made_of(c->a);
    crdt_doc *b = made_of(c->b);
    bool there = !wanted;
    bool back = !wanted;
    assert_int_equal(same_state(a, b, &there), ERR_OK);
    assert_int_equal(same_state(b, a, &back), ERR_OK);
    if (there != wanted || back != wanted)
        fail_msg("couple %zu: %d, %d", at, there, back);
    crdt_doc_free(a);
    crdt_doc_free(b);
}

static void the_way_there_does_not_count(void **state)
{
    (void)state;
    static const couple couples[] = {
        {{END}, {END}},
        {{ABC, DEF, OTHER, END}, {OTHER, DEF, ABC, END}},
        {{ABC, WITHOUT_BC, END}, {WITHOUT_B, ABC, WITHOUT_BC, END}},
        {{ABC, LATE, LATER, END}, {LATER, LATE, ABC, END}},
        {{LATE, LATER, END}, {LATE_AND_MORE, END}},
        {{LATE, OTHER, END}, {OTHER, LATE, END}},
        {{NO_CLIENT_9, ABC, END}, {ABC, NO_CLIENT_9, END}},
        {{ABC, ABC, END}, {ABC, END}},
    };
    for (size_t i = 0; i < sizeof(couples) / sizeof(couples[0]); i++)
        check_couple(&couples[i], true, i);
}

static void every_difference_counts(void **state)
{
    (void)state;
    static const couple couples[] = {
        {{ABC, END}, {END}},
        {{ABC, END}, {ABC, DEF, END}},
        {{ABC, END}, {ABD, END}},
        {{ABC, WITHOUT_B, END}, {ABC, END}},
        {{ABC, WITHOUT_B, END}, {ABC, WITHOUT_BC, END}},
        {{ABC, LATE, END}, {ABC, END}},
        {{LATE, END}, {LATE_AND_MORE, END}},
        {{ABC, NO_CLIENT_9, END}, {ABC, END}},
        {{ABC, OTHER, END}, {ABC, LATE, END}},
    };
    for (size_t i = 0; i < sizeof(couples) / sizeof(couples[0]); i++)
        check_couple(&couples[i], false, i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_way_there_does_not_count),
        cmocka_unit_test(every_difference_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
