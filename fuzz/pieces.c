/* Many updates as one piece. The input is some updates, each behind its length
 * (two bytes), which are packed and taken out again; and it is, behind a first
 * byte that says of how many, a piece that nobody packed. */
#include "fuzz.h"

enum { UPDATES_MAX = 16 };

static void expect_out(crdt_bytes piece, const crdt_bytes *updates, size_t count)
{
    crdt_buf out = {0};
    size_t lens[UPDATES_MAX];
    size_t at = 0;
    fuzz_expect(crdt_updates_unpack(piece, count, &out, lens) == CRDT_OK, "a piece is refused");
    for (size_t i = 0; i < count; at += lens[i++])
        fuzz_expect(lens[i] == updates[i].len && out.len - at >= lens[i] &&
                        (lens[i] == 0 || memcmp(out.data + at, updates[i].data, lens[i]) == 0),
                    "what was packed comes out as something else");
    fuzz_expect(at == out.len, "more comes out than was packed");
    crdt_buf_free(&out);
}

static void pack(const crdt_bytes *updates, size_t count)
{
    crdt_buf piece = {0};
    fuzz_expect(crdt_updates_pack(updates, count, &piece) == CRDT_OK, "updates are not packed");
    expect_out(fuzz_bytes(&piece), updates, count);
    crdt_buf_free(&piece);
}

static void pack_some(crdt_bytes input)
{
    crdt_bytes updates[UPDATES_MAX] = {{0}};
    pack(updates, fuzz_split(input, updates, UPDATES_MAX));
}

static void unpack(crdt_bytes piece, size_t count)
{
    crdt_buf out = {0};
    size_t lens[UPDATES_MAX];
    crdt_err err = crdt_updates_unpack(piece, count, &out, lens);
    fuzz_expect(err == CRDT_OK || (err == CRDT_MALFORMED && out.len == 0),
                "a bad piece left something");
    if (err == CRDT_OK) {
        crdt_bytes updates[UPDATES_MAX] = {{0}};
        size_t at = 0;
        for (size_t i = 0; i < count; at += lens[i++])
            updates[i] = (crdt_bytes){out.data + at, lens[i]};
        fuzz_expect(at == out.len, "the lengths are not those of what came out");
        pack(updates, count);
    }
    crdt_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pack_some((crdt_bytes){data, size});
    if (size > 0)
        unpack((crdt_bytes){data + 1, size - 1}, data[0] % (UPDATES_MAX + 1));
    return 0;
}
