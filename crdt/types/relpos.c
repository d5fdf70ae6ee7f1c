/* Relative positions: places that stay with a unit, whatever is edited around it
 * (yjs/src/utils/RelativePosition.js).
 *
 *     varuint 0, ID of a unit       at that unit
 *     varuint 1, varstring name     at the end of a root
 *     varuint 2, ID of an item      at the end of the type that the item holds
 *     varint association            behind each of them; missing in old data: 0
 *
 * Associated with what lies before, the end of a type is its start.
 *
 * What Yjs makes in undoing knows what it was made from, and Yjs follows such links when it
 * resolves a position. They are not in the data, and a document here has none.
 */
#include "types/handle.h"
#include "types/position.h"

enum { FORM_UNIT = 0, FORM_ROOT = 1, FORM_TYPE = 2 };

/* ---- encoding ---- */

static void write_id(crdt__writer *w, crdt_id id)
{
    crdt__write_varuint(w, id.client);
    crdt__write_varuint(w, id.clock);
}

static void write_unit(const crdt_doc *doc, crdt__writer *w, crdt__ref ref, uint64_t offset)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    crdt__write_varuint(w, FORM_UNIT);
    write_id(w, (crdt_id){doc->clients[it->client].id, it->clock + offset});
}

static void write_type(const crdt_doc *doc, crdt__writer *w, crdt_type type)
{
    crdt__write_varuint(w, type.root ? FORM_ROOT : FORM_TYPE);
    if (type.root)
        crdt__write_varbytes(w, crdt__doc_name_bytes(doc, type.root));
    else
        write_id(w, type.item);
}

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? UINT64_C(0) - (uint64_t)value : (uint64_t)value;
}

crdt_err crdt_relpos_encode(crdt_doc *doc, crdt_type type, uint64_t index, int64_t assoc,
                            crdt_buf *out)
{
    if (doc->failed)
        return CRDT_FAILED;
    crdt__ref ref = crdt__handle_find(doc, type);
    if (!ref)
        return CRDT_GONE;
    const uint64_t length = crdt__type_at(&doc->objects, ref)->length;
    if (index > length || magnitude(assoc) > CRDT_CLOCK_MAX)
        return CRDT_INVALID;
    const bool at_unit = assoc < 0 ? index > 0 : index < length;
    crdt__writer w = crdt__writer_on(out);
    if (at_unit) {
        uint64_t offset;
        crdt__ref item = crdt__position_item(doc, ref, assoc < 0 ? index - 1 : index, &offset);
        write_unit(doc, &w, item, offset);
    } else {
        write_type(doc, &w, type);
    }
    crdt__write_varint(&w, magnitude(assoc), assoc < 0);
    return crdt__writer_finish(&w);
}

/* ---- decoding ---- */

typedef struct relpos {
    uint64_t form;
    crdt_id id;      /* FORM_UNIT, FORM_TYPE */
    crdt_bytes name; /* FORM_ROOT */
    int64_t assoc;
} relpos;

static relpos read_relpos(crdt__reader *r)
{
    relpos pos = {.form = crdt__read_varuint(r)};
    if (pos.form > FORM_TYPE)
        crdt__reader_fail(r);
    if (pos.form == FORM_ROOT) {
        pos.name = crdt__read_varstring(r);
    } else {
        pos.id.client = crdt__read_varuint(r);
        pos.id.clock = crdt__read_varuint(r);
    }
    if (r->ok && crdt__reader_left(r) > 0) {
        bool negative;
        const int64_t value = (int64_t)crdt__read_varint(r, &negative);
        pos.assoc = negative ? -value : value;
    }
    return pos;
}

/* The struct that holds a unit; 0: the unit is unknown. */
static crdt__ref find_item(crdt_doc *doc, crdt_id id)
{
    const uint32_t client = crdt__doc_find_client(doc, id.client);
    return id.clock < doc->clients[client].state ? crdt__doc_item(doc, client, id.clock) : 0;
}

/* ---- resolving ---- */

static uint64_t visible_units(const crdt__item *it)
{
    return it->deleted || !crdt__item_countable(it) ? 0 : crdt__item_len(it);
}

/* Visible units before an item: of its list, or of the entries of its key. */
static uint64_t units_before(crdt_doc *doc, crdt__ref ref)
{
    const crdt__item *it = crdt__item_at(doc, ref);
    if (!it->key)
        return crdt__position_index(doc, ref);
    uint64_t units = 0;
    for (crdt__ref left = it->left; left; left = crdt__item_at(doc, left)->left)
        units += visible_units(crdt__item_at(doc, left));
    return units;
}

static bool is_deleted(const crdt_doc *doc, const crdt__type *type)
{
    return type->item && crdt__item_at(doc, type->item)->deleted;
}

static bool resolve_unit(crdt_doc *doc, const relpos *pos, crdt_place *out)
{
    const crdt__ref ref = find_item(doc, pos->id);
    if (!ref || crdt__item_at(doc, ref)->kind == CRDT__GC)
        return false;
    const crdt__item *it = crdt__item_at(doc, ref);
    uint64_t index = 0;
    if (!is_deleted(doc, crdt__type_at(&doc->objects, it->parent))) {
        index = units_before(doc, ref);
        if (visible_units(it) > 0)
            index += pos->id.clock - it->clock + (pos->assoc < 0 ? 1 : 0);
    }
    *out = (crdt_place){crdt__handle_of(doc, it->parent), index, pos->assoc};
    return true;
}

/* The type that the position tells of; 0: it is unknown, or collected. A root that is not there is
 * unknown, too: Yjs would make it. */
static crdt__ref find_type(crdt_doc *doc, const relpos *pos)
{
    if (pos->form == FORM_ROOT) {
        const uint32_t name = crdt__doc_find_name(doc, pos->name);
        return name ? doc->names[name].root : 0;
    }
    return crdt__handle_find(doc, (crdt_type){.item = pos->id});
}

static bool resolve_type(crdt_doc *doc, const relpos *pos, crdt_place *out)
{
    const crdt__ref ref = find_type(doc, pos);
    if (!ref)
        return false;
    const uint64_t length = crdt__type_at(&doc->objects, ref)->length;
    *out = (crdt_place){crdt__handle_of(doc, ref), pos->assoc < 0 ? 0 : length, pos->assoc};
    return true;
}

crdt_err crdt_relpos_resolve(crdt_doc *doc, crdt_bytes position, bool *found, crdt_place *out)
{
    if (doc->failed)
        return CRDT_FAILED;
    crdt__reader r = crdt__reader_of(position);
    const relpos pos = read_relpos(&r);
    if (!crdt__reader_at_end(&r))
        return CRDT_MALFORMED;
    crdt_place place;
    *found =
        pos.form == FORM_UNIT ? resolve_unit(doc, &pos, &place) : resolve_type(doc, &pos, &place);
    if (*found)
        *out = place;
    return CRDT_OK;
}
