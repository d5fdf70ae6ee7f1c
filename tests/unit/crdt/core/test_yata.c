/* Where items go, against Yjs' rule written out (yjs/src/structs/Item.js, Item#integrate): a list
 * of single units that several clients have put anywhere, seen or not. */
#include "fixture.h"

#include <string.h>

#include "rng.h"

enum { RUNS = 4000, UNITS_MAX = 24, CLIENTS = 20, NONE = -1 };

/* One unit. The indices are those of `units`, in the order in which they came. */
typedef struct unit {
    wm_id id;
    int origin;
    int right;
} unit;

/* The list as the rule makes it. */
typedef struct twin {
    unit units[UNITS_MAX];
    int count;
    int order[UNITS_MAX]; /* from left to right */
} twin;

static int place_of(const twin *t, int number)
{
    for (int at = 0; at < t->count; at++)
        if (t->order[at] == number)
            return at;
    return NONE;
}

/* The place behind which the new unit goes: that of its origin, or further right. */
static int find_left(const twin *t, const unit *it)
{
    bool before_origin[UNITS_MAX] = {false};
    bool conflicting[UNITS_MAX] = {false};
    int left = it->origin == NONE ? NONE : place_of(t, it->origin);
    int end = it->right == NONE ? t->count : place_of(t, it->right);
    for (int at = left + 1; at < t->count && at != end; at++) {
        int number = t->order[at];
        const unit *o = &t->units[number];
        before_origin[number] = conflicting[number] = true;
        if (o->origin == it->origin) {
            if (o->id.client < it->id.client) {
                left = at;
                memset(conflicting, 0, sizeof conflicting);
            } else if (o->right == it->right) {
                break;
            }
        } else if (o->origin != NONE && before_origin[o->origin]) {
            if (!conflicting[o->origin]) {
                left = at;
                memset(conflicting, 0, sizeof conflicting);
            }
        } else {
            break;
        }
    }
    return left;
}

static void twin_add(twin *t, const unit *it)
{
    int at = find_left(t, it) + 1;
    memmove(t->order + at + 1, t->order + at, (size_t)(t->count - at) * sizeof *t->order);
    t->order[at] = t->count;
    t->units[t->count++] = *it;
}

static char letter(int number)
{
    return (char)('a' + number);
}

static void put(fixture *f, const twin *t, const unit *it)
{
    const char text[] = {letter(t->count), '\0'};
    const wm_item item = {.kind = WM_STRING,
                          .root = "t",
                          .origin = it->origin == NONE ? NULL : &t->units[it->origin].id,
                          .right = it->right == NONE ? NULL : &t->units[it->right].id,
                          .text = text};
    fixture_put(f, it->id, item);
}

/* Between two units that lie in this order by now, or at an end: somebody may have seen them so. Or
 * where another one was put. */
static unit any_unit(const twin *t, rng *random, uint64_t *clocks)
{
    unit it = {.origin = NONE, .right = NONE};
    int left = (int)rng_below(random, (uint64_t)t->count + 1) - 1;
    int right = left + 1 + (int)rng_below(random, (uint64_t)(t->count - left));
    if (left >= 0)
        it.origin = t->order[left];
    if (right < t->count)
        it.right = t->order[right];
    if (left >= 0 && rng_chance(random, 50)) {
        it.origin = t->units[left].origin;
        it.right = t->units[left].right;
    }
    it.id.client = rng_below(random, CLIENTS);
    it.id.clock = clocks[it.id.client]++;
    return it;
}

static void expect_same(fixture *f, const twin *t, uint64_t seed)
{
    char expected[UNITS_MAX + 1] = {0};
    crdt_buf got = {0};
    crdt_type root;
    for (int at = 0; at < t->count; at++)
        expected[at] = letter(t->order[at]);
    assert_true(crdt_doc_find_root(f->doc, crdt_bytes_of("t"), &root));
    assert_int_equal(crdt_read_text(f->doc, root, NULL, &got), CRDT_OK);
    if (got.len != strlen(expected) || memcmp(got.data, expected, got.len) != 0)
        fail_msg("seed %llu: %.*s, and by the rule %s", (unsigned long long)seed, (int)got.len,
                 (const char *)got.data, expected);
    crdt_buf_free(&got);
}

static void items_go_where_the_rule_says(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        rng random = {seed};
        uint64_t clocks[CLIENTS] = {0};
        twin t = {.count = 0};
        fixture f;
        fixture_open(&f, (crdt_doc_options){0});
        uint64_t units = 3 + rng_below(&random, UNITS_MAX - 2);
        for (uint64_t i = 0; i < units; i++) {
            unit it = any_unit(&t, &random, clocks);
            put(&f, &t, &it);
            twin_add(&t, &it);
        }
        expect_same(&f, &t, seed);
        fixture_close(&f);
    }
}

/* o and z were there; r and q go between them, p between o and r. All of them are nearer to n than
 * z is, and only p has another right origin: n goes past it. */
static void a_greater_client_with_another_right_origin_is_passed(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, (crdt_doc_options){0});
    const wm_id o = {1, 0};
    const wm_id z = {1, 1};
    const wm_id r = {3, 0};
    fixture_put(&f, o, (wm_item){.kind = WM_STRING, .root = "t", .text = "oz"});
    fixture_put(&f, r, (wm_item){.kind = WM_STRING, .origin = &o, .right = &z, .text = "r"});
    fixture_put(&f, (wm_id){4, 0},
                (wm_item){.kind = WM_STRING, .origin = &o, .right = &z, .text = "q"});
    fixture_put(&f, (wm_id){9, 0},
                (wm_item){.kind = WM_STRING, .origin = &o, .right = &r, .text = "p"});
    fixture_put(&f, (wm_id){5, 0},
                (wm_item){.kind = WM_STRING, .origin = &o, .right = &z, .text = "n"});
    crdt_buf got = {0};
    crdt_type root;
    assert_true(crdt_doc_find_root(f.doc, crdt_bytes_of("t"), &root));
    assert_int_equal(crdt_read_text(f.doc, root, NULL, &got), CRDT_OK);
    assert_int_equal(got.len, 6);
    assert_memory_equal(got.data, "oprqnz", 6);
    crdt_buf_free(&got);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_go_where_the_rule_says),
        cmocka_unit_test(a_greater_client_with_another_right_origin_is_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
