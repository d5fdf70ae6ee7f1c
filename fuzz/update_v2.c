/* Updates of format v2. */
#include "update.h"

#include "wire/update_v2.h"

/* What comes out of the door is what a walk over it finds. */
static void check_told(crdt_bytes update)
{
    crdt_buf told = {0};
    crdt__v1_shape shape;
    if (crdt__v2_read(update, &told, &shape) == CRDT_OK) {
        crdt__v1_shape found;
        fuzz_expect(crdt__v1_survey(fuzz_bytes(&told), NULL, &found) == CRDT_OK,
                    "what was told cannot be read");
        fuzz_expect(shape.sections == found.sections && shape.structs == found.structs &&
                        shape.skips == found.skips && shape.clients_twice == found.clients_twice &&
                        shape.descending == found.descending &&
                        shape.ds_clients == found.ds_clients &&
                        shape.ds_ranges == found.ds_ranges && shape.ds.data == found.ds.data &&
                        shape.ds.len == found.ds.len,
                    "what was told has another shape");
    }
    crdt_buf_free(&told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0)
        check_told((crdt_bytes){data + 1, size - 1});
    fuzz_update(CRDT_V2, data, size);
    return 0;
}
