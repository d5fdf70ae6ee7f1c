#include "wire/encoder.h"

void crdt__encoder_init(crdt__encoder *enc, crdt_encoding encoding, crdt_buf *target)
{
    *enc = (crdt__encoder){.encoding = encoding, .mem = target->mem, .target = target};
    enc->out = crdt__writer_on(target);
}

void crdt__encode_section(crdt__encoder *enc, uint64_t structs, crdt_id first)
{
    crdt__write_varuint(&enc->out, structs);
    crdt__write_varuint(&enc->out, first.client);
    crdt__write_varuint(&enc->out, first.clock);
}

void crdt__encode_struct(crdt__encoder *enc, const crdt__wstruct *s, uint64_t offset)
{
    crdt__v1_write_struct(&enc->out, s, offset, CRDT__V1_PLAIN, enc->mem);
}

void crdt__encode_deletes(crdt__encoder *enc, const crdt__idset *deletes)
{
    crdt__idset_write_v1(deletes, &enc->out);
}

crdt_err crdt__encoder_finish(crdt__encoder *enc)
{
    return crdt__writer_finish(&enc->out);
}
