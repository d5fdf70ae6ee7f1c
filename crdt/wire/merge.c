/* Updates merged without a document (yjs/src/utils/updates.js).
 *
 * This follows mergeUpdatesV2 step by step, since its result depends on how the inputs were
 * split and in which order they come: one struct `w` is held back; the next one either continues
 * it, or lies behind a gap (then a Skip is put between), or overlaps it (then it is sliced).
 */
#include "wire/merge.h"

#include "wire/open.h"
#include "wire/readers.h"
#include "wire/sections.h"

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
        while (!r->done && m->out.enc.out.ok &&
               crdt__id_equal(crdt__lazy_id(r), (crdt_id){client, end_of(&m->w)})) {
            crdt__wstruct next;
            crdt__lazy_read(r, &next);
            hold(m, &next);
        }
        if (!m->out.enc.out.ok)
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
    crdt_buf *told; /* updates that had to be told anew: in v1, or in order */
    size_t told_count;
    size_t told_cap;
    crdt__idset deletes;
} merge_room;

static bool merge_room_init(merge_room *room, size_t count, const crdt_mem *mem)
{
    *room = (merge_room){.mem = mem, .count = count};
    crdt__idset_init(&room->deletes, mem);
    room->readers = crdt__resize(mem, NULL, 0, count * sizeof *room->readers);
    room->order = crdt__resize(mem, NULL, 0, count * sizeof(crdt__lazy_reader *));
    return room->readers != NULL && room->order != NULL;
}

static void merge_room_deinit(merge_room *room)
{
    crdt__idset_deinit(&room->deletes);
    if (room->order != NULL)
        crdt__release(room->mem, room->order, room->count * sizeof(crdt__lazy_reader *));
    if (room->readers != NULL)
        crdt__release(room->mem, room->readers, room->count * sizeof *room->readers);
    for (size_t i = 0; i < room->told_count; i++)
        crdt_buf_free(&room->told[i]);
    crdt__release(room->mem, room->told, room->told_cap * sizeof *room->told);
}

/* Takes over what an update was told anew in, if it was; releases it when out of memory. */
static bool keep_told(merge_room *room, crdt_buf *told)
{
    if (told->data == NULL)
        return true;
    if (room->told_count == room->told_cap) {
        size_t cap = room->told_cap == 0 ? 4 : room->told_cap * 2;
        crdt_buf *wider = crdt__resize(room->mem, room->told, room->told_cap * sizeof *wider,
                                       cap * sizeof *wider);
        if (wider == NULL) {
            crdt_buf_free(told);
            return false;
        }
        room->told = wider;
        room->told_cap = cap;
    }
    room->told[room->told_count++] = *told;
    return true;
}

/* Puts the sections of an opened update in order. */
static crdt_err sort_opened(crdt__opened *opened)
{
    crdt_buf sorted = {.mem = opened->room.mem};
    crdt_err err = crdt__v1_sort_sections(opened->update, &opened->shape, &sorted);
    crdt__close(opened);
    opened->room = sorted;
    opened->update = (crdt_bytes){sorted.data, sorted.len};
    return err;
}

/* Sets a reader on the structs of an update, and collects its deletes. */
static crdt_err open_one(crdt_encoding from, crdt_bytes update, merge_room *room, size_t i)
{
    crdt__opened opened;
    crdt_err err = crdt__open(from, update, room->mem, &opened);
    if (err != CRDT_OK)
        return err;
    crdt__reader ds = crdt__reader_of(opened.shape.ds);
    if (!crdt__idset_read_v1(&ds, &room->deletes))
        err = CRDT_NO_MEMORY;
    if (err == CRDT_OK && !opened.shape.descending)
        err = sort_opened(&opened);
    if (!keep_told(room, &opened.room))
        err = CRDT_NO_MEMORY;
    if (err == CRDT_OK)
        room->readers[i] = crdt__lazy_reader_of(opened.update, CRDT__SKIPS_LEFT_OUT);
    return err;
}

static crdt_err open_all(crdt_encoding from, const crdt_bytes *updates, merge_room *room)
{
    for (size_t i = 0; i < room->count; i++) {
        crdt_err err = open_one(from, updates[i], room, i);
        if (err != CRDT_OK)
            return err;
    }
    return crdt__idset_normalize(&room->deletes) ? CRDT_OK : CRDT_NO_MEMORY;
}

static crdt_err merge_opened(merge_room *room, crdt_encoding to, crdt_buf *out)
{
    merge m = {.has_w = false};
    crdt__lazy_writer_init(&m.out, to, out);
    crdt__readers_init(&m.readers, room->readers, room->count, room->order);
    merge_structs(&m);
    return crdt__lazy_finish(&m.out, &room->deletes);
}

crdt_err crdt__merge(crdt_encoding from, const crdt_bytes *updates, size_t count, crdt_encoding to,
                     crdt_buf *out)
{
    merge_room room;
    crdt_err err = CRDT_NO_MEMORY;
    if (merge_room_init(&room, count, out->mem))
        err = open_all(from, updates, &room);
    if (err == CRDT_OK)
        err = merge_opened(&room, to, out);
    merge_room_deinit(&room);
    return err;
}

/* ---- the calls of crdt.h ---- */

static crdt_err write_empty(crdt_encoding encoding, crdt_buf *out)
{
    const crdt__idset nothing = {.mem = out->mem};
    crdt__lazy_writer lazy;
    crdt__lazy_writer_init(&lazy, encoding, out);
    return crdt__lazy_finish(&lazy, &nothing);
}

static crdt_err copy_one(crdt_encoding encoding, crdt_bytes update, crdt_buf *out)
{
    crdt__opened opened;
    crdt_err err = crdt__open(encoding, update, out->mem, &opened);
    if (err != CRDT_OK)
        return err;
    crdt__close(&opened);
    crdt__writer w = crdt__writer_on(out);
    crdt__write_bytes(&w, update.data, update.len);
    return crdt__writer_finish(&w);
}

crdt_err crdt_update_merge(crdt_encoding encoding, const crdt_bytes *updates, size_t count,
                           crdt_buf *out)
{
    if (count == 0)
        return write_empty(encoding, out);
    if (count == 1)
        return copy_one(encoding, updates[0], out);
    return crdt__merge(encoding, updates, count, encoding, out);
}
