/* Awareness updates from anybody, to somebody with a state of his own. The input is some updates,
 * each behind its length (one byte). */
#include "fuzz.h"

static void check_others(crdt_awareness *awareness)
{
    crdt_buf all = {0};
    crdt_buf again = {0};
    crdt_awareness *other = crdt_awareness_new(NULL);
    fuzz_expect(crdt_awareness_encode(awareness, &all) == CRDT_OK, "presence cannot be encoded");
    if (all.len > 0)
        fuzz_expect(crdt_awareness_apply(other, fuzz_bytes(&all), 1, &again) == CRDT_OK,
                    "what is encoded is refused");
    else
        fuzz_expect(crdt_awareness_count(awareness) == 0, "somebody present is not encoded");
    crdt_awareness_free(other);
    crdt_buf_free(&all);
    crdt_buf_free(&again);
}

enum { OWN_CLIENT = 100 };

static void check_own(const crdt_awareness *awareness)
{
    crdt_presence_entry entry;
    bool found = false;
    for (size_t cursor = 0; crdt_awareness_next(awareness, &cursor, &entry);)
        found = found || (entry.client == OWN_CLIENT && entry.state.len > 0);
    fuzz_expect(found, "the own state was taken away");
}

/* Whoever is told of a call hears of all it changed. */
static void check_told(const crdt_awareness *awareness, const crdt_buf *changed)
{
    crdt_presence_change change;
    size_t cursor = 0;
    const bool happened = crdt_awareness_next_change(awareness, &cursor, &change);
    fuzz_expect(happened == (changed->len > 0), "something is told, or nothing, without a cause");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    crdt_awareness *awareness = crdt_awareness_new(NULL);
    fuzz_expect(crdt_awareness_set_client(awareness, OWN_CLIENT) == CRDT_OK &&
                    crdt_awareness_set_local(awareness, crdt_bytes_of("{}"), 0, NULL) == CRDT_OK,
                "no own state");
    for (uint64_t now = 1; size > 0; now++) {
        size_t len = data[0] < size ? data[0] : size - 1;
        crdt_buf changed = {0};
        crdt_bytes update = {data + 1, len};
        size_t before = crdt_awareness_count(awareness);
        crdt_err err = crdt_awareness_apply(awareness, update, now, &changed);
        fuzz_expect(err == CRDT_OK ||
                        (changed.len == 0 && crdt_awareness_count(awareness) == before),
                    "a refused update changed something");
        check_others(awareness);
        check_own(awareness);
        if (err == CRDT_OK)
            check_told(awareness, &changed);
        data += 1 + len;
        size -= 1 + len;
        crdt_buf_free(&changed);
    }
    crdt_buf out = {0};
    fuzz_expect(crdt_awareness_expire(awareness, UINT64_MAX, UINT64_MAX, &out) == CRDT_OK &&
                    crdt_awareness_count(awareness) == 1 &&
                    crdt_awareness_oldest_ms(awareness) == UINT64_MAX,
                "somebody never leaves");
    crdt_buf_free(&out);
    crdt_awareness_free(awareness);
    return 0;
}
