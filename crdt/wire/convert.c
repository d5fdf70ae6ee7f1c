/* Updates told anew, struct by struct: cut down to what somebody lacks, or in the other format
 * (yjs/src/utils/updates.js). */
#include "wire/merge.h"
#include "wire/open.h"
#include "wire/lazy.h"

/* The delete set is told as it is: in order of clients, and nothing joined. */
static crdt_err finish(crdt__lazy_writer *lazy, crdt_bytes ds)
{
    crdt__idset deletes;
    crdt__idset_init(&deletes, lazy->enc.mem);
    crdt__reader r = crdt__reader_of(ds);
    bool grouped = crdt__idset_read_v1(&r, &deletes) && crdt__idset_group(&deletes);
    crdt_err err = crdt__lazy_finish(lazy, grouped ? &deletes : NULL);
    crdt__idset_deinit(&deletes);
    return err;
}

/* ---- structs ---- */

/* What the state vector lacks. */
static void diff_structs(crdt__lazy_reader *r, const crdt__statevec *known, crdt__lazy_writer *out)
{
    bool writing = false; /* the client of the last struct is written whole from there on */
    uint64_t client = 0;
    while (!r->done && out->enc.out.ok) {
        crdt__wstruct s;
        crdt__lazy_read(r, &s);
        writing = writing && s.id.client == client;
        client = s.id.client;
        uint64_t state = crdt__statevec_get(known, client);
        if (writing) {
            crdt__lazy_write(out, &s, 0);
        } else if (s.kind != CRDT__SKIP && s.id.clock + s.len > state) {
            crdt__lazy_write(out, &s, state > s.id.clock ? state - s.id.clock : 0);
            writing = true;
        }
    }
}

static void copy_structs(crdt__lazy_reader *r, crdt__lazy_writer *out)
{
    while (!r->done && out->enc.out.ok) {
        crdt__wstruct s;
        crdt__lazy_read(r, &s);
        crdt__lazy_write(out, &s, 0);
    }
}

/* ---- the calls ---- */

/* Tells the update again; without `known` all of it. */
static crdt_err tell(crdt_encoding from, crdt_bytes update, const crdt__statevec *known,
                     crdt_encoding to, crdt_buf *out)
{
    crdt__opened opened;
    crdt_err err = crdt__open(from, update, out->mem, &opened);
    if (err != CRDT_OK)
        return err;
    crdt__lazy_writer lazy;
    crdt__lazy_writer_init(&lazy, to, out);
    crdt__lazy_reader structs = crdt__lazy_reader_of(opened.update, CRDT__SKIPS_KEPT);
    if (known)
        diff_structs(&structs, known, &lazy);
    else
        copy_structs(&structs, &lazy);
    err = finish(&lazy, opened.shape.ds);
    crdt__close(&opened);
    return err;
}

crdt_err crdt__diff(crdt_encoding from, crdt_bytes update, const crdt__statevec *known,
                    crdt_encoding to, crdt_buf *out)
{
    return tell(from, update, known, to, out);
}

crdt_err crdt_update_diff(crdt_encoding encoding, crdt_bytes update, crdt_bytes sv, crdt_buf *out)
{
    crdt__statevec known;
    crdt_err err = crdt__statevec_read(sv, out->mem, &known);
    if (err == CRDT_OK)
        err = tell(encoding, update, &known, encoding, out);
    crdt__statevec_deinit(&known);
    return err;
}

crdt_err crdt_update_convert(crdt_encoding from, crdt_bytes update, crdt_encoding to, crdt_buf *out)
{
    return tell(from, update, NULL, to, out);
}
