/* The part of a check that is about events: in the tail, and in segments; and checkpoints. */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "segment.h"
#include "verify.h"

/* Damaged events for whose document all are looked through: of more, each may be any. */
#define GUESSES_MAX 1000u

/* ---- the tail ---- */

/* An event whose checksum does not hold may tell a wrong document, or a wrong seq. If it holds for
 * the event that some document lacks, with everything else as it stands, it is that one. NULL:
 * it is none. */
static store_err find_owner(store__verify *v, const MDB_val *key, const MDB_val *value,
                            uint8_t *room, store__known **owner)
{
    store__walk walk = {.pages = v->pages, .tree = v->documents.tree};
    MDB_val k;
    MDB_val ignored;
    store_err err;
    *owner = NULL;
    while ((err = store__walk_next(&walk, &k, &ignored)) == STORE_OK && !*owner) {
        store__known *known;
        if (k.mv_size != STORE__U64_LEN)
            continue;
        if ((err = store__verify_know(v, store__get_u64(k.mv_data), &known)) != STORE_OK)
            break;
        if (store__event_fits(key, value, known->number, known->head + 1, room))
            *owner = known;
    }
    store__walk_end(&walk);
    return err == STORE_NOT_FOUND || err == STORE_CORRUPT ? STORE_OK : err;
}

/* Whose a damaged event is, as well as can be told. */
static store_err guess_owner(store__verify *v, const MDB_val *key, const MDB_val *value,
                             store__known **owner, uint64_t *seq)
{
    uint64_t number = 0;
    store_err err = STORE_OK;
    *owner = NULL;
    *seq = 0;
    if (!store__event_peek(value, &number, seq))
        return STORE_OK;
    if (v->guesses < GUESSES_MAX) {
        v->guesses++;
        uint8_t *room = malloc(value->mv_size);
        err = room ? find_owner(v, key, value, room, owner) : STORE_NO_MEMORY;
        free(room);
    }
    if (err == STORE_OK && !*owner)
        err = store__verify_know(v, number, owner);
    if (err == STORE_OK && (*owner)->owner == STORE__OWNER_DOCUMENT)
        *seq = (*owner)->head + 1;
    return err;
}

static store_err tell_damaged_event(store__verify *v, const MDB_val *key, const MDB_val *value)
{
    store__known *owner;
    uint64_t seq;
    store_err err = guess_owner(v, key, value, &owner, &seq);
    if (err != STORE_OK)
        return err;
    if (owner && owner->owner == STORE__OWNER_DOCUMENT)
        owner->head = seq;
    store__verify_tell(v, owner, seq, seq, "the event is damaged");
    return STORE_OK;
}

/* Its seq goes on where the document was. */
static void check_seq(store__verify *v, store__known *known, uint64_t seq)
{
    uint64_t next = known->head + 1;
    if (known->owner == STORE__OWNER_DAMAGED && known->head == 0)
        next = seq; /* its record would tell */
    if (seq > next)
        store__verify_tell(v, known, next, seq - 1, "events are missing");
    else if (seq < next)
        store__verify_tell(v, known, seq, seq, "the event is not in its place");
    if (seq > known->head)
        known->head = seq;
}

static store_err check_event(store__verify *v, const MDB_val *key, const MDB_val *value)
{
    uint64_t number;
    store_event event;
    store_bytes body;
    store__known *known;
    if (key->mv_size != STORE__U64_LEN || !store__unseal(key, value, &body) ||
        !store__event_decode(value, &number, &event))
        return tell_damaged_event(v, key, value);
    store_err err = store__verify_know(v, number, &known);
    if (err != STORE_OK)
        return err;
    if (known->owner == STORE__OWNER_NONE)
        store__verify_tell(v, NULL, event.seq, event.seq, "the event belongs to no document");
    else if (known->owner != STORE__OWNER_PURGED)
        check_seq(v, known, event.seq);
    return STORE_OK;
}

