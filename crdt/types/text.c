/* Texts: Y.Text and Y.XmlText (yjs/src/types/YText.js). */
#include "base/utf16.h"
#include "types/contents.h"
#include "types/format.h"
#include "types/typing.h"

/* Opens an edit of a text, at an index in it. */
static crdt_err begin(crdt_doc *doc, crdt_type text, uint64_t index, crdt__ref *type)
{
    crdt_err err = crdt__edit_begin(doc, text, type);
    if (err == CRDT_OK && index > crdt__type_at(&doc->objects, *type)->length)
        err = CRDT_INVALID;
    return err;
}

/* ---- inserting ---- */

/* The formats of something new: those around it, or those that were read from the caller's. */
typedef struct formats {
    bool around;
    crdt_bytes given;
} formats;

static bool load(const crdt__text_place *place, formats from, crdt__attrs *out)
{
    return from.around ? crdt__attrs_copy(out, &place->attrs)
                       : crdt__attrs_load(place->doc, from.given, out);
}

static crdt_err insert(crdt_doc *doc, crdt__ref text, uint64_t index, const crdt__wstruct *content,
                       formats from)
{
    crdt__text_place place;
    crdt__attrs attributes;
    crdt__text_place_init(&place, doc, text);
    crdt__attrs_init(&attributes, doc);
    bool ok = crdt__text_place_find(&place, index) && load(&place, from, &attributes) &&
              crdt__format_insert(&place, content, &attributes);
    crdt__attrs_deinit(&attributes);
    crdt__text_place_deinit(&place);
    return ok ? CRDT_OK : crdt__edit_failed(doc);
}

static crdt_err insert_formatted(crdt_doc *doc, crdt__ref text, uint64_t index,
                                 const crdt__wstruct *content, const crdt_value *attributes)
{
    crdt_buf given = {.mem = doc->budget.mem};
    crdt_err err = crdt__attrs_read(attributes, given.mem, &given);
    if (err == CRDT_OK)
        err = insert(doc, text, index, content, (formats){.given = {given.data, given.len}});
    crdt_buf_free(&given);
    return err;
}

crdt_err crdt_text_insert(crdt_doc *doc, crdt_type text, uint64_t index, crdt_bytes string,
                          const crdt_value *attributes)
{
    if (!attributes && crdt__typing_insert(doc, &text, index, string))
        return CRDT_OK;
    crdt__ref type;
    crdt_err err = begin(doc, text, index, &type);
    if (err != CRDT_OK)
        return err;
    crdt__wstruct content = {.kind = CRDT__STRING, .canonical = true, .content = string};
    if (!crdt__utf8_valid(string, &content.len))
        return CRDT_MALFORMED;
    if (string.len == 0)
        return CRDT_OK;
    if (string.len > CRDT__BLOB_LEN_MAX)
        return CRDT_LIMIT;
    if (attributes)
        return insert_formatted(doc, type, index, &content, attributes);
    return insert(doc, type, index, &content, (formats){.around = true});
}

crdt_err crdt_text_insert_embed(crdt_doc *doc, crdt_type text, uint64_t index,
                                const crdt_value *value, const crdt_value *attributes)
{
    crdt__ref type;
    crdt_err err = begin(doc, text, index, &type);
    if (err != CRDT_OK)
        return err;
    crdt__contents contents;
    crdt__contents_init(&contents, doc);
    err = crdt__contents_add(&contents, CRDT__CONTENTS_EMBED, value, 1);
    if (err == CRDT_OK) {
        crdt__wstruct content = crdt__contents_at(&contents, 0);
        err = attributes ? insert_formatted(doc, type, index, &content, attributes)
                         : insert(doc, type, index, &content, (formats){0});
    }
    crdt__contents_free(&contents);
    return err;
}

/* ---- deleting, formatting ---- */

crdt_err crdt_text_delete(crdt_doc *doc, crdt_type text, uint64_t index, uint64_t length)
{
    if (crdt__typing_delete(doc, &text, index, length))
        return CRDT_OK;
    crdt__ref type;
    crdt_err err = begin(doc, text, index, &type);
    if (err != CRDT_OK || length == 0)
        return err;
    crdt__text_place place;
    crdt__text_place_init(&place, doc, type);
    bool ok = crdt__text_place_find(&place, index) && crdt__format_delete(&place, length);
    crdt__text_place_deinit(&place);
    return ok ? CRDT_OK : crdt__edit_failed(doc);
}

static crdt_err format(crdt_doc *doc, crdt__ref text, uint64_t index, uint64_t length,
                       crdt_bytes given)
{
    crdt__text_place place;
    crdt__attrs attributes;
    crdt__text_place_init(&place, doc, text);
    crdt__attrs_init(&attributes, doc);
    bool ok = crdt__attrs_load(doc, given, &attributes) && crdt__text_place_find(&place, index);
    if (ok && place.at.right)
        ok = crdt__format_range(&place, length, &attributes);
    crdt__attrs_deinit(&attributes);
    crdt__text_place_deinit(&place);
    return ok ? CRDT_OK : crdt__edit_failed(doc);
}

crdt_err crdt_text_format(crdt_doc *doc, crdt_type text, uint64_t index, uint64_t length,
                          const crdt_value *attributes)
{
    crdt__ref type;
    crdt_err err = begin(doc, text, index, &type);
    if (err != CRDT_OK || length == 0)
        return err;
    uint64_t visible = crdt__type_at(&doc->objects, type)->length;
    if (length > visible - index && length - (visible - index) > CRDT_NEWLINES_MAX)
        return CRDT_LIMIT;
    crdt_buf given = {.mem = doc->budget.mem};
    err = crdt__attrs_read(attributes, given.mem, &given);
    if (err == CRDT_OK)
        err = format(doc, type, index, length, (crdt_bytes){given.data, given.len});
    crdt_buf_free(&given);
    return err;
}

/* ---- asking ---- */

bool crdt_text_splits_pair(crdt_doc *doc, crdt_type text, uint64_t index)
{
    crdt__ref type = doc->failed ? 0 : crdt__handle_find(doc, text);
    if (!type || index >= crdt__type_at(&doc->objects, type)->length)
        return false;
    uint64_t offset;
    const crdt__item *it = crdt__item_at(doc, crdt__position_item(doc, type, index, &offset));
    if (it->kind != CRDT__STRING || offset == 0)
        return false;
    bool inside;
    (void)crdt__utf16_offset(crdt__text_of(&doc->text, it), it->text.units, offset, &inside);
    return inside;
}
