/* Every update of the cases, and bytes that are none, packed into one piece and taken out again. */
#include "vector.h"

#include <stdlib.h>
#include <string.h>

#include "failmem.h"
#include "rng.h"

#define UPDATES_MAX   8192
#define PIECE_UPDATES 200

typedef struct collection {
    crdt_buf held[UPDATES_MAX];
    crdt_bytes updates[UPDATES_MAX];
    size_t count;
} collection;

static collection all;

static void keep(crdt_bytes update)
{
    assert_true(all.count < UPDATES_MAX);
    crdt_buf *copy = &all.held[all.count];
    copy->data = malloc(update.len + 1);
    assert_non_null(copy->data);
    if (update.len > 0)
        memcpy(copy->data, update.data, update.len);
    copy->len = copy->cap = update.len;
    all.updates[all.count++] = (crdt_bytes){copy->data, copy->len};
}

static void keep_updates(const vector *v)
{
    if (strcmp(v->kind, "apply") == 0)
        for (size_t i = 0; i < vector_count(v, "updates"); i++)
            keep(vector_bytes_i(v, "updates", i));
    if (strcmp(v->kind, "invalid") == 0)
        keep(vector_bytes(v, "update"));
}

static int collect(void **state)
{
    (void)state;
    vectors_each(keep_updates);
    keep((crdt_bytes){NULL, 0});
    assert_true(all.count > 1000);
    return 0;
}

static int release(void **state)
{
    (void)state;
    for (size_t i = 0; i < all.count; i++)
        free(all.held[i].data);
    return 0;
}

static void assert_comes_back(const crdt_bytes *updates, size_t count)
{
    crdt_buf piece = {0};
    crdt_buf back = {0};
    size_t lens[PIECE_UPDATES];
    assert_int_equal(crdt_updates_pack(updates, count, &piece), CRDT_OK);
    assert_int_equal(crdt_updates_unpack(bytes_of(&piece), count, &back, lens), CRDT_OK);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(lens[i], updates[i].len);
        if (lens[i] > 0)
            assert_memory_equal(back.data + at, updates[i].data, lens[i]);
        at += lens[i];
    }
    assert_int_equal(at, back.len);
    crdt_buf_free(&piece);
    crdt_buf_free(&back);
}

static void updates_come_back_to_the_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < all.count; i += PIECE_UPDATES)
        assert_comes_back(all.updates + i,
                          all.count - i < PIECE_UPDATES ? all.count - i : PIECE_UPDATES);
    assert_comes_back(all.updates, 0);
}

/* The clients of the cases are few; here are more than there are slots, with clocks far apart. */
static void many_clients_come_back(void **state)
{
    (void)state;
    rng r = {7};
    crdt_bytes updates[PIECE_UPDATES];
    uint8_t bytes[PIECE_UPDATES][64];
    for (size_t i = 0; i < PIECE_UPDATES; i++) {
        size_t len = 0;
        bytes[i][len++] = 1; /* one section of one GC struct, and one deletion */
        bytes[i][len++] = 1;
        for (int number = 0; number < 2; number++) { /* client, clock: four bytes each */
            for (int j = 0; j < 3; j++)
                bytes[i][len++] = (uint8_t)(0x80 | rng_below(&r, 128));
            bytes[i][len++] = (uint8_t)(1 + rng_below(&r, 127));
        }
        static const uint8_t rest[] = {0, 5, 1, 9, 1, 3, 2};
        memcpy(bytes[i] + len, rest, sizeof rest);
        updates[i] = (crdt_bytes){bytes[i], len + sizeof rest};
    }
    assert_comes_back(updates, PIECE_UPDATES);
}

/* ---- typing ---- */

typedef struct typist {
    rng r;
    uint64_t client;
    uint64_t clock;
    uint8_t bytes[PIECE_UPDATES][80];
    crdt_bytes updates[PIECE_UPDATES];
} typist;

static uint8_t *put(uint8_t *at, uint64_t number)
{
    for (; number > 0x7f; number >>= 7)
        *at++ = (uint8_t)(0x80 | number);
    *at++ = (uint8_t)number;
    return at;
}

/* A client and a clock: now and then somebody else's. */
static uint8_t *put_place(typist *t, uint8_t *at)
{
    at = put(at, rng_below(&t->r, 20) == 0 ? 5 : t->client);
    return put(at, rng_below(&t->r, t->clock < 1000 ? t->clock + 1 : 1000) +
                       (t->clock < 1000 ? 0 : t->clock - 1000));
}

static uint8_t *put_letters(typist *t, uint8_t *at)
{
    static const char *const letters[] = {
        "a", " ", "\n", "\x7f", "\xc3\xa4", "\xf0\x9f\x98\x80", "and so on"};
    const char *text = letters[rng_below(&t->r, rng_below(&t->r, 4) == 0 ? 7 : 4)];
    size_t len = strlen(text);
    at = put(at, len);
    memcpy(at, text, len);
    t->clock += text[0] == '\xf0' ? 2 : text[0] == '\xc3' ? 1 : len;
    return at + len;
}

