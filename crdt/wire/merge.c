/* Updates merged, cut down and measured without a document (yjs/src/utils/updates.js).
 *
 * Merging follows mergeUpdatesV2 step by step, since its result depends on how the inputs were
 * split and in which order they come: one struct `w` is held back; the next one either continues
 * it, or lies behind a gap (then a Skip is put between), or overlaps it (then it is sliced).
 */
#include "base/idset.h"
#include "wire/readers.h"
#include "wire/sections.h"
#include "wire/statevec.h"

/* ---- merging structs ---- */

typedef struct merge {
    crdt__readers readers;
    crdt__lazy_writer out;
    crdt__wstruct w; /* not written yet */
    bool has_w;
} merge;

static uint64_t end_of(const crdt__wstruct *s)
{
    return s->id.clock + s->len;
}

static void hold(merge *m, const crdt__wstruct *next)
{
    if (m->has_w)
        crdt__lazy_write(&m->out, &m->w, 0);
    m->w = *next;
    m->has_w = true;
}

/* Reads on until a struct tells something new; *old: others were passed. False: the reader is done.
 */
static bool read_new(merge *m, crdt__lazy_reader *r, crdt__lazy_reader *before, crdt__wstruct *c,
                     bool *old)
{
    *old = false;
    while (!r->done) {
        *before = *r;
        crdt__lazy_read(r, c);
        if (end_of(c) > end_of(&m->w) || c->id.client < m->w.id.client)
            return true;
        *old = true;
    }
    return false;
}

/* `c` begins behind the end of `w`: a Skip stands for what is missing. */
static void bridge_gap(merge *m, const crdt__wstruct *c)
{
    if (m->w.kind == CRDT__SKIP) {
        m->w.len = end_of(c) - m->w.id.clock;
        return;
    }
    uint64_t end = end_of(&m->w);
    crdt__wstruct skip = {.id = {c->id.client, end}, .len = c->id.clock - end, .kind = CRDT__SKIP};
    hold(m, &skip);
}

/* `c` begins within `w` or right behind it. True if it became part of `w`. */
static bool join(merge *m, crdt__wstruct *c)
{
    uint64_t overlap = end_of(&m->w) - c->id.clock;
    if (overlap > 0 && m->w.kind == CRDT__SKIP && overlap <= m->w.len) {
        m->w.len -= overlap;
    } else if (overlap > 0 && m->w.kind == CRDT__SKIP) {
        /* Clocks that go back, in an update that names a client twice: Yjs writes nonsense here. */
        crdt__wstruct_slice(c, m->w.id.clock - c->id.clock);
        m->has_w = false;
    } else {
        crdt__wstruct_slice(c, overlap);
    }
    if (m->has_w && m->w.kind == CRDT__GC && c->kind == CRDT__GC) {
        m->w.len += c->len;
        return true;
    }
    hold(m, c);
    return false;
}

/* What the first reader tells next. False: another reader is to be asked first. */
static bool take_next(merge *m, crdt__lazy_reader *r, uint64_t client)
{
    crdt__lazy_reader before = *r;
    crdt__wstruct c;
    bool old = false;
    if (m->has_w && !read_new(m, r, &before, &c, &old))
        return false;
    if (!m->has_w)
        crdt__lazy_read(r, &c);
    if (c.id.client != client || (old && c.id.clock > end_of(&m->w))) {
        *r = before;
        return false;
    }
    if (!m->has_w || m->w.id.client != client) {
        hold(m, &c);
    } else if (end_of(&m->w) < c.id.clock) {
        bridge_gap(m, &c);
        *r = before;
    } else if (join(m, &c)) {
        *r = before; /* the next step finds it known */
    }
    return true;
}

static void merge_structs(merge *m)
{
    crdt__lazy_reader *r;
    for (; (r = crdt__readers_first(&m->readers)) != NULL; crdt__readers_step(&m->readers)) {
        uint64_t client = crdt__lazy_id(r).client;
        if (!take_next(m, r, client))
            continue;
        while (!r->done && m->out.w.ok &&
               crdt__id_equal(crdt__lazy_id(r), (crdt_id){client, end_of(&m->w)})) {
            crdt__wstruct next;
            crdt__lazy_read(r, &next);
            hold(m, &next);
        }
        if (!m->out.w.ok)
            return;
    }
    if (m->has_w)
        crdt__lazy_write(&m->out, &m->w, 0);
}

