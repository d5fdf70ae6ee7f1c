#include "wire/open.h"

#include "wire/update_v2.h"

crdt_err crdt__open(crdt_encoding encoding, crdt_bytes update, const crdt_mem *mem,
                    crdt__opened *out)
{
    out->room = (crdt_buf){.mem = mem};
    out->update = update;
    if (encoding == CRDT__EXTENDED)
        return crdt__v1_survey(update, mem, &out->shape);
    if (encoding == CRDT_V1)
        return crdt__v1_validate(update, mem, &out->shape);
    if (encoding != CRDT_V2)
        return CRDT_MALFORMED;
    crdt_err err = crdt__v2_read(update, &out->room, &out->shape);
    if (err == CRDT_OK)
        out->update = (crdt_bytes){out->room.data, out->room.len};
    else
        crdt_buf_free(&out->room);
    return err;
}

void crdt__close(crdt__opened *opened)
{
    crdt_buf_free(&opened->room);
}

crdt_err crdt_update_validate(crdt_encoding encoding, crdt_bytes update)
{
    crdt__opened opened;
    crdt_err err = crdt__open(encoding, update, NULL, &opened);
    if (err == CRDT_OK)
        crdt__close(&opened);
    return err;
}
