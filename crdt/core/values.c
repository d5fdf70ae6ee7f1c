#include "core/values.h"

#include "base/any.h"

/* Bytes that are copied in a step, as steps are counted. */
#define BYTES_A_STEP 64u

static crdt_bytes bytes_of(const crdt_doc *doc, const crdt__item *it)
{
    return crdt__blob_bytes(crdt__blob_at(&doc->objects, it->content));
}

static void pass_values(const crdt__item *it, crdt__reader *r, uint64_t count)
{
    while (count-- > 0) {
        if (it->kind == CRDT__ANY)
            crdt__any_skip_valid(r);
        else
            crdt__read_varbytes(r);
    }
}

/* ---- ladders ---- */

static crdt__ladder *find_ladder(const crdt_doc *doc, crdt__ref blob)
{
    for (size_t i = 0; doc->ladders && i < CRDT__LADDERS_MAX; i++)
        if (doc->ladders[i].blob == blob)
            return &doc->ladders[i];
    return NULL;
}

static void forget(const crdt_doc *doc, crdt__ref blob)
{
    crdt__ladder *ladder = find_ladder(doc, blob);
    if (ladder)
        ladder->blob = 0;
}

void crdt__values_forget(crdt_doc *doc)
{
    crdt__budget *budget = &doc->budget;
    for (size_t i = 0; doc->ladders && i < CRDT__LADDERS_MAX; i++)
        crdt__budget_release(budget, doc->ladders[i].rungs,
                             doc->ladders[i].cap * sizeof(*doc->ladders[i].rungs));
    crdt__budget_release(budget, doc->ladders,
                         doc->ladders ? CRDT__LADDERS_MAX * sizeof(*doc->ladders) : 0);
    doc->ladders = NULL;
}

static bool add_rung(crdt_doc *doc, crdt__ladder *ladder, size_t offset)
{
    if (!crdt__budget_reserve(&doc->budget, &ladder->rungs, &ladder->cap, ladder->count + 1,
                              sizeof(*ladder->rungs)))
        return false;
    ladder->rungs[ladder->count++] = (uint32_t)offset;
    return true;
}

/* The ladder of a run, if need be in place of another one's; NULL when out of memory. */
static crdt__ladder *get_ladder(crdt_doc *doc, const crdt__item *it)
{
    crdt__ladder *ladder = find_ladder(doc, it->content);
    if (ladder)
        return ladder;
    if (!doc->ladders) {
        size_t size = CRDT__LADDERS_MAX * sizeof(*doc->ladders);
        doc->ladders = crdt__budget_resize(&doc->budget, NULL, 0, size);
        if (!doc->ladders)
            return NULL;
        memset(doc->ladders, 0, size);
    }
    ladder = &doc->ladders[doc->ladder_oldest++ % CRDT__LADDERS_MAX];
    ladder->blob = 0;
    ladder->gone = ladder->count = 0;
    if (!add_rung(doc, ladder, crdt__blob_given_up(crdt__blob_at(&doc->objects, it->content))))
        return NULL;
    ladder->blob = it->content;
    return ladder;
}

/* Makes the ladder reach to the unit; where memory is short it stays as it is. */
static void extend_ladder(crdt_doc *doc, const crdt__item *it, uint64_t unit)
{
    crdt__ladder *ladder = get_ladder(doc, it);
    if (!ladder)
        return;
    const crdt__blob *blob = crdt__blob_at(&doc->objects, it->content);
    size_t from = ladder->rungs[ladder->count - 1];
    crdt__reader r = crdt__reader_of((crdt_bytes){blob->data + from, blob->len - from});
    while (ladder->count <= (ladder->gone + unit) / CRDT__LADDER_STEP) {
        pass_values(it, &r, CRDT__LADDER_STEP);
        doc->work += CRDT__LADDER_STEP;
        if (!add_rung(doc, ladder, (size_t)(r.pos - blob->data)))
            return;
    }
}

/* The last unit before `unit` that one can begin to look at, and where that lies. */
static uint64_t nearest(const crdt_doc *doc, const crdt__item *it, uint64_t unit, size_t *offset)
{
    const crdt__ladder *ladder = find_ladder(doc, it->content);
    *offset = 0;
    if (!ladder)
        return 0;
    size_t rung = (size_t)((ladder->gone + unit) / CRDT__LADDER_STEP);
    if (rung >= ladder->count)
        rung = ladder->count - 1;
    if (rung * CRDT__LADDER_STEP <= ladder->gone)
        return 0;
    *offset = ladder->rungs[rung] - crdt__blob_given_up(crdt__blob_at(&doc->objects, it->content));
    return rung * CRDT__LADDER_STEP - ladder->gone;
}

size_t crdt__values_offset(const crdt_doc *doc, const crdt__item *it, uint64_t unit)
{
    const crdt__joint *joint = &doc->txn.joint;
    if (joint->item == it && joint->units == unit)
        return joint->bytes;
    size_t offset = 0;
    uint64_t from = unit < CRDT__LADDER_MIN ? 0 : nearest(doc, it, unit, &offset);
    crdt_bytes values = bytes_of(doc, it);
    crdt__reader r = crdt__reader_of((crdt_bytes){values.data + offset, values.len - offset});
    pass_values(it, &r, unit - from);
    return (size_t)(r.pos - values.data);
}

void crdt__values_reach(crdt_doc *doc, const crdt__item *it, uint64_t unit)
{
    if (unit >= CRDT__LADDER_MIN)
        extend_ladder(doc, it, unit);
    doc->work += unit < CRDT__LADDER_MIN ? unit : CRDT__LADDER_STEP;
}

