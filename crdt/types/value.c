/* Single elements and entries, as values that borrow from the document
 * (yjs/src/types/AbstractType.js, typeListGet and typeMapGet). */
#include "base/any.h"
#include "base/utf16.h"
#include "base/value.h"
#include "core/values.h"
#include "types/handle.h"
#include "types/position.h"
#include "types/read.h"
#include "types/value.h"

static const uint8_t undefined_any[] = {CRDT__ANY_UNDEFINED};

static crdt_value undefined_value(void)
{
    return (crdt_value){.kind = CRDT_VALUE_ANY, .bytes = {undefined_any, sizeof undefined_any}};
}

/* One unit of text: half of a character is told as U+FFFD. */
static crdt_value string_value(const crdt__run *run)
{
    bool lone = run->bytes.len == 3 && run->bytes.data[0] == 0xed && run->bytes.data[1] >= 0xa0;
    crdt_value value = {.kind = CRDT_VALUE_STRING, .bytes = run->bytes};
    if (run->low_half || run->high_half || lone)
        value.bytes = (crdt_bytes){crdt__replacement, CRDT__HALF_LEN};
    return value;
}

static crdt_value json_value(const crdt__run *run)
{
    crdt__reader r = crdt__reader_of(run->bytes);
    crdt_bytes text = crdt__read_varbytes(&r);
    if (crdt__bytes_equal(text, crdt_bytes_of("undefined")))
        return undefined_value();
    return (crdt_value){.kind = CRDT_VALUE_JSON, .bytes = text};
}

static crdt_value kept_value(crdt_bytes kept)
{
    if (crdt__value_is_any(kept))
        return (crdt_value){.kind = CRDT_VALUE_ANY, .bytes = {kept.data + 1, kept.len - 1}};
    return (crdt_value){.kind = CRDT_VALUE_JSON, .bytes = kept};
}

static crdt_value type_value(const crdt_doc *doc, const crdt__item *it)
{
    const crdt__type *type = crdt__type_at(&doc->objects, it->content);
    crdt_value value = {.kind = CRDT_VALUE_TYPE,
                        .type = (crdt_type_kind)type->ref,
                        .handle = crdt__handle_of(doc, it->content)};
    if (type->name)
        value.bytes = crdt__doc_name_bytes(doc, type->name);
    return value;
}

crdt_value crdt__value_of(const crdt_doc *doc, const crdt__run *run)
{
    crdt__wstruct ws = {0};
    crdt__content_show(doc, run->item, &ws);
    switch ((crdt__kind)run->item->kind) {
    case CRDT__STRING:
        return string_value(run);
    case CRDT__ANY:
        return (crdt_value){.kind = CRDT_VALUE_ANY, .bytes = run->bytes};
    case CRDT__JSON:
        return json_value(run);
    case CRDT__BINARY:
        return (crdt_value){.kind = CRDT_VALUE_BINARY, .bytes = ws.content};
    case CRDT__EMBED:
        return kept_value(ws.content);
    case CRDT__TYPE:
        return type_value(doc, run->item);
    case CRDT__DOC:
        return (crdt_value){.kind = CRDT_VALUE_DOC, .bytes = ws.content, .options = ws.content2};
    case CRDT__FORMAT: /* of no use as a value: JavaScript finds none in it */
    case CRDT__DELETED:
    case CRDT__GC:
    case CRDT__SKIP:
        break;
    }
    return undefined_value();
}

crdt_err crdt_list_get(crdt_doc *doc, crdt_type list, uint64_t index, crdt_value *out)
{
    crdt__ref ref;
    crdt_err err = crdt__read_begin(doc, list, NULL, &ref);
    if (err != CRDT_OK)
        return err;
    const crdt__type *type = crdt__type_at(&doc->objects, ref);
    if (index >= type->length) {
        *out = (crdt_value){0};
        return CRDT_OK;
    }
    uint64_t offset;
    crdt__ref item = crdt__position_item(doc, ref, index, &offset);
    const crdt__item *it = crdt__item_at(doc, item);
    if (it->kind == CRDT__ANY || it->kind == CRDT__JSON)
        crdt__values_reach(doc, it, offset);
    crdt__run run = crdt__run_of_unit(doc, item, offset);
    *out = crdt__value_of(doc, &run);
    return CRDT_OK;
}

static crdt_value entry_value(const crdt_doc *doc, crdt__ref newest)
{
    const crdt__moment now = {0};
    crdt__run run;
    if (!newest || !crdt__visible_value(doc, &now, newest, &run))
        return (crdt_value){0};
    return crdt__value_of(doc, &run);
}

crdt_err crdt_map_get(const crdt_doc *doc, crdt_type map, crdt_bytes key, crdt_value *out)
{
    crdt__ref ref;
    crdt_err err = crdt__read_begin(doc, map, NULL, &ref);
    if (err != CRDT_OK)
        return err;
    uint32_t name = crdt__doc_find_name(doc, key);
    const crdt__type *type = crdt__type_at(&doc->objects, ref);
    *out = entry_value(doc, name ? crdt__type_get(&doc->objects, type, name) : 0);
    return CRDT_OK;
}

crdt_err crdt_map_next(const crdt_doc *doc, crdt_type map, size_t *cursor, bool *found,
                       crdt_bytes *key, crdt_value *out)
{
    crdt__ref ref;
    crdt_err err = crdt__read_begin(doc, map, NULL, &ref);
    if (err != CRDT_OK)
        return err;
    const crdt__type *type = crdt__type_at(&doc->objects, ref);
    uint32_t name;
    crdt__ref item;
    *found = false;
    while (!*found && *cursor < UINT32_MAX &&
           crdt__type_entry(&doc->objects, type, (uint32_t)*cursor, &name, &item)) {
        ++*cursor;
        crdt_value value = entry_value(doc, item);
        if (value.kind == CRDT_VALUE_NONE)
            continue;
        *found = true;
        *key = crdt__doc_name_bytes(doc, name);
        *out = value;
    }
    return CRDT_OK;
}

bool crdt_doc_next_subdoc(const crdt_doc *doc, size_t *cursor, crdt_value *out)
{
    while (*cursor < doc->subdoc_count) {
        crdt__ref ref = crdt__doc_subdoc(doc, doc->subdocs[(*cursor)++]);
        if (!ref)
            continue;
        crdt__run run = crdt__run_of_unit(doc, ref, 0);
        *out = crdt__value_of(doc, &run);
        return true;
    }
    return false;
}