/* ---- merging updates ---- */

/* The memory of a merge besides its output. */
typedef struct merge_room {
    const crdt_mem *mem;
    size_t count;
    crdt__lazy_reader *readers;
    crdt__lazy_reader **order;
    crdt_buf *sorted; /* the updates whose sections had to be put in order; the others are empty */
    crdt__idset deletes;
} merge_room;

static bool merge_room_init(merge_room *room, size_t count, const crdt_mem *mem)
{
    *room = (merge_room){.mem = mem, .count = count};
    crdt__idset_init(&room->deletes, mem);
    room->readers = crdt__resize(mem, NULL, 0, count * sizeof *room->readers);
    room->order = crdt__resize(mem, NULL, 0, count * sizeof(crdt__lazy_reader *));
    room->sorted = crdt__resize(mem, NULL, 0, count * sizeof *room->sorted);
    for (size_t i = 0; room->sorted != NULL && i < count; i++)
        room->sorted[i] = (crdt_buf){.mem = mem};
    return room->readers != NULL && room->order != NULL && room->sorted != NULL;
}

static void merge_room_deinit(merge_room *room)
{
    crdt__idset_deinit(&room->deletes);
    if (room->order != NULL)
        crdt__release(room->mem, room->order, room->count * sizeof(crdt__lazy_reader *));
    if (room->readers != NULL)
        crdt__release(room->mem, room->readers, room->count * sizeof *room->readers);
    for (size_t i = 0; room->sorted != NULL && i < room->count; i++)
        crdt_buf_free(&room->sorted[i]);
    if (room->sorted != NULL)
        crdt__release(room->mem, room->sorted, room->count * sizeof *room->sorted);
}

/* Validates every update, and sets a reader on its structs and collects its deletes. */
static crdt_err open_updates(const crdt_bytes *updates, merge_room *room)
{
    for (size_t i = 0; i < room->count; i++) {
        crdt__v1_shape shape;
        crdt_err err = crdt__v1_validate(updates[i], room->mem, &shape);
        if (err != CRDT_OK)
            return err;
        crdt__reader ds = crdt__reader_of(shape.ds);
        if (!crdt__idset_read_v1(&ds, &room->deletes))
            return CRDT_NO_MEMORY;
        crdt_bytes update = updates[i];
        if (!shape.descending) {
            if (crdt__v1_sort_sections(update, &shape, &room->sorted[i]) != CRDT_OK)
                return CRDT_NO_MEMORY;
            update = (crdt_bytes){room->sorted[i].data, room->sorted[i].len};
        }
        room->readers[i] = crdt__lazy_reader_of(update, CRDT__SKIPS_LEFT_OUT);
    }
    return crdt__idset_normalize(&room->deletes) ? CRDT_OK : CRDT_NO_MEMORY;
}

static crdt_err merge_many(merge_room *room, crdt_buf *out)
{
    crdt_buf body = {.mem = room->mem};
    merge m = {.has_w = false};
    crdt__lazy_writer_init(&m.out, &body);
    crdt__readers_init(&m.readers, room->readers, room->count, room->order);
    merge_structs(&m);
    crdt__writer w = crdt__writer_on(out);
    crdt__lazy_finish(&m.out, &w);
    crdt__idset_write_v1(&room->deletes, &w);
    crdt__lazy_writer_deinit(&m.out);
    crdt_buf_free(&body);
    return crdt__writer_finish(&w);
}

static crdt_err append_bytes(crdt_buf *out, crdt_bytes bytes)
{
    crdt__writer w = crdt__writer_on(out);
    crdt__write_bytes(&w, bytes.data, bytes.len);
    return crdt__writer_finish(&w);
}