/* ---- cutting, joining ---- */

static void forget_joint(crdt_doc *doc, const crdt__item *it)
{
    if (doc->txn.joint.item == it)
        doc->txn.joint.item = NULL;
}

/* The first values leave the blob. A ladder without a rung among the others is of no use. */
static void leave_in_front(crdt_doc *doc, crdt__ref ref, uint64_t units, size_t bytes)
{
    crdt__blob *blob = crdt__blob_at(&doc->objects, ref);
    crdt__blob_cut_front(blob, (uint32_t)bytes);
    crdt__ladder *ladder = find_ladder(doc, ref);
    if (!ladder)
        return;
    ladder->gone += units;
    if (ladder->rungs[ladder->count - 1] < crdt__blob_given_up(blob))
        ladder->blob = 0;
}

/* All but the first do. */
static void leave_behind(crdt_doc *doc, crdt__ref blob, uint64_t units, size_t bytes)
{
    crdt__blob_keep_front(crdt__blob_at(&doc->objects, blob), (uint32_t)bytes);
    crdt__ladder *ladder = find_ladder(doc, blob);
    size_t rungs = ladder ? (size_t)((ladder->gone + units) / CRDT__LADDER_STEP) + 1 : 0;
    if (ladder && ladder->count > rungs)
        ladder->count = rungs;
}

/* Gives back a blob that is mostly idle, if there is memory for another one. */
static void trim(crdt_doc *doc, crdt__item *it)
{
    crdt__blob *blob = crdt__blob_at(&doc->objects, it->content);
    if (!crdt__blob_is_idle(blob))
        return;
    crdt_bytes bytes = crdt__blob_bytes(blob);
    crdt__ref ref = crdt__blob_new(&doc->objects, bytes);
    if (!ref)
        return;
    doc->work += bytes.len / BYTES_A_STEP;
    forget(doc, it->content);
    crdt__blob_free(&doc->objects, it->content);
    it->content = ref;
}

bool crdt__values_split(crdt_doc *doc, crdt__item *it, crdt__item *right, uint64_t offset)
{
    crdt__values_reach(doc, it, offset);
    size_t off = crdt__values_offset(doc, it, offset);
    crdt_bytes all = bytes_of(doc, it);
    bool left_is_small = off < all.len - off;
    crdt_bytes part = {all.data + (left_is_small ? 0 : off), left_is_small ? off : all.len - off};
    crdt__ref ref = crdt__blob_new(&doc->objects, part);
    if (!ref)
        return false;
    doc->work += part.len / BYTES_A_STEP;
    forget_joint(doc, it);
    right->content = left_is_small ? it->content : ref;
    if (left_is_small) {
        leave_in_front(doc, it->content, offset, off);
        it->content = ref;
    } else {
        leave_behind(doc, it->content, offset, off);
    }
    right->len = it->len - offset;
    it->len = offset;
    trim(doc, left_is_small ? right : it);
    return true;
}

/* Puts the smaller part to the other one, and frees it. Returns where both are; 0 when out of
 * memory. */
static crdt__ref join_blobs(crdt_doc *doc, crdt__ref left, crdt__ref right)
{
    crdt_bytes front = crdt__blob_bytes(crdt__blob_at(&doc->objects, left));
    crdt_bytes rest = crdt__blob_bytes(crdt__blob_at(&doc->objects, right));
    bool left_is_small = front.len < rest.len;
    crdt__ref small = left_is_small ? left : right;
    crdt__ref large = left_is_small ? right : left;
    crdt__ref ref = left_is_small ? crdt__blob_prepend(&doc->objects, large, front)
                                  : crdt__blob_append(&doc->objects, large, rest);
    if (!ref)
        return 0;
    doc->work += (left_is_small ? front.len : rest.len) / BYTES_A_STEP;
    if (left_is_small || ref != large)
        forget(doc, large);
    forget(doc, small);
    crdt__blob_free(&doc->objects, small);
    return ref;
}

bool crdt__values_join(crdt_doc *doc, crdt__item *left, crdt__item *right)
{
    crdt__joint joint = {left, left->len, (uint32_t)bytes_of(doc, left).len};
    crdt__ref ref = join_blobs(doc, left->content, right->content);
    if (!ref)
        return false;
    forget_joint(doc, right);
    if (doc->txn.joint.item != left)
        doc->txn.joint = joint;
    left->content = ref;
    left->len += right->len;
    return true;
}

void crdt__values_drop(crdt_doc *doc, const crdt__item *it)
{
    forget_joint(doc, it);
    forget(doc, it->content);
    crdt__blob_free(&doc->objects, it->content);
}

/* ---- checking ---- */

const char *crdt__values_check(const crdt_doc *doc, const crdt__item *it)
{
    const crdt__ladder *ladder = find_ladder(doc, it->content);
    if (!ladder)
        return NULL;
    const crdt__blob *blob = crdt__blob_at(&doc->objects, it->content);
    crdt_bytes values = crdt__blob_bytes(blob);
    crdt__reader r = crdt__reader_of(values);
    uint64_t unit = ladder->gone;
    for (size_t rung = 0; rung < ladder->count; rung++) {
        if (rung * CRDT__LADDER_STEP < ladder->gone)
            continue;
        pass_values(it, &r, rung * CRDT__LADDER_STEP - unit);
        unit = rung * CRDT__LADDER_STEP;
        if (!r.ok || blob->data + ladder->rungs[rung] != r.pos)
            return "I15: a rung is not where its value begins";
    }
    return unit - ladder->gone > it->len ? "I15: a ladder is longer than its values" : NULL;
}