static uint8_t *put_typed(typist *t, uint8_t *at)
{
    static const uint8_t infos[] = {0x84, 0xc4, 0x44, 0xe4};
    uint8_t info = infos[rng_below(&t->r, rng_below(&t->r, 8) == 0 ? 4 : 2)];
    at = put(put(at, 1), 1);
    at = put(put(at, t->client), t->clock);
    *at++ = info;
    if (info & 0x80)
        at = put_place(t, at);
    if (info & 0x40)
        at = put_place(t, at);
    return put(put_letters(t, at), 0);
}

static uint8_t *put_erased(typist *t, uint8_t *at)
{
    at = put(put(at, 0), 1);
    uint64_t ranges = rng_below(&t->r, 10) == 0 ? 2 : 1;
    at = put(put(at, rng_below(&t->r, 20) == 0 ? 5 : t->client), ranges);
    for (; ranges > 0; ranges--)
        at = put(put(at, rng_below(&t->r, 1000)), 1 + rng_below(&t->r, 300));
    return at;
}

static void type(typist *t, uint64_t client, uint64_t clock)
{
    t->client = client;
    t->clock = clock;
    for (size_t i = 0; i < PIECE_UPDATES; i++) {
        uint8_t *end =
            rng_below(&t->r, 3) > 0 ? put_typed(t, t->bytes[i]) : put_erased(t, t->bytes[i]);
        t->updates[i] = (crdt_bytes){t->bytes[i], (size_t)(end - t->bytes[i])};
        if (rng_below(&t->r, 50) == 0)
            t->clock += rng_below(&t->r, 100);
    }
}

static void typing_comes_back(void **state)
{
    (void)state;
    static const uint64_t clients[] = {0, 7, 3000000000, (UINT64_C(1) << 53) - 1};
    static const uint64_t clocks[] = {0, 100, 1 << 14, (UINT64_C(1) << 50) - 100,
                                      UINT64_C(1) << 51};
    static typist t = {.r = {3}};
    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++)
        for (size_t j = 0; j < sizeof clocks / sizeof *clocks; j++) {
            type(&t, clients[i], clocks[j]);
            for (size_t count = 1; count <= PIECE_UPDATES; count += count < 20 ? 1 : 45)
                assert_comes_back(t.updates, count);
        }
}

/* ---- damage ---- */

/* A flipped byte gives other updates or CRDT_MALFORMED, never anything worse. */
static void survive_damage(const crdt_bytes *updates)
{
    rng r = {1};
    crdt_buf piece = {0};
    size_t lens[PIECE_UPDATES + 1];
    size_t refused = 0;
    assert_int_equal(crdt_updates_pack(updates, PIECE_UPDATES, &piece), CRDT_OK);
    for (int round = 0; round < 2000; round++) {
        size_t at = rng_below(&r, piece.len);
        uint8_t was = piece.data[at];
        piece.data[at] ^= (uint8_t)(1 + rng_below(&r, 255));
        crdt_bytes cut = {piece.data, round % 4 == 0 ? at : piece.len};
        crdt_buf back = {0};
        crdt_err err = crdt_updates_unpack(cut, PIECE_UPDATES, &back, lens);
        assert_true(err == CRDT_OK || err == CRDT_MALFORMED);
        assert_true(err == CRDT_OK || back.len == 0);
        refused += err == CRDT_MALFORMED;
        crdt_buf_free(&back);
        piece.data[at] = was;
    }
    assert_true(refused > 500);
    crdt_buf back = {0};
    for (size_t count = PIECE_UPDATES - 1; count <= PIECE_UPDATES + 1; count++) {
        crdt_err err = crdt_updates_unpack(bytes_of(&piece), count, &back, lens);
        assert_int_equal(err, count == PIECE_UPDATES ? CRDT_OK : CRDT_MALFORMED);
    }
    crdt_buf_free(&back);
    crdt_buf_free(&piece);
}

static void damaged_pieces_are_survived(void **state)
{
    (void)state;
    static typist t = {.r = {4}};
    survive_damage(all.updates);
    type(&t, 3000000000, 5000);
    survive_damage(t.updates);
}

static void memory_may_end_anywhere(void **state)
{
    (void)state;
    failmem memory;
    size_t lens[40];
    crdt_err err = CRDT_NO_MEMORY;
    for (uint64_t at = 0; err != CRDT_OK; at++) {
        failmem_init(&memory);
        memory.fail_at = at;
        crdt_buf piece = {.mem = &memory.mem};
        crdt_buf back = {.mem = &memory.mem};
        err = crdt_updates_pack(all.updates, 40, &piece);
        if (err == CRDT_OK)
            err = crdt_updates_unpack(bytes_of(&piece), 40, &back, lens);
        assert_true(err == CRDT_OK || err == CRDT_NO_MEMORY);
        crdt_buf_free(&piece);
        crdt_buf_free(&back);
        assert_int_equal(memory.held_bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_come_back_to_the_byte),
        cmocka_unit_test(many_clients_come_back),
        cmocka_unit_test(typing_comes_back),
        cmocka_unit_test(damaged_pieces_are_survived),
        cmocka_unit_test(memory_may_end_anywhere),
    };
    return cmocka_run_group_tests_name("pack", tests, collect, release);
}