store_err store__verify_tail(store__verify *v)
{
    store__walk walk;
    MDB_val key;
    MDB_val value;
    store_err err = store__verify_walk(v, STORE__TABLE_TAIL, &walk);
    while (err == STORE_OK && (err = store__walk_next(&walk, &key, &value)) == STORE_OK)
        err = check_event(v, &key, &value);
    store__verify_walked(v, &walk, "an event is missing");
    return err == STORE_NOT_FOUND ? STORE_OK : err;
}

/* ---- three tables side by side ---- */

/* A table whose keys begin with a document's number. */
typedef struct rows {
    store__verify *v;
    const char *table;
    store__walk walk;
    MDB_val key;
    MDB_val value;
    uint64_t number; /* UINT64_MAX: there are no more */
    uint64_t seq;
} rows;

/* To the next row whose key is one. */
static store_err next_row(rows *r, size_t key_len)
{
    store_err err;
    r->v->table = r->table;
    while ((err = store__walk_next(&r->walk, &r->key, &r->value)) == STORE_OK &&
           r->key.mv_size != key_len)
        store__verify_tell(r->v, NULL, 0, 0, "a key is damaged");
    r->number = UINT64_MAX;
    if (err != STORE_OK)
        return err == STORE_NOT_FOUND ? STORE_OK : err;
    r->number = store__get_u64(r->key.mv_data);
    if (key_len > STORE__U64_LEN)
        r->seq = store__get_u64((const uint8_t *)r->key.mv_data + STORE__U64_LEN);
    return STORE_OK;
}

static store_err begin_rows(store__verify *v, const char *table, size_t key_len, rows *out)
{
    *out = (rows){.v = v, .table = table};
    store_err err = store__verify_walk(v, table, &out->walk);
    return err == STORE_OK ? next_row(out, key_len) : err;
}

/* ---- segments ---- */

#define ROW_KEY_LEN (2 * STORE__U64_LEN)

/* The segments of one document, as they are met. */
typedef struct packed {
    const store__known *known;
    uint64_t next;    /* the seq that should come */
    uint64_t damaged; /* the first seq of a segment that is, and whose end the next one tells; 0 */
    bool lives;       /* else its segments may be going, from the first on */
    store__life life; /* what they hold */
} packed;

/* Everything before `seq` has come, or is told now. */
static void reach(store__verify *v, packed *p, uint64_t seq)
{
    if (p->damaged) {
        uint64_t last = seq > p->damaged ? seq - 1 : p->damaged;
        store__verify_tell(v, p->known, p->damaged, last, "the segment is damaged");
    } else if (!p->lives) {
        p->next = seq;
    } else if (seq > p->next) {
        store__verify_tell(v, p->known, p->next, seq - 1, "events are missing");
    } else if (seq < p->next) {
        store__verify_tell(v, p->known, seq, seq, "the segment is not in its place");
    }
    p->damaged = 0;
    p->next = seq;
}

static store_err check_segment(store__verify *v, const rows *r, packed *p)
{
    store_bytes body;
    store__segment segment;
    store__segment_head head;
    reach(v, p, r->seq);
    store_err err = store__unseal(&r->key, &r->value, &body) && store__segment_peek(body, &head)
                        ? store__segment_decode(v->store->codec, r->number, r->seq, body, &segment)
                        : STORE_CORRUPT;
    if (err == STORE_CORRUPT) {
        p->damaged = r->seq ? r->seq : 1;
        return STORE_OK;
    }
    if (err != STORE_OK)
        return err;
    uint64_t bytes = 0;
    for (size_t i = 0; i < segment.count; i++)
        bytes += segment.events[i].update.len;
    if (bytes != head.update_bytes)
        store__verify_tell(v, p->known, r->seq, r->seq + segment.count - 1,
                           "the segment does not hold what it says");
    p->next += segment.count;
    p->life.events += segment.count;
    p->life.log_bytes += bytes;
    p->life.updated_ms = segment.events[segment.count - 1].time_ms;
    store__segment_deinit(&segment);
    return STORE_OK;
}

static void check_life(store__verify *v, const packed *p, bool told)
{
    const store__life *life = &p->known->life;
    if (told)
        return;
    if (life->head != p->life.events || life->events != p->life.events ||
        life->log_bytes != p->life.log_bytes ||
        (p->life.events > 0 && life->updated_ms != p->life.updated_ms))
        store__verify_tell(v, p->known, 0, 0, "the record of the document does not fit its events");
}