crdt_err crdt_update_merge(crdt_encoding encoding, const crdt_bytes *updates, size_t count,
                           crdt_buf *out)
{
    if (encoding != CRDT_V1)
        return CRDT_MALFORMED;
    static const uint8_t empty[] = {0, 0};
    if (count == 0)
        return append_bytes(out, (crdt_bytes){empty, sizeof empty});
    if (count == 1) {
        crdt__v1_shape shape;
        crdt_err err = crdt__v1_validate(updates[0], out->mem, &shape);
        return err == CRDT_OK ? append_bytes(out, updates[0]) : err;
    }
    merge_room room;
    crdt_err err = CRDT_NO_MEMORY;
    if (merge_room_init(&room, count, out->mem))
        err = open_updates(updates, &room);
    if (err == CRDT_OK)
        err = merge_many(&room, out);
    merge_room_deinit(&room);
    return err;
}

/* ---- what a state vector lacks ---- */

static void diff_structs(crdt__lazy_reader *r, const crdt__statevec *known, crdt__lazy_writer *out)
{
    bool writing = false; /* the client of the last struct is written whole from there on */
    uint64_t client = 0;
    while (!r->done && out->w.ok) {
        crdt__wstruct s;
        crdt__lazy_read(r, &s);
        writing = writing && s.id.client == client;
        client = s.id.client;
        uint64_t state = crdt__statevec_get(known, client);
        if (writing) {
            crdt__lazy_write(out, &s, 0);
        } else if (s.kind != CRDT__SKIP && end_of(&s) > state) {
            crdt__lazy_write(out, &s, state > s.id.clock ? state - s.id.clock : 0);
            writing = true;
        }
    }
}

static crdt_err diff(crdt_bytes update, crdt_bytes ds, const crdt__statevec *known, crdt_buf *out)
{
    crdt_buf body = {.mem = out->mem};
    crdt__idset deletes;
    crdt__idset_init(&deletes, out->mem);
    crdt__reader r = crdt__reader_of(ds);
    bool grouped = crdt__idset_read_v1(&r, &deletes) && crdt__idset_group(&deletes);

    crdt__lazy_writer lazy;
    crdt__lazy_writer_init(&lazy, &body);
    crdt__lazy_reader structs = crdt__lazy_reader_of(update, CRDT__SKIPS_KEPT);
    diff_structs(&structs, known, &lazy);

    crdt__writer w = crdt__writer_on(out);
    crdt__lazy_finish(&lazy, &w);
    if (grouped)
        crdt__idset_write_v1(&deletes, &w);
    else
        w.ok = false;
    crdt__lazy_writer_deinit(&lazy);
    crdt_buf_free(&body);
    crdt__idset_deinit(&deletes);
    return crdt__writer_finish(&w);
}

crdt_err crdt_update_diff(crdt_encoding encoding, crdt_bytes update, crdt_bytes sv, crdt_buf *out)
{
    if (encoding != CRDT_V1)
        return CRDT_MALFORMED;
    crdt__v1_shape shape;
    crdt_err err = crdt__v1_validate(update, out->mem, &shape);
    if (err != CRDT_OK)
        return err;
    crdt__statevec known;
    err = crdt__statevec_read(sv, out->mem, &known);
    if (err == CRDT_OK)
        err = diff(update, shape.ds, &known, out);
    crdt__statevec_deinit(&known);
    return err;
}

/* ---- what an update says ---- */

bool crdt_update_is_empty(crdt_encoding encoding, crdt_bytes update)
{
    if (encoding != CRDT_V1)
        return false;
    crdt__v1_shape shape;
    return crdt__v1_validate(update, NULL, &shape) == CRDT_OK && shape.structs == shape.skips &&
           shape.ds_ranges == 0;
}

/* Per client in the order of the update: the clocks that lie before its first Skip, if they begin
 * at 0. (Yjs counts a Skip that begins the whole update, and so claims what is missing; we do not.)
 */
static uint64_t write_prefixes(crdt__lazy_reader *r, crdt__writer *w)
{
    uint64_t clients = 0;
    while (!r->done) {
        uint64_t client = crdt__lazy_id(r).client;
        bool broken = crdt__lazy_id(r).clock != 0;
        uint64_t clock = 0;
        while (!r->done && crdt__lazy_id(r).client == client) {
            crdt__wstruct s;
            crdt__lazy_read(r, &s);
            broken = broken || s.kind == CRDT__SKIP;
            if (!broken)
                clock = end_of(&s);
        }
        if (clock == 0)
            continue;
        crdt__write_varuint(w, client);
        crdt__write_varuint(w, clock);
        clients++;
    }
    return clients;
}

