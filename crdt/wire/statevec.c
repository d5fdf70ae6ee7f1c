#include "wire/statevec.h"

static bool read_entries(crdt__reader *r, crdt__idset *known)
{
    uint64_t count = crdt__read_varuint(r);
    for (uint64_t i = 0; i < count && r->ok; i++) {
        uint64_t client = crdt__read_varuint(r);
        uint64_t clock = crdt__read_varuint(r);
        if (r->ok && !crdt__idset_add(known, client, 0, clock))
            return false;
    }
    return true;
}

crdt_err crdt__statevec_read(crdt_bytes sv, const crdt_mem *mem, crdt__statevec *out)
{
    crdt__reader r = crdt__reader_of(sv);
    crdt__idset_init(&out->known, mem);
    bool ok = read_entries(&r, &out->known) && crdt__idset_group(&out->known);
    if (ok && crdt__reader_at_end(&r)) {
        crdt__idset_keep_last(&out->known);
        return CRDT_OK;
    }
    crdt__statevec_deinit(out);
    return ok ? CRDT_MALFORMED : CRDT_NO_MEMORY;
}

void crdt__statevec_deinit(crdt__statevec *sv)
{
    crdt__idset_deinit(&sv->known);
}

uint64_t crdt__statevec_get(const crdt__statevec *sv, uint64_t client)
{
    const crdt__range *ranges = crdt__idset_ranges(&sv->known);
    size_t low = 0;
    for (size_t high = sv->known.count; low < high;) {
        size_t mid = low + (high - low) / 2;
        if (ranges[mid].client > client)
            low = mid + 1;
        else
            high = mid;
    }
    return low < sv->known.count && ranges[low].client == client ? ranges[low].len : 0;
}

crdt_err crdt_state_vector_validate(crdt_bytes sv)
{
    crdt__reader r = crdt__reader_of(sv);
    uint64_t count = crdt__read_varuint(&r);
    for (uint64_t i = 0; i < count && r.ok; i++) {
        (void)crdt__read_varuint(&r);
        (void)crdt__read_varuint(&r);
    }
    return crdt__reader_at_end(&r) ? CRDT_OK : CRDT_MALFORMED;
}