static store_err check_segments(store__verify *v, rows *r, const store__known *known)
{
    bool has_record = known->owner == STORE__OWNER_DOCUMENT;
    packed p = {.known = known, .next = 1};
    p.lives = has_record || known->owner == STORE__OWNER_DAMAGED;
    store_err err = STORE_OK;
    uint64_t number = known->number;
    bool told = false;
    while (err == STORE_OK && r->number == number) {
        err = check_segment(v, r, &p);
        told = told || p.damaged || p.next != p.life.events + 1;
        if (err == STORE_OK)
            err = next_row(r, ROW_KEY_LEN);
    }
    if (err != STORE_OK)
        return err;
    if (p.damaged || (has_record && known->life.head + 1 > p.next)) {
        told = true;
        reach(v, &p, has_record ? known->life.head + 1 : p.damaged);
    }
    if (has_record)
        check_life(v, &p, told);
    return STORE_OK;
}

/* ---- checkpoints ---- */

static store_err check_checkpoints(store__verify *v, rows *r, const store__known *known)
{
    store_err err = STORE_OK;
    store_bytes body;
    uint64_t number = known->number;
    while (err == STORE_OK && r->number == number) {
        if (!store__unseal(&r->key, &r->value, &body))
            store__verify_tell(v, known, r->seq, r->seq, "the checkpoint is damaged");
        else if (known->owner == STORE__OWNER_DOCUMENT && (r->seq == 0 || r->seq > known->head))
            store__verify_tell(v, known, r->seq, r->seq, "the checkpoint is of no event");
        err = next_row(r, ROW_KEY_LEN);
    }
    return err;
}

/* ---- documents ---- */

static bool leads_back(store__verify *v, const store__known *known)
{
    store__name record;
    store_bytes body;
    MDB_val value;
    MDB_val name = {known->name_len, (void *)(uintptr_t)known->name};
    return store__walk_find(&v->names, name, &value) == STORE_OK &&
           (!store__unseal(&name, &value, &body) || !store__name_decode(body, &record) ||
            (!record.deleted && record.number == known->number));
}

/* A record that cannot be read was told with its name, if a name leads to it. */
static void check_record(store__verify *v, const store__known *known)
{
    if (known->owner == STORE__OWNER_DOCUMENT && !leads_back(v, known))
        store__verify_tell(v, known, 0, 0, "no name leads to the document");
    else if (known->owner == STORE__OWNER_DAMAGED && !known->name_len)
        store__verify_tell(v, NULL, 0, 0, "the record of a document is damaged");
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

store_err store__verify_documents(store__verify *v)
{
    rows documents;
    rows segments = {0};
    rows checkpoints = {0};
    store__known *known;
    store_err err = begin_rows(v, STORE__TABLE_DOCUMENTS, STORE__U64_LEN, &documents);
    if (err == STORE_OK)
        err = begin_rows(v, STORE__TABLE_SEGMENTS, ROW_KEY_LEN, &segments);
    if (err == STORE_OK)
        err = begin_rows(v, STORE__TABLE_CHECKPOINTS, ROW_KEY_LEN, &checkpoints);
    while (err == STORE_OK) {
        uint64_t number = least(documents.number, least(segments.number, checkpoints.number));
        if (number == UINT64_MAX || (err = store__verify_know(v, number, &known)) != STORE_OK)
            break;
        if (known->owner == STORE__OWNER_NONE)
            store__verify_tell(v, NULL, 0, 0, "a segment or checkpoint belongs to no document");
        if (documents.number == number) {
            check_record(v, known);
            err = next_row(&documents, STORE__U64_LEN);
        }
        if (err == STORE_OK)
            err = check_segments(v, &segments, known);
        if (err == STORE_OK)
            err = check_checkpoints(v, &checkpoints, known);
    }
    store__verify_walked(v, &documents.walk, "the record of a document is missing");
    store__verify_walked(v, &segments.walk, "a segment is missing");
    store__verify_walked(v, &checkpoints.walk, "a checkpoint is missing");
    return err;
}