crdt_err crdt_update_state_vector(crdt_encoding encoding, crdt_bytes update, crdt_buf *out)
{
    if (encoding != CRDT_V1)
        return CRDT_MALFORMED;
    crdt__v1_shape shape;
    crdt_err err = crdt__v1_validate(update, out->mem, &shape);
    if (err != CRDT_OK)
        return err;
    crdt_buf entries = {.mem = out->mem};
    crdt__writer w = crdt__writer_on(&entries);
    crdt__lazy_reader r = crdt__lazy_reader_of(update, CRDT__SKIPS_KEPT);
    uint64_t clients = write_prefixes(&r, &w);
    err = crdt__writer_finish(&w);
    if (err == CRDT_OK) {
        w = crdt__writer_on(out);
        crdt__write_varuint(&w, clients);
        crdt__write_bytes(&w, entries.data, entries.len);
        err = crdt__writer_finish(&w);
    }
    crdt_buf_free(&entries);
    return err;
}

/* ---- a state vector from before ---- */

/* Adds the clocks that an update tells of. */
static crdt_err add_told(crdt_bytes update, crdt__idset *told)
{
    crdt__v1_shape shape;
    crdt_err err = crdt__v1_validate(update, told->mem, &shape);
    if (err != CRDT_OK)
        return err;
    crdt__lazy_reader r = crdt__lazy_reader_of(update, CRDT__SKIPS_LEFT_OUT);
    while (!r.done) {
        crdt__wstruct s;
        crdt__lazy_read(&r, &s);
        if (!crdt__idset_add(told, s.id.client, s.id.clock, s.len))
            return CRDT_NO_MEMORY;
    }
    return CRDT_OK;
}

/* Per client the smaller of its clock in `sv` and the first clock in `told`. */
static crdt_err lower(const crdt__statevec *sv, const crdt__idset *told, crdt__idset *out)
{
    const crdt__range *known = crdt__idset_ranges(&sv->known);
    const crdt__range *ranges = crdt__idset_ranges(told);
    size_t at = 0;
    for (size_t i = 0; i < sv->known.count; i++) {
        uint64_t clock = known[i].len;
        while (at < told->count && ranges[at].client > known[i].client)
            at++;
        if (at < told->count && ranges[at].client == known[i].client && ranges[at].clock < clock)
            clock = ranges[at].clock;
        if (clock > 0 && !crdt__idset_add(out, known[i].client, 0, clock))
            return CRDT_NO_MEMORY;
    }
    return CRDT_OK;
}

static crdt_err append_statevec(const crdt__idset *known, crdt_buf *out)
{
    const crdt__range *ranges = crdt__idset_ranges(known);
    crdt__writer w = crdt__writer_on(out);
    crdt__write_varuint(&w, known->count);
    for (size_t i = 0; i < known->count; i++) {
        crdt__write_varuint(&w, ranges[i].client);
        crdt__write_varuint(&w, ranges[i].len);
    }
    return crdt__writer_finish(&w);
}

crdt_err crdt_state_vector_rewind(crdt_encoding encoding, crdt_bytes sv, const crdt_bytes *updates,
                                  size_t count, crdt_buf *out)
{
    if (encoding != CRDT_V1)
        return CRDT_MALFORMED;
    crdt__statevec after;
    crdt__idset told;
    crdt__idset before;
    crdt__idset_init(&told, out->mem);
    crdt__idset_init(&before, out->mem);
    crdt_err err = crdt__statevec_read(sv, out->mem, &after);
    for (size_t i = 0; i < count && err == CRDT_OK; i++)
        err = add_told(updates[i], &told);
    if (err == CRDT_OK && !crdt__idset_normalize(&told))
        err = CRDT_NO_MEMORY;
    if (err == CRDT_OK)
        err = lower(&after, &told, &before);
    if (err == CRDT_OK)
        err = append_statevec(&before, out);
    crdt__idset_deinit(&before);
    crdt__idset_deinit(&told);
    crdt__statevec_deinit(&after);
    return err;
}
